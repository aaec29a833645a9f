//! Nothing secret goes to a peer that strict verification has not accepted, and none is printed.

use crate::harness::{AGENT_ID, Agent, CONFIG_DIR, Curl, Doctor, Pki, Place};
use crate::harness::{Scene, Site, URL, World, curl, s_server, unbound};

const TOKEN: &str = "nxe_u4hT0kQ9xN2vB7mZ1cR8sL5wY3eJ6gA0dF4pK7iO2qU";
const API_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJl";

/// A run with everything in hand that must not be handed to anyone.
fn doctor_with_secrets(place: &Place) -> Doctor {
    Doctor::at(place)
        .args(&["--token", TOKEN, "--change-request", "cr_42"])
        .env("NEXPLANE_API_TOKEN", API_TOKEN)
}

/// Shows the server a client certificate and both tokens, by curl: what a careless doctor would do.
fn be_careless(world: &Place) {
    world
        .command("curl")
        .args([
            "--silent",
            "--insecure",
            "--max-time",
            "1",
            "--output",
            "/dev/null",
        ])
        .args(["--cert", &format!("{CONFIG_DIR}/client.crt")])
        .args(["--key", &format!("{CONFIG_DIR}/client.key")])
        .args(["--header", &format!("Authorization: Bearer {API_TOKEN}")])
        .args(["--data", TOKEN, &format!("{URL}/agent/enroll")])
        .status()
        .unwrap();
}

#[test]
fn an_untrusted_web_server_gets_one_anonymous_question() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let site = Site::healthy(theirs.leaf().make()).asks_for_certificates_of(&theirs);
    let world = Scene::new(&Agent::enrolled(&ours), &site);
    assert_eq!(curl(&world), Curl::Untrusted);

    doctor_with_secrets(&world)
        .diagnose()
        .failed_because(&["trust.unknown_authority"])
        .does_not_print(TOKEN)
        .does_not_print(API_TOKEN);
    let seen = world.web.output();
    let requests: Vec<&str> = seen.lines().filter(|l| l.starts_with("seen: ")).collect();
    assert!(!requests.is_empty(), "{seen}");
    for request in requests {
        assert_eq!(
            request,
            "seen: GET /health HTTP/1.1 | certificate: - | authorization: -"
        );
    }

    be_careless(&world);
    for secret in [API_TOKEN, AGENT_ID] {
        assert!(
            world.web.output().contains(secret),
            "the server shows what it gets"
        );
    }
}

#[test]
fn an_untrusted_peer_that_asks_for_a_client_certificate_gets_none() {
    let world = World::new();
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    Agent::enrolled(&Pki::new()).install(&world);
    let peer = s_server(&world, &Pki::new().leaf().make(), &["-verify", "3"]);
    assert_eq!(curl(&world), Curl::Untrusted);

    doctor_with_secrets(&world)
        .diagnose()
        .does_not_print(TOKEN)
        .does_not_print(API_TOKEN);
    let seen = peer.output();
    assert!(seen.contains("GET /health"), "{seen}");
    for secret in [TOKEN, API_TOKEN, "Client certificate", "/agent/"] {
        assert!(!seen.contains(secret), "{secret} in\n{seen}");
    }

    be_careless(&world);
    for secret in [TOKEN, API_TOKEN, "Client certificate"] {
        assert!(
            peer.output().contains(secret),
            "the peer shows what it gets"
        );
    }
}
