//! A new identity where the old one is proven to be of no use, from a control plane that keeps account; and nowhere else.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::{is_well, shown};
use crate::harness::{Agent, CONFIG_DIR, Doctor, Fix, Pki, SystemdBox, live_by};

/// The lab's CA, where an agent may find it that was told of none.
const STORE: &str = "/etc/lab-ca.pem";

/// The file that says what time it is for the control plane.
const CLOCK: &str = "/srv/clock";

/// The lab's control plane in a box, and an agent that is told of it.
pub(super) struct Plane {
    pub(super) machine: SystemdBox,
    serving: Child,
    ready: Value,
}

impl Plane {
    /// With these faults, and an agent that never enrolled.
    pub(super) fn new(faults: &[&str]) -> Self {
        Self::at("+0", faults, |agent| agent)
    }

    /// The same without faults, and with the agent so.
    fn with(shape: impl FnOnce(Agent) -> Agent) -> Self {
        Self::at("+0", &[], shape)
    }

    /// The same, at another time than the machine's.
    fn at(time: &str, faults: &[&str], shape: impl FnOnce(Agent) -> Agent) -> Self {
        let machine = SystemdBox::new();
        let mut command = machine.command(env!("CARGO_BIN_EXE_nexplane-doctor"));
        command.args([
            "lab",
            "serve",
            "--format",
            "json",
            "--listen",
            "127.0.0.1:0",
            "-q",
        ]);
        command.args(["--dir", "/srv/lab"]);
        for fault in faults {
            command.args(["--fault", fault]);
        }
        machine.shell("mkdir -p /srv/lab");
        machine.put(CLOCK, "0644", time);
        live_by(&mut command, CLOCK);
        let mut serving = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).expect("a control plane that is ready");
        let plane = Self {
            machine,
            serving,
            ready,
        };
        let ca = plane
            .machine
            .shell(&format!("cat {}", plane.text("ca_cert")));
        // The harness' own PKI is nobody's here: the agent is told of the lab's CA.
        let agent = Agent::enrolled(&Pki::new())
            .never_enrolled()
            .control_plane(plane.text("control_plane"))
            .ca_file(&ca);
        plane.machine.put(STORE, "0644", &ca);
        shape(agent).install(&plane.machine);
        plane
            .machine
            .shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
        plane
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    pub(super) fn token(&self, number: usize) -> String {
        self.ready["tokens"][number].as_str().unwrap().to_owned()
    }

    /// With the agent enrolled by a repair.
    pub(super) fn enrolled(self) -> Self {
        let token = self.token(0);
        Fix::at(&self.machine, &["--yes", "--all", "--token", &token])
            .run()
            .status(0)
            .after(&[]);
        self
    }

    /// With an agent that enrolled so many days ago. The control plane has not ended since, and neither has its own certificate.
    pub(super) fn enrolled_before(days: u32) -> Self {
        Self::with_faults_enrolled_before(days, &[])
    }

    /// The same, and a control plane with these faults.
    pub(super) fn with_faults_enrolled_before(days: u32, faults: &[&str]) -> Self {
        let then = format!("-{days}d");
        let plane = Self::at(&then, faults, |agent| agent);
        let token = plane.token(0);
        Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
            .living_at(&then)
            .run()
            .status(0);
        plane.machine.put(CLOCK, "0644", "+0");
        plane
    }

