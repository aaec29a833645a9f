//! Time: a server, or the doctor itself, that lives at another one by libfaketime.

use std::time::Duration;

use crate::harness::{Agent, Curl, Doctor, Pki, Server, Site, World};
use crate::harness::{ago, ahead, curl, nginx, nginx_at, unbound};

const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A control plane that lives at `time`, with a certificate that is valid from `from` of this host's time.
fn control_plane_at(time: Option<&str>, from: std::time::SystemTime) -> (World, [Server; 2]) {
    let world = World::new();
    let pki = Pki::new();
    let leaf = pki.leaf().valid(from, ahead(YEAR)).make();
    let site = Site::control_plane(leaf, pki.root());
    Agent::enrolled(&pki).install(&world);
    let servers = [
        unbound(&world, &["127.0.0.1"]),
        match time {
            Some(time) => nginx_at(&world, &site, time),
            None => nginx(&world, &site),
        },
    ];
    (world, servers)
}

#[test]
fn a_host_ten_minutes_late_takes_a_good_certificate_for_one_of_the_future() {
    let (world, _servers) = control_plane_at(Some("+600s"), ahead(5 * MINUTE));
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.not_yet_valid", &["clock.skew"])
        .check("health", "pass");
}

#[test]
fn a_doctor_whose_own_clock_is_late_says_the_same() {
    let (world, _servers) = control_plane_at(None, ago(5 * MINUTE));
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .living_at("-600s")
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.not_yet_valid", &["clock.skew"]);
}

#[test]
fn a_host_ten_minutes_early_takes_a_fresh_certificate_for_an_expired_one() {
    let world = World::new();
    let pki = Pki::new();
    let leaf = pki.leaf().valid(ago(60 * MINUTE), ago(5 * MINUTE)).make();
    Agent::enrolled(&pki).install(&world);
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    let _web = nginx_at(&world, &Site::control_plane(leaf, pki.root()), "-600s");
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["clock.skew"])
        .symptom("trust.expired", &["clock.skew"]);
}

#[test]
fn ninety_seconds_are_a_drift() {
    let (world, _servers) = control_plane_at(Some("+90s"), ago(YEAR / 12));
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("clock.drift")
        .check("trust", "pass");
}
