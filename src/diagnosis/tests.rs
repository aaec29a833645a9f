//! Which findings are causes and what it all comes to, by the texts that are built in.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::checks::{self, Facts, Known};
use crate::host::System;
use crate::model::{CheckId, Explained, Explains, Status, Target, Verdict};

pub(super) fn code(name: &str) -> Code {
    name.parse().unwrap()
}

pub(super) fn finding(name: &str) -> Finding {
    Finding::new(code(name), "found")
}

/// A run in which these checks ended like this; one with findings failed.
pub(super) struct Walked(Vec<Outcome>);

impl Walked {
    pub(super) fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let catalog = catalog();
        let mut outcomes: Vec<Outcome> = catalog
            .checks()
            .iter()
            .map(|check| outcome(check.id.as_str(), Status::Pass, &[]))
            .collect();
        for finding in findings {
            let id = finding.code.check();
            let of_check = outcomes
                .iter_mut()
                .find(|outcome| outcome.id == id)
                .unwrap();
            of_check.status = Status::Fail;
            of_check.findings.push(finding);
        }
        Self(outcomes)
    }

    pub(super) fn with(mut self, changed: Outcome) -> Self {
        self.0.retain(|outcome| outcome.id != changed.id);
        self.0.push(changed);
        self
    }

    fn report(self, ignore: &[&str]) -> Report {
        self.report_with(Facts::default(), &[], ignore)
    }

    /// Reports only these checks; all, where none is named.
    fn report_only(self, only: &[&str], ignore: &[&str]) -> Report {
        self.report_with(Facts::default(), only, ignore)
    }

    pub(super) fn report_with(self, facts: Facts, only: &[&str], ignore: &[&str]) -> Report {
        let target = Target::unspecified(Duration::from_secs(5));
        self.report_of(target, facts, only, ignore)
    }

    /// The report for who said this of the host.
    pub(super) fn report_of(
        self,
        target: Target,
        facts: Facts,
        only: &[&str],
        ignore: &[&str],
    ) -> Report {
        let wanted = |outcome: &Outcome| only.is_empty() || only.contains(&outcome.id.as_str());
        let (outcomes, unreported) = self.0.into_iter().partition(wanted);
        let run = Run {
            started_at: DateTime::UNIX_EPOCH,
            duration: Duration::ZERO,
            outcomes,
            unreported,
            asked: Vec::new(),
            known: Known {
                later: crate::checks::Later::default(),
                target: Arc::new(target),
                system: Arc::new(System::unknown()),
                facts,
            },
        };
        let ignore: Vec<Code> = ignore.iter().map(|name| code(name)).collect();
        diagnose(&catalog(), &run, Source::Live, &ignore)
    }

    fn verdict(self, ignore: &[&str]) -> Verdict {
        self.report(ignore).verdict
    }

    fn causes(self) -> Vec<String> {
        self.report(&[])
            .root_causes()
            .map(ToString::to_string)
            .collect()
    }
}

fn catalog() -> Catalog {
    Catalog::load(&checks::texts()).unwrap()
}

pub(super) fn outcome(id: &str, status: Status, blocked_by: &[&str]) -> Outcome {
    let check = |id: &str| CheckId::new(id).unwrap();
    Outcome {
        id: check(id),
        status,
        reason: None,
        blocked_by: blocked_by.iter().map(|id| check(id)).collect(),
        findings: Vec::new(),
        notes: Vec::new(),
        duration: Duration::ZERO,
    }
}

/// Which of two findings are causes.
fn causes(names: [&str; 2]) -> Vec<String> {
    Walked::of(names.map(finding)).causes()
}

#[test]
fn what_explains_another_is_the_only_cause() {
    for (cause, symptoms) in [
        (
            "install.missing",
            &[
                "config.missing",
                "identity.missing",
                "service.not_installed",
                "service.broken_unit",
            ][..],
        ),
        (
            "install.incomplete",
            &[
                "service.failed",
                "service.crash_looping",
                "service.not_installed",
            ],
        ),
        (
            "clock.skew",
            &[
                "trust.expired",
                "trust.not_yet_valid",
                "identity.expired",
                "identity.not_yet_valid",
            ],
        ),
        (
            "proxy.unreachable",
            &[
                "dns.timeout",
                "tcp.refused",
                "tls.closed",
                "trust.expired",
                "health.timeout",
                "registration.rejected",
                "token.invalid",
            ],
        ),
        (
            "config.url",
            &[
                "proxy.denied",
                "dns.not_found",
                "tcp.timeout",
                "tls.plaintext",
                "trust.name_mismatch",
                "health.closed",
                "registration.revoked",
            ],
        ),
        ("trust.ca_file", &["trust.unknown_authority"]),
        (
            "health.captive_portal",
            &[
                "trust.ca_file",
                "trust.unknown_authority",
                "trust.self_signed",
                "trust.missing_intermediate",
                "trust.intercepted",
                "trust.name_mismatch",
                "trust.expired",
                "trust.not_yet_valid",
                "trust.bad_certificate",
            ],
        ),
        (
            "trust.intercepted",
            &[
                "registration.revoked",
                "registration.certificate_refused",
                "registration.rejected",
                "health.not_control_plane",
                "trust.name_mismatch",
                "trust.expired",
            ],
        ),
        (
            "trust.self_signed",
            &[
                "trust.name_mismatch",
                "trust.expired",
                "trust.not_yet_valid",
            ],
        ),
        (
            "trust.missing_intermediate",
            &[
                "trust.name_mismatch",
                "trust.expired",
                "trust.not_yet_valid",
            ],
        ),
        (
            "trust.unknown_authority",
            &[
                "trust.name_mismatch",
                "trust.expired",
                "trust.not_yet_valid",
            ],
        ),
    ] {
        for symptom in symptoms {
            assert_eq!(causes([cause, symptom]), [cause], "{symptom}");
        }
    }
}

