//! Handshakes, with nginx, haproxy, `openssl s_server` and a server of another protocol.

use crate::harness::{Agent, Curl, Diagnosis, Doctor, Pki, Place, Server, Site, World, curl};
use crate::harness::{PORT, banner, haproxy, nginx, s_server, silence, unbound};

/// What the doctor says of an agent whose control plane is `peer`, once curl has said `seen`.
fn diagnose(peer: impl FnOnce(&Place, &Pki) -> Server, seen: Curl) -> Diagnosis {
    let world = World::new();
    let pki = Pki::new();
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    Agent::enrolled(&pki).install(&world);
    let _peer = peer(&world, &pki);
    assert_eq!(curl(&world), seen);
    Doctor::at(&world).diagnose()
}

#[test]
fn a_port_that_speaks_plain_http() {
    let site = Site::plain("return 200 hello;");
    diagnose(|world, _| nginx(world, &site), Curl::NoHandshake)
        .failed_because(&["tls.plaintext"])
        .check("tcp", "pass")
        .check("trust", "blocked");
}

#[test]
fn a_port_that_speaks_another_protocol() {
    diagnose(|world, _| banner(world), Curl::NoHandshake).failed_because(&["tls.not_tls"]);
}

#[test]
fn a_peer_that_never_answers_the_handshake() {
    diagnose(|world, _| silence(world, PORT), Curl::Timeout).failed_because(&["tls.timeout"]);
}

#[test]
fn a_peer_that_hangs_up_on_the_handshake() {
    // No server behind it: haproxy takes the greeting, finds nobody to give it to, and closes.
    let closes = " default_backend nobody\nbackend nobody\n mode tcp";
    diagnose(|world, _| haproxy(world, PORT, closes), Curl::NoHandshake)
        .failed_because(&["tls.closed"]);
}

#[test]
fn a_server_that_knows_tls_1_0_alone() {
    let old = "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0; return 200 hello;";
    diagnose(
        |world, pki| nginx(world, &Site::tls(pki.leaf().make(), old)),
        Curl::NoHandshake,
    )
    .failed_because(&["tls.version"]);
}

#[test]
fn a_server_that_knows_tls_1_1_alone() {
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    diagnose(
        |world, pki| s_server(world, &pki.leaf().make(), &old),
        Curl::NoHandshake,
    )
    .failed_because(&["tls.version"]);
}

#[test]
fn a_server_that_does_not_know_the_name() {
    let rejects = "ssl_reject_handshake on;";
    diagnose(
        |world, pki| nginx(world, &Site::tls(pki.leaf().make(), rejects)),
        Curl::NoHandshake,
    )
    .failed_because(&["tls.alert"])
    .names("tls.alert", "name");
}
