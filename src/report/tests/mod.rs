//! What holds for every format: the same facts, and nothing from outside that acts in it.

mod markdown;
pub(in crate::report) mod sample;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use self::sample::{any_report, report};
use super::*;
use crate::model::{CheckId, Code, Report, Role, Status, Verdict, is_unprintable};

const LOOK: human::Look = human::Look {
    color: false,
    unicode: false,
    width: 100,
    checks: true,
    verbose: true,
};

fn all(report: &Report, warnings: Warnings) -> [(&'static str, String); 8] {
    [
        ("junit", cases::junit(report, warnings).unwrap_or_default()),
        ("tap", cases::tap(report, warnings)),
        ("nagios", nagios::render(report, warnings)),
        ("prometheus", prometheus::render(report)),
        ("markdown", self::super::markdown::render(report)),
        ("github", github::render(report, warnings)),
        ("human", human::render(report, LOOK)),
        ("html", html::render(report)),
    ]
}

macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($pattern).expect("a literal pattern"));
    };
}
// The guidelines' grammar of a plugin's first line: text, a bar, performance data.
pattern!(
    PLUGIN,
    r"^NEXPLANE (OK|WARNING|CRITICAL|UNKNOWN) - [^|]+ \|( [a-z]+=[0-9]+(\.[0-9]+)?(s|%|B)?(;[0-9.]*){0,4})+$"
);
pattern!(
    SAMPLE,
    r#"^(nexplane_doctor_[a-z_]+)(\{[a-z]+="[a-z0-9_.]*"(,[a-z]+="[a-z0-9_.]*")*\})? [0-9.]+$"#
);
pattern!(ANNOTATION, r"^::(error|warning|notice) title=[^:,\r]*::");
pattern!(
    TAP,
    r"^(TAP version 14|1\.\.[0-9]+( # SKIP .*)?|(not )?ok [0-9]+ - .*)$"
);
pattern!(BECAUSE, "(?i)because of (`|<[^>]*>)*token.used");

#[test]
fn every_format_tells_verdict_causes_symptoms_and_remedies() {
    let report = report();
    for (format, text) in all(&report, Warnings::Allowed) {
        let verdict = match format {
            "nagios" => "CRITICAL",
            "markdown" | "human" => "FAILED",
            _ => "failed",
        };
        assert!(text.contains(verdict), "{format}: {text}");
        for finding in &report.findings {
            assert!(text.contains(finding.code.as_str()), "{format}: {text}");
        }
        if format == "prometheus" {
            continue;
        }
        for told in [
            "Detail of token.used.",
            "Do this.",
            "nexplane-agent install --token NEW_TOKEN",
            "symptom-1/token-used",
            "nexplane-doctor fix --token-file NEW_TOKEN_FILE",
            "could not look",
            "config.unknown_key",
        ] {
            assert!(text.contains(told), "{format}, `{told}`: {text}");
        }
        assert!(BECAUSE.is_match(&text), "{format}: {text}");
    }
}

/// What each format says of a check that failed.
fn failure_of(format: &str, check: &str) -> String {
    match format {
        "junit" => format!(
            "<testcase name=\"{check}\" classname=\"nexplane-doctor\" time=\"0.003\">\n            <failure"
        ),
        "tap" => format!("not ok 1 - {check}"),
        "nagios" => format!("cause {check}."),
        "prometheus" => format!("status{{check=\"{check}\",status=\"fail\"}} 1"),
        "markdown" => format!("- `{check}`: fail"),
        "github" => format!("::error title=cause {check}."),
        "human" => format!("fail  {check}"),
        _ => "class=\"node cause\"".to_owned(),
    }
}

/// The same of one that found nothing but what is ignored.
fn ignored_of(format: &str, check: &str) -> String {
    match format {
        "junit" => "<skipped message=\"ignored, as asked: token.used\"/>".to_owned(),
        "tap" => format!("ok 1 - {check} # SKIP ignored, as asked: token.used"),
        "prometheus" => format!("status{{check=\"{check}\",status=\"ignored\"}} 1"),
        "markdown" => format!("- `{check}`: ignored"),
        "human" => format!("ignored  {check}"),
        "html" => "class=\"node ignored\"".to_owned(),
        _ => "ignored, as asked: token.used".to_owned(),
    }
}

#[test]
fn what_is_ignored_is_no_failure_in_any_format() {
    let mut report = report();
    report
        .findings
        .retain(|found| found.code.as_str() == "token.used");
    report.checks = vec![sample::check("token", Status::Fail)];
    for (format, text) in all(&report, Warnings::Fail) {
        let (failed, ignored) = (failure_of(format, "token"), ignored_of(format, "token"));
        assert!(text.contains(&failed), "{format}, {failed}: {text}");
        assert!(!text.contains(&ignored), "{format}, {ignored}: {text}");
    }
    report.ignored = std::mem::take(&mut report.findings);
    report.verdict = Verdict::Healthy;
    for (format, text) in all(&report, Warnings::Fail) {
        let (failed, ignored) = (failure_of(format, "token"), ignored_of(format, "token"));
        assert!(!text.contains(&failed), "{format}, {failed}: {text}");
        assert!(text.contains(&ignored), "{format}, {ignored}: {text}");
        assert!(text.contains("token.used"), "{format}: {text}");
    }
    // A cause that is ignored still explains, and is named as what it is.
    report.findings = vec![sample::finding("service.crash_looping", Role::Symptom)];
    report.checks.push(sample::check("service", Status::Fail));
    report.findings[0]
        .explained_by
        .push(Code::from_static("dns.not_found"));
    for (format, text) in all(&report, Warnings::Allowed) {
        assert!(
            text.contains("(ignored)") || format == "prometheus",
            "{format}: {text}"
        );
    }
}

