//! The report as the results of tests, for CI servers: one case a check.
//!
//! A case passes only if its check looked and found no error. What could not be decided is no success, and what was not judged is
//! skipped only where a case that fails says why.

use super::suite::{self, CannotWrite, Case, Message, Outcome, Suite};
use super::{Warnings, json_v1, plain};
use crate::model::{CheckId, CheckReport, Report, ReportedFinding, Severity, Status, printable};

/// The name of the suite, and the class of its cases.
const NAME: &str = "nexplane-doctor";

/// A report as JUnit's XML.
///
/// # Errors
/// When that cannot be written.
pub fn junit(report: &Report, warnings: Warnings) -> Result<String, CannotWrite> {
    suite::junit_with(&of(report, warnings), &properties(report))
}

/// A report as TAP.
pub fn tap(report: &Report, warnings: Warnings) -> String {
    let cases = of(report, warnings).cases;
    let mut text = format!("TAP version 14\n{}", suite::tap_plan(cases.len()));
    for (name, value) in properties(report) {
        text.push_str(&format!("# {name}: {}\n", printable(&value)));
    }
    for (i, case) in cases.iter().enumerate() {
        text.push_str(&suite::tap_case(i + 1, case));
    }
    text
}

/// Why there is no report, as JUnit's XML: a case that could not be decided.
///
/// # Errors
/// When that cannot be written.
pub fn junit_failure(message: &str) -> Result<String, CannotWrite> {
    let diagnosis = Case {
        name: "diagnosis".to_owned(),
        outcome: Outcome::Broken(Message::line(message)),
        ..Case::default()
    };
    suite::junit(&Suite {
        name: NAME.to_owned(),
        cases: vec![diagnosis],
        ..Suite::default()
    })
}

/// Why there is no report, as TAP.
pub fn tap_failure(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("TAP version 14\nBail out! {}\n", printable(&message))
}

/// A report as a suite of cases.
pub fn of(report: &Report, warnings: Warnings) -> Suite {
    let case = |check: &CheckReport| Case {
        name: check.id.to_string(),
        outcome: outcome(check, report, warnings),
        duration: check.duration,
        place: None,
    };
    Suite {
        name: NAME.to_owned(),
        cases: report.checks.iter().map(case).collect(),
        duration: report.duration,
    }
}

/// What is said of the whole.
fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let ignored = report.ignored.iter().map(|finding| &finding.code);
    let mut properties = vec![
        ("verdict", report.verdict.as_str().to_owned()),
        ("root_causes", plain::codes(report.root_causes())),
        ("ignored", plain::codes(ignored)),
        ("host", report.host.hostname.clone()),
        (
            "control_plane",
            report.target.control_plane.clone().unwrap_or_default(),
        ),
        ("started_at", json_v1::time(report.started_at)),
        ("source", report.source.as_str().to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    properties.retain(|(_, value)| !value.is_empty());
    properties
}

fn outcome(check: &CheckReport, report: &Report, warnings: Warnings) -> Outcome {
    let of_check = |finding: &&ReportedFinding| finding.check == check.id;
    let found: Vec<&ReportedFinding> = report.findings.iter().filter(of_check).collect();
    let reported = |id: &CheckId| report.checks.iter().any(|check| check.id == *id);
    let reason = || check.reason.clone().unwrap_or_default();
    if !found.is_empty() {
        let error = found.iter().any(|f| f.severity == Severity::Error);
        return match error || warnings == Warnings::Fail {
            true => Outcome::Failed(message(report, &found)),
            false => Outcome::Warned(message(report, &found)),
        };
    }
    match check.status {
        Status::Pass => Outcome::Passed,
        // All that it found is ignored.
        Status::Warn | Status::Fail => {
            let ignored = report.ignored.iter().filter(of_check).map(|f| &f.code);
            Outcome::Skipped(format!("ignored, as asked: {}", plain::codes(ignored)))
        }
        Status::Unknown => Outcome::Broken(Message::line(format!("not decided: {}", reason()))),
        Status::Blocked => {
            let by: Vec<&str> = check.blocked_by.iter().map(|id| id.as_str()).collect();
            let why = format!("blocked by {}", by.join(", "));
            // Otherwise no case would tell of it.
            match check.blocked_by.iter().all(reported) {
                true => Outcome::Skipped(why),
                false => Outcome::Broken(Message::line(format!("not decided: {why}"))),
            }
        }
        Status::Skipped => Outcome::Skipped(reason()),
    }
}

/// What is said of the findings of one check.
fn message(report: &Report, findings: &[&ReportedFinding]) -> Message {
    let headline = |f: &&ReportedFinding| format!("{} {}", f.role.as_str(), plain::headline(f));
    let headlines: Vec<String> = findings.iter().map(headline).collect();
    let mut detail = Vec::new();
    for (finding, headline) in findings.iter().zip(&headlines) {
        // A single one stands in the line above.
        if findings.len() > 1 {
            detail.push(headline.clone());
        }
        detail.extend(plain::finding(report, finding));
    }
    Message {
        line: headlines.join("; "),
        detail,
    }
}
