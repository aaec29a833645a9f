//! The heartbeat, over mTLS with nginx, and what it answers; and the client certificate that it takes.

use std::time::Duration;

use crate::harness::{Agent, Diagnosis, Doctor, Pki, Scene, Site, ago};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the doctor says when a heartbeat is answered so, in nginx's words.
fn diagnose(answer: &str) -> Diagnosis {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki).at("/agent/heartbeat", answer);
    Doctor::at(&Scene::new(&Agent::enrolled(&pki), &plane)).diagnose()
}

#[test]
fn an_agent_that_was_deleted() {
    diagnose(r#"return 403 '{"detail":"agent not found or revoked"}';"#)
        .failed_because(&["registration.revoked"])
        .check("identity", "pass")
        .check("health", "pass");
}

#[test]
fn any_other_refusal() {
    diagnose(r#"return 423 '{"detail":"change freeze"}';"#)
        .failed_because(&["registration.rejected"])
        .names("registration.rejected", "423");
}

#[test]
fn an_agent_that_is_known_by_another_name() {
    let other = r#"return 200 '{"status":"ok","registered_as":"db-server-02","server_time":"2026-01-02T03:04:05Z","pending_tasks":0}';"#;
    diagnose(other)
        .found_no_error()
        .notice("registration.hostname_mismatch")
        .names("registration.hostname_mismatch", "db-server-02");
}

#[test]
fn a_client_certificate_of_another_authority() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let plane = Site::control_plane(ours.leaf().make(), &theirs);
    let world = Scene::new(&Agent::enrolled(&ours), &plane);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["registration.certificate_refused"])
        .check("identity", "pass");
}

#[test]
fn a_client_certificate_that_has_expired() {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki);
    let client = pki.client().valid(ago(400 * DAY), ago(35 * DAY)).make();
    let agent = Agent::enrolled(&pki).identity(client);
    Doctor::at(&Scene::new(&agent, &plane))
        .diagnose()
        .failed_because(&["identity.expired"]);
}

#[test]
fn a_private_key_of_another_certificate() {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki);
    let world = Scene::new(&Agent::enrolled(&pki), &plane);
    world.shell("openssl ecparam -name prime256v1 -genkey -noout -out /etc/nexplane-agent/client.key; chmod 600 /etc/nexplane-agent/client.key");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["identity.key_mismatch"])
        .check("registration", "blocked");
}
