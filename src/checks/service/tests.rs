//! The service judged from recorded answers.

use crate::checks::testing::{Evidence as Recording, codes, properties};
use chrono::TimeDelta;

use super::*;
use crate::model::Os;

fn at(minute: i64, second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute) + TimeDelta::seconds(second)
}

fn line(minute: i64, identifier: &str, message: &str) -> LogEntry {
    LogEntry {
        time: Some(at(minute, 0)),
        message: message.into(),
        priority: None,
        identifier: Some(identifier.into()),
        invocation: Some("one".into()),
        message_id: None,
    }
}

fn agent(message: &str) -> LogEntry {
    line(59, "nexplane-agent", message)
}

fn restart(minute: i64) -> LogEntry {
    line(
        minute,
        "systemd",
        "Scheduled restart job, restart counter is at 1.",
    )
}

const LOADED: [(&str, &str); 2] = [("LoadState", "loaded"), ("UnitFileState", "enabled")];

fn recording(pairs: &[(&str, &str)], journal: Seen<Vec<LogEntry>>) -> Recording {
    let service = Service {
        properties: properties(&[&LOADED, pairs].concat()),
        supplied: false,
    };
    Recording::default()
        .answer(
            "service",
            ServiceQuestion::agent(Os::Linux),
            Ok::<_, Unseen>(service),
        )
        .answer("journal", JournalQuestion::agent(Os::Linux), journal)
        .answer("now", (), at(60, 0))
}

fn judged(pairs: &[(&str, &str)], journal: &[LogEntry]) -> (Judgement, State) {
    let (judgement, facts) = recording(pairs, Ok(journal.to_vec())).judge(&Probe);
    let state = facts.get::<Standing>().map(|standing| standing.state);
    (judgement, state.unwrap_or(State::Unknown))
}

const FAILED_1: [(&str, &str); 4] = [
    ("ActiveState", "failed"),
    ("Result", "exit-code"),
    ("ExecMainCode", "1"),
    ("ExecMainStatus", "1"),
];
const TOKEN: &str = "FATAL: enrollment failed: token has already been used";

#[test]
fn every_state_has_its_code() {
    let running = [("ActiveState", "active"), ("SubState", "running")];
    for (pairs, code, state) in [
        (&running[..], None, State::Running),
        (
            &[("ActiveState", "active"), ("UnitFileState", "disabled")],
            Some("service.not_enabled"),
            State::Running,
        ),
        (
            &[("ActiveState", "activating"), ("SubState", "start")],
            None,
            State::Starting,
        ),
        (
            &[("ActiveState", "inactive"), ("Result", "success")],
            Some("service.stopped"),
            State::Stopped,
        ),
        (
            &[("ActiveState", "deactivating"), ("Result", "success")],
            Some("service.stopped"),
            State::Stopped,
        ),
        (&FAILED_1, Some("service.failed"), State::Failed),
        (
            &[("ActiveState", "activating"), ("SubState", "auto-restart")],
            Some("service.crash_looping"),
            State::CrashLooping,
        ),
        (
            &[("ActiveState", "failed"), ("Result", "start-limit-hit")],
            Some("service.crash_looping"),
            State::CrashLooping,
        ),
        (
            &[("LoadState", "masked"), ("ActiveState", "inactive")],
            Some("service.masked"),
            State::Unstartable,
        ),
        (
            &[("LoadState", "bad-setting")],
            Some("service.broken_unit"),
            State::Unstartable,
        ),
        (
            &[("LoadState", "not-found")],
            Some("service.not_installed"),
            State::Unstartable,
        ),
    ] {
        let (judgement, found) = judged(pairs, &[]);
        assert_eq!(
            codes(&judgement),
            code.into_iter().collect::<Vec<_>>(),
            "{pairs:?}"
        );
        assert_eq!(found, state, "{pairs:?}");
        assert_eq!(judgement.decision, Decision::Decided);
    }
}

#[test]
fn the_last_fatal_line_says_whose_failure_it_is() {
    let (judgement, _) = judged(&FAILED_1, &[agent("starting"), agent(TOKEN)]);
    let finding = &judgement.findings[0];
    assert!(finding.detail.contains("exit code 1") && finding.detail.contains(TOKEN));
    let used = Code::from_static("token.used");
    assert_eq!(
        finding.explained,
        Explained::OnlyBy(vec![used, INSTALL_INCOMPLETE])
    );
    let (silent, _) = judged(&FAILED_1, &[agent("starting")]);
    assert_eq!(silent.findings[0].explained, not_by_the_disk());
}

/// What a silent log leaves open: every cause but the disk, which would have left a line.
fn not_by_the_disk() -> Explained {
    Explained::NotBy(["host.disk_full", "host.read_only"].map(Code::from_static).to_vec())
}

#[test]
fn a_full_disk_is_the_cause_where_the_log_says_so() {
    let line = "FATAL: storing certificate: write /etc/nexplane-agent/client.crt: no space left on device";
    let (judgement, _) = judged(&FAILED_1, &[agent(line)]);
    assert_eq!(
        judgement.findings[0].explained,
        Explained::OnlyBy(vec![Code::from_static("host.disk_full"), INSTALL_INCOMPLETE])
    );
}

#[test]
fn a_line_of_an_earlier_start_is_history() {
    let mut old = agent(TOKEN);
    old.invocation = Some("zero".into());
    let (judgement, _) = judged(&FAILED_1, &[old, agent("starting")]);
    assert_eq!(judgement.findings[0].explained, not_by_the_disk());
}

