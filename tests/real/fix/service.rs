//! The service stopped, disabled, masked, failed, given up on.

use super::{boot_with, is_well, shown, taken_back};
use crate::harness::{CONFIG_DIR, Doctor, Fix, SystemdBox, UNIT, until};

/// A program that ends with an error as long as a file is there, and stays once it is gone.
const ENDS_WHILE_BROKEN: &str = "[ ! -e /etc/broken ] || exit 3\nexec sleep infinity";

/// Waits until systemd has given up starting the service for this time.
fn given_up(machine: &SystemdBox, times: usize) {
    until("the start limit", || {
        let log = machine.shell("journalctl --unit nexplane-agent --output cat");
        (log.matches("repeated too quickly").count() >= times).then_some(())
    });
}

/// The same of a service that may have been stopped meanwhile: it is started until systemd has enough.
fn given_up_though_stopped(machine: &SystemdBox, times: usize) {
    until("the start limit", || {
        let log = machine.shell(
            "systemctl start nexplane-agent >/dev/null 2>&1 || true; journalctl --unit nexplane-agent --output cat",
        );
        (log.matches("repeated too quickly").count() >= times).then_some(())
    });
}

/// A service that is stopped, which is all that is wrong, is started; and stopped again.
fn is_started_and_taken_back(machine: &SystemdBox) {
    Fix::at(machine, &["--yes"])
        .run()
        .status(0)
        .before(&["service.stopped"])
        .actions(&[("start-service", "verified")])
        .after(&[]);
    is_well(machine);
    taken_back(machine);
}

#[test]
fn a_stopped_service_is_started() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    Fix::at(&machine, &[])
        .run()
        .status(1)
        .before(&["service.stopped"])
        .actions(&[("start-service", "null")]);
    assert_eq!(shown(&machine, "ActiveState"), "inactive");
    is_started_and_taken_back(&machine);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}

#[test]
fn a_stopped_service_that_is_disabled_too_is_both_again_afterwards() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell("systemctl disable --now nexplane-agent 2>/dev/null");
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .actions(&[("start-service", "verified")]);
    assert_eq!(shown(&machine, "UnitFileState"), "enabled");
    is_well(&machine);
    taken_back(&machine);
    assert_eq!(shown(&machine, "UnitFileState"), "disabled");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}

#[test]
fn a_disabled_service_is_enabled() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell("systemctl disable nexplane-agent 2>/dev/null");
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&[])
        .actions(&[("enable-service", "verified")]);
    is_well(&machine);
    taken_back(&machine);
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("service.not_enabled");
    assert_eq!(shown(&machine, "ActiveState"), "active");
}

#[test]
fn a_masked_service_is_unmasked_when_a_person_agrees() {
    let (machine, _servers) = boot_with(|agent| agent);
    // As a package installs it: only then can it be masked without losing it.
    machine.shell(&format!(
        "systemctl disable --now nexplane-agent 2>/dev/null; mv {UNIT} /usr/lib/systemd/system/; systemctl daemon-reload; systemctl enable nexplane-agent 2>/dev/null; systemctl mask nexplane-agent 2>/dev/null"
    ));
    Fix::at(&machine, &["--yes"])
        .run()
        .status(1)
        .before(&["service.masked"])
        .actions(&[("unmask-service", "not_done")])
        .reason("unmask-service", "--all");
    assert_eq!(shown(&machine, "LoadState"), "masked");
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(0)
        .actions(&[("unmask-service", "verified")]);
    is_well(&machine);
    taken_back(&machine);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.masked"]);
    assert_eq!(shown(&machine, "ActiveState"), "inactive");
}

#[test]
fn a_mask_with_nothing_behind_it_is_for_a_person() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    machine.shell(&format!("ln -sf /dev/null {UNIT}; systemctl daemon-reload"));
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .before(&["service.masked"])
        .actions(&[])
        .for_person("service.masked", "installed again");
}

#[test]
fn a_failed_service_is_started_again() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("kill --signal=KILL nexplane-agent");
    machine.until_service("ActiveState", |state| state == "failed");
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["service.failed"])
        .actions(&[("restart-service", "verified")]);
    is_well(&machine);
    taken_back(&machine);
    // That it had failed is past: what can be put back is that it does not run.
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}

