//! An installed agent: its files as `install` leaves them, with a few lines of shell for the program itself.

use super::{Pki, Place, URL};

/// The hostname of every place, and the name that the agent is registered under.
pub(crate) const HOSTNAME: &str = "web-server-01";
/// The id in its client certificate.
pub(crate) const AGENT_ID: &str = "agt_01hzy8k3";
/// Where its configuration is.
pub(crate) const CONFIG_DIR: &str = "/etc/nexplane-agent";
/// Its unit file.
pub(crate) const UNIT: &str = "/etc/systemd/system/nexplane-agent.service";

/// A program that is well: it says so and stays.
const STAYS: &str = "echo 'INFO: heartbeat ok'\nexec sleep infinity\n";

/// How an agent shall be found. Everything is in order unless said otherwise.
pub(crate) struct Agent {
    control_plane: String,
    ca: Option<String>,
    identity: Option<super::Leaf>,
    program: String,
    unit: String,
    service: String,
    config: String,
}

impl Agent {
    /// Enrolled with a certificate of this PKI's, which it trusts.
    pub(crate) fn enrolled(pki: &Pki) -> Self {
        Self {
            control_plane: URL.to_owned(),
            ca: Some(pki.root()),
            identity: Some(pki.client().make()),
            program: format!("#!/bin/sh\n{STAYS}"),
            unit: String::new(),
            service: String::new(),
            config: String::new(),
        }
    }

    /// Told to reach the control plane at another URL.
    pub(crate) fn control_plane(mut self, url: &str) -> Self {
        self.control_plane = url.to_owned();
        self
    }

    /// With this for its CA file.
    pub(crate) fn ca_file(mut self, content: &str) -> Self {
        self.ca = Some(content.to_owned());
        self
    }

    /// Without a CA file, nor a word about one in its configuration.
    pub(crate) fn trusts_the_system_only(mut self) -> Self {
        self.ca = None;
        self
    }

    /// With this for its client certificate and key.
    pub(crate) fn identity(mut self, identity: super::Leaf) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Without certificate and key.
    pub(crate) fn never_enrolled(mut self) -> Self {
        self.identity = None;
        self
    }

    /// Its program does this, in shell.
    pub(crate) fn program(mut self, lines: &str) -> Self {
        self.program = format!("#!/bin/sh\n{lines}\n");
        self
    }

    /// Its program is a script for an interpreter that is not there.
    pub(crate) fn program_that_cannot_start(mut self) -> Self {
        self.program = "#!/usr/lib/no-such-interpreter\n".to_owned();
        self
    }

    /// More lines for its unit's `[Service]`.
    pub(crate) fn service(mut self, lines: &str) -> Self {
        self.service.push_str(lines);
        self.service.push('\n');
        self
    }

    /// One more line for its configuration.
    pub(crate) fn configured(mut self, line: &str) -> Self {
        self.config.push_str(line);
        self.config.push('\n');
        self
    }

    /// Restarted after every end, for ever.
    pub(crate) fn restarted_for_ever(mut self) -> Self {
        self.unit.push_str("StartLimitIntervalSec=0\n");
        self.service("Restart=always\nRestartSec=50ms")
    }

    /// Puts all of it into a place. The service is not started: a world has nobody who could.
    pub(crate) fn install(&self, place: &Place) {
        let mut config = format!(
            "control_plane: {}\npoll_interval: 5s\nlog_level: info\ncert_path: {CONFIG_DIR}/client.crt\nkey_path: {CONFIG_DIR}/client.key\n",
            self.control_plane
        );
        if let Some(ca) = &self.ca {
            place.put(&format!("{CONFIG_DIR}/ca.crt"), "0644", ca);
            config.push_str(&format!("ca_cert: {CONFIG_DIR}/ca.crt\n"));
        }
        config.push_str(&self.config);
        place.put(&format!("{CONFIG_DIR}/config.yaml"), "0600", &config);
        if let Some(identity) = &self.identity {
            place.put(&format!("{CONFIG_DIR}/client.crt"), "0600", &identity.chain);
            place.put(&format!("{CONFIG_DIR}/client.key"), "0600", &identity.key);
        }
        place.put("/usr/local/bin/nexplane-agent", "0755", &self.program);
        place.put(UNIT, "0644", &self.unit());
    }

    fn unit(&self) -> String {
        format!(
            "[Unit]\nDescription=Nexplane agent\n{}\n[Service]\nExecStart=/usr/local/bin/nexplane-agent run --config {CONFIG_DIR}/config.yaml\n{}\n[Install]\nWantedBy=multi-user.target\n",
            self.unit, self.service
        )
    }
}