    /// A token of now.
    pub(super) fn new_token(&self) -> String {
        let (plane, token, ca) = (
            self.text("control_plane"),
            self.text("api_token"),
            self.text("ca_cert"),
        );
        let answer = self.machine.shell(&format!(
            "curl -sf --cacert {ca} -X POST -H 'Authorization: Bearer {token}' {plane}/agents/enrollment-tokens"
        ));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// The id in the certificate.
    fn agent_id(&self) -> String {
        let subject = self.machine.shell(&format!(
            "openssl x509 -in {CONFIG_DIR}/client.crt -noout -subject -nameopt multiline"
        ));
        let (_, name) = subject.split_once("commonName").unwrap();
        name.trim_start_matches([' ', '=']).trim().to_owned()
    }

    /// Deletes the agent, as the user interface does.
    fn delete(&self) {
        let (plane, token, ca) = (
            self.text("control_plane"),
            self.text("api_token"),
            self.text("ca_cert"),
        );
        self.machine.shell(&format!(
            "curl -sf --cacert {ca} -X DELETE -H 'Authorization: Bearer {token}' {plane}/agents/{}",
            self.agent_id()
        ));
    }

    /// Taking back is refused: there would be no identity that works.
    pub(super) fn keeps_what_works(&self) {
        let works = self.identity();
        Fix::at(&self.machine, &["--undo", "--yes"]).run().status(1);
        assert_eq!(self.identity(), works, "an identity that works is kept");
    }

    /// Takes the last run back, even where that leaves an identity that does not work.
    pub(super) fn is_taken_back_to(&self, before: &str) {
        Fix::at(&self.machine, &["--undo", "--yes", "--all"])
            .run()
            .status(0)
            .took_back(&["undone", "already", "stays"]);
        assert_eq!(self.identity(), before);
    }

    pub(super) fn identity(&self) -> String {
        self.machine.shell(&format!(
            "cd {CONFIG_DIR}; cat client.crt client.key 2>/dev/null || true; ls -A"
        ))
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let _gone = self.serving.kill();
        let _ended = self.serving.wait();
    }
}

#[test]
fn an_agent_that_never_enrolled_is_enrolled() {
    let plane = Plane::new(&[]);
    let token = plane.token(0);
    let before = plane.identity();
    Fix::at(&plane.machine, &["--yes", "--all"])
        .run()
        .status(1)
        .before(&["identity.missing"])
        .reason("re-enroll", "token");
    let fixed = Fix::at(&plane.machine, &["--yes", "--all", "--token", &token]).run();
    fixed
        .status(0)
        .before(&["identity.missing"])
        .actions(&[("re-enroll", "verified"), ("restart-service", "verified")])
        .after(&[]);
    assert!(!fixed.document().to_string().contains(&token));
    let modes = plane.machine.shell(&format!(
        "cd {CONFIG_DIR}; stat -c '%a %n' client.crt client.key"
    ));
    assert_eq!(modes, "644 client.crt\n600 client.key\n");
    is_well(&plane.machine);
    // The identity works: taking back would leave none.
    plane.keeps_what_works();
    plane.is_taken_back_to(&before);
}

#[test]
fn who_is_told_of_the_ca_and_given_a_token_at_once_trusts_and_enrolls() {
    // Its service has ended because of the one, and would end again because of the other.
    let plane = Plane::with(|agent| {
        agent.trusts_the_system_only().program(&format!(
            "test -s {CONFIG_DIR}/client.crt && exec sleep infinity\n\
             echo 'FATAL: enrollment failed: Post \"https://127.0.0.1:8000/agent/enroll\": x509: certificate signed by unknown authority'\n\
             exit 1"
        ))
    });
    let (token, before) = (plane.token(0), plane.identity());
    plane.machine.put("/run/token", "0600", &token);
    let flags = [
        "--yes",
        "--all",
        "--ca-cert",
        STORE,
        "--token-file",
        "/run/token",
    ];
    let fixed = Fix::at(&plane.machine, &flags).run();
    fixed
        .status(0)
        .before(&["trust.unconfigured_ca"])
        .actions(&[
            ("reinstall-with-ca", "verified"),
            ("re-enroll", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    assert_eq!(shown(&plane.machine, "ActiveState"), "active");
    assert!(!fixed.document().to_string().contains(&token));
    is_well(&plane.machine);
    plane.is_taken_back_to(&before);
    Doctor::at(&plane.machine)
        .diagnose()
        .failed_because(&["trust.unknown_authority"]);
}

#[test]
fn a_used_token_is_not_tried_and_nothing_is_changed() {
    let plane = Plane::new(&[]).enrolled();
    plane.machine.shell(&format!(
        "rm {CONFIG_DIR}/client.crt {CONFIG_DIR}/client.key"
    ));
    let before = plane.identity();
    let used = plane.token(0);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &used])
        .run()
        .status(1)
        .before(&["token.used"])
        .actions(&[("re-enroll", "refused"), ("restart-service", "not_done")])
        .reason("re-enroll", "token.used");
    assert_eq!(plane.identity(), before);
    let fresh = plane.token(1);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &fresh])
        .run()
        .status(0)
        .after(&[]);
    is_well(&plane.machine);
}

#[test]
fn a_revoked_agent_is_enrolled_again() {
    let plane = Plane::new(&[]).enrolled();
    plane.delete();
    let (before, revoked) = (plane.identity(), plane.agent_id());
    let token = plane.token(1);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .before(&["registration.revoked"])
        .actions(&[("re-enroll", "verified"), ("restart-service", "verified")])
        .after(&[]);
    assert_ne!(plane.agent_id(), revoked);
    is_well(&plane.machine);
    Fix::at(&plane.machine, &["--undo", "--yes"])
        .run()
        .status(1);
    plane.is_taken_back_to(&before);
    Doctor::at(&plane.machine)
        .diagnose()
        .failed_because(&["registration.revoked"]);
}

#[test]
fn a_damaged_identity_is_replaced() {
    let plane = Plane::new(&[]).enrolled();
    plane.machine.shell(&format!(
        "head -c 100 {CONFIG_DIR}/client.key > /tmp/k; cat /tmp/k > {CONFIG_DIR}/client.key"
    ));
    let before = plane.identity();
    let token = plane.token(1);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .before(&["identity.invalid"])
        .after(&[]);
    is_well(&plane.machine);
    plane.is_taken_back_to(&before);
}

#[test]
fn no_identity_is_given_up_for_a_fault_of_the_server() {
    for fault in ["health.server_error", "health.unhealthy"] {
        let plane = Plane::new(&[fault]);
        let before = plane.identity();
        let token = plane.token(0);
        let fixed = Fix::at(&plane.machine, &["--yes", "--all", "--token", &token]).run();
        fixed.status(1).actions(&[]);
        assert_eq!(plane.identity(), before, "{fault}");
    }
}

