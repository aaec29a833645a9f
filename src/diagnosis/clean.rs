//! The last net: what came from outside and stands in a report is looked through once more for secrets, so that no format
//! has to. The door has left out what it saw; evidence that a stranger recorded has come through another.

use crate::model::{CheckReport, Fact, HostReport, Report, ReportedFinding, TargetReport, redact};

/// The report without what looks like a secret.
pub(super) fn clean(mut report: Report) -> Report {
    let HostReport { hostname, arch, .. } = &mut report.host;
    let TargetReport {
        control_plane,
        config_path,
    } = &mut report.target;
    let texts = [hostname, arch, config_path]
        .into_iter()
        .chain(control_plane);
    texts.for_each(without_secrets);
    report
        .findings
        .iter_mut()
        .chain(&mut report.ignored)
        .for_each(of_finding);
    report.checks.iter_mut().for_each(of_check);
    report
}

fn of_finding(finding: &mut ReportedFinding) {
    without_secrets(&mut finding.detail);
    finding.evidence.iter_mut().for_each(of_fact);
}

fn of_check(check: &mut CheckReport) {
    check.reason.iter_mut().for_each(without_secrets);
    check.notes.iter_mut().for_each(of_fact);
}

fn of_fact(fact: &mut Fact) {
    without_secrets(&mut fact.what);
    without_secrets(&mut fact.value);
}

fn without_secrets(text: &mut String) {
    *text = redact(text);
}
