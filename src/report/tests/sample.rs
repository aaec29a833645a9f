//! Reports to render: one of an ordinary failure, and any that a hostile host could bring about.

use std::time::Duration;

use chrono::DateTime;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{
    CheckId, CheckReport, Code, Commands, Fact, HostReport, Os, Remedy, Report, ReportedFinding,
    Role, SectionId, Severity, Source, Status, Step, TargetReport, Verdict,
};

pub(in crate::report) fn finding(code: &'static str, role: Role) -> ReportedFinding {
    let code = Code::from_static(code);
    ReportedFinding {
        check: code.check(),
        severity: match role {
            Role::Notice => Severity::Warning,
            _ => Severity::Error,
        },
        role,
        explained_by: match role {
            Role::Symptom => vec![Code::from_static("token.used")],
            _ => Vec::new(),
        },
        title: format!("Title of {code}"),
        detail: format!("Detail of {code}."),
        evidence: vec![Fact {
            what: "issuer".into(),
            value: "CN=Example Private CA".into(),
        }],
        remedy: Remedy {
            text: "Do this.".into(),
            steps: vec![Step {
                text: "Install again".into(),
                command: Some("nexplane-agent install --token NEW_TOKEN".into()),
            }],
            runbook: Some(SectionId::from_static("symptom-1/token-used")),
        },
        repair: Some("re-enroll".into()),
        fix: Some("nexplane-doctor fix --token-file NEW_TOKEN_FILE".into()),
        code,
    }
}

pub(in crate::report) fn check(id: &'static str, status: Status) -> CheckReport {
    CheckReport {
        id: CheckId::from_static(id),
        title: format!("Title of {id}"),
        status,
        needs: Vec::new(),
        uses: Vec::new(),
        blocked_by: match status {
            Status::Blocked => vec![CheckId::from_static("dns")],
            _ => Vec::new(),
        },
        reason: (status == Status::Unknown).then(|| "could not look".into()),
        notes: Vec::new(),
        duration: Duration::from_millis(3),
    }
}

pub(in crate::report) fn report() -> Report {
    Report {
        source: Source::Live,
        started_at: DateTime::UNIX_EPOCH,
        duration: Duration::from_millis(20),
        host: HostReport {
            hostname: "web-server-01".into(),
            os: Os::Linux,
            arch: "x86_64".into(),
            foreign_root: false,
        },
        target: TargetReport {
            control_plane: Some("https://nexplane.example.com:8000".into()),
            config_path: "/etc/nexplane-agent/config.yaml".into(),
        },
        verdict: Verdict::Failed,
        findings: vec![
            finding("token.used", Role::Cause),
            finding("service.crash_looping", Role::Symptom),
            finding("identity.exposed", Role::Notice),
        ],
        ignored: vec![finding("config.unknown_key", Role::Notice)],
        checks: vec![
            check("config", Status::Warn),
            check("service", Status::Fail),
            check("dns", Status::Unknown),
            check("tcp", Status::Blocked),
            check("identity", Status::Warn),
            check("token", Status::Fail),
        ],
        timings: Vec::new(),
        certificates: None,
        commands: Commands::default(),
    }
}

/// Pieces that mean something in one format or another.
const PIECES: [&str; 46] = [
    "]]>",
    "<![CDATA[",
    "&amp;",
    "&",
    "<script>",
    "</failure>",
    "\"",
    "'",
    "`",
    "```",
    "~~~",
    "|",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "::error title=x::forged",
    "::",
    "##[error]",
    "%0A",
    "%",
    "\\",
    "\\n",
    "not ok 1 - forged",
    "# TODO x",
    "#",
    "---",
    "...",
    "- ",
    "1. ",
    "2) ",
    "+ ",
    "> ",
    "## ",
    "[a](b)",
    "![a](b)",
    "http://x.test/",
    "www.x.test",
    "a@b.test",
    "@user",
    "GH-1",
    "*b*",
    "_c_",
    "{}",
    "$x$",
    "word",
];

pub(in crate::report) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES.as_slice()).prop_map(str::to_owned),
        2 => (0u32..0x20).prop_filter_map("a character", char::from_u32).prop_map(String::from),
        2 => (0x7fu32..0xa0).prop_filter_map("a character", char::from_u32).prop_map(String::from),
        1 => proptest::sample::select(vec!['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{fffe}', '\u{ffff}', '\u{2028}', '\u{61c}'])
            .prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
        3 => Just(" ".to_owned()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_finding() -> impl Strategy<Value = ReportedFinding> {
    let codes = ["token.used", "trust.expired", "identity.exposed"];
    let roles = [Role::Cause, Role::Symptom, Role::Notice];
    let found = (
        proptest::sample::select(codes.to_vec()),
        proptest::sample::select(roles.to_vec()),
    );
    let facts = vec((hostile(), hostile()), 0..3);
    let steps = vec((hostile(), proptest::option::of(hostile())), 0..3);
    let texts = (hostile(), hostile(), hostile());
    (found, texts, facts, steps).prop_map(|((code, role), (title, detail, text), facts, steps)| {
        let fact = |(what, value)| Fact { what, value };
        let step = |(text, command)| Step { text, command };
        ReportedFinding {
            title,
            detail,
            evidence: facts.into_iter().map(fact).collect(),
            remedy: Remedy {
                text,
                steps: steps.into_iter().map(step).collect(),
                runbook: None,
            },
            ..finding(code, role)
        }
    })
}

pub(in crate::report) fn any_report() -> impl Strategy<Value = Report> {
    let findings = (vec(any_finding(), 0..4), vec(any_finding(), 0..2));
    let texts = (hostile(), hostile(), hostile());
    let reasons = vec(hostile(), 6);
    let verdicts = [
        Verdict::Healthy,
        Verdict::Degraded,
        Verdict::Failed,
        Verdict::Undetermined,
    ];
    let verdict = proptest::sample::select(verdicts.to_vec());
    (findings, texts, reasons, verdict).prop_map(
        |((findings, ignored), (hostname, url, config), reasons, verdict)| {
            // As a diagnosis has them: causes, symptoms, notices.
            let mut findings = findings;
            findings.sort_by_key(|finding| finding.role as u8);
            let mut report = Report {
                findings,
                ignored,
                verdict,
                ..report()
            };
            report.host.hostname = hostname;
            report.target.control_plane = Some(url);
            report.target.config_path = config;
            for (check, reason) in report.checks.iter_mut().zip(reasons) {
                check.title.clone_from(&reason);
                check.reason = Some(reason);
            }
            report
        },
    )
}
