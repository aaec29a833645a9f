//! Handshakes, with nginx, haproxy, `openssl s_server` and a server of another protocol.

use crate::harness::{Agent, Curl, Diagnosis, Doctor, Leaf, Pki, Place, Server, Site, World, curl};
use crate::harness::{NAME, PORT, Routed, SERVER_V4, SERVER_V6, banner, haproxy, nginx, s_server};
use crate::harness::{silence, unbound};

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
    diagnose(|world, _| silence(world, PORT), Curl::Timeout)
        .failed_because(&["tls.timeout"])
        .names("tls.timeout", "not their size")
        .names("tls.timeout", "acknowledged by the peer's system");
}

/// More than one packet's worth of certificate.
fn many_names(pki: &Pki) -> Leaf {
    let aliases: Vec<String> = (0..100)
        .map(|i| format!("alias-{i}.nexplane.test"))
        .collect();
    let names: Vec<&str> = std::iter::once(NAME)
        .chain(aliases.iter().map(String::as_str))
        .collect();
    pki.leaf().names(&names).make()
}

/// A control plane behind a link that is too narrow for full-sized packets, of which nobody is told.
fn behind_a_narrow_link(address: &str, mtu: u16) {
    let net = Routed::new();
    let pki = Pki::new();
    Agent::enrolled(&pki).install(&net.agent);
    let _nameserver = unbound(&net.agent, &[address]);
    let _web = nginx(&net.server, &Site::control_plane(many_names(&pki), &pki));
    assert_eq!(curl(&net.agent), Curl::Answer(200));
    net.narrow(mtu);
    assert_eq!(curl(&net.agent), Curl::Timeout);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tls.timeout"])
        .names("tls.timeout", "full-sized packets get lost on the way")
        .check("tcp", "pass");
}

#[test]
fn a_path_that_loses_large_packets() {
    behind_a_narrow_link(SERVER_V4, 1000);
}

#[test]
fn an_ipv6_path_that_loses_large_packets() {
    behind_a_narrow_link(SERVER_V6, 1280);
}

#[test]
fn an_ipv6_path_that_loses_large_packets_beside_good_ipv4() {
    let net = Routed::new();
    let pki = Pki::new();
    Agent::enrolled(&pki).install(&net.agent);
    let _nameserver = unbound(&net.agent, &[SERVER_V4, SERVER_V6]);
    let _web = nginx(&net.server, &Site::control_plane(many_names(&pki), &pki));
    net.narrow_for_ipv6(1280);
    assert_eq!(curl(&net.agent), Curl::Timeout);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tls.timeout"])
        .names("tls.timeout", "full-sized packets get lost on the way")
        .names("tls.timeout", "at the IPv6 address alone");
}

#[test]
fn a_firewall_that_swallows_what_connections_carry() {
    let net = Routed::new();
    let pki = Pki::new();
    Agent::enrolled(&pki).install(&net.agent);
    let _nameserver = unbound(&net.agent, &[SERVER_V4]);
    let _web = nginx(&net.server, &Site::control_plane(pki.leaf().make(), &pki));
    net.filter("tcp dport 8000 tcp flags & psh == psh drop");
    assert_eq!(curl(&net.agent), Curl::Timeout);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tls.timeout"])
        .names("tls.timeout", "swallows");
}

#[test]
fn a_peer_that_hangs_up_on_the_handshake() {
    // No server behind it: haproxy takes the greeting, finds nobody to give it to, and closes.
    let closes = " default_backend nobody\nbackend nobody\n mode tcp";
    diagnose(|world, _| haproxy(world, PORT, closes), Curl::NoHandshake)
        .failed_because(&["tls.closed"]);
}

#[test]
fn a_peer_that_resets_whoever_connects() {
    let world = World::new();
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    Agent::enrolled(&Pki::new()).install(&world);
    let _peer = haproxy(&world, PORT, " tcp-request connection reject");
    // Whether the reset comes while the connection opens or just afterwards is chance, for curl as for the doctor.
    let seen = curl(&world);
    assert!(
        matches!(seen, Curl::NoConnection | Curl::NoHandshake),
        "{seen:?}"
    );
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["tcp.reset"])
        .check("tcp", "fail")
        .check("tls", "blocked");
}

#[test]
fn a_server_that_knows_tls_1_0_alone() {
    let old = "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0; return 200 hello;";
    diagnose(
        |world, pki| nginx(world, &Site::tls(pki.leaf().make(), old)),
        Curl::NoHandshake,
    )
    .failed_because(&["tls.version"])
    .names("tls.version", "by the alert protocol_version")
    .names("tls.version", "TLSv1.3, TLSv1.2");
}

#[test]
fn a_server_that_has_no_cipher_suite_in_common() {
    // OpenSSL, and with it curl, still has this one; nobody should.
    let old = "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA256; return 200 hello;";
    diagnose(
        |world, pki| nginx(world, &Site::tls(pki.leaf().make(), old)),
        Curl::Answer(200),
    )
    .failed_because(&["tls.version"])
    .names("tls.version", "none of the cipher suites")
    .names("tls.version", "handshake_failure");
}

#[test]
fn a_peer_that_demands_a_client_certificate_has_shown_what_there_is_to_see() {
    for version in ["-tls1_2", "-tls1_3"] {
        let demands = [version, "-Verify", "1", "-verify_return_error"];
        diagnose(
            |world, pki| s_server(world, &pki.leaf().make(), &demands),
            if version == "-tls1_2" {
                Curl::NoHandshake
            } else {
                Curl::NoAnswer
            },
        )
        .check("tls", "pass")
        .check("trust", "pass")
        .never("tls.");
    }
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
