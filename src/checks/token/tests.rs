//! Tokens judged from recorded answers.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes, exchange, reachable};
use crate::contract::token::TokenProblem;
use crate::host::{ApiReply, HostPath, Unseen};

fn shape(problem: Option<TokenProblem>) -> Option<TokenShape> {
    Some(TokenShape {
        length: 47,
        problem,
    })
}

fn answered(answer: ApiAnswer) -> Recording {
    reachable(Recording::default(), ApiCall::InspectToken, answer).answer("token", (), shape(None))
}

fn replied_with(status: u16, body: &serde_json::Value) -> Recording {
    answered(ApiAnswer::Reply(ApiReply {
        exchange: exchange(status, &body.to_string()),
    }))
}

fn with_identity(recording: Recording, state: identity::State) -> Recording {
    recording.fact(identity::Identity {
        agent_id: None,
        cert: HostPath::host("/c"),
        key: HostPath::host("/k"),
        state,
    })
}

const USED_LINE: &str = "FATAL: enrollment failed: token has already been used";

#[test]
fn every_answer_has_its_code() {
    let end: DateTime<Utc> = DateTime::UNIX_EPOCH;
    for (status, body, code) in [
        (200, json!({"state": "unused", "expires_at": end}), None),
        (
            200,
            json!({"state": "used", "used_by_hostname": "db-1", "used_at": end, "expires_at": end}),
            Some("token.used"),
        ),
        (
            200,
            json!({"state": "expired", "expires_at": end}),
            Some("token.expired"),
        ),
        (
            401,
            json!({"detail": "token is not valid"}),
            Some("token.invalid"),
        ),
    ] {
        let (judgement, _) = replied_with(status, &body).judge(&Probe);
        assert_eq!(
            codes(&judgement),
            code.into_iter().collect::<Vec<_>>(),
            "{body}"
        );
        assert_eq!(judgement.decision, Decision::Decided);
    }
}

#[test]
fn what_cannot_be_a_token_is_not_sent() {
    let problem = shape(Some(TokenProblem::Placeholder));
    let (judgement, _) = Recording::default()
        .answer("token", (), problem)
        .judge(&Probe);
    assert_eq!(codes(&judgement), ["token.malformed"]);
}

#[test]
fn where_the_control_plane_cannot_say_the_log_does() {
    let unable = || replied_with(404, &json!({"detail": "Not Found"}));
    let (judgement, _) = unable().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    let (judgement, _) = unable().log(&[USED_LINE]).judge(&Probe);
    assert_eq!(codes(&judgement), ["token.used"]);
}

#[test]
fn what_was_not_answered_is_unknown() {
    for answer in [
        ApiAnswer::PeerNotAccepted {
            why: "unknown issuer".into(),
        },
        ApiAnswer::Failed(Unseen::Reset),
        ApiAnswer::Alert {
            name: "internal_error".into(),
        },
        ApiAnswer::Reply(ApiReply {
            exchange: exchange(503, ""),
        }),
        ApiAnswer::Reply(ApiReply {
            exchange: exchange(200, "<html>"),
        }),
    ] {
        let (judgement, _) = answered(answer.clone()).judge(&Probe);
        assert_eq!(codes(&judgement), [""; 0]);
        assert!(
            matches!(judgement.decision, Decision::Unknown(_)),
            "{answer:?}"
        );
    }
}

#[test]
fn without_a_token_the_identity_decides_whether_one_is_needed() {
    use identity::State;
    let log_only = || Recording::default().log(&[USED_LINE]);
    for (state, logged, silent) in [
        (State::Missing, Some("token.used"), "unknown"),
        (
            State::Expired { past_grace: true },
            Some("token.used"),
            "unknown",
        ),
        (State::Expired { past_grace: false }, None, "skipped"),
        (State::Usable, None, "skipped"),
        (State::Unknown, Some("token.used"), "skipped"),
    ] {
        let (judgement, _) = with_identity(log_only(), state).judge(&Probe);
        assert_eq!(
            codes(&judgement),
            logged.into_iter().collect::<Vec<_>>(),
            "{state:?}"
        );
        let (judgement, _) = with_identity(Recording::default(), state).judge(&Probe);
        let decision = match judgement.decision {
            Decision::Decided => "decided",
            Decision::Unknown(_) => "unknown",
            Decision::Skipped(_) => "skipped",
        };
        assert_eq!(decision, silent, "{state:?}");
    }
    let revoked = with_identity(log_only(), State::Usable).fact(registration::Standing::Revoked);
    assert_eq!(codes(&revoked.judge(&Probe).0), ["token.used"]);
}

#[test]
fn an_older_line_is_history() {
    let later = "FATAL: enrollment failed: dial tcp 10.0.0.9:8000: connect: connection refused";
    let recording = Recording::default().log(&[USED_LINE, later]);
    let (judgement, _) = with_identity(recording, identity::State::Missing).judge(&Probe);
    assert_eq!(codes(&judgement), [""; 0]);
}

#[test]
fn nothing_is_asked_where_nothing_connects() {
    let (judgement, _) = Recording::default()
        .answer("token", (), shape(None))
        .judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}
