//! The enrollment token, as a control plane that is well tells of it; the agent has never enrolled.

use crate::harness::{Agent, Diagnosis, Doctor, Pki, Scene, Site};

/// A token by its form.
const TOKEN: &str = "nxe_u4hT0kQ9xN2vB7mZ1cR8sL5wY3eJ6gA0dF4pK7iO2qU";
const INSPECT: &str = "/agent/enrollment-tokens/inspect";

/// What the doctor says of a token, when the control plane answers so to the question about it.
fn diagnose(token: &str, answer: &str) -> Diagnosis {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki).at(INSPECT, answer);
    let world = Scene::new(&Agent::enrolled(&pki).never_enrolled(), &plane);
    let diagnosis = Doctor::at(&world).args(&["--token", token]).diagnose();
    let asked = world.web.output();
    assert!(!asked.contains("/agent/enroll "), "used up: {asked}");
    diagnosis.does_not_print(TOKEN);
    diagnosis
}

#[test]
fn a_token_that_was_used_elsewhere() {
    let used = r#"return 200 '{"state":"used","used_by_hostname":"db-server-02","used_at":"2026-01-02T03:04:05Z","expires_at":"2030-01-01T00:00:00Z"}';"#;
    diagnose(TOKEN, used)
        .failed_because(&["token.used"])
        .names("token.used", "db-server-02")
        .symptom("identity.missing", &["token.used"]);
}

#[test]
fn a_token_that_is_too_old() {
    let expired = r#"return 200 '{"state":"expired","expires_at":"2026-01-01T00:00:00Z"}';"#;
    diagnose(TOKEN, expired)
        .failed_because(&["token.expired"])
        .symptom("identity.missing", &["token.expired"]);
}

#[test]
fn a_token_that_nobody_knows() {
    let unknown = r#"return 401 '{"detail":"token is not valid"}';"#;
    diagnose(TOKEN, unknown)
        .failed_because(&["token.invalid"])
        .symptom("identity.missing", &["token.invalid"]);
}

#[test]
fn a_placeholder_for_a_token() {
    diagnose("YOUR_TOKEN", "return 500;")
        .failed_because(&["token.malformed"])
        .symptom("identity.missing", &["token.malformed"]);
}

#[test]
fn a_token_that_can_still_be_used() {
    let unused = r#"return 200 '{"state":"unused","expires_at":"2030-01-01T00:00:00Z"}';"#;
    diagnose(TOKEN, unused)
        .failed_because(&["identity.missing"])
        .check("token", "pass");
}
