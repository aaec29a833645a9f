use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::host::{ApiQuestion, ApiReply, Details, Ending, Handshake, HandshakeQuestion, Pem};
use crate::model::Target;

const WELL: &str = r#"{"status": "ok", "db": "connected", "version": "0.1.0"}"#;

fn exchange(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    let now = chrono::DateTime::UNIX_EPOCH;
    Exchange {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.into(),
        truncated: false,
        sent_at: now,
        received_at: now,
        duration_ms: 1.0,
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 5], 8000))
}

fn asked(anonymous: Seen<Exchange>) -> Recording {
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    let question = HealthQuestion {
        address: address(),
        authority: "nexplane.corp:8000".into(),
    };
    Recording::default()
        .target(target)
        .fact(tcp::Connected {
            winner: address(),
            working: vec![address()],
        })
        .answer("health", question, anonymous)
}

fn judged(status: u16, headers: &[(&str, &str)], body: &str) -> (Judgement, Facts) {
    asked(Ok(exchange(status, headers, body))).judge(&Probe)
}

#[test]
fn a_control_plane_that_is_well() {
    let (judgement, facts) = judged(200, &[], WELL);
    assert_eq!(
        (codes(&judgement).len(), judgement.decision),
        (0, Decision::Decided)
    );
    assert_eq!(judgement.notes[0].value, "ok, version 0.1.0");
    assert!(
        facts
            .get::<Answer>()
            .is_some_and(|answer| !answer.peer_verified)
    );
}

#[test]
fn an_answer_after_more_than_half_of_the_time_is_slow_whatever_it_says() {
    let error = "<h1>Bad Gateway</h1>";
    let down = r#"{"status":"ok","db":"disconnected","version":"0.1.0"}"#;
    for (status, body, took, expected) in [
        (200, WELL, 2500.0, vec![]),
        (200, WELL, 2501.0, vec!["health.slow"]),
        (502, error, 4000.0, vec!["health.server_error", "health.slow"]),
        (503, down, 4000.0, vec!["health.unhealthy", "health.slow"]),
        (404, "{}", 4000.0, vec!["health.not_control_plane"]),
    ] {
        let mut answer = exchange(status, &[], body);
        answer.duration_ms = took;
        let (judgement, _) = asked(Ok(answer)).judge(&Probe);
        assert_eq!(codes(&judgement), expected);
        let named = |finding: &Finding| finding.evidence[0].value == "10.0.0.5:8000 (IPv4)";
        assert!(judgement.findings.iter().all(named));
    }
}

