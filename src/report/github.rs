//! The report as workflow commands of GitHub Actions: an annotation a finding, and a line for who reads the log.
//!
//! An error is a cause or what one explains: the cause is an error, its symptoms are notices. A line that a runner takes for a
//! command (`::` at its beginning, `##[` anywhere) comes from nowhere but here.

use super::suite::{Message, github_annotation};
use super::{Warnings, line, plain};
use crate::model::{Report, ReportedFinding, Role, Verdict};

/// A report as lines of a job's log.
pub fn render(report: &Report, warnings: Warnings) -> String {
    let verdict = report.verdict.as_str();
    let mut text = format!(
        "nexplane-doctor: {verdict}: {}\n",
        inert(&plain::subject(report))
    );
    for finding in &report.findings {
        let level = match (finding.role, warnings) {
            (Role::Cause, _) | (Role::Notice, Warnings::Fail) => "error",
            (Role::Notice, Warnings::Allowed) => "warning",
            (Role::Symptom, _) => "notice",
        };
        text.push_str(&github_annotation(
            level,
            &title(finding),
            &message(report, finding),
        ));
    }
    for check in plain::undecided(report) {
        let title = "nexplane-doctor: could not be decided";
        text.push_str(&github_annotation("warning", title, &Message::line(check)));
    }
    if !report.ignored.is_empty() {
        let ignored = plain::codes(report.ignored.iter().map(|finding| &finding.code));
        text.push_str(&format!("ignored, as asked: {ignored}\n"));
    }
    if report.verdict == Verdict::Healthy {
        let said = line::render(report);
        text.push_str(&github_annotation(
            "notice",
            "nexplane-doctor",
            &Message::line(said),
        ));
    }
    text
}

/// Why there is no report.
pub fn failure(message: &str) -> String {
    github_annotation("error", "nexplane-doctor", &Message::line(message))
}

fn title(finding: &ReportedFinding) -> String {
    format!("{} {}", finding.role.as_str(), plain::headline(finding))
}

fn message(report: &Report, finding: &ReportedFinding) -> Message {
    let mut lines = plain::finding(report, finding).into_iter();
    Message {
        line: lines.next().unwrap_or_default(),
        detail: lines.collect(),
    }
}

/// Text within a line of the log that is no command: the older form of one begins anywhere in a line.
fn inert(text: &str) -> String {
    text.replace("##[", "## [")
}