#[test]
fn any_error_on_the_way_explains_a_service_that_failed_and_an_identity_that_never_came() {
    for cause in [
        "token.used",
        "trust.expired",
        "clock.skew",
        "proxy.denied",
        "dns.not_found",
        "tcp.refused",
        "tls.alert",
        "health.unhealthy",
    ] {
        for symptom in [
            "service.failed",
            "service.crash_looping",
            "identity.missing",
        ] {
            assert_eq!(causes([cause, symptom]), [cause], "{symptom}");
        }
    }
    for cause in [
        "config.syntax",
        "identity.key_mismatch",
        "registration.revoked",
    ] {
        assert_eq!(causes([cause, "service.failed"]), [cause]);
    }
}

#[test]
fn what_was_stopped_or_masked_is_explained_by_nothing() {
    for cause in [
        "install.incomplete",
        "token.used",
        "config.syntax",
        "tcp.refused",
    ] {
        for own in ["service.stopped", "service.masked"] {
            assert_eq!(causes([cause, own]).len(), 2, "{cause}, {own}");
        }
    }
    for two in [
        ["trust.ca_file", "trust.expired"],
        ["trust.ca_file", "trust.name_mismatch"],
        ["host.disk_full", "identity.invalid"],
    ] {
        assert_eq!(causes(two), two, "independent");
    }
}

#[test]
fn a_control_plane_that_is_unwell_explains_no_refusal() {
    for unwell in [
        "health.unhealthy",
        "health.server_error",
        "health.timeout",
        "health.closed",
    ] {
        for refusal in ["registration.rejected", "registration.revoked"] {
            assert_eq!(causes([unwell, refusal]), [unwell, refusal]);
        }
    }
    for another in ["health.captive_portal", "health.not_control_plane"] {
        assert_eq!(causes([another, "registration.rejected"]), [another]);
    }
}

#[test]
fn warnings_explain_nothing() {
    assert_eq!(causes(["clock.drift", "trust.expired"]), ["trust.expired"]);
    assert_eq!(
        causes(["config.insecure", "service.failed"]),
        ["service.failed"]
    );
}

#[test]
fn a_symptom_names_the_causes_at_its_root() {
    let report = Walked::of(
        [
            "service.failed",
            "identity.missing",
            "trust.expired",
            "clock.skew",
        ]
        .map(finding),
    )
    .report(&[]);
    let service = report
        .findings
        .iter()
        .find(|it| it.code == "service.failed")
        .unwrap();
    assert_eq!(service.role, Role::Symptom);
    assert_eq!(service.explained_by, [code("clock.skew")]);
}

#[test]
fn the_evidence_narrows_what_the_catalogue_allows() {
    let disk = || finding("host.disk_full");
    let failed = |explained| finding("service.failed").explained(explained);
    let two = |explained| Walked::of([disk(), failed(explained)]).causes();
    let full = vec![code("host.disk_full")];
    assert_eq!(two(Explained::OnlyBy(full.clone())), ["host.disk_full"]);
    assert_eq!(two(Explained::NotBy(full)).len(), 2);
    assert_eq!(two(Explained::Never).len(), 2);

    let url = |explains| {
        Walked::of([
            finding("config.url").explains(explains),
            finding("tcp.refused"),
            finding("service.failed"),
        ])
        .causes()
    };
    assert_eq!(url(Explains::AsCatalogued), ["config.url"]);
    let service = CheckId::from_static("service");
    assert_eq!(
        url(Explains::OnlyOf(vec![service])),
        ["config.url", "tcp.refused"]
    );
}

#[test]
fn the_verdict_counts_errors_then_what_is_open_then_warnings() {
    let none = || Walked::of([]);
    assert_eq!(none().verdict(&[]), Verdict::Healthy);
    assert_eq!(
        none()
            .with(outcome("proxy", Status::Skipped, &[]))
            .verdict(&[]),
        Verdict::Healthy
    );
    assert_eq!(
        Walked::of([finding("clock.drift")]).verdict(&[]),
        Verdict::Degraded
    );
    let unknown = || outcome("service", Status::Unknown, &[]);
    assert_eq!(
        Walked::of([finding("clock.drift")])
            .with(unknown())
            .verdict(&[]),
        Verdict::Undetermined
    );
    assert_eq!(
        Walked::of([finding("tcp.refused")])
            .with(unknown())
            .verdict(&[]),
        Verdict::Failed
    );
}

