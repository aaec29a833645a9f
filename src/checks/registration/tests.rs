#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::checks::{Decision, dns};
use crate::host::{
    ApiQuestion, ApiReply, Content, HostPath, KeyFacts, ReadQuestion, Seen, Unseen,
};
use crate::model::Target;

const OWN: &str = "web-server-01";

fn agent(id: Option<&str>) -> identity::Identity {
    identity::Identity {
        agent_id: id.map(str::to_owned),
        cert: HostPath::host("/etc/nexplane-agent/client.crt"),
        key: HostPath::host("/etc/nexplane-agent/client.key"),
        state: identity::State::Usable,
    }
}

/// The certificate's file: one whose subject is `agt_1`.
fn certificate() -> Seen<Content> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "agt_1");
    let key = KeyPair::generate().unwrap();
    Ok(Content {
        text: params.self_signed(&key).unwrap().pem(),
        invalid_utf8_at: None,
    })
}

/// A host with an identity, whose control plane's name is resolved and which answers a heartbeat like this. What the
/// other connection comes to is not known when it is sent.
fn judged(answer: ApiAnswer) -> (Judgement, Facts) {
    host(answer).judge(&Probe)
}

fn host(answer: ApiAnswer) -> Recording {
    let mut target = Target::unspecified(std::time::Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    let identity = agent(Some("agt_1"));
    let question = heartbeat_with(&identity.cert, &identity.key);
    Recording::default()
        .target(target)
        .fact(dns::Resolved {
            addresses: vec![ADDRESS.ip()],
            scope: 0,
        })
        .answer("read", ReadQuestion::new(identity.cert.clone()), certificate())
        .fact(identity)
        .answer("api", question, answer)
}

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)), 8000);

fn heartbeat_with(cert: &HostPath, key: &HostPath) -> ApiQuestion {
    ApiQuestion {
        origin: "https://nexplane.corp:8000".into(),
        addresses: vec![ADDRESS],
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
        identity: Some((cert.clone(), key.clone())),
        via: None,
        call: ApiCall::Heartbeat {
            agent_id: "agt_1".into(),
            hostname: OWN.into(),
        },
    }
}

/// The same with a pair that waits beside the identity, and what the control plane says to it.
fn judged_with_pending(answer: ApiAnswer, to_pending: ApiAnswer) -> (Judgement, Facts) {
    let cert = HostPath::host("/etc/nexplane-agent/client.crt.pending");
    let key = HostPath::host("/etc/nexplane-agent/client.key.pending");
    let new = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "agt_1");
    let content: Seen<Content> = Ok(Content {
        text: params.self_signed(&new).unwrap().pem(),
        invalid_utf8_at: None,
    });
    let pem = new.public_key_pem();
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let public: Seen<KeyFacts> = Ok(KeyFacts {
        public_key: lines.collect(),
    });
    host(answer)
        .answer("api", heartbeat_with(&cert, &key), to_pending)
        .answer("read", ReadQuestion::new(cert), content)
        .answer("private_key", key, public)
        .judge(&Probe)
}

fn reply(status: u16, body: &str) -> ApiAnswer {
    let now = chrono::DateTime::UNIX_EPOCH;
    ApiAnswer::Reply(ApiReply {
        exchange: Exchange {
            status,
            headers: Vec::new(),
            body: body.into(),
            truncated: false,
            sent_at: now,
            received_at: now,
            duration_ms: 1.0,
        },
    })
}

fn registered(name: &str) -> ApiAnswer {
    reply(
        200,
        &format!(
            r#"{{"status":"ok","registered_as":"{name}","server_time":"2026-11-23T20:50:00Z","pending_tasks":0}}"#
        ),
    )
}

#[test]
fn an_accepted_heartbeat_is_fine() {
    for name in [OWN, "WEB-Server-01", "web-server-01.corp.test"] {
        let (judgement, facts) = judged(registered(name));
        assert_eq!(
            (codes(&judgement).len(), judgement.decision),
            (0, Decision::Decided)
        );
        assert!(matches!(facts.get(), Some(Standing::Accepted { .. })));
    }
}

#[test]
fn another_name_is_a_mismatch() {
    let (judgement, facts) = judged(registered("db-server-02"));
    assert_eq!(codes(&judgement), ["registration.hostname_mismatch"]);
    assert!(matches!(facts.get(), Some(Standing::Accepted { .. })));
    for (one, other, same) in [
        ("a.corp", "a.test", false),
        ("a.corp", "A.CORP.", true),
        ("a", "b", false),
        ("a", "a.corp", true),
        ("", "a", false),
    ] {
        assert_eq!(same_host(one, other), same, "{one} {other}");
    }
}

