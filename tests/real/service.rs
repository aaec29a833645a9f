//! The agent as a service of a real systemd, with a control plane that is well beside it.

use crate::harness::{
    Agent, CONFIG_DIR, Doctor, Pki, Scene, Site, SystemdBox, UNIT, boot, boot_with,
};

#[test]
fn a_service_that_runs() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.until_service("ActiveState", |state| state == "active");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .never("service.")
        .check("service", "pass")
        .check("registration", "pass");
}

#[test]
fn a_service_that_was_stopped() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    machine.until_service("ActiveState", |state| state == "inactive");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"])
        .check("health", "pass");
}

#[test]
fn a_service_that_ended_with_an_exit_code() {
    let (machine, _servers) = boot_with(|agent| agent.program("exit 3"));
    machine.until_service("Result", |result| result == "exit-code");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names("service.failed", "3");
}

#[test]
fn a_service_that_was_killed() {
    let (machine, _servers) = boot_with(|agent| agent.program("kill -KILL $$"));
    machine.until_service("Result", |result| result == "signal");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names("service.failed", "KILL");
}

#[test]
fn a_service_that_crashed() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .service("LimitCORE=0")
            .program("echo 'FATAL: enrollment failed: token has already been used'; kill -SEGV $$")
    });
    machine.until_service("ActiveState", |state| state == "failed");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names("service.failed", "SEGV");
}

#[test]
fn a_program_that_cannot_be_executed() {
    let (machine, _servers) = boot_with(Agent::program_that_cannot_start);
    machine.until_service("ExecMainStatus", |status| status == "203");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names("service.failed", "203");
}

#[test]
fn a_service_that_is_restarted_over_and_over() {
    let (machine, _servers) = boot_with(|agent| agent.restarted_for_ever().program("exit 1"));
    machine.until_service("NRestarts", |count| {
        count.parse().is_ok_and(|n: u32| n >= 5)
    });
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.crash_looping"]);
}

#[test]
fn a_service_that_hit_the_start_limit() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .service("Restart=always\nRestartSec=10ms")
            .program("exit 1")
    });
    machine.until_service("ActiveState", |state| state == "failed");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.crash_looping"])
        .never("service.failed");
}

#[test]
fn a_masked_service() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    machine.shell(&format!("ln -sf /dev/null {UNIT}; systemctl daemon-reload"));
    machine.until_service("LoadState", |state| state == "masked");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.masked"]);
}

#[test]
fn a_unit_that_does_not_load() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    machine.shell(&format!(
        "sed -i '/^ExecStart=/d' {UNIT}; systemctl daemon-reload"
    ));
    machine.until_service("LoadState", |state| state == "bad-setting");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.broken_unit"]);
}

#[test]
fn a_service_that_will_not_start_at_boot() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell("systemctl disable nexplane-agent 2>/dev/null");
    machine.until_service("UnitFileState", |state| state == "disabled");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("service.not_enabled");
}

#[test]
fn a_service_that_was_never_installed() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki).install(&machine);
    machine.shell(&format!("rm {UNIT}; systemctl daemon-reload"));
    machine.until_service("LoadState", |state| state == "not-found");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.not_installed"]);
}

#[test]
fn a_crash_loop_whose_cause_the_log_names() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .never_enrolled()
            .restarted_for_ever()
            .program("echo 'FATAL: enrollment failed: token has already been used' >&2; exit 1")
    });
    machine.until_service("NRestarts", |count| {
        count.parse().is_ok_and(|n: u32| n >= 5)
    });
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["token.used"])
        .symptom("service.crash_looping", &["token.used"])
        .symptom("identity.missing", &["token.used"]);
}

#[test]
fn a_user_who_may_not_read_the_configuration() {
    let (machine, _servers) = boot_with(|agent| {
        agent.service("User=nobody").program(&format!(
            "cat {CONFIG_DIR}/config.yaml >/dev/null || exit 1"
        ))
    });
    machine.until_service("Result", |result| result == "exit-code");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.unreadable"])
        .symptom("service.failed", &["config.unreadable"]);
}

