//! When the agent's last words make a finding by themselves, and when they do not.

use chrono::{DateTime, TimeDelta, Utc};

use crate::checks::Facts;
use crate::checks::service::{Logged, Standing, State};
use crate::diagnosis::tests::{Walked, code, finding, outcome};
use crate::host::LogEntry;
use crate::logs;
use crate::model::{Explained, Report, Role, Status, Verdict};

const REVOKED: &str = "ERROR: heartbeat rejected: agent not found or revoked";
const AUTHORITY: &str = "FATAL: enrollment failed: Post \"https://n:8000/agent/enroll\": x509: certificate signed by unknown authority";
const NOT_YET_VALID: &str =
    "FATAL: enrollment failed: certificate validation error: certificate not yet valid";

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(1)
}

/// What the service's log says: how many minutes ago, and what.
fn log(lines: &[(i64, &str)]) -> Facts {
    let entry = |(minutes, message): &(i64, &str)| LogEntry {
        time: Some(now() - TimeDelta::minutes(*minutes)),
        message: (*message).into(),
        priority: None,
        identifier: None,
        invocation: None,
        message_id: None,
    };
    let entries: Vec<LogEntry> = lines.iter().map(entry).collect();
    let mut facts = Facts::default();
    facts.publish(Logged {
        histories: logs::histories(&entries),
        now: now(),
    });
    facts.publish(Standing {
        state: State::Running,
        user: None,
        last_fatal: logs::last_fatal(&entries),
    });
    facts
}

/// Everything passed but these, which could not look, and what these block.
fn blind(undecided: &[&str], blocked: &[(&str, &[&str])]) -> Walked {
    let walked = undecided.iter().fold(Walked::of([]), |walked, id| {
        let mut unknown = outcome(id, Status::Unknown, &[]);
        unknown.reason = Some("this user may not look".to_owned());
        walked.with(unknown)
    });
    blocked.iter().fold(walked, |walked, (id, by)| {
        walked.with(outcome(id, Status::Blocked, by))
    })
}

fn causes(report: &Report) -> Vec<&str> {
    report.root_causes().map(|code| code.as_str()).collect()
}

/// The identity cannot be read by the doctor's user, so that nobody asks the control plane.
fn unreadable_identity() -> Walked {
    blind(&["identity"], &[("registration", &["identity"])])
}

/// The configuration cannot be read by the doctor's user, so that nothing of the network is known.
fn unreadable_config() -> Walked {
    let blocked = [
        "proxy",
        "dns",
        "tcp",
        "tls",
        "trust",
        "health",
        "identity",
        "registration",
        "token",
    ];
    blind(&["config"], &blocked.map(|id| (id, &["config"][..])))
}

#[test]
fn a_line_that_nothing_contradicts_makes_the_finding() {
    let report = unreadable_identity().report_with(log(&[(9, REVOKED), (3, REVOKED)]), &[], &[]);
    assert_eq!(causes(&report), ["registration.revoked"]);
    assert_eq!(report.verdict, Verdict::Failed);
    let found = &report.findings[0];
    assert!(found.detail.contains(REVOKED), "{}", found.detail);
    let told = found.evidence.last().map(|fact| fact.value.clone());
    let told = told.unwrap_or_default();
    assert!(
        told.starts_with("2 times since 1970-01-01 23:51:00 UTC, last 3 min ago: ERROR"),
        "{told}"
    );
    let check = |id: &str| report.checks.iter().find(|check| check.id == *id);
    assert_eq!(
        check("registration").map(|it| it.status),
        Some(Status::Fail)
    );
    assert_eq!(check("identity").map(|it| it.status), Some(Status::Unknown));
    // It is said once.
    assert!(check("service").is_some_and(|it| it.notes.is_empty()));
}

#[test]
fn what_was_looked_at_is_what_it_was_seen_to_be() {
    for status in [Status::Pass, Status::Warn, Status::Skipped] {
        let walked = unreadable_identity().with(outcome("registration", status, &[]));
        let report = walked.report_with(log(&[(3, REVOKED)]), &[], &[]);
        assert_eq!(causes(&report), [""; 0], "{status:?}");
    }
    let other = Walked::of([finding("registration.rejected")]);
    let report = other.report_with(log(&[(3, REVOKED)]), &[], &[]);
    assert_eq!(causes(&report), ["registration.rejected"]);
}

