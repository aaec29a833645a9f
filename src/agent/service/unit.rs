//! The agent's service as a unit of systemd: what it may do on the host, and when it is started again.
//!
//! The agent is root, because what belongs to it does; beyond its own files it can change nothing, and it can gain nothing.

use std::path::{Path, PathBuf};

use super::super::files;
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// How long the agent may keep silent before systemd takes it for hung.
const WATCHDOG: &str = "60s";
/// How long it may take until it says that it is up.
const START: &str = "30s";
/// How long it may take to end. It needs a second.
const STOP: &str = "10s";

/// What of the host a service sees, in which it may do what. What an older systemd does not know of it, it leaves out with a warning
/// (219 of RHEL 7 leaves out most). So of system calls it is said which are forbidden: of a list of those that are allowed, such as
/// `@system-service`, an older one than 239 (Ubuntu 18.04 has 237) understands that nothing is.
const SANDBOX: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @privileged @raw-io @reboot @resources @swap
SystemCallErrorNumber=EPERM
UMask=0077
";

/// Directories of which the sandbox shows the service nothing, or another one.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// What the unit is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit<'a> {
    /// The agent's program.
    pub binary: &'a Path,
    /// Its configuration.
    pub config: &'a Path,
}

/// A path that no unit can name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot stand in a unit of systemd: {why}", .path.display())]
pub struct UnitError {
    path: PathBuf,
    why: &'static str,
}

/// What defines the service that starts this program with this configuration.
///
/// # Errors
/// When a path cannot stand in a unit.
pub(in crate::agent) fn definition_text(binary: &Path, config: &Path) -> Result<String, UnitError> {
    Unit { binary, config }.render()
}

/// Whether the service that `definition` defines is started with this configuration.
pub(in crate::agent) fn starts(definition: &Path, config: &Path) -> bool {
    let Ok(config) = word(config) else {
        return false;
    };
    let argument = format!(" --config {}", config.replace('$', "$$"));
    let text = files::read(definition, files::MOST).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .any(|line| line.starts_with("ExecStart=") && line.trim_end().ends_with(&argument))
}

/// Whether the service can see what is there.
pub(in crate::agent) fn shows(path: &Path) -> bool {
    Unit::shows(path)
}

impl Unit<'_> {
    /// The text of the unit file.
    ///
    /// # Errors
    /// When a path cannot stand in one.
    pub(super) fn render(&self) -> Result<String, UnitError> {
        let paths = AgentPaths::of(Os::Linux);
        let directory = self.config.parent().unwrap_or(Path::new("/"));
        let binary = word(self.binary)?.replace('$', "$$");
        let config = word(self.config)?.replace('$', "$$");
        let writable = word(directory)?;
        Ok(format!(
            "# Written by `nexplane-agent install`. What is to differ goes into a drop-in: systemctl edit {service}\n\
             [Unit]\n\
             Description=Nexplane agent\n\
             Wants=network-online.target\n\
             After=network-online.target\n\
             StartLimitIntervalSec=10min\n\
             StartLimitBurst=20\n\
             \n\
             [Service]\n\
             Type=notify\n\
             NotifyAccess=main\n\
             ExecStart={binary} run --config {config}\n\
             Restart=on-failure\n\
             RestartSec=5s\n\
             TimeoutStartSec={START}\n\
             TimeoutStopSec={STOP}\n\
             WatchdogSec={WATCHDOG}\n\
             StandardOutput=journal\n\
             StandardError=journal\n\
             SyslogIdentifier={service}\n\
             StateDirectory={service}\n\
             StateDirectoryMode=0755\n\
             ReadWritePaths={writable}\n\
             {SANDBOX}\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n",
            service = paths.service,
        ))
    }

    /// Whether a service of this unit reads the same file at `path` as everybody else does.
    pub(super) fn shows(path: &Path) -> bool {
        !HIDDEN.iter().any(|hidden| path.starts_with(hidden))
    }
}

/// A path as one word of a unit file (systemd.syntax(7), systemd.unit(5) on specifiers).
fn word(path: &Path) -> Result<String, UnitError> {
    let failed = |why| UnitError {
        path: path.to_owned(),
        why,
    };
    let text = path.to_str().ok_or_else(|| failed("it is no UTF-8 text"))?;
    if text.contains(char::is_control) {
        return Err(failed("it has control characters in it"));
    }
    let text = text
        .replace('%', "%%")
        .replace('\\', r"\\")
        .replace('"', "\\\"");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    match text.chars().all(plain) {
        true => Ok(text),
        false => Ok(format!("\"{text}\"")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn render(config: &str) -> Result<String, UnitError> {
        Unit {
            binary: Path::new("/usr/local/bin/nexplane-agent"),
            config: Path::new(config),
        }
        .render()
    }

    #[test]
    fn it_starts_the_program_with_its_configuration() {
        let text = render("/etc/nexplane-agent/config.yaml").unwrap();
        for line in [
            "ExecStart=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml",
            "Type=notify",
            "WatchdogSec=60s",
            "StateDirectory=nexplane-agent",
            "ReadWritePaths=/etc/nexplane-agent",
            "ProtectSystem=strict",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}");
        }
    }

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        let text = render("/srv/my $agent\\100%/\"x\"/config.yaml").unwrap();
        assert!(text.contains("run --config \"/srv/my $$agent\\\\100%%/\\\"x\\\"/config.yaml\"\n"));
        assert!(text.contains("ReadWritePaths=\"/srv/my $agent\\\\100%%/\\\"x\\\"\"\n"));
        let forged = render("/srv/x\nExecStartPre=/bin/sh/config.yaml");
        assert!(
            forged
                .unwrap_err()
                .to_string()
                .contains("control characters")
        );
    }

    #[test]
    fn an_older_systemd_that_knows_less_forbids_less() {
        let filters = SANDBOX
            .lines()
            .filter_map(|line| line.strip_prefix("SystemCallFilter="));
        let filters: Vec<&str> = filters.collect();
        assert!(!filters.is_empty());
        assert!(
            filters.iter().all(|filter| filter.starts_with('~')),
            "{filters:?}"
        );
    }

    #[test]
    fn what_the_sandbox_hides_is_known() {
        assert!(!Unit::shows(Path::new("/home/me/ca.crt")));
        assert!(!Unit::shows(Path::new("/tmp/ca.crt")));
        assert!(Unit::shows(Path::new("/etc/ssl/ca.crt")));
        assert!(Unit::shows(Path::new("/tmpfs/ca.crt")));
    }
}
