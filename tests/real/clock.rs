//! Time: a server, or the doctor itself, that lives at another one by libfaketime.

use std::time::{Duration, SystemTime};

use crate::harness::{
    Agent, Curl, Doctor, Pki, Place, Scene, Site, SystemdBox, Tells, World, ago, ahead, chronyd,
    curl, install_chrony, silent_clock, until,
};

const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A control plane that lives at `time`, with a certificate that is valid in this span of the host's time.
fn control_plane_at(time: &str, from: SystemTime, to: SystemTime) -> Scene {
    let pki = Pki::new();
    let leaf = pki.leaf().valid(from, to).make();
    let site = Site::control_plane(leaf, &pki);
    Scene::at(time, &Agent::enrolled(&pki), &site)
}

#[test]
fn a_host_ten_minutes_late_takes_a_good_certificate_for_one_of_the_future() {
    let world = control_plane_at("+600s", ahead(5 * MINUTE), ahead(YEAR));
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.not_yet_valid", &["clock.skew"])
        .check("health", "pass");
}

#[test]
fn a_doctor_whose_own_clock_is_late_says_the_same() {
    let world = control_plane_at("+0s", ago(5 * MINUTE), ahead(YEAR));
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .living_at("-600s")
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.not_yet_valid", &["clock.skew"]);
}

#[test]
fn a_host_ten_minutes_early_takes_a_fresh_certificate_for_an_expired_one() {
    let world = control_plane_at("-600s", ago(60 * MINUTE), ago(5 * MINUTE));
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.expired", &["clock.skew"]);
}

#[test]
fn ninety_seconds_are_a_drift() {
    let world = control_plane_at("+90s", ago(YEAR / 12), ahead(YEAR));
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("clock.drift")
        .check("trust", "pass");
}

/// Tells a machine which time servers to follow.
pub(crate) fn follow(place: &Place, servers: &str) {
    let file = "/etc/systemd/timesyncd.conf.d/test.conf";
    place.put(file, "0644", &format!("[Time]\nNTP={servers}\n"));
}

/// A control plane that lives at `time`, and a time server of this host's that does so.
fn control_plane_and_clock(time: &str, tells: Tells<'_>) -> (Scene, impl Sized + use<>) {
    let scene = control_plane_at(time, ago(YEAR / 12), ahead(YEAR));
    install_chrony(&scene);
    follow(&scene, "127.0.0.71");
    let clock = chronyd(&scene, "127.0.0.71", tells);
    (scene, clock)
}

#[test]
fn a_time_server_sides_with_the_control_plane() {
    let (world, _clock) = control_plane_and_clock("+600s", Tells::Time("+600s"));
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .names(
            "clock.skew",
            "NTP agrees with the control plane: 127.0.0.71.",
        );
}

#[test]
fn a_time_server_sides_with_the_host() {
    let (world, _clock) = control_plane_and_clock("+600s", Tells::Time("+0s"));
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .names("clock.skew", "it is the control plane's clock that is off")
        .names("clock.skew", "(stratum 3)");
}

#[test]
fn a_time_server_that_is_alone_with_what_it_says_is_told() {
    let (world, _clock) = control_plane_and_clock("+0s", Tells::Time("+600s"));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("clock", "pass")
        .notes("clock", "this host is 10 min behind it");
}

#[test]
fn without_a_control_plane_the_time_server_is_the_witness() {
    let world = World::new();
    install_chrony(&world);
    follow(&world, "127.0.0.71");
    let _clock = chronyd(&world, "127.0.0.71", Tells::Time("-600s"));
    Doctor::at(&world)
        .args(&["--only", "clock"])
        .diagnose()
        .failed_because(&["clock.skew"])
        .names("clock.skew", "10 min ahead of the time server 127.0.0.71");
}

#[test]
fn a_time_server_that_is_not_synchronised_is_no_witness() {
    let world = World::new();
    install_chrony(&world);
    follow(&world, "127.0.0.71");
    let _clock = chronyd(&world, "127.0.0.71", Tells::Nothing);
    Doctor::at(&world)
        .args(&["--only", "clock"])
        .diagnose()
        .found_no_error()
        .check("clock", "unknown")
        .notes("clock", "answers that it is not synchronized itself");
}

#[test]
fn a_silent_time_server_is_not_waited_for_where_the_control_plane_tells_the_time() {
    let scene = control_plane_at("+0s", ago(YEAR / 12), ahead(YEAR));
    follow(&scene, "127.0.0.71");
    let _silent = silent_clock(&scene, "127.0.0.71");
    Doctor::at(&scene)
        .diagnose()
        .check("clock", "pass")
        .notes("clock", "was not waited for");
}

