//! Taken back, what was repaired is diagnosed as before: an identity is put back with all that was wrong with it.

use super::identity::Plane;
use super::is_well;
use crate::harness::{CONFIG_DIR, Diagnosis, Doctor, Fix};

#[test]
fn a_token_that_was_used_is_used_once_more() {
    let plane = Plane::new(&[]).enrolled();
    plane.machine.shell(&format!(
        "rm {CONFIG_DIR}/client.crt {CONFIG_DIR}/client.key"
    ));
    let (used, before) = (plane.token(0), plane.identity());
    let diagnosis = || -> Diagnosis {
        Doctor::at(&plane.machine)
            .args(&["--token", &used])
            .diagnose()
    };
    diagnosis()
        .failed_because(&["token.used"])
        .symptom("identity.missing", &["token.used"]);
    let fresh = plane.token(1);
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &fresh])
        .run()
        .status(0)
        .before(&["identity.missing"])
        .after(&[]);
    is_well(&plane.machine);
    plane.is_taken_back_to(&before);
    diagnosis()
        .failed_because(&["token.used"])
        .symptom("identity.missing", &["token.used"]);
}

#[test]
fn a_certificate_that_expired_too_long_ago_is_as_old_as_before() {
    let plane = Plane::enrolled_before(396);
    let before = plane.identity();
    let diagnosis = || Doctor::at(&plane.machine).diagnose();
    diagnosis().failed_because(&["identity.expired"]);
    let token = plane.new_token();
    Fix::at(&plane.machine, &["--yes", "--all", "--token", &token])
        .run()
        .status(0)
        .before(&["identity.expired"])
        .actions(&[("re-enroll", "verified"), ("restart-service", "verified")])
        .after(&[]);
    is_well(&plane.machine);
    plane.is_taken_back_to(&before);
    diagnosis().failed_because(&["identity.expired"]);
}

#[test]
fn a_certificate_of_another_ca_is_no_renewal_and_nothing_is_left_of_it() {
    let foreign = ["healthy.foreign_rotation"];
    let plane = Plane::with_faults_enrolled_before(385, &foreign);
    let before = plane.identity();
    Fix::at(&plane.machine, &["--yes"])
        .run()
        .status(1)
        .before(&["identity.expired"])
        .actions(&[
            ("rotate-certificate", "failed"),
            ("restart-service", "not_done"),
        ])
        .reason("rotate-certificate", "not of the authority of the old one")
        .after(&["identity.expired"]);
    assert_eq!(plane.identity(), before);
}
