//! What a report comes to in half a line, and what explains what in it: the same words in every format.

use super::ending::{is_ignored, named};
use crate::model::{Code, Report, ReportedFinding, Role, Verdict, counted};

/// `1 cause, 2 symptoms`, or that nothing was found, or that something is undecided.
pub(super) fn summary(report: &Report) -> String {
    let count = |role| report.findings.iter().filter(|f| f.role == role).count();
    let mut parts = Vec::new();
    for (role, one, many) in [
        (Role::Cause, "cause", "causes"),
        (Role::Symptom, "symptom", "symptoms"),
        (Role::Notice, "warning", "warnings"),
    ] {
        match count(role) {
            0 => {}
            found => parts.push(counted(found, one, many)),
        }
    }
    match (report.verdict, parts.is_empty()) {
        (Verdict::Undetermined, _) => {
            parts.push("something that matters could not be decided".to_owned());
            parts.join(", ")
        }
        (_, true) if !report.ignored.is_empty() => "nothing else wrong was found".to_owned(),
        (_, true) => "nothing wrong was found".to_owned(),
        (_, false) => parts.join(", "),
    }
}

/// What explains a symptom.
pub(super) fn because(report: &Report, finding: &ReportedFinding) -> String {
    let causes = finding.explained_by.iter();
    let causes: Vec<String> = causes
        .map(|code| named(code.as_str(), is_ignored(report, code)))
        .collect();
    format!("because of {}", causes.join(", "))
}

/// The findings that a cause explains.
pub(super) fn explained_by(report: &Report, cause: &Code) -> Vec<Code> {
    let explained = report
        .findings
        .iter()
        .filter(|finding| finding.explained_by.contains(cause));
    explained.map(|finding| finding.code.clone()).collect()
}