#[test]
fn an_ignored_failure_leaves_nothing_open_but_an_unknown_does() {
    let refused =
        || Walked::of([finding("tcp.refused")]).with(outcome("tls", Status::Blocked, &["tcp"]));
    assert_eq!(refused().verdict(&["tcp.refused"]), Verdict::Healthy);
    let report = refused().report(&["tcp.refused"]);
    assert_eq!((report.findings.len(), report.ignored.len()), (0, 1));
    let by_unknown = refused()
        .with(outcome("dns", Status::Unknown, &[]))
        .with(outcome("tls", Status::Blocked, &["tcp", "dns"]));
    assert_eq!(by_unknown.verdict(&["tcp.refused"]), Verdict::Undetermined);
    let mut only = refused();
    only.0.retain(|outcome| outcome.id != "tcp");
    assert_eq!(only.verdict(&[]), Verdict::Undetermined);
}

#[test]
fn what_an_ignored_cause_alone_explains_is_ignored_with_it() {
    let walked = || Walked::of(["clock.skew", "trust.expired", "tcp.refused"].map(finding));
    let report = walked().report(&["clock.skew"]);
    let ignored: Vec<_> = report.ignored.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(ignored, ["clock.skew", "trust.expired"]);
    let causes: Vec<_> = report.root_causes().map(Code::as_str).collect();
    assert_eq!(causes, ["tcp.refused"]);
    // A symptom that another cause explains too is that one's.
    let two = ["clock.skew", "dns.timeout", "service.failed"].map(finding);
    let report = Walked::of(two).report(&["clock.skew"]);
    assert_eq!(report.ignored.len(), 1);
    assert_eq!(report.findings.len(), 2);
}

#[test]
fn what_is_found_unreported_still_explains() {
    let walked = || Walked::of(["clock.skew", "identity.expired", "tcp.refused"].map(finding));
    let report = walked().report_only(&["identity"], &[]);
    assert_eq!(report.root_causes().count(), 0);
    assert_eq!((report.findings.len(), report.checks.len()), (1, 1));
    assert_eq!(report.findings[0].role, Role::Symptom);
    assert_eq!(report.findings[0].explained_by, [code("clock.skew")]);
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(report.ignored, []);
}

#[test]
fn what_verification_would_find_is_evidence_of_its_being_switched_off() {
    let note = Fact {
        what: "verification would find trust.expired".to_owned(),
        value: "it ended yesterday".to_owned(),
    };
    let trust = |status| Outcome {
        notes: vec![note.clone()],
        ..outcome("trust", status, &[])
    };
    let evidence = |status| {
        let walked = Walked::of([finding("config.insecure")]).with(trust(status));
        walked.report(&[]).findings[0].evidence.clone()
    };
    assert_eq!(evidence(Status::Skipped), std::slice::from_ref(&note));
    assert_eq!(evidence(Status::Pass), []);
}

#[test]
fn the_log_says_since_when_and_the_checks_whether_it_is_still_so() {
    let entry = |message: &str| crate::host::LogEntry {
        time: Some(DateTime::UNIX_EPOCH),
        message: message.into(),
        priority: None,
        identifier: None,
        invocation: None,
        message_id: None,
    };
    let entries = [
        entry("ERROR: dial tcp 10.0.0.9:8000: connect: connection refused"),
        entry("ERROR: dial tcp: lookup n on 10.0.0.2:53: no such host"),
        entry("ERROR: heartbeat rejected: agent not found or revoked"),
        entry("ERROR: heartbeat rejected: agent not found or revoked"),
    ];
    let mut facts = Facts::default();
    facts.publish(checks::service::Logged {
        histories: crate::logs::histories(&entries),
        now: DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1),
    });
    let walked = Walked::of([finding("registration.revoked")]);
    let report = walked
        .with(outcome("dns", Status::Unknown, &[]))
        .report_with(facts, &[], &[]);
    let revoked = &report.findings[0].evidence[0];
    assert!(
        revoked
            .value
            .starts_with("2 times since 1970-01-01 00:00:00 UTC, last 1 h ago, still so: ERROR"),
        "{revoked:?}"
    );
    let service = report
        .checks
        .iter()
        .find(|check| check.id.as_str() == "service");
    let notes = &service.unwrap().notes;
    let told: Vec<_> = notes
        .iter()
        .map(|note| (note.what.as_str(), note.value.contains(", no longer so:")))
        .collect();
    assert_eq!(
        told,
        [
            ("tcp.refused, in the service's log", true),
            ("dns.not_found, in the service's log", false),
        ]
    );
}