#[test]
fn a_silent_time_server_is_no_witness() {
    let world = World::new();
    follow(&world, "127.0.0.71");
    let _silent = silent_clock(&world, "127.0.0.71");
    Doctor::at(&world)
        .args(&["--only", "clock"])
        .diagnose()
        .check("clock", "unknown")
        .notes("clock", "does not answer");
}

/// A machine whose systemd-timesyncd is told to follow `servers`, and may not set the clock.
fn with_timesyncd(servers: &str) -> SystemdBox {
    let machine = SystemdBox::new();
    has_timesyncd(&machine, servers);
    machine
}

/// The same of a machine that is there.
pub(crate) fn has_timesyncd(machine: &SystemdBox, servers: &str) {
    follow(machine, servers);
    let unconfined = "[Unit]\nConditionVirtualization=\nConditionCapability=\n[Service]\nSystemCallFilter=\nAmbientCapabilities=\nCapabilityBoundingSet=\n";
    machine.put(
        "/etc/systemd/system/systemd-timesyncd.service.d/box.conf",
        "0644",
        unconfined,
    );
    machine.shell("rm -f /etc/systemd/system/systemd-timesyncd.service");
    machine.systemctl("daemon-reload");
}

/// What the host's own program says.
fn timedatectl(machine: &Place, property: &str) -> String {
    let shown = machine.shell(&format!("timedatectl show --value --property={property}"));
    shown.trim().to_owned()
}

#[test]
fn a_real_timesyncd_without_a_source_and_without_being_on() {
    let machine = with_timesyncd("127.0.0.71 127.0.0.72");
    install_chrony(&machine);
    let _unsynchronized = chronyd(&machine, "127.0.0.71", Tells::Nothing);

    assert_eq!(timedatectl(&machine, "NTP"), "no");
    assert_eq!(timedatectl(&machine, "CanNTP"), "yes");
    Doctor::at(&machine)
        .args(&["--only", "clock"])
        .diagnose()
        .notice("clock.unsynchronized")
        .names("clock.unsynchronized", "is switched off")
        .names("clock.unsynchronized", "NTP=no");

    machine.systemctl("start systemd-timesyncd");
    assert_eq!(timedatectl(&machine, "NTP"), "yes");
    let diagnosis = Doctor::at(&machine).args(&["--only", "clock"]).diagnose();
    // The kernel's clock is this machine's own, whatever the box does: both say the same of it.
    if timedatectl(&machine, "NTPSynchronized") == "yes" {
        diagnosis.check("clock", "pass");
    } else {
        diagnosis
            .notice("clock.unsynchronized")
            .names(
                "clock.unsynchronized",
                "(systemd-timesyncd.service) and has no source",
            )
            .names(
                "clock.unsynchronized",
                "127.0.0.71 answers that it is not synchronized itself",
            )
            .names(
                "clock.unsynchronized",
                "127.0.0.72 has no time service on UDP port 123",
            );
    }
}

#[test]
fn a_real_chrony_says_which_of_its_sources_answer() {
    let machine = SystemdBox::new();
    install_chrony(&machine);
    let _source = chronyd(&machine, "127.0.0.72", Tells::Time("+0s"));
    machine.put(
        "/etc/chrony/chrony.conf",
        "0644",
        "server 127.0.0.72 iburst\nserver 127.0.0.73 iburst\nport 0\nuser root\n",
    );
    machine.put(
        "/etc/systemd/system/chrony.service",
        "0644",
        "[Service]\nRuntimeDirectory=chrony\nExecStart=/usr/local/bin/chronyd -x -d -f /etc/chrony/chrony.conf\n",
    );
    machine.systemctl("daemon-reload");
    machine.systemctl("start chrony");
    until("chrony to follow its source", || {
        // It fails until chronyd listens.
        let sources = machine.shell("chronyc -c -n sources || true");
        sources.contains("^,*,127.0.0.72").then_some(())
    });
    let diagnosis = Doctor::at(&machine).args(&["--only", "clock"]).diagnose();
    diagnosis.found_no_error();
    // It may not set this machine's clock (-x), so the kernel counts it as not synchronised, unless somebody else sets it.
    let seen = [
        "chrony's source 127.0.0.72",
        "followed, ",
        "0 of the last 8 questions answered",
    ];
    for what in seen {
        if timedatectl(&machine, "NTPSynchronized") == "yes" {
            diagnosis.notes("clock", what);
        } else {
            diagnosis.names("clock.unsynchronized", what);
        }
    }
}