#[test]
fn a_suite_fails_exactly_if_the_diagnosis_is_no_success() {
    let fails = |report: &Report, warnings| {
        let cases = cases::of(report, warnings).cases;
        cases.iter().any(|case| case.outcome.fails())
    };
    let mut report = report();
    assert!(fails(&report, Warnings::Allowed));
    report.findings.retain(|found| found.role == Role::Notice);
    report.verdict = Verdict::Undetermined;
    assert!(fails(&report, Warnings::Allowed));
    report
        .checks
        .retain(|check| check.status != Status::Unknown);
    report.checks.retain(|check| check.blocked_by.is_empty());
    report.verdict = Verdict::Degraded;
    // The service's crash loop and the token's use are ignored now, and so is what their checks ended in.
    assert!(!fails(&report, Warnings::Allowed));
    assert!(fails(&report, Warnings::Fail));
    assert_eq!(nagios::State::of(&report, Warnings::Allowed).status(), 1);
    assert_eq!(nagios::State::of(&report, Warnings::Fail).status(), 2);
    // What is blocked by a check that is not reported is told by no other case.
    let mut blocked = sample::check("tls", Status::Blocked);
    blocked.blocked_by = vec![CheckId::from_static("tcp")];
    report.checks.push(blocked);
    assert!(fails(&report, Warnings::Allowed));
}

#[test]
fn a_failure_without_a_report_is_one_line_where_a_line_is_read() {
    let message = "a | b\nc \u{1b}[31m:: d";
    assert_eq!(
        nagios::failure(message),
        "NEXPLANE UNKNOWN - a \u{a6} b c \u{fffd}[31m:: d\n"
    );
    assert_eq!(
        cases::tap_failure(message),
        "TAP version 14\nBail out! a | b c \u{fffd}[31m:: d\n"
    );
    assert_eq!(
        github::failure(message),
        "::error title=nexplane-doctor::a | b%0Ac \u{fffd}[31m:: d\n"
    );
    let junit = cases::junit_failure(message).unwrap_or_default();
    let read = quick_junit::Report::deserialize_from_str(&junit);
    let counts = read.map(|read| (read.tests, read.errors));
    assert_eq!(counts.ok(), Some((1, 1)), "{junit}");
}

/// Below the first line, a bar would begin more performance data.
fn is_plugin_output(text: &str) -> bool {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    PLUGIN.is_match(first) && lines.all(|line| !line.contains('|'))
}

/// The text format's grammar, and that no series is there twice and none without its type.
fn is_exposition(text: &str) -> Result<(), String> {
    let mut typed = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# TYPE ") {
            let name = name.strip_suffix(" gauge").ok_or(line)?;
            if !typed.insert(name.to_owned()) {
                return Err(format!("typed twice: {name}"));
            }
        } else if !line.starts_with("# HELP ") {
            if !SAMPLE.is_match(line) {
                return Err(format!("no sample: {line}"));
            }
            let (name, _) = line.split_once(' ').unwrap_or_default();
            let family = name.split('{').next().unwrap_or_default();
            if !typed.contains(family) || !series.insert(name.to_owned()) {
                return Err(format!("untyped or there twice: {name}"));
            }
        }
    }
    Ok(())
}

/// A runner takes nothing for a command but annotations.
fn is_annotated(text: &str) -> bool {
    text.lines().all(|line| match line.starts_with("::") {
        true => ANNOTATION.is_match(line),
        false => !line.starts_with(char::is_whitespace) && !line.contains("##["),
    })
}

fn tap_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (line, &mut block) {
            ("  ---", None) => block = Some(String::new()),
            ("  ...", Some(_)) => blocks.extend(block.take()),
            (line, Some(block)) => block.push_str(&format!("{line}\n")),
            (_, None) => {}
        }
    }
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_from_outside_acts_in_any_format(report in any_report(), strict in any::<bool>()) {
        let warnings = if strict { Warnings::Fail } else { Warnings::Allowed };
        for (format, text) in all(&report, warnings) {
            // In a page a tab is a blank.
            let blank = |c: char| c == '\n' || (c == '\t' && format == "html");
            let acts = |c: char| !blank(c) && is_unprintable(c);
            prop_assert!(!text.contains(acts), "{}: {:?}", format, text);
            prop_assert!(text.ends_with('\n'), "{}: {:?}", format, text);
            match format {
                "nagios" => {
                    prop_assert!(is_plugin_output(&text), "{}", text);
                    prop_assert!(text.len() <= 8192);
                }
                "prometheus" => prop_assert_eq!(is_exposition(&text), Ok(())),
                "github" => prop_assert!(is_annotated(&text), "{}", text),
                "tap" => {
                    let tops = text.lines().filter(|line| !line.starts_with([' ', '#']));
                                        for line in tops {
                        prop_assert!(TAP.is_match(line), "{}", line);
                    }
                    for block in tap_blocks(&text) {
                        let read: Result<serde_json::Value, _> = serde_yaml::from_str(&block);
                        prop_assert!(read.is_ok(), "{:?}: {}", read, block);
                    }
                }
                "junit" => {
                    let read = quick_junit::Report::deserialize_from_str(&text);
                    prop_assert!(read.is_ok(), "{:?}: {}", read, text);
                    prop_assert_eq!(read.map(|read| read.tests).unwrap_or(0), report.checks.len());
                    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
                    prop_assert!(text.chars().all(legal), "{:?}", text);
                }
                _ => {}
            }
        }
    }
}
