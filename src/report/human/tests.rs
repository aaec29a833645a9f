//! What a person sees: causes before symptoms before warnings, commands whole, nothing from outside that acts.

use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::model::{CheckId, Commands, HostReport, Os, Source, Step, TargetReport, Verdict};
use crate::report::testing;

const PLAIN: Look = Look {
    color: false,
    unicode: true,
    width: 60,
    checks: true,
    verbose: false,
};

const COMMAND: &str =
    "nexplane-agent install --control-plane https://nexplane.example.com:8000 --token NEW_TOKEN";

fn finding(code: &'static str, role: Role, explained_by: &[&'static str]) -> ReportedFinding {
    let mut finding = testing::finding(code, role, explained_by);
    finding.evidence.push(Fact {
        what: "seen".into(),
        value: "\x1b[31mred\r\nforged line".into(),
    });
    finding.remedy.steps.push(Step {
        text: "Install again".into(),
        command: Some(COMMAND.into()),
    });
    finding
}

fn check(id: &'static str, status: Status, blocked_by: &[&'static str]) -> CheckReport {
    CheckReport {
        id: CheckId::from_static(id),
        title: format!("title of {id}"),
        status,
        needs: Vec::new(),
        uses: Vec::new(),
        blocked_by: blocked_by
            .iter()
            .copied()
            .map(CheckId::from_static)
            .collect(),
        reason: (status == Status::Unknown).then(|| "could not look".into()),
        notes: Vec::new(),
        duration: Duration::from_millis(3),
    }
}

fn report() -> Report {
    Report {
        source: Source::Live,
        started_at: DateTime::UNIX_EPOCH,
        duration: Duration::from_millis(20),
        host: HostReport {
            hostname: "web-\x1b]0;x\x07server".into(),
            os: Os::Linux,
            arch: "x86_64".into(),
            foreign_root: false,
        },
        target: TargetReport {
            control_plane: None,
            config_path: "/etc/nexplane-agent/config.yaml".into(),
        },
        verdict: Verdict::Failed,
        findings: vec![
            finding("token.used", Role::Cause, &[]),
            finding("service.crash_looping", Role::Symptom, &["token.used"]),
            finding("identity.exposed", Role::Notice, &[]),
        ],
        ignored: vec![finding("config.unknown_key", Role::Notice, &[])],
        checks: vec![
            check("dns", Status::Unknown, &[]),
            check("tcp", Status::Blocked, &["dns"]),
            check("tls", Status::Blocked, &["dns"]),
        ],
        timings: Vec::new(),
        certificates: None,
        commands: Commands {
            explain: Some("nexplane-doctor explain token.used".into()),
            again: None,
        },
    }
}

/// Where each of these stands, in this order.
fn assert_in_order(page: &str, parts: &[&str]) {
    let mut rest = page;
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("`{part}` is not there, or too early:\n{page}"),
        }
    }
}

#[test]
fn the_cause_comes_first_and_says_what_it_explains_and_what_to_do() {
    let page = render(&report(), PLAIN);
    assert_in_order(
        &page,
        &[
            "FAILED  1 cause, 1 symptom, 1 warning",
            "no control plane known",
            "Cause: title of token.used [token.used]",
            "Detail of token.used.",
            "It explains: service.crash_looping",
            "What to do",
            "1. Install again",
            COMMAND,
            "Symptoms",
            "    because of token.used\n",
            "Warning: title of identity.exposed",
            "Ignored, as asked: config.unknown_key",
            "blocked by dns: tcp, tls",
            "nexplane-doctor explain token.used",
        ],
    );
}

#[test]
fn what_is_ignored_looks_neither_like_a_failure_nor_like_all_well() {
    let mut report = report();
    report.findings.remove(0);
    report.findings[0]
        .explained_by
        .push(Code::from_static("tcp.refused"));
    let with = finding("identity.missing", Role::Symptom, &["token.used"]);
    report.ignored = vec![finding("token.used", Role::Cause, &[]), with];
    report.checks = vec![
        check("token", Status::Fail, &[]),
        check("service", Status::Fail, &[]),
    ];
    let page = render(&report, PLAIN);
    assert_in_order(
        &page,
        &[
            "service.crash_looping  title of service.crash_looping\n    because of token.used (ignored), tcp.refused\n",
            "Ignored, as asked: token.used; and what that explains:\n  identity.missing\n",
            " ~  token    title of token.used (ignored)",
            " \u{2717}  service  title of service.crash_looping",
        ],
    );
    let ignore = [Code::from_static("token.used")];
    let line = |found: &[&'static str], unicode| {
        let found: Vec<Code> = found.iter().copied().map(Code::from_static).collect();
        let look = Look { unicode, ..PLAIN };
        check_line(&check("token", Status::Fail, &[]), &found, &ignore, look)
    };
    assert!(line(&["token.used"], true).starts_with("~ token        token.used (ignored)"));
    assert!(line(&["token.used"], false).starts_with("ignored token"));
    let both = line(&["token.used", "token.expired"], true);
    assert!(both.starts_with("\u{2717} token        token.used (ignored), token.expired"));
}

