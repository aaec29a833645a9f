use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::host::Pem;
use crate::model::Target;

fn ended(ending: Ending) -> Handshake {
    Handshake {
        ending,
        version: None,
        cipher_suite: None,
        chain: Vec::new(),
        key_proven: None,
        client_certificate_requested: false,
        received: 0,
        first_bytes: String::new(),
        duration_ms: 3.0,
        details: crate::host::Details::default(),
    }
}

fn bytes(ending: Ending, first: &str) -> Handshake {
    Handshake {
        received: first.len() as u64,
        first_bytes: first.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ..ended(ending)
    }
}

fn alert(name: &str, before_server_hello: bool) -> Ending {
    Ending::Alert {
        name: name.into(),
        before_server_hello,
    }
}

fn judged(handshake: Seen<Handshake>) -> (Judgement, Facts) {
    let address = SocketAddr::from(([10, 0, 0, 5], 8000));
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    let question = HandshakeQuestion {
        address,
        server_name: "nexplane.corp".into(),
        tunnel: None,
    };
    Recording::default()
        .target(target)
        .fact(tcp::Connected {
            winner: address,
            working: vec![address],
        })
        .answer("handshake", question, handshake)
        .judge(&Probe)
}

#[test]
fn a_complete_handshake_is_fine() {
    let (judgement, facts) = judged(Ok(Handshake {
        version: Some("TLSv1.3".into()),
        cipher_suite: Some("TLS13_AES_128_GCM_SHA256".into()),
        ..ended(Ending::Complete)
    }));
    assert_eq!(judgement.findings, []);
    assert_eq!(
        judgement.notes[0].value,
        "TLSv1.3, TLS13_AES_128_GCM_SHA256"
    );
    assert!(facts.get::<Peer>().is_some());
}

#[test]
fn each_ending_has_its_code() {
    for (handshake, code) in [
        (
            bytes(Ending::NotTls, "HTTP/1.1 400 Bad Request\r\n"),
            "tls.plaintext",
        ),
        (
            bytes(Ending::NotTls, "<!DOCTYPE HTML PUBLIC"),
            "tls.plaintext",
        ),
        (bytes(Ending::Closed, "HTTP/1.0 400"), "tls.plaintext"),
        (
            bytes(Ending::NotTls, "SSH-2.0-OpenSSH_9.2\r\n"),
            "tls.not_tls",
        ),
        (
            bytes(Ending::TimedOut { after_ms: 5000 }, "220 mail ESMTP"),
            "tls.not_tls",
        ),
        (ended(Ending::TimedOut { after_ms: 5000 }), "tls.timeout"),
        (
            bytes(Ending::TimedOut { after_ms: 5000 }, "\u{16}\u{3}\u{3}"),
            "tls.timeout",
        ),
        (ended(Ending::Closed), "tls.closed"),
        (ended(Ending::Reset), "tcp.reset"),
        (bytes(Ending::Reset, "\u{16}\u{3}\u{3}"), "tls.closed"),
        (ended(alert("protocol_version", true)), "tls.version"),
        (ended(alert("handshake_failure", true)), "tls.version"),
        (
            ended(Ending::Incompatible {
                why: "TLS 1.0".into(),
            }),
            "tls.version",
        ),
        (ended(alert("handshake_failure", false)), "tls.alert"),
        (ended(alert("unrecognized_name", true)), "tls.alert"),
        (ended(alert("internal_error", true)), "tls.alert"),
    ] {
        let (judgement, facts) = judged(Ok(handshake.clone()));
        assert_eq!(codes(&judgement), [code], "{handshake:?}");
        assert!(facts.get::<Peer>().is_none());
    }
}

#[test]
fn a_peer_that_wants_our_certificate_is_no_failure() {
    for name in [
        "certificate_required",
        "handshake_failure",
        "bad_certificate",
    ] {
        let asking = Handshake {
            chain: vec![Pem("x".into())],
            client_certificate_requested: true,
            ..ended(alert(name, false))
        };
        let (judgement, facts) = judged(Ok(asking));
        assert_eq!(
            (codes(&judgement).len(), judgement.decision),
            (0, Decision::Decided)
        );
        assert!(facts.get::<Peer>().is_some());
    }
}

