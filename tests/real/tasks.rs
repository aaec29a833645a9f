//! A change request that does not execute, as the control plane's API tells of it.

use crate::harness::{Agent, Diagnosis, Doctor, HOSTNAME, Pki, Scene, Site};

const API_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJl";

/// What the doctor says of change request cr_42, when the API answers so to who has the token.
fn diagnose(answer: &str) -> Diagnosis {
    let pki = Pki::new();
    let asked = format!(
        r#"if ($http_authorization != "Bearer {API_TOKEN}") {{ return 401 '{{"detail":"Not authenticated"}}'; }} {answer}"#
    );
    let plane = Site::control_plane(pki.leaf().make(), &pki).at("/change-requests/cr_42", &asked);
    let world = Scene::new(&Agent::enrolled(&pki), &plane);
    let diagnosis = Doctor::at(&world)
        .args(&["--change-request", "cr_42"])
        .env("NEXPLANE_API_TOKEN", API_TOKEN)
        .diagnose();
    let requests = world.web.output();
    assert!(!requests.contains("/agent/tasks"), "polled: {requests}");
    diagnosis.does_not_print(API_TOKEN);
    diagnosis
}

/// The API's answer for a change request in this state, for this host.
fn change_request(state: &str, hostname: &str) -> String {
    format!(
        r#"return 200 '{{"id":"cr_42","title":"Rotate logs","status":"{state}","target":{{"hostname":"{hostname}"}}}}';"#
    )
}

#[test]
fn a_change_request_that_nobody_has_approved() {
    diagnose(&change_request("awaiting_approval", HOSTNAME))
        .failed_because(&["tasks.not_approved"])
        .names("tasks.not_approved", "awaiting");
}

#[test]
fn a_change_request_for_another_agent() {
    diagnose(&change_request("approved", "db-server-02"))
        .failed_because(&["tasks.wrong_agent"])
        .names("tasks.wrong_agent", "db-server-02");
}

#[test]
fn a_change_request_that_does_not_exist() {
    diagnose(r#"return 404 '{"detail":"Change request not found"}';"#)
        .failed_because(&["tasks.unknown_change_request"]);
}

#[test]
fn a_change_request_that_is_approved_for_this_agent() {
    diagnose(&change_request("approved", HOSTNAME)).found_no_error();
}
