//! A diagnosis in one line, for a log: what is wrong, and what to do first.

use crate::model::{Report, ReportedFinding, Role, Status, Verdict, excerpt, printable};

/// So many characters at most: a line of a log is not read further.
const LONGEST: usize = 400;

/// `trust.unknown_authority: the title; first step: …`, or what there is to say where nothing is wrong.
pub fn render(report: &Report) -> String {
    let causes = report.findings.iter().filter(|f| f.role == Role::Cause);
    let notices = report.findings.iter().filter(|f| f.role == Role::Notice);
    let told: Vec<&ReportedFinding> = match report.verdict {
        Verdict::Failed => causes.collect(),
        _ => notices.collect(),
    };
    let line = match told.split_first() {
        Some((first, others)) => finding(first, others),
        None if report.verdict == Verdict::Undetermined => undetermined(report),
        None => "healthy".to_owned(),
    };
    bounded(&printable(&line))
}

/// The word for it.
pub const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "healthy",
        Verdict::Degraded => "degraded",
        Verdict::Failed => "failed",
        Verdict::Undetermined => "undetermined",
    }
}

fn finding(first: &ReportedFinding, others: &[&ReportedFinding]) -> String {
    let mut line = format!("{}: {}", first.code, first.title);
    if !others.is_empty() {
        let codes: Vec<&str> = others.iter().map(|other| other.code.as_str()).collect();
        line.push_str(&format!("; also {}", codes.join(", ")));
    }
    if let Some(step) = first.remedy.steps.first() {
        line.push_str(&format!("; first step: {}", excerpt(&step.text)));
        if let Some(command) = &step.command {
            line.push_str(&format!(" ({})", excerpt(command)));
        }
    }
    line
}

fn undetermined(report: &Report) -> String {
    let open = report.checks.iter().filter(|c| c.status == Status::Unknown);
    let ids: Vec<&str> = open.map(|check| check.id.as_str()).collect();
    format!("nothing found; not decided: {}", ids.join(", "))
}

fn bounded(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