#[test]
fn what_no_line_could_cause_is_not_explained_by_one() {
    for (result, code, status) in [
        ("oom-kill", "2", "9"),
        ("signal", "2", "11"),
        ("timeout", "2", "15"),
        ("resources", "0", "0"),
    ] {
        let pairs = [
            ("ActiveState", "failed"),
            ("Result", result),
            ("ExecMainCode", code),
            ("ExecMainStatus", status),
        ];
        let (judgement, _) = judged(&pairs, &[agent(TOKEN)]);
        assert_eq!(codes(&judgement), ["service.failed"]);
        assert_eq!(
            judgement.findings[0].explained,
            Explained::OnlyBy(vec![INSTALL_INCOMPLETE]),
            "{result}"
        );
    }
    let exec = [
        ("ActiveState", "failed"),
        ("Result", "exit-code"),
        ("ExecMainStatus", "203"),
    ];
    let (judgement, _) = judged(&exec, &[agent(TOKEN)]);
    assert_eq!(
        judgement.findings[0].explained,
        Explained::OnlyBy(vec![INSTALL_INCOMPLETE])
    );
}

#[test]
fn a_start_limit_in_the_log_is_a_crash_loop() {
    let limit = line(
        59,
        "systemd",
        "nexplane-agent.service: Start request repeated too quickly.",
    );
    let (judgement, _) = judged(&FAILED_1, &[agent(TOKEN), limit]);
    assert_eq!(codes(&judgement), ["service.crash_looping"]);
    assert!(judgement.findings[0].detail.contains("start limit"));
}

#[test]
fn three_restarts_within_ten_minutes_are_a_crash_loop() {
    let running = [
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("NRestarts", "9"),
    ];
    let looping = [restart(55), restart(57), restart(59)];
    let (judgement, state) = judged(&running, &looping);
    assert_eq!(codes(&judgement), ["service.crash_looping"]);
    assert_eq!(state, State::CrashLooping);
    for history in [[10, 12, 14], [20, 40, 59]] {
        let (judgement, _) = judged(&running, &history.map(restart));
        assert_eq!(codes(&judgement), [""; 0], "{history:?}");
    }
}

/// As systemd 219 (RHEL 7) shows and logs it: no `NRestarts`, no invocations, its words without an id.
#[test]
fn an_older_systemd_tells_of_a_loop_in_its_own_words() {
    let old = |minute, identifier: &str, message: &str| LogEntry {
        invocation: None,
        ..line(minute, identifier, message)
    };
    let again = "nexplane-agent.service holdoff time over, scheduling restart.";
    let mut log = Vec::new();
    for minute in [55, 57, 59] {
        log.push(old(minute, "systemd", "Started Nexplane agent."));
        log.push(old(minute, "nexplane-agent", TOKEN));
        let ended = "nexplane-agent.service: main process exited, code=exited, status=1/FAILURE";
        log.push(old(minute, "systemd", ended));
        log.push(old(minute, "systemd", "Unit nexplane-agent.service entered failed state."));
        log.push(old(minute, "systemd", "nexplane-agent.service failed."));
        log.push(old(minute, "systemd", again));
    }
    let waiting = [
        ("ActiveState", "activating"),
        ("SubState", "auto-restart"),
        ("Result", "exit-code"),
        ("ExecMainCode", "1"),
        ("ExecMainStatus", "1"),
    ];
    let given_up = [("ActiveState", "failed"), ("Result", "start-limit")];
    for shown in [&waiting[..], &given_up] {
        let (judgement, state) = judged(shown, &log);
        assert_eq!(codes(&judgement), ["service.crash_looping"]);
        assert_eq!(state, State::CrashLooping);
        assert_eq!(
            judgement.findings[0].explained,
            Explained::OnlyBy(vec![Code::from_static("token.used"), INSTALL_INCOMPLETE])
        );
    }
}

#[test]
fn a_loop_whose_newest_start_has_not_ended_is_told_by_the_one_before() {
    let mut newest = agent("starting");
    newest.invocation = Some("two".into());
    let running = [("ActiveState", "active"), ("SubState", "running")];
    let log = [restart(57), restart(58), agent(TOKEN), restart(59), newest];
    let (judgement, _) = judged(&running, &log);
    assert_eq!(
        judgement.findings[0].explained,
        Explained::OnlyBy(vec![Code::from_static("token.used"), INSTALL_INCOMPLETE])
    );
}

#[test]
fn what_cannot_be_asked_is_unknown() {
    let none = Recording::default()
        .answer(
            "service",
            ServiceQuestion::agent(Os::Linux),
            Err::<Service, _>(Unseen::unsupported("systemctl is not here")),
        )
        .answer(
            "processes",
            "nexplane-agent",
            Ok::<_, Unseen>(vec![Process {
                pid: 7,
                executable: None,
            }]),
        );
    let (judgement, _) = none.judge(&Probe);
    assert!(matches!(&judgement.decision, Decision::Unknown(why) if why.contains("systemctl")));
    assert_eq!(judgement.notes[0].value, "pid 7");

    let (judgement, _) = recording(&[], Err(Unseen::Denied))
        .foreign_root()
        .judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    let masked = recording(&[("UnitFileState", "masked")], Err(Unseen::Denied));
    let (judgement, _) = masked.foreign_root().judge(&Probe);
    assert_eq!(codes(&judgement), ["service.masked"]);
}