#[test]
fn an_identity_that_works_is_kept_whatever_token_is_given() {
    let plane = Plane::new(&[]).enrolled();
    let before = plane.identity();
    let token = plane.token(1);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .actions(&[]);
    assert_eq!(plane.identity(), before);
}

#[test]
fn an_expired_certificate_is_rotated_and_the_agent_stays_who_it_is() {
    let plane = Plane::enrolled_before(385);
    let (before, id) = (plane.identity(), plane.agent_id());
    Doctor::at(&plane.machine)
        .diagnose()
        .failed_because(&["identity.expired"]);
    Fix::at(&plane.machine, &["--yes"])
        .run()
        .status(0)
        .before(&["identity.expired"])
        .actions(&[
            ("rotate-certificate", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    assert_eq!(plane.agent_id(), id);
    assert_ne!(plane.identity(), before);
    let pending = plane.machine.shell(&format!("ls -A {CONFIG_DIR}"));
    assert!(!pending.contains("pending"), "{pending}");
    is_well(&plane.machine);
    plane.keeps_what_works();
    plane.is_taken_back_to(&before);
    Doctor::at(&plane.machine)
        .diagnose()
        .failed_because(&["identity.expired"]);
}

/// What a rotation leaves that is killed at a moment after the new certificate's heartbeat; `both` are still to be renamed, or the key alone.
fn cut_short(plane: &Plane, both: bool) {
    let agent = env!("CARGO_BIN_EXE_nexplane-agent");
    plane.machine.shell(&format!(
        "cd {CONFIG_DIR}; cp -p client.crt old.crt; cp -p client.key old.key; {agent} rotate-cert; \
         mv client.key client.key.pending; mv old.key client.key"
    ));
    plane.machine.shell(&match both {
        true => format!(
            "cd {CONFIG_DIR}; mv client.crt client.crt.pending; chmod 600 client.crt.pending; mv old.crt client.crt"
        ),
        false => format!("cd {CONFIG_DIR}; rm old.crt"),
    });
}

#[test]
fn a_rotation_that_was_cut_short_is_finished_and_takes_no_token() {
    for (both, code) in [
        (true, "registration.superseded"),
        (false, "identity.unfinished"),
    ] {
        let plane = Plane::new(&[]).enrolled();
        let id = plane.agent_id();
        cut_short(&plane, both);
        Doctor::at(&plane.machine)
            .diagnose()
            .failed_because(&[code]);
        // With a token at hand it stays unused.
        let token = plane.token(1);
        Fix::at(&plane.machine, &["--yes", "--token", &token])
            .run()
            .status(0)
            .before(&[code])
            .actions(&[
                ("settle-identity", "verified"),
                ("restart-service", "verified"),
            ])
            .after(&[]);
        assert_eq!(plane.agent_id(), id);
        let left = plane.machine.shell(&format!("ls -A {CONFIG_DIR}"));
        assert!(!left.contains("pending"), "{left}");
        is_well(&plane.machine);
        plane.keeps_what_works();
    }
}

#[test]
fn one_that_expired_too_long_ago_takes_a_new_token() {
    let plane = Plane::enrolled_before(396);
    let before = plane.identity();
    Fix::at(&plane.machine, &["--yes", "--all"])
        .run()
        .status(1)
        .before(&["identity.expired"])
        .reason("re-enroll", "token");
    assert_eq!(plane.identity(), before);
    let token = plane.new_token();
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .after(&[]);
    is_well(&plane.machine);
}

#[test]
fn what_is_trusted_is_what_the_service_trusts() {
    let plane = Plane::with(|agent| {
        agent
            .trusts_the_system_only()
            .service(&format!("Environment=SSL_CERT_FILE={STORE}"))
    })
    .enrolled();
    is_well(&plane.machine);
}

#[test]
fn a_new_identity_is_the_services_users() {
    let plane = Plane::with(|agent| agent.service("User=nobody"));
    let token = plane.token(0);
    // First the configuration is opened to it, then there is something to see.
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .before(&["config.unreadable"])
        .after(&[]);
    let key = plane
        .machine
        .shell(&format!("stat -c '%a %U' {CONFIG_DIR}/client.key"));
    assert_eq!(key, "600 nobody\n");
    is_well(&plane.machine);
}

#[test]
fn a_start_that_failed_is_tried_again_once_something_else_has_helped() {
    // It needs two things, and the first of them hides that the second is missing.
    let plane = Plane::with(|agent| {
        agent.service("User=nobody").program(&format!(
            "cat {CONFIG_DIR}/config.yaml {CONFIG_DIR}/client.crt >/dev/null && exec sleep infinity\nexit 1"
        ))
    });
    let token = plane.token(0);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .before(&["config.unreadable"])
        .actions(&[
            ("repair-permissions", "verified"),
            ("restart-service", "failed"),
            ("re-enroll", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    assert_eq!(shown(&plane.machine, "ActiveState"), "active");
}