#[test]
fn each_answer_has_its_code() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let down = r#"{"status":"ok","db":"disconnected","version":"0.1.0"}"#;
    let away = [("location", "https://login.portal.test/?next=x")];
    for (status, headers, body, code) in [
        (200, &[][..], down, "health.unhealthy"),
        (503, &[], down, "health.unhealthy"),
        (
            500,
            &[],
            r#"{"status":"error","db":"connected"}"#,
            "health.unhealthy",
        ),
        (302, &away, "", "health.captive_portal"),
        (
            307,
            &[("location", "//other.test/")],
            "",
            "health.captive_portal",
        ),
        (
            200,
            &html,
            "<html><title>Welcome</title></html>",
            "health.captive_portal",
        ),
        (
            200,
            &[],
            "\n<!DOCTYPE html><p>hello",
            "health.captive_portal",
        ),
        (
            403,
            &html,
            "<form><input type=\"password\"></form>",
            "health.captive_portal",
        ),
        (
            503,
            &html,
            "<html>Please log in</html>",
            "health.captive_portal",
        ),
        (511, &[], "", "health.captive_portal"),
        (
            503,
            &html,
            "<html><h1>503</h1></html>",
            "health.server_error",
        ),
        (502, &[], "", "health.server_error"),
        (500, &[], WELL, "health.server_error"),
        (
            404,
            &html,
            "<html><h1>404</h1></html>",
            "health.not_control_plane",
        ),
        (
            404,
            &[],
            r#"{"detail":"Not Found"}"#,
            "health.not_control_plane",
        ),
        (404, &[], WELL, "health.not_control_plane"),
        (
            302,
            &[("location", "/login")],
            "",
            "health.not_control_plane",
        ),
        (
            302,
            &[("location", "https://NEXPLANE.corp/")],
            "",
            "health.not_control_plane",
        ),
        (302, &[], "", "health.not_control_plane"),
        (401, &[], "", "health.not_control_plane"),
        (429, &[], r#"{"detail":"slow"}"#, "health.not_control_plane"),
        (200, &[], r#"{"status":"UP"}"#, "health.not_control_plane"),
        (
            200,
            &[],
            r#"{"status":"UP","version":"7"}"#,
            "health.not_control_plane",
        ),
        (200, &[], "[]", "health.not_control_plane"),
        (200, &[], "ok", "health.not_control_plane"),
        (200, &[], "", "health.not_control_plane"),
    ] {
        let (judgement, facts) = judged(status, headers, body);
        assert_eq!(codes(&judgement), [code], "{status} {body}");
        assert!(facts.get::<Answer>().is_some());
    }
}

#[test]
fn no_answer_is_sorted_by_how() {
    for (unseen, code) in [
        (Unseen::TimedOut { after_ms: 5000 }, "health.timeout"),
        (Unseen::Closed, "health.closed"),
        (Unseen::Reset, "health.closed"),
        (
            Unseen::malformed("no status line"),
            "health.not_control_plane",
        ),
    ] {
        let (judgement, facts) = asked(Err(unseen)).judge(&Probe);
        assert_eq!(codes(&judgement), [code]);
        assert!(facts.get::<Answer>().is_none());
    }
    let (judgement, _) = asked(Err(Unseen::NotRecorded)).judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

/// A handshake with a peer that shows this certificate.
fn complete(chain: &[&str]) -> Handshake {
    Handshake {
        ending: Ending::Complete,
        version: None,
        cipher_suite: None,
        chain: chain.iter().map(|pem| Pem((*pem).into())).collect(),
        key_proven: None,
        client_certificate_requested: true,
        received: 1,
        first_bytes: String::new(),
        duration_ms: 1.0,
        details: Details::default(),
    }
}

/// A control plane that wants a client certificate even for this, and its answer over the strict connection.
fn strict(anonymous: Seen<Exchange>, answer: ApiAnswer) -> (Judgement, Facts) {
    let told = config::Told {
        control_plane: None,
        ca_cert: None,
        own_ca: None,
        insecure: false,
        cert: crate::host::HostPath::host("/etc/nexplane-agent/client.crt"),
        key: crate::host::HostPath::host("/etc/nexplane-agent/client.key"),
        path: crate::host::HostPath::host("/etc/nexplane-agent/config.yaml"),
        proxy: None,
    };
    let handshake = complete(&[]);
    let question = ApiQuestion {
        origin: "https://nexplane.corp:8000".into(),
        addresses: vec![address()],
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
        identity: Some((told.cert.clone(), told.key.clone())),
        via: None,
        call: ApiCall::Health,
    };
    asked(anonymous)
        .fact(tls::Peer {
            handshake,
            address: address(),
        })
        .answer("api", question, answer)
        .judge(&Probe)
}

#[test]
fn where_a_certificate_is_wanted_the_strict_connection_asks() {
    let reply = || {
        ApiAnswer::Reply(ApiReply {
            exchange: exchange(200, &[], WELL),
        })
    };
    for anonymous in [
        Ok(exchange(
            400,
            &[],
            "<h1>No required SSL certificate was sent</h1>",
        )),
        Err(Unseen::Closed),
        Err(Unseen::failed("alert certificate_required")),
    ] {
        let (judgement, facts) = strict(anonymous, reply());
        assert_eq!(
            (codes(&judgement).len(), judgement.decision),
            (0, Decision::Decided)
        );
        assert!(
            facts
                .get::<Answer>()
                .is_some_and(|answer| answer.peer_verified)
        );
    }
    // One that asks for a certificate and answers without is not asked twice.
    let (judgement, facts) = strict(Ok(exchange(200, &[], WELL)), reply());
    assert_eq!(judgement.findings, []);
    assert!(
        facts
            .get::<Answer>()
            .is_some_and(|answer| !answer.peer_verified)
    );
    for (answer, part) in [
        (
            ApiAnswer::PeerNotAccepted { why: "x".into() },
            "does not accept",
        ),
        (ApiAnswer::NotAsked { why: "x".into() }, "none to show"),
        (ApiAnswer::Alert { name: "x".into() }, "alert x"),
        (ApiAnswer::Failed(Unseen::failed("x")), "could not be asked"),
    ] {
        let (judgement, _) = strict(Err(Unseen::Reset), answer);
        assert!(
            matches!(&judgement.decision, Decision::Unknown(why) if why.contains(part)),
            "{judgement:?}"
        );
    }
    // An orderly end asks for nothing.
    let none = ApiAnswer::NotAsked { why: "x".into() };
    let (judgement, _) = strict(Err(Unseen::Closed), none);
    assert_eq!(codes(&judgement), ["health.closed"]);
    // One that hangs up on both does not do it for want of a certificate.
    let (judgement, _) = strict(Err(Unseen::Closed), ApiAnswer::Failed(Unseen::Reset));
    assert_eq!(codes(&judgement), ["health.closed"]);
}

#[test]
fn a_page_is_named_by_its_title() {
    let (judgement, _) = judged(
        200,
        &[],
        "<html><head><TITLE>Guest\u{1b} Wi-Fi</TITLE></head></html>",
    );
    let detail = &judgement.findings[0].detail;
    assert!(
        detail.contains("titled `Guest") && !detail.contains('\u{1b}'),
        "{detail}"
    );
    let (judgement, _) = judged(302, &[("location", "https://u:hunter2@portal.test/")], "");
    assert!(!format!("{judgement:?}").contains("hunter2"));
}

/// A control plane that is well over IPv4, whose IPv6 address opens too and does this with TLS.
fn beside(six: Seen<Handshake>) -> Judgement {
    let other = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 5], 8000));
    let question = HandshakeQuestion {
        address: other,
        server_name: "nexplane.corp".into(),
        tunnel: None,
    };
    asked(Ok(exchange(200, &[], WELL)))
        .fact(tcp::Connected {
            winner: address(),
            working: vec![address(), other],
        })
        .fact(tls::Peer {
            handshake: complete(&["one"]),
            address: address(),
        })
        .answer("handshake", question, six)
        .judge(&Probe)
        .0
}

#[test]
fn what_is_wrong_at_the_other_familys_address_is_found_beside() {
    let mut closed = complete(&[]);
    closed.ending = Ending::Closed;
    for fails in [Ok(closed), Err(Unseen::Reset), Err(Unseen::TimedOut { after_ms: 5000 })] {
        let judgement = beside(fails);
        assert_eq!(codes(&judgement), ["tcp.partial"]);
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains("Over IPv6 a connection opens too, and that is all: [2001:db8::5]:8000"), "{detail}");
    }
    let another = beside(Ok(complete(&["two"])));
    assert_eq!(another.findings, []);
    let note = |judgement: &Judgement| judgement.notes.iter().any(|note| note.what == "certificate over IPv6");
    assert!(note(&another));
    for fine in [Ok(complete(&["one"])), Err(Unseen::NotRecorded), Err(Unseen::Refused)] {
        let judgement = beside(fine);
        assert!(judgement.findings.is_empty() && !note(&judgement));
    }
}
