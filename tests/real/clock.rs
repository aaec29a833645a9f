//! Time: a server, or the doctor itself, that lives at another one by libfaketime.

use std::time::{Duration, SystemTime};

use crate::harness::{Agent, Curl, Doctor, Pki, Scene, Site, ago, ahead, curl};

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