#[test]
fn each_refusal_has_its_code() {
    for (answer, code) in [
        (
            reply(403, r#"{"detail":"agent not found or revoked"}"#),
            "registration.revoked",
        ),
        (
            reply(403, r#"{"detail":"client certificate has expired"}"#),
            "registration.certificate_refused",
        ),
        (
            reply(401, r#"{"detail":"client certificate required"}"#),
            "registration.certificate_refused",
        ),
        (
            reply(400, "<h1>400 The SSL certificate error</h1>"),
            "registration.certificate_refused",
        ),
        (
            ApiAnswer::Alert {
                name: "unknown_ca".into(),
            },
            "registration.certificate_refused",
        ),
        (
            reply(403, r#"{"detail":"not today"}"#),
            "registration.rejected",
        ),
        (reply(404, "nothing here"), "registration.rejected"),
        (
            reply(
                422,
                r#"{"detail":[{"loc":["body","agent_id"],"msg":"field required"}]}"#,
            ),
            "registration.rejected",
        ),
        (reply(302, ""), "registration.rejected"),
    ] {
        let (judgement, facts) = judged(answer.clone());
        assert_eq!(codes(&judgement), [code], "{answer:?}");
        assert!(!matches!(
            facts.get(),
            Some(Standing::Accepted { .. }) | None
        ));
    }
}

#[test]
fn only_a_refusal_by_something_else_is_explained_by_that() {
    for (status, body, by_itself) in [
        (423, r#"{"detail":"change freeze in effect"}"#, true),
        (403, r#"{"detail":"not today"}"#, true),
        // Another product that is made like the control plane, a page, a portal's redirect.
        (404, r#"{"detail":"Not Found"}"#, false),
        (403, "<h1>Forbidden</h1>", false),
        (302, "", false),
    ] {
        let (judgement, _) = judged(reply(status, body));
        let explained = &judgement.findings[0].explained;
        let expected = match by_itself {
            true => Explained::NotBy(SOMETHING_ELSE.to_vec()),
            false => Explained::AsCatalogued,
        };
        assert_eq!(*explained, expected, "{status} {body}");
    }
}

#[test]
fn what_says_nothing_of_the_registration_is_unknown() {
    for answer in [
        reply(503, "busy"),
        reply(429, r#"{"detail":"slow down"}"#),
        reply(200, "<html>hello</html>"),
        ApiAnswer::Alert {
            name: "internal_error".into(),
        },
        ApiAnswer::PeerNotAccepted {
            why: "unknown issuer".into(),
        },
        ApiAnswer::NotAsked {
            why: "no readable key".into(),
        },
        ApiAnswer::Failed(Unseen::TimedOut { after_ms: 5000 }),
        ApiAnswer::Failed(Unseen::NotRecorded),
    ] {
        let (judgement, facts) = judged(answer.clone());
        assert!(
            matches!(judgement.decision, Decision::Unknown(_)),
            "{answer:?}"
        );
        assert!(judgement.findings.is_empty() && facts.get::<Standing>().is_none());
    }
}

#[test]
fn without_an_agent_id_nothing_is_sent() {
    let (judgement, _) = Recording::default().fact(agent(None)).judge(&Probe);
    assert!(matches!(&judgement.decision, Decision::Unknown(why) if why.contains("no agent id")));
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn an_answers_secrets_are_not_repeated() {
    let (judgement, _) = judged(reply(400, "Authorization: Bearer abcdefghijklmnop"));
    assert!(!format!("{judgement:?}").contains("abcdefghijklmnop"));
}

#[test]
fn an_agent_that_is_known_by_a_certificate_which_waits_was_not_deleted() {
    let revoked = || reply(403, r#"{"detail":"agent not found or revoked"}"#);
    let bad = ApiAnswer::Alert {
        name: "certificate_revoked".into(),
    };
    for refused in [revoked(), bad] {
        let (judgement, facts) = judged_with_pending(refused, registered(OWN));
        assert_eq!(codes(&judgement), ["registration.superseded"]);
        assert_eq!(facts.get(), Some(&Standing::Superseded));
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains("client.crt.pending"), "{detail}");
    }
    let (judgement, _) = judged_with_pending(revoked(), registered("db-server-02"));
    assert_eq!(
        codes(&judgement),
        ["registration.superseded", "registration.hostname_mismatch"]
    );
    // Neither of them counts: then it was.
    let (judgement, facts) = judged_with_pending(revoked(), revoked());
    assert_eq!(codes(&judgement), ["registration.revoked"]);
    assert_eq!(facts.get(), Some(&Standing::Revoked));
    // Nobody knows: then it is not called so, and nothing is given up.
    let (judgement, facts) = judged_with_pending(revoked(), reply(503, "busy"));
    assert!(matches!(&judgement.decision, Decision::Unknown(why) if why.contains("pending")));
    assert!(judgement.findings.is_empty() && facts.get::<Standing>().is_none());
    // Where the one in place is accepted, the other one is not shown.
    let (judgement, facts) = judged_with_pending(registered(OWN), revoked());
    assert_eq!(codes(&judgement), [""; 0]);
    assert!(matches!(facts.get(), Some(Standing::Accepted { .. })));
}