#[test]
fn what_was_not_seen_is_sorted_too() {
    for (unseen, code) in [
        (Unseen::TimedOut { after_ms: 5000 }, "tls.timeout"),
        (Unseen::Closed, "tls.closed"),
        (Unseen::Reset, "tcp.reset"),
    ] {
        assert_eq!(codes(&judged(Err(unseen)).0), [code]);
    }
    for handshake in [
        Err(Unseen::NotRecorded),
        Ok(ended(Ending::Failed {
            why: "peer misbehaved".into(),
        })),
    ] {
        assert!(matches!(judged(handshake).0.decision, Decision::Unknown(_)));
    }
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn hostile_bytes_are_shown_harmlessly() {
    let (judgement, _) = judged(Ok(bytes(Ending::NotTls, "\u{1b}[2Jhello")));
    assert!(!judgement.findings[0].detail.contains('\u{1b}'));
    let mut odd = bytes(Ending::NotTls, "abc");
    odd.first_bytes = "zz1".into();
    assert_eq!(codes(&judged(Ok(odd)).0), ["tls.not_tls"]);
}

const FOUR: &str = "10.0.0.5:8000";
const SIX: &str = "[2001:db8::5]:8000";

/// A name with an address of each family, of which IPv6's won.
fn both(six: Handshake, four: Option<Handshake>) -> Judgement {
    let address = |text: &str| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    let question = |text| HandshakeQuestion {
        address: address(text),
        server_name: "nexplane.corp".into(),
        tunnel: None,
    };
    let mut recording = Recording::default()
        .target(target)
        .fact(tcp::Connected {
            winner: address(SIX),
            working: vec![address(SIX), address(FOUR)],
        })
        .answer("handshake", question(SIX), Ok::<_, Unseen>(six));
    if let Some(four) = four {
        recording = recording.answer("handshake", question(FOUR), Ok::<_, Unseen>(four));
    }
    recording.judge(&Probe).0
}

#[test]
fn a_failure_of_one_family_is_told_from_one_of_both() {
    for (six, four, code, said) in [
        (
            ended(Ending::Reset),
            ended(Ending::Complete),
            "tcp.reset",
            "at the IPv6 address alone",
        ),
        (
            bytes(Ending::NotTls, "HTTP/1.1 400 Bad Request\r\n"),
            ended(Ending::Complete),
            "tls.plaintext",
            "Over IPv4, 10.0.0.5:8000 completes",
        ),
        (
            ended(Ending::Closed),
            ended(Ending::Closed),
            "tls.closed",
            "ends the same way",
        ),
        (
            ended(alert("internal_error", true)),
            ended(Ending::Closed),
            "tls.alert",
            "something else: 10.0.0.5:8000 accepted the connection and closed",
        ),
    ] {
        let judgement = both(six, Some(four));
        assert_eq!(codes(&judgement), [code]);
        let finding = &judgement.findings[0];
        assert!(finding.detail.contains(said), "{}", finding.detail);
        let last = finding.evidence.last().map(|fact| fact.what.as_str());
        assert_eq!(last, Some("10.0.0.5:8000 (IPv4)"));
    }
    // Not asked then, and where all is well it is not asked at all.
    let older = both(ended(Ending::Closed), None);
    assert!(!older.findings[0].detail.contains("IPv4"));
    assert_eq!(both(ended(Ending::Complete), None).findings, []);
}

#[test]
fn the_evidence_says_who_ended_it_what_was_offered_and_what_was_chosen() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut handshake = Handshake {
        version: Some("TLSv1.0".into()),
        cipher_suite: Some("TLS_RSA_WITH_AES_128_CBC_SHA".into()),
        ..ended(Ending::Incompatible {
            why: "ServerDoesNotSupportTls12Or13".into(),
        })
    };
    handshake.details.offered = crate::host::Offer {
        versions: names(&["TLSv1.3", "TLSv1.2"]),
        cipher_suites: names(&["TLS_AES_128_GCM_SHA256"]),
        groups: names(&["X25519"]),
    };
    let (judgement, _) = judged(Ok(handshake));
    let finding = &judgement.findings[0];
    assert!(finding.detail.contains("answers with TLSv1.0"), "{}", finding.detail);
    for (what, value) in [
        ("address", "10.0.0.5:8000 (IPv4)"),
        ("ended by", "this side, because of what the peer said"),
        ("chosen by the peer", "TLSv1.0, TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("versions offered", "TLSv1.3, TLSv1.2"),
        ("groups offered", "X25519"),
    ] {
        let fact = finding.evidence.iter().find(|fact| fact.what == what);
        assert_eq!(fact.map(|fact| fact.value.as_str()), Some(value));
    }
}

#[test]
fn behind_a_proxy_it_is_the_control_plane_that_is_meant() {
    let address = SocketAddr::from(([10, 0, 0, 8], 3128));
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    let via = crate::host::Via {
        proxy: "http://proxy.corp:3128".into(),
        credentials: None,
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
    };
    let question = HandshakeQuestion {
        address,
        server_name: "nexplane.corp".into(),
        tunnel: Some(crate::host::TunnelQuestion {
            address,
            via,
            host: "nexplane.corp".into(),
            port: 8000,
        }),
    };
    let shell = [("HTTPS_PROXY", "proxy.corp:3128")];
    let shell = crate::checks::testing::properties(&shell);
    let handshake: Seen<Handshake> = Ok(ended(Ending::Closed));
    let (judgement, _) = Recording::default()
        .target(target)
        .fact(tcp::Connected {
            winner: address,
            working: vec![address],
        })
        .answer("environment", crate::checks::environment::question(), shell)
        .answer("handshake", question, handshake)
        .judge(&Probe);
    assert_eq!(codes(&judgement), ["tls.closed"]);
    let detail = &judgement.findings[0].detail;
    let meant = "nexplane.corp:8000 through the proxy http://proxy.corp:3128 accepted";
    assert!(detail.starts_with(meant), "{detail}");
}
