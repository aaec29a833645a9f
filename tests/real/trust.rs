//! Certificates, served by nginx: each wrong in one way.

use std::time::Duration;

use crate::harness::{Agent, Curl, Diagnosis, Doctor, Leaf, Pki, Scene, Site, ago, ahead, curl};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An agent that trusts `pki`, and a control plane that shows this certificate.
fn showing(pki: &Pki, leaf: Leaf) -> Scene {
    Scene::new(&Agent::enrolled(pki), &Site::control_plane(leaf, pki))
}

/// What the doctor says of an agent that trusts `pki` and meets this certificate, which curl does not take.
fn diagnose(pki: &Pki, leaf: Leaf) -> Diagnosis {
    let world = showing(pki, leaf);
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world).diagnose()
}

#[test]
fn a_good_chain() {
    let pki = Pki::new();
    let world = showing(&pki, pki.leaf().make());
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("tls", "pass")
        .check("trust", "pass")
        .check("health", "pass")
        .check("identity", "pass")
        .check("registration", "pass");
}

#[test]
fn an_expired_certificate() {
    let pki = Pki::new();
    let leaf = pki.leaf().valid(ago(90 * DAY), ago(DAY)).make();
    diagnose(&pki, leaf)
        .failed_because(&["trust.expired"])
        .never("clock.skew")
        .check("tls", "pass")
        .check("registration", "blocked");
}

#[test]
fn a_certificate_of_next_week() {
    let pki = Pki::new();
    let leaf = pki.leaf().valid(ahead(7 * DAY), ahead(90 * DAY)).make();
    diagnose(&pki, leaf)
        .failed_because(&["trust.not_yet_valid"])
        .never("clock.skew");
}

#[test]
fn a_certificate_for_other_names() {
    let pki = Pki::new();
    let leaf = pki.leaf().names(&["other.test", "another.test"]).make();
    diagnose(&pki, leaf)
        .failed_because(&["trust.name_mismatch"])
        .names("trust.name_mismatch", "another.test");
}

#[test]
fn a_certificate_that_signs_itself() {
    diagnose(&Pki::new(), Leaf::self_signed()).failed_because(&["trust.self_signed"]);
}

#[test]
fn a_certificate_that_signs_itself_and_is_the_ca_file() {
    let pki = Pki::new();
    let leaf = Leaf::self_signed();
    let agent = Agent::enrolled(&pki).ca_file(&leaf.chain);
    let world = Scene::new(&agent, &Site::control_plane(leaf, &pki));
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .never("trust.")
        .check("trust", "pass");
}

#[test]
fn a_server_that_does_not_send_its_intermediate() {
    let pki = Pki::new();
    let leaf = pki.leaf().without_intermediate().make();
    diagnose(&pki, leaf).failed_because(&["trust.missing_intermediate"]);
}

#[test]
fn a_chain_of_an_authority_that_nobody_here_trusts() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let leaf = theirs.leaf().make();
    diagnose(&ours, leaf)
        .failed_because(&["trust.unknown_authority"])
        .names("trust.unknown_authority", "Lab")
        .check("health", "pass");
}

#[test]
fn a_certificate_for_clients_only() {
    let pki = Pki::new();
    let leaf = pki.leaf().for_clients().make();
    diagnose(&pki, leaf).failed_because(&["trust.bad_certificate"]);
}

#[test]
fn a_ca_file_that_is_not_there() {
    let pki = Pki::new();
    let world = showing(&pki, pki.leaf().make());
    world.shell("rm /etc/nexplane-agent/ca.crt");
    assert_eq!(curl(&world), Curl::BadCaFile);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["trust.ca_file"]);
}

#[test]
fn a_ca_file_that_is_no_pem() {
    let pki = Pki::new();
    let agent = Agent::enrolled(&pki).ca_file("hello\n");
    let world = Scene::new(&agent, &Site::control_plane(pki.leaf().make(), &pki));
    assert_eq!(curl(&world), Curl::BadCaFile);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["trust.ca_file"]);
}

#[test]
fn an_authority_that_the_environment_names() {
    let pki = Pki::new();
    let agent = Agent::enrolled(&pki).trusts_the_system_only();
    let world = Scene::new(&agent, &Site::control_plane(pki.leaf().make(), &pki));
    world.put("/etc/lab-ca.pem", "0644", &pki.root());
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["trust.unknown_authority"]);
    Doctor::at(&world)
        .env("SSL_CERT_FILE", "/etc/lab-ca.pem")
        .diagnose()
        .found_no_error()
        .check("trust", "pass");
}

#[test]
fn a_certificate_that_has_ended_before_a_host_whose_clock_is_behind() {
    let pki = Pki::new();
    let leaf = pki.leaf().valid(ago(90 * DAY), ago(DAY)).make();
    // By this clock the certificate is good, or has not even begun; its end is the control plane's own cause all the same.
    for (time, not_begun) in [("-10d", false), ("-100d", true)] {
        let world = Scene::new(
            &Agent::enrolled(&pki),
            &Site::control_plane(leaf.clone(), &pki),
        );
        let found = Doctor::at(&world).living_at(time).diagnose();
        found
            .failed_because(&["trust.expired", "clock.skew"])
            .names("trust.expired", "by the control plane's own clock");
        if not_begun {
            found.symptom("trust.not_yet_valid", &["clock.skew"]);
        } else {
            found.never("trust.not_yet_valid");
            found.names("trust.expired", "does not see that");
        }
    }
}