#[test]
fn a_start_limit_is_cleared_once_its_cause_is_gone() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .service("Restart=always\nRestartSec=10ms\nExecStartPre=/bin/touch /etc/broken")
            .program(ENDS_WHILE_BROKEN)
    });
    given_up(&machine, 1);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.crash_looping"]);
    // Nobody has removed the cause yet: it fails again, and says so.
    Fix::at(&machine, &["--yes"])
        .run()
        .status(1)
        .actions(&[("reset-failed", "failed")])
        .reason("reset-failed", "exit code 3");
    // What failed is taken back, and that stops what systemd had not given up yet.
    // Nothing is to be started while the cause is taken away.
    given_up_though_stopped(&machine, 2);
    machine.shell(&format!(
        "sed -i /touch/d {UNIT}; rm -f /etc/broken; systemctl daemon-reload"
    ));
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["service.crash_looping"])
        .actions(&[("reset-failed", "verified")]);
    is_well(&machine);
    taken_back(&machine);
    // The limit is past, as is what it was hit for.
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}

#[test]
fn a_start_limit_that_starts_alone_have_hit_keeps_nobody_from_starting() {
    let (machine, _servers) = boot_with(|agent| agent);
    // As often as it may be, and each time it went well.
    let often = "for _ in 1 2 3; do systemctl stop nexplane-agent; systemctl start nexplane-agent; done; systemctl stop nexplane-agent";
    machine.shell(&format!(
        "sed -i 's/^Description=/StartLimitIntervalSec=1h\\nStartLimitBurst=3\\n&/' {UNIT}; systemctl daemon-reload
         systemctl reset-failed nexplane-agent; {often}; ! systemctl start nexplane-agent 2>/dev/null
         systemctl reset-failed nexplane-agent; {often}"
    ));
    is_started_and_taken_back(&machine);
}

#[test]
fn what_taking_back_has_stopped_was_not_stopped_already() {
    let (machine, _servers) =
        boot_with(|agent| agent.control_plane("http://cp.nexplane.test:8000"));
    machine.systemctl("stop nexplane-agent");
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.url", "service.stopped"])
        .actions(&[("mend-url", "verified"), ("start-service", "verified")])
        .after(&[]);
    let undone = Fix::at(&machine, &["--undo", "--yes"]).run();
    undone.status(0).took_back(&["undone"]);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url", "service.stopped"]);
}

#[test]
fn another_user_is_told_what_it_takes_root_for() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    let journal = ["--yes", "--journal", "/tmp/undo"];
    Fix::run_by(("nobody", "nogroup"), &machine, &journal)
        .run()
        .status(1)
        .actions(&[("start-service", "not_done")])
        .reason("start-service", "root");
    assert_eq!(shown(&machine, "ActiveState"), "inactive");
}

#[test]
fn a_crash_loop_ends_with_its_cause_and_comes_back_with_it() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .control_plane("http://cp.nexplane.test:8000")
            .service("Restart=always\nRestartSec=10ms")
            .program(&format!(
                "grep -q '^control_plane: https://' {CONFIG_DIR}/config.yaml || {{ echo 'FATAL: control_plane: http is not https'; exit 1; }}; exec sleep infinity"
            ))
    });
    given_up(&machine, 1);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url"])
        .symptom("service.crash_looping", &["config.url"]);
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.url"])
        .actions(&[("mend-url", "verified"), ("reset-failed", "verified")])
        .after(&[]);
    is_well(&machine);
    taken_back(&machine);
    given_up(&machine, 2);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url"])
        .symptom("service.crash_looping", &["config.url"]);
}

#[test]
fn who_is_interrupted_in_the_middle_can_take_it_back() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    // A start that does not come to its end: nobody says that it is ready.
    machine.shell(&format!(
        "sed -i 's/^ExecStart=/Type=notify\\nExecStart=/' {UNIT}; systemctl daemon-reload"
    ));
    let running = Fix::at(&machine, &["--yes"]).start();
    machine.until_service("ActiveState", |state| state == "activating");
    let fixed = running.interrupted();
    fixed.status(1).actions(&[("start-service", "interrupted")]);
    let undone = Fix::at(&machine, &["--undo", "--yes"]).run();
    undone.status(0).took_back(&["undone"]);
    undone.require(
        undone.document()["undo"]["finished"] == false,
        "a run that was cut short",
    );
    machine.until_service("ActiveState", |state| state == "inactive");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}