#[test]
fn behind_what_has_failed_nothing_is_concluded() {
    let walked = Walked::of([finding("tcp.refused")])
        .with(outcome("identity", Status::Unknown, &[]))
        .with(outcome(
            "registration",
            Status::Blocked,
            &["tcp", "identity"],
        ));
    let report = walked.report_with(log(&[(3, REVOKED)]), &[], &[]);
    assert_eq!(causes(&report), ["tcp.refused"]);
}

#[test]
fn what_is_long_past_or_over_is_history() {
    for lines in [
        &[(11, REVOKED)][..],
        &[(3, REVOKED), (2, "INFO: heartbeat accepted")],
        // From another clock.
        &[(-60, REVOKED)],
        &[
            (3, REVOKED),
            (2, "FATAL: enrollment failed: nobody knows why"),
        ],
        &[(3, "INFO: heartbeat accepted")],
    ] {
        let report = unreadable_identity().report_with(log(lines), &[], &[]);
        assert_eq!(causes(&report), [""; 0], "{lines:?}");
        assert_eq!(report.verdict, Verdict::Undetermined, "{lines:?}");
    }
}

#[test]
fn a_service_that_is_down_because_of_it_needs_no_new_line() {
    let failed = |explained| {
        let failed = finding("service.failed").explained(explained);
        let mut walked = unreadable_config();
        let mut service = outcome("service", Status::Fail, &[]);
        service.findings.push(failed);
        walked = walked.with(service);
        walked.report_with(log(&[(600, AUTHORITY)]), &[], &[])
    };
    let report = failed(Explained::OnlyBy(vec![code("trust.unknown_authority")]));
    assert_eq!(causes(&report), ["trust.unknown_authority"]);
    assert_eq!(report.findings[1].role, Role::Symptom);
    // It was killed: that line did not end it.
    let report = failed(Explained::OnlyBy(vec![code("install.incomplete")]));
    assert_eq!(causes(&report), ["service.failed"]);
}

#[test]
fn words_that_may_mean_something_else_need_that_ruled_out() {
    // Go's words for a deadline are those of five layers.
    let deadline =
        "FATAL: enrollment failed: Post \"https://n:8000/agent/enroll\": context deadline exceeded";
    let report = unreadable_config().report_with(log(&[(1, deadline)]), &[], &[]);
    assert_eq!(causes(&report), [""; 0]);
    let only_health = blind(&["health"], &[]);
    let report = only_health.report_with(log(&[(1, deadline)]), &[], &[]);
    assert_eq!(causes(&report), ["health.timeout"]);

    let expired = "ERROR: heartbeat rejected: client certificate has expired";
    let report = unreadable_identity().report_with(log(&[(1, expired)]), &[], &[]);
    assert_eq!(causes(&report), ["identity.expired"]);
    let no_time = unreadable_identity().with(outcome("clock", Status::Unknown, &[]));
    let report = no_time.report_with(log(&[(1, expired)]), &[], &[]);
    assert_eq!(causes(&report), [""; 0]);

    // What its own line means, the runbook says.
    let no_time = unreadable_config().with(outcome("clock", Status::Unknown, &[]));
    let report = no_time.report_with(log(&[(1, NOT_YET_VALID)]), &[], &[]);
    assert_eq!(causes(&report), ["clock.skew"]);
}

#[test]
fn a_used_token_is_no_news_to_an_agent_that_works() {
    let used = "FATAL: enrollment failed: token has already been used";
    let report = unreadable_config().report_with(log(&[(1, used)]), &[], &[]);
    assert_eq!(causes(&report), ["token.used"]);
    let works = || blind(&["trust"], &[("token", &["trust"])]);
    let report = works().report_with(log(&[(1, used)]), &[], &[]);
    assert_eq!(causes(&report), [""; 0]);
}

#[test]
fn a_warning_is_not_made_of_a_fatal_line() {
    let task = "FATAL: task tsk_1 failed: exit status 1";
    let report = blind(&["tasks"], &[]).report_with(log(&[(1, task)]), &[], &[]);
    assert_eq!(report.findings, []);
}

#[test]
fn what_is_ignored_or_not_asked_for_stays_so() {
    let report =
        unreadable_identity().report_with(log(&[(3, REVOKED)]), &[], &["registration.revoked"]);
    assert_eq!((report.findings.len(), report.ignored.len()), (0, 1));
    let report = unreadable_identity().report_with(log(&[(3, REVOKED)]), &["dns"], &[]);
    assert_eq!(report.findings, []);
}
