//! The heartbeat, over mTLS with nginx, and what it answers; and the client certificate that it takes.

use std::time::Duration;

use crate::harness::{Agent, Curl, Diagnosis, Doctor, Pki, Scene, Server, Site, World};
use crate::harness::{ago, curl, s_server, strict_control_plane, unbound};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the doctor says when a heartbeat is answered so, in nginx's words.
fn diagnose(answer: &str) -> Diagnosis {
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki).at("/agent/heartbeat", answer);
    Doctor::at(&Scene::new(&Agent::enrolled(&pki), &plane)).diagnose()
}

/// A world with an enrolled agent, and nobody at the control plane's address yet.
fn enrolled() -> (World, Pki, Server) {
    let world = World::new();
    let pki = Pki::new();
    Agent::enrolled(&pki).install(&world);
    let nameserver = unbound(&world, &["127.0.0.1"]);
    (world, pki, nameserver)
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
fn a_control_plane_that_talks_to_nobody_without_a_certificate() {
    let (world, pki, _nameserver) = enrolled();
    let _plane = strict_control_plane(&world, &pki.leaf().make(), &pki);
    assert_eq!(curl(&world), Curl::NoAnswer);
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("tls", "pass")
        .check("health", "pass")
        .check("registration", "pass");
}

#[test]
fn a_server_that_demands_a_certificate_and_does_not_take_this_one() {
    let (world, pki, _nameserver) = enrolled();
    let demands = ["-Verify", "3", "-verify_return_error", "-tls1_2"];
    let _peer = s_server(&world, &pki.leaf().make(), &demands);
    assert_eq!(curl(&world), Curl::NoHandshake);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["registration.certificate_refused"])
        .check("tls", "pass")
        .check("trust", "pass")
        .check("health", "unknown");
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
