//! A finding in plain lines, for formats that carry text within something else. Nothing from outside acts in them.

use super::summary;
use crate::model::{Code, Report, ReportedFinding, Role, Status, printable};

/// What stands before the command by which the doctor does it itself.
pub(super) const OR_REPAIR: &str = "Or have the doctor repair it. It shows the plan, and asks:";

/// All that there is to say of a finding but its code and title: what exactly, what shows it, why it is only a symptom,
/// and what to do.
pub(super) fn finding(report: &Report, finding: &ReportedFinding) -> Vec<String> {
    let mut lines = vec![printable(&finding.detail).into_owned()];
    for fact in &finding.evidence {
        lines.push(format!(
            "  {}: {}",
            printable(&fact.what),
            printable(&fact.value)
        ));
    }
    if finding.role == Role::Symptom {
        lines.push(summary::because(report, finding));
    }
    let remedy = &finding.remedy;
    let runbook = match &remedy.runbook {
        Some(section) => format!(" (runbook: {section})"),
        None => String::new(),
    };
    lines.push(format!("What to do: {}{runbook}", printable(&remedy.text)));
    for (i, step) in remedy.steps.iter().enumerate() {
        lines.push(format!("{}. {}", i + 1, printable(&step.text)));
        for line in step.command.iter().flat_map(|command| command.lines()) {
            lines.push(format!("   {}", printable(line)));
        }
    }
    if let Some(fix) = &finding.fix {
        lines.push(OR_REPAIR.to_owned());
        lines.push(format!("   {}", printable(fix)));
    }
    lines
}

/// `trust.expired: the title`.
pub(super) fn headline(finding: &ReportedFinding) -> String {
    format!("{}: {}", finding.code, printable(&finding.title))
}

/// Codes in a sentence.
pub(super) fn codes<'a>(codes: impl IntoIterator<Item = &'a Code>) -> String {
    let codes: Vec<&str> = codes.into_iter().map(Code::as_str).collect();
    codes.join(", ")
}

/// Which host was diagnosed, and against which control plane.
pub(super) fn subject(report: &Report) -> String {
    let whom = match &report.target.control_plane {
        Some(url) => printable(url),
        None => "no control plane known".into(),
    };
    format!("{} -> {whom}", printable(&report.host.hostname))
}

/// The checks that could not be decided, each with the reason.
pub(super) fn undecided(report: &Report) -> impl Iterator<Item = String> {
    let open = report.checks.iter().filter(|c| c.status == Status::Unknown);
    open.map(|check| {
        let reason = check.reason.as_deref().unwrap_or("for no known reason");
        format!("{}: {}", check.id, printable(reason))
    })
}

/// The findings with a role, in their order.
pub(super) fn of_role(report: &Report, role: Role) -> impl Iterator<Item = &ReportedFinding> {
    report.findings.iter().filter(move |f| f.role == role)
}
