#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use chrono::DateTime;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;
use crate::model::{
    CheckReport, Commands, HostReport, Os, Severity, Source, TargetReport, Verdict,
};
use crate::repair::{Applied, Hands, HandsError, Site};

/// A finding: code, role, what explains it, the repair's name.
type Told = (
    &'static str,
    Role,
    &'static [&'static str],
    Option<&'static str>,
);

/// A report with these findings; every check passes but those named here.
fn report(findings: &[Told], others: &[(&str, Status)]) -> Report {
    const CHECKS: [(&str, &[&str]); 10] = [
        ("install", &[]),
        ("config", &["install"]),
        ("service", &["install"]),
        ("proxy", &["config"]),
        ("dns", &["config"]),
        ("tcp", &["dns", "proxy"]),
        ("tls", &["tcp"]),
        ("trust", &["tls"]),
        ("health", &["tls"]),
        ("registration", &["trust", "identity"]),
    ];
    let code = |text: &str| text.parse::<Code>().unwrap();
    let status = |id: &str| {
        let other = others.iter().find(|(other, _)| *other == id);
        other.map_or(Status::Pass, |(_, status)| *status)
    };
    Report {
        source: Source::Live,
        started_at: DateTime::UNIX_EPOCH,
        duration: Duration::ZERO,
        host: HostReport {
            hostname: "web-server-01".into(),
            os: Os::Linux,
            arch: "x86_64".into(),
            foreign_root: false,
        },
        target: TargetReport {
            control_plane: None,
            config_path: "/etc/nexplane-agent/config.yaml".into(),
        },
        verdict: Verdict::Failed,
        findings: findings
            .iter()
            .map(|(text, role, explained_by, repair)| ReportedFinding {
                code: code(text),
                check: code(text).check(),
                severity: Severity::Error,
                role: *role,
                explained_by: explained_by.iter().map(|text| code(text)).collect(),
                title: format!("title of {text}"),
                detail: String::new(),
                evidence: Vec::new(),
                remedy: Remedy {
                    text: "do it".into(),
                    steps: Vec::new(),
                    runbook: None,
                },
                repair: repair.map(str::to_owned),
                fix: None,
            })
            .collect(),
        timings: Vec::new(),
        certificates: None,
        commands: Commands::default(),
        ignored: Vec::new(),
        checks: CHECKS
            .iter()
            .map(|(id, needs)| CheckReport {
                id: CheckId::new(*id).unwrap(),
                title: String::new(),
                status: status(id),
                needs: needs
                    .iter()
                    .map(|need| CheckId::new(*need).unwrap())
                    .collect(),
                uses: Vec::new(),
                blocked_by: Vec::new(),
                reason: None,
                notes: Vec::new(),
                duration: Duration::ZERO,
            })
            .collect(),
    }
}

struct Dummy(Description);

impl Action for Dummy {
    fn describe(&self) -> Description {
        self.0.clone()
    }

    fn check<'a>(&'a self, _: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn apply<'a>(
        &'a self,
        _: &'a Site<'a>,
        _: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async { Ok(Applied::AlreadySo) }.boxed()
    }
}

fn dummy(repair: Repair, codes: &[&str]) -> Box<dyn Action> {
    Box::new(Dummy(Description {
        repair,
        codes: codes.iter().map(|code| code.parse().unwrap()).collect(),
        title: String::new(),
        why: String::new(),
        changes: Vec::new(),
        undo: None,
        safety: Safety::Safe,
        needs_root: false,
        ask: None,
    }))
}

/// The plan in which every repair that is wanted has one action for its findings.
fn planned(report: &Report, revive: Option<Box<dyn Action>>) -> Plan {
    let proposals = wanted(report)
        .into_iter()
        .map(|(repair, findings)| {
            let codes: Vec<&str> = findings
                .iter()
                .map(|finding| finding.code.as_str())
                .collect();
            let proposal = match permitted(report, repair) {
                Ok(()) => Proposal::Actions(vec![dummy(repair, &codes)]),
                Err(refusal) => Proposal::Person(refusal.0),
            };
            (repair, proposal)
        })
        .collect();
    arrange(report, proposals, revive)
}

fn order(plan: &Plan) -> Vec<(&'static str, Vec<usize>)> {
    let items = plan.items.iter();
    items
        .map(|item| (item.description.repair.as_str(), item.depends_on.clone()))
        .collect()
}

const URL: Told = ("config.url", Role::Cause, &[], Some("mend-url"));
const LOOP: Told = (
    "service.crash_looping",
    Role::Symptom,
    &["config.url"],
    Some("reset-failed"),
);
const REVOKED: Told = ("registration.revoked", Role::Cause, &[], Some("re-enroll"));

#[test]
fn causes_come_first_and_the_service_that_ended_of_them_last() {
    let enable: Told = (
        "service.not_enabled",
        Role::Notice,
        &[],
        Some("enable-service"),
    );
    let report = report(&[URL, LOOP, enable], &[]);
    let plan = planned(
        &report,
        Some(dummy(Repair::ResetFailed, &["service.crash_looping"])),
    );
    assert_eq!(
        order(&plan),
        [
            ("mend-url", vec![]),
            ("enable-service", vec![]),
            ("reset-failed", vec![0])
        ]
    );
    assert_eq!(plan.for_person, []);
}

