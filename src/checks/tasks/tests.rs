//! Change requests and task errors judged from recorded answers.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes, exchange, reachable};
use crate::host::{ApiReply, Unseen};
use crate::model::Target;

fn asked(answer: ApiAnswer) -> Recording {
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.change_request = Some("CR-1".into());
    let call = ApiCall::ChangeRequest { id: "CR-1".into() };
    reachable(Recording::default(), call, answer).target(target)
}

fn replied_with(status: u16, body: &serde_json::Value) -> Recording {
    asked(ApiAnswer::Reply(ApiReply {
        exchange: exchange(status, &body.to_string()),
    }))
}

fn request(status: &str, hostname: &str) -> serde_json::Value {
    json!({"id": "CR-1", "title": "t", "status": status, "target": {"hostname": hostname}})
}

#[test]
fn a_change_request_has_its_codes() {
    for (status, target, expected) in [
        ("approved", "web-server-01", &[][..]),
        ("executing", "WEB-SERVER-01", &[]),
        ("failed", "web-server-01", &[]),
        ("draft", "web-server-01", &["tasks.not_approved"]),
        (
            "awaiting_approval",
            "web-server-01",
            &["tasks.not_approved"],
        ),
        ("rejected", "web-server-01", &["tasks.not_approved"]),
        ("approved", "db-1", &["tasks.wrong_agent"]),
        (
            "planned",
            "db-1",
            &["tasks.not_approved", "tasks.wrong_agent"],
        ),
    ] {
        let (judgement, _) = replied_with(200, &request(status, target)).judge(&Probe);
        assert_eq!(codes(&judgement), expected, "{status} {target}");
        assert_eq!(judgement.decision, Decision::Decided);
    }
    let none = json!({"detail": "Change request not found"});
    let (judgement, _) = replied_with(404, &none).judge(&Probe);
    assert_eq!(codes(&judgement), ["tasks.unknown_change_request"]);
}

#[test]
fn the_registered_name_counts() {
    let registered = registration::Standing::Accepted {
        registered_as: "old-name".into(),
    };
    let recording = replied_with(200, &request("approved", "old-name")).fact(registered);
    assert_eq!(codes(&recording.judge(&Probe).0), [""; 0]);
}

#[test]
fn what_was_not_told_is_unknown() {
    for recording in [
        replied_with(401, &json!({"detail": "Not authenticated"})),
        replied_with(404, &json!({"detail": "Not Found"})),
        replied_with(200, &json!({"hello": "world"})),
        replied_with(200, &request("on hold", "web-server-01")),
        asked(ApiAnswer::NotAsked {
            why: "NEXPLANE_API_TOKEN is not set".into(),
        }),
        asked(ApiAnswer::PeerNotAccepted { why: "x".into() }),
        asked(ApiAnswer::Failed(Unseen::Reset)),
    ] {
        let (judgement, _) = recording.judge(&Probe);
        assert_eq!(codes(&judgement), [""; 0]);
        assert!(matches!(judgement.decision, Decision::Unknown(_)));
    }
}

#[test]
fn without_an_id_the_step_is_a_person_s() {
    let (judgement, _) = Recording::default().log(&[]).judge(&Probe);
    let Decision::Skipped(step) = judgement.decision else {
        panic!("{judgement:?}");
    };
    assert!(step.contains("`web-server-01`"), "{step}");
}

#[test]
fn a_log_that_cannot_be_read_is_no_good_sign() {
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)), "{judgement:?}");
}

#[test]
fn task_errors_are_quoted_the_last_ones() {
    let lines = [
        "ERROR: task tsk_1 failed: exit status 1",
        "INFO: task tsk_2 finished: 0 errors",
        "ERROR: task tsk_3 failed: --token nxe_0123456789abcdef refused",
        "Job 4 error: no such file",
        "Job 5 completed with status=failed",
        "ERROR: heartbeat failed: context deadline exceeded",
    ];
    let (judgement, _) = Recording::default().log(&lines).judge(&Probe);
    assert_eq!(codes(&judgement), ["tasks.failing"]);
    let finding = &judgement.findings[0];
    assert!(finding.detail.contains("4 task errors"));
    assert_eq!(finding.evidence.len(), 3);
    assert!(!format!("{finding:?}").contains("nxe_"));
    let (judgement, _) = Recording::default().log(&lines[1..2]).judge(&Probe);
    assert_eq!(codes(&judgement), [""; 0]);
}

#[test]
fn where_no_agent_is_there_are_no_tasks_whatever_the_log() {
    let unread: Seen<Vec<LogEntry>> = Err(Unseen::unsupported("no journal is kept"));
    let recording = || {
        let question = JournalQuestion::agent(crate::model::Os::Linux);
        Recording::default().answer("journal", question, unread.clone())
    };
    let decision = |recording: Recording| recording.judge(&Probe).0.decision;
    assert!(matches!(decision(recording()), Decision::Unknown(_)));
    let missing = recording().fact(install::Standing::Missing);
    assert!(matches!(decision(missing), Decision::Skipped(_)));
}

#[test]
fn an_approved_change_request_is_no_pass_where_it_reaches_no_agent() {
    let approved = || replied_with(200, &request("approved", "web-server-01"));
    for (recording, why) in [
        (approved().fact(install::Standing::Missing), "no agent here"),
        (approved().fact(registration::Standing::Revoked), "does not accept"),
    ] {
        let (judgement, _) = recording.judge(&Probe);
        let said = format!("{:?}", judgement.decision);
        assert!(said.contains("Skipped") && said.contains(why), "{said}");
    }
    // What is wrong with it counts all the same.
    let draft = replied_with(200, &request("draft", "web-server-01"));
    let (judgement, _) = draft.fact(install::Standing::Missing).judge(&Probe);
    assert_eq!(codes(&judgement), ["tasks.not_approved"]);
}
