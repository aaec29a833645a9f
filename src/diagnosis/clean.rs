//! The last net: what came from outside and stands in a report is looked through once more for secrets, so that no format
//! has to. The door has left out what it saw; evidence that a stranger recorded has come through another.

use crate::model::{
    CertificateReport, Certificates, Chain, ChainEnd, CheckReport, Fact, HostReport, Reply, Report,
    ReportedFinding, TargetReport, Timing, redact,
};

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
    report.timings.iter_mut().for_each(of_timing);
    report.certificates.iter_mut().for_each(of_certificates);
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

fn of_timing(timing: &mut Timing) {
    without_secrets(&mut timing.what);
    let (Reply::Given(reply) | Reply::Failed(reply)) = &mut timing.reply;
    without_secrets(reply);
}

fn of_certificates(certificates: &mut Certificates) {
    let Certificates { server, agent, .. } = certificates;
    agent.iter_mut().for_each(of_certificate);
    if let Some(Chain { line, end, aside }) = server {
        line.iter_mut().for_each(of_certificate);
        let (ChainEnd::Anchor(end) | ChainEnd::Breaks(end)) = end;
        aside.iter_mut().for_each(without_secrets);
        without_secrets(end);
    }
}

fn of_certificate(certificate: &mut CertificateReport) {
    let CertificateReport {
        subject,
        issuer,
        names,
        problems,
        ..
    } = certificate;
    let texts = [subject, issuer, names].into_iter().chain(problems);
    texts.for_each(without_secrets);
}

fn of_fact(fact: &mut Fact) {
    without_secrets(&mut fact.what);
    without_secrets(&mut fact.value);
}

fn without_secrets(text: &mut String) {
    *text = redact(text);
}