#[test]
fn a_service_is_not_started_into_a_cause_that_is_left() {
    let port: Told = ("tcp.refused", Role::Cause, &[], None);
    let ended: Told = (
        "service.failed",
        Role::Symptom,
        &["config.url", "tcp.refused"],
        Some("restart-service"),
    );
    let report = report(&[URL, port, ended], &[]);
    let plan = planned(
        &report,
        Some(dummy(Repair::RestartService, &["service.failed"])),
    );
    assert_eq!(order(&plan), [("mend-url", vec![])]);
    let left: Vec<&str> = plan
        .for_person
        .iter()
        .map(|left| left.code.as_str())
        .collect();
    assert_eq!(left, ["tcp.refused"]);
}

#[test]
fn a_service_that_runs_reads_anew_what_was_changed_and_only_then() {
    let revive = || Some(dummy(Repair::RestartService, &[]));
    let key: Told = ("config.unknown_key", Role::Notice, &[], Some("mend-key"));
    let plan = planned(&report(&[key], &[]), revive());
    assert_eq!(
        order(&plan),
        [("mend-key", vec![]), ("restart-service", vec![0])]
    );
    let clock: Told = ("clock.unsynchronized", Role::Notice, &[], Some("sync-time"));
    let plan = planned(&report(&[clock], &[]), revive());
    assert_eq!(order(&plan), [("sync-time", vec![])]);
    let stopped: Told = ("service.stopped", Role::Cause, &[], Some("start-service"));
    let plan = planned(&report(&[stopped, key], &[]), revive());
    assert_eq!(
        order(&plan),
        [("mend-key", vec![]), ("start-service", vec![])],
        "it is started with what it reads then"
    );
}

#[test]
fn a_service_is_not_started_before_its_agent_can_be_enrolled() {
    let authority: Told = (
        "trust.unknown_authority",
        Role::Cause,
        &[],
        Some("reinstall-with-ca"),
    );
    let missing: Told = (
        "identity.missing",
        Role::Symptom,
        &["trust.unknown_authority"],
        Some("re-enroll"),
    );
    let ended: Told = (
        "service.failed",
        Role::Symptom,
        &["trust.unknown_authority"],
        Some("restart-service"),
    );
    let revive = || Some(dummy(Repair::RestartService, &["service.failed"]));
    let plan = planned(&report(&[authority, missing, ended], &[]), revive());
    assert_eq!(order(&plan), [("reinstall-with-ca", vec![])]);
    let plan = planned(&report(&[authority, ended], &[]), revive());
    assert_eq!(
        order(&plan),
        [("reinstall-with-ca", vec![]), ("restart-service", vec![0])]
    );
}

#[test]
fn what_needs_an_earlier_check_waits_for_its_repair() {
    let plan = planned(&report(&[URL, REVOKED], &[]), None);
    assert_eq!(order(&plan), [("mend-url", vec![]), ("re-enroll", vec![0])]);
}

#[test]
fn no_identity_is_replaced_unless_the_way_is_known_to_be_whole() {
    for check in ["proxy", "dns", "tcp", "tls", "trust", "health"] {
        for status in [Status::Fail, Status::Unknown, Status::Blocked] {
            let report = report(&[REVOKED], &[(check, status)]);
            let plan = planned(&report, None);
            assert!(plan.items.is_empty(), "{check}: {status:?}");
            let why = plan.for_person[0].why.as_deref().unwrap();
            assert!(why.contains(check), "{why}");
        }
    }
    let mut unseen = report(
        &[REVOKED],
        &[("proxy", Status::Skipped), ("trust", Status::Warn)],
    );
    assert_eq!(order(&planned(&unseen, None)), [("re-enroll", vec![])]);
    unseen.checks.retain(|check| check.id != "health");
    assert!(planned(&unseen, None).items.is_empty());
}

#[test]
fn symptoms_are_not_repaired() {
    let missing: Told = (
        "identity.missing",
        Role::Symptom,
        &["token.used"],
        Some("re-enroll"),
    );
    let used: Told = ("token.used", Role::Cause, &[], None);
    let plan = planned(&report(&[used, missing], &[]), None);
    assert_eq!(order(&plan), []);
    assert_eq!(plan.for_person.len(), 1);
}

#[test]
fn consent_is_by_kind() {
    let mut description = dummy(Repair::MendUrl, &[]).describe();
    for (safety, yes, all) in [
        (Safety::Safe, true, true),
        (Safety::Confirm, false, true),
        (Safety::Person, false, false),
    ] {
        description.safety = safety;
        assert!(!description.is_agreed(false, false));
        assert_eq!(description.is_agreed(true, false), yes);
        assert_eq!(description.is_agreed(true, true), all);
    }
}
