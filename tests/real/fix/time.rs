//! Time synchronisation switched on, with the time service that the host has, and off again.
//!
//! Nothing in a box may set this machine's clock: whoever keeps time there follows a real time server, and the kernel does not
//! count the clock as synchronised for it, unless the machine's own clock is. What `fix` then says is one or the other, and true.

use super::{boot_with, taken_back};
use crate::clock::has_timesyncd;
use crate::harness::{
    Doctor, Fix, Fixed, Server, SystemdBox, Tells, chronyd, install_chrony, until,
};

/// The time server that the box is told of.
const SERVER: &str = "127.0.0.71";

/// A box with an agent that is well, and with systemd-timesyncd, which is told of [`SERVER`] and switched off.
fn with_timesyncd_off() -> (SystemdBox, [Server; 2]) {
    let (machine, servers) = boot_with(|agent| agent);
    has_timesyncd(&machine, SERVER);
    install_chrony(&machine);
    machine.shell("timedatectl set-ntp false");
    assert_eq!(ntp(&machine), "no");
    (machine, servers)
}

/// Gives a box chrony as a service, which follows [`SERVER`], sets no clock (-x), and does not run.
fn has_chrony(machine: &SystemdBox) {
    install_chrony(machine);
    machine.put(
        "/etc/chrony/chrony.conf",
        "0644",
        &format!("server {SERVER} iburst\nport 0\nuser root\n"),
    );
    machine.put(
        "/etc/systemd/system/chrony.service",
        "0644",
        "[Service]\nRuntimeDirectory=chrony\nExecStart=/usr/local/bin/chronyd -x -d -f /etc/chrony/chrony.conf\n[Install]\nWantedBy=multi-user.target\n",
    );
    machine.systemctl("daemon-reload");
}

/// Whether synchronisation is on, by the host's own program.
fn ntp(machine: &SystemdBox) -> String {
    let shown = machine.shell("timedatectl show --value --property=NTP");
    shown.trim().to_owned()
}

fn is_enabled(machine: &SystemdBox, unit: &str) -> String {
    let shown = machine.shell(&format!("systemctl is-enabled {unit} || true"));
    shown.trim().to_owned()
}

fn is_active(machine: &SystemdBox, unit: &str) -> String {
    let shown = machine.shell(&format!("systemctl is-active {unit} || true"));
    shown.trim().to_owned()
}

/// What can be seen of it, where the time may not be set.
fn is_followed(machine: &SystemdBox, fixed: &Fixed) {
    fixed.status(0);
    let synchronized = machine.shell("timedatectl show --value --property=NTPSynchronized");
    if synchronized.trim() == "yes" {
        fixed.actions(&[("sync-time", "verified")]);
    } else {
        fixed
            .actions(&[("sync-time", "unverified")])
            .reason("sync-time", &format!("the time server {SERVER} answers"));
    }
}

#[test]
fn timesyncd_is_switched_on_and_off_again() {
    let (machine, _servers) = with_timesyncd_off();
    let _clock = chronyd(&machine, SERVER, Tells::Time("+0s"));
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .names("clock.unsynchronized", "is switched off");
    let fixed = Fix::at(&machine, &["--yes"]).run();
    assert_eq!(ntp(&machine), "yes");
    assert_eq!(is_enabled(&machine, "systemd-timesyncd"), "enabled");
    is_followed(&machine, &fixed);
    until("timesyncd to have heard its server", || {
        let said = machine.shell("timedatectl timesync-status || true");
        said.contains(SERVER).then_some(())
    });
    taken_back(&machine);
    assert_eq!(ntp(&machine), "no");
    assert_eq!(is_enabled(&machine, "systemd-timesyncd"), "disabled");
}

#[test]
fn timesyncd_that_was_only_stopped_still_starts_at_boot_afterwards() {
    let (machine, _servers) = with_timesyncd_off();
    let _clock = chronyd(&machine, SERVER, Tells::Time("+0s"));
    machine.shell("systemctl enable systemd-timesyncd 2>/dev/null");
    let fixed = Fix::at(&machine, &["--yes"]).run();
    is_followed(&machine, &fixed);
    assert_eq!(is_active(&machine, "systemd-timesyncd"), "active");
    taken_back(&machine);
    assert_eq!(is_active(&machine, "systemd-timesyncd"), "inactive");
    assert_eq!(is_enabled(&machine, "systemd-timesyncd"), "enabled");
}

#[test]
fn what_no_time_server_answers_has_failed_and_is_taken_back() {
    let (machine, _servers) = with_timesyncd_off();
    let fixed = Fix::at(&machine, &["--yes"]).run();
    // It only warns: the agent works.
    fixed.status(0);
    if fixed.document()["actions"][0]["outcome"] != "verified" {
        fixed
            .actions(&[("sync-time", "failed")])
            .reason("sync-time", "no time server has answered");
        assert_eq!(ntp(&machine), "no");
        assert_eq!(is_enabled(&machine, "systemd-timesyncd"), "disabled");
    }
}

#[test]
fn chrony_is_enabled_and_started_and_both_are_undone() {
    let (machine, _servers) = boot_with(|agent| agent);
    has_chrony(&machine);
    let _clock = chronyd(&machine, SERVER, Tells::Time("+0s"));
    assert_eq!(is_enabled(&machine, "chrony"), "disabled");
    let fixed = Fix::at(&machine, &["--yes"]).run();
    is_followed(&machine, &fixed);
    assert_eq!(is_enabled(&machine, "chrony"), "enabled");
    let sources = machine.shell("chronyc -c -n sources");
    assert!(sources.contains(&format!("^,*,{SERVER}")), "{sources}");
    Fix::at(&machine, &["--undo", "--yes"])
        .run()
        .status(0)
        // The time that chrony set stays.
        .took_back(&["undone"]);
    assert_eq!(is_enabled(&machine, "chrony"), "disabled");
    assert_eq!(is_active(&machine, "chrony"), "inactive");
}
