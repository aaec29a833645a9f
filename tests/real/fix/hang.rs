//! A service manager that waits without end, and whoever repairs does not.

use super::{boot_with, shown};
use crate::harness::{Doctor, Fix, SystemdBox, until};

/// A stopped service, the next start of which is never over: it is to say that it is ready, and does not.
fn never_ready() -> (SystemdBox, [crate::harness::Server; 2]) {
    let (machine, servers) = boot_with(|agent| agent);
    machine.systemctl("stop nexplane-agent");
    machine.put(
        "/etc/systemd/system/nexplane-agent.service.d/ready.conf",
        "0644",
        "[Service]\nType=notify\nNotifyAccess=main\nTimeoutStartSec=infinity\n",
    );
    machine.systemctl("daemon-reload");
    (machine, servers)
}

/// As it was before: not started, nothing queued, and nobody still at work on it.
fn is_stopped(machine: &SystemdBox) {
    assert_eq!(shown(machine, "ActiveState"), "inactive");
    assert_eq!(shown(machine, "Job"), "");
    assert_eq!(systemctls(machine), 0);
    Doctor::at(machine)
        .diagnose()
        .failed_because(&["service.stopped"]);
}

/// How many systemctl there are that start the agent.
fn systemctls(machine: &SystemdBox) -> usize {
    let all = machine.shell("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' || true");
    all.matches("systemctl start -- nexplane-agent").count()
}

#[test]
fn a_start_that_never_ends_has_failed_in_time_and_is_taken_back() {
    let (machine, _servers) = never_ready();
    Fix::at(&machine, &["--yes"])
        .run()
        .status(1)
        .before(&["service.stopped"])
        .actions(&[("start-service", "failed")])
        .reason("start-service", "did not end within")
        .after(&["service.stopped"]);
    is_stopped(&machine);
}

#[test]
fn ctrl_c_ends_the_wait_for_a_start_and_what_is_left_is_taken_back() {
    let (machine, _servers) = never_ready();
    let fixing = Fix::at(&machine, &["--yes"]).start();
    until("the start", || {
        (shown(&machine, "ActiveState") == "activating").then_some(())
    });
    fixing
        .interrupted()
        .status(1)
        .actions(&[("start-service", "interrupted")]);
    // Nobody waits for the start any more; the service manager does, until it is told otherwise.
    until("systemctl to be gone", || {
        (systemctls(&machine) == 0).then_some(())
    });
    assert_eq!(shown(&machine, "ActiveState"), "activating");
    super::taken_back(&machine);
    is_stopped(&machine);
}