#[test]
fn what_counts_is_the_environment_of_the_service() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki)
        .trusts_the_system_only()
        .service("Environment=SSL_CERT_FILE=/etc/lab-ca.pem")
        .install(&machine);
    machine.put("/etc/lab-ca.pem", "0644", &pki.root());
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
    machine.until_service("ActiveState", |state| state == "active");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("trust", "pass")
        .check("registration", "pass");
}

#[test]
fn an_agent_whose_tasks_fail() {
    let (machine, _servers) = boot_with(|agent| {
        agent.program("echo 'ERROR: task task_17 failed: exit status 2' >&2; exec sleep infinity")
    });
    let lines = "journalctl --unit nexplane-agent --output cat";
    crate::harness::until("the journal's line", || {
        machine.shell(lines).contains("task_17").then_some(())
    });
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("tasks.failing")
        .names("tasks.failing", "task_17");
}

/// Waits until the service's log has these words.
fn until_logged(machine: &SystemdBox, words: &str) {
    let lines = "journalctl --unit nexplane-agent --output cat";
    crate::harness::until("the journal's line", || {
        machine.shell(lines).contains(words).then_some(())
    });
}

#[test]
fn who_may_read_the_log_and_not_the_key_is_told_what_the_log_says() {
    let revoked = "ERROR: heartbeat rejected: agent not found or revoked";
    let (machine, _servers) =
        boot_with(|agent| agent.program(&format!("echo '{revoked}' >&2; exec sleep infinity")));
    until_logged(&machine, revoked);
    machine.shell(&format!("chmod 0644 {CONFIG_DIR}/config.yaml"));
    Doctor::run_by_in("daemon", "systemd-journal", &machine)
        .diagnose()
        .failed_because(&["registration.revoked"])
        .names("registration.revoked", revoked)
        .check("identity", "unknown")
        .check("registration", "fail");
    // Who may read neither knows nothing of it.
    Doctor::run_by("daemon", &machine)
        .diagnose()
        .verdict("undetermined")
        .check("registration", "blocked");
    // Who may ask the control plane hears that it is not so.
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("registration", "pass")
        .notes("service", "no longer so");
}

#[test]
fn what_the_log_told_of_and_what_is_over_is_no_finding() {
    let (machine, _servers) = boot_with(|agent| {
        agent.program(
            "echo 'ERROR: heartbeat rejected: agent not found or revoked' >&2; echo 'INFO: heartbeat accepted'; exec sleep infinity",
        )
    });
    until_logged(&machine, "accepted");
    Doctor::run_by_in("daemon", "systemd-journal", &machine)
        .diagnose()
        .verdict("undetermined")
        .check("registration", "blocked");
}

#[test]
fn a_crash_loop_seen_by_who_may_not_read_the_configuration() {
    let (machine, _servers) = boot_with(|agent| {
        agent.restarted_for_ever().program(
            "echo 'FATAL: enrollment failed: Post \"https://n:8000/agent/enroll\": x509: certificate signed by unknown authority' >&2; exit 1",
        )
    });
    machine.until_service("NRestarts", |count| {
        count.parse().is_ok_and(|n: u32| n >= 5)
    });
    Doctor::run_by_in("daemon", "systemd-journal", &machine)
        .diagnose()
        .failed_because(&["trust.unknown_authority"])
        .symptom("service.crash_looping", &["trust.unknown_authority"])
        .check("config", "unknown");
}

#[test]
fn without_systemd_nothing_is_said_of_the_service() {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki);
    let world = Scene::new(&Agent::enrolled(&pki), &plane);
    Doctor::at(&world)
        .diagnose()
        .verdict("undetermined")
        .never("service.")
        .check("service", "unknown")
        .check("registration", "pass");
}