#[test]
fn a_command_is_never_broken_and_a_long_label_leaves_its_value_room() {
    let mut report = report();
    let again =
        "nexplane-doctor --control-plane https://nexplane.example.com:8000 --ca-cert '/a b'";
    report.commands.again = Some(again.into());
    report.findings[0].evidence = facts(&[
        ("nexplane.example.com AAAA from 192.0.2.1", "no such record"),
        ("address", "192.0.2.9"),
    ]);
    let page = render(&report, PLAIN);
    assert_in_order(
        &page,
        &[
            "  \u{2502} nexplane.example.com AAAA from 192.0.2.1\n  \u{2502}     no such record\n",
            "  \u{2502} address  192.0.2.9\n",
            "More about a finding: nexplane-doctor explain token.used\nTo look again:",
            &format!("\n  {again}\n"),
        ],
    );
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    let page = render(&report(), PLAIN);
    assert!(!page.contains(['\x1b', '\x07', '\r']), "{page}");
    assert!(page.contains("red  forged line"), "{page}");
}

#[test]
fn colours_and_characters_are_the_terminals() {
    let colored = render(
        &report(),
        Look {
            color: true,
            ..PLAIN
        },
    );
    assert!(colored.contains("\x1b["));
    let ascii = render(
        &report(),
        Look {
            unicode: false,
            ..PLAIN
        },
    );
    assert!(ascii.is_ascii(), "{ascii}");
    assert!(ascii.contains("unknown"), "{ascii}");
}

#[test]
fn a_line_of_progress_fits() {
    let mut long = check("dns", Status::Unknown, &[]);
    long.reason = Some("x".repeat(300));
    for width in [40, 80] {
        let line = check_line(&long, &[], &[], Look { width, ..PLAIN });
        assert!(line.chars().count() <= width, "{width}: {line}");
    }
}

fn facts(facts: &[(&str, &str)]) -> Vec<Fact> {
    let fact = |(what, value): &(&str, &str)| Fact {
        what: (*what).into(),
        value: (*value).into(),
    };
    facts.iter().map(fact).collect()
}

#[test]
fn what_belongs_to_one_thing_stands_below_it_and_is_shown_once() {
    let chain = facts(&[
        ("certificate 1", "CN=a.test"),
        ("certificate 1: key", "ECDSA, P-256 \u{2190} odd"),
        ("certificate 10", "CN=b.test"),
        ("chain", "breaks here"),
    ]);
    let mut report = report();
    report.findings.truncate(1);
    report
        .findings
        .push(finding("token.expired", Role::Cause, &[]));
    for finding in &mut report.findings {
        finding.evidence = chain.clone();
    }
    let page = render(&report, PLAIN);
    assert_in_order(
        &page,
        &[
            "  \u{2502} certificate 1   CN=a.test\n",
            "  \u{2502}   key           ECDSA, P-256 \u{2190} odd\n",
            "  \u{2502} certificate 10  CN=b.test\n",
            "  \u{2502} chain           breaks here\n",
            "  \u{2502} certificate 1   CN=a.test (as shown above)\n",
            "  \u{2502} certificate 10  CN=b.test\n",
        ],
    );
    assert_eq!(page.matches("ECDSA").count(), 1, "{page}");
}

#[test]
fn a_fingerprint_wraps_between_its_bytes() {
    let hash = vec!["AB"; 32].join(":");
    let mut report = report();
    report.findings.truncate(1);
    report.findings[0].evidence = facts(&[("SHA-256", &hash)]);
    let page = render(&report, PLAIN);
    let fifteen = "AB:".repeat(15);
    assert!(page.contains(&format!("SHA-256  {fifteen}\n")), "{page}");
    let shown: String = page
        .lines()
        .filter_map(|line| Some(line.split_once('\u{2502}')?.1.trim()))
        .collect();
    assert_eq!(shown.replacen("SHA-256  ", "", 1), hash);
}

#[test]
fn what_fix_can_repair_is_said_after_the_steps() {
    let mut report = report();
    let page = render(&report, PLAIN);
    assert!(!page.contains("nexplane-doctor fix"), "{page}");
    report.findings[0].repair = Some("mend-url".into());
    let page = render(&report, PLAIN);
    assert!(!page.contains("nexplane-doctor fix"), "{page}");
    let fix = "nexplane-doctor fix --root /mnt";
    report.findings[0].fix = Some(fix.into());
    let page = render(&report, PLAIN);
    let first = report.findings[0].remedy.steps[0].text.clone();
    assert_in_order(&page, &[&first, "Or have the doctor repair it", fix]);
}
