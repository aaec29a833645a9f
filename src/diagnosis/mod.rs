//! From a run to a report: which finding explains which, what it comes to, and what to do about it.
//!
//! Pure: the same run gives the same report, whether it was live or played back.

mod by_log;
mod certificates;
mod clean;
mod commands;
mod explain;
mod history;
#[cfg(test)]
mod law;
pub mod offer;
#[cfg(test)]
mod tests;
mod timings;
mod values;
mod verdict;

use crate::catalog::{Catalog, FindingDoc};
use crate::checks::{Check as _, config, service};
use crate::engine::{Outcome, Run};
use crate::model::{
    CheckId, CheckReport, Code, Fact, Finding, HostReport, Repaired, Report, ReportedFinding, Role,
    Severity, Source, Status, TargetReport,
};

/// Makes the report of a run.
///
/// `ignore` names findings that the user does not want to count: they are told apart, and neither fail the verdict nor
/// show among the causes, and what they alone explain goes with them. What a check explains that is not reported stays a symptom.
pub fn diagnose(catalog: &Catalog, run: &Run, source: Source, ignore: &[Code]) -> Report {
    let told = config::told(&run.known);
    let mut log = history::Log::of(run, &found(catalog, run));
    let judged = log.judge(catalog, run);
    let run = judged.as_ref().unwrap_or(run);
    let found = found(catalog, run);
    let causes = explain::causes(&found);
    let base = values::of_host(&run.known);
    let mut reported: Vec<ReportedFinding> = found
        .iter()
        .zip(causes)
        .filter(|(found, _)| found.reported)
        .map(|(found, explained_by)| report(found, explained_by, &base, &log, run))
        .collect();
    // Causes, then symptoms, then notices; within each, the order in which to fix them, which is the order they are in.
    reported.sort_by_key(|finding| match finding.role {
        Role::Cause => 0,
        Role::Symptom => 1,
        Role::Notice => 2,
    });
    let symptom_of_ignored = |finding: &ReportedFinding| {
        let mut causes = finding.explained_by.iter();
        finding.role == Role::Symptom && causes.all(|cause| ignore.contains(cause))
    };
    let (ignored, mut findings): (Vec<_>, Vec<_>) = reported
        .into_iter()
        .partition(|finding| ignore.contains(&finding.code) || symptom_of_ignored(finding));
    offer::offer(run, &base, &mut findings);
    let verdict = verdict::of(&findings, &run.outcomes);
    clean::clean(Report {
        source,
        started_at: run.started_at,
        duration: run.duration,
        host: HostReport {
            hostname: run.known.system.hostname.clone(),
            os: run.known.system.os,
            arch: run.known.system.arch.clone(),
            foreign_root: run.known.system.foreign_root,
        },
        target: TargetReport {
            control_plane: told.control_plane.map(|url| url.to_string()),
            config_path: told.path.path.display().to_string(),
        },
        verdict,
        commands: commands::of(
            &run.known,
            &base,
            verdict,
            findings.first().map(|finding| &finding.code),
        ),
        findings,
        ignored,
        checks: run
            .outcomes
            .iter()
            .map(|outcome| check_report(catalog, outcome, &log))
            .collect(),
        timings: timings::of(run),
        certificates: certificates::of(run),
    })
}

/// A finding with its text.
struct Found<'a> {
    reported: bool,
    outcome: &'a Outcome,
    finding: &'a Finding,
    doc: &'a FindingDoc,
}

/// All findings in the order in which to fix them: the checks' order, within a check the catalogue's.
fn found<'a>(catalog: &'a Catalog, run: &'a Run) -> Vec<Found<'a>> {
    let mut all = Vec::new();
    let reported = run.outcomes.iter().map(|outcome| (outcome, true));
    let others = run.unreported.iter().map(|outcome| (outcome, false));
    let mut outcomes: Vec<_> = reported.chain(others).collect();
    let place = |id: &CheckId| catalog.checks().iter().position(|check| check.id == *id);
    outcomes.sort_by_key(|(outcome, _)| place(&outcome.id));
    for (outcome, reported) in outcomes {
        let Some(check) = catalog.check(&outcome.id) else {
            continue;
        };
        let mut of_check: Vec<(usize, Found<'a>)> = outcome
            .findings
            .iter()
            .filter_map(|finding| {
                let place = check
                    .findings
                    .iter()
                    .position(|doc| doc.code == finding.code)?;
                let doc = &check.findings[place];
                let found = Found {
                    reported,
                    outcome,
                    finding,
                    doc,
                };
                Some((place, found))
            })
            .collect();
        of_check.sort_by_key(|(place, _)| *place);
        all.extend(of_check.into_iter().map(|(_, found)| found));
    }
    all
}

fn report(
    found: &Found<'_>,
    explained_by: Vec<Code>,
    base: &crate::catalog::Values,
    log: &history::Log<'_>,
    run: &Run,
) -> ReportedFinding {
    let Found {
        outcome,
        finding,
        doc,
        ..
    } = found;
    let role = match doc.severity {
        Severity::Warning => Role::Notice,
        Severity::Error if explained_by.is_empty() => Role::Cause,
        Severity::Error => Role::Symptom,
    };
    let values = values::with_finding(base, finding);
    let mut evidence = finding.evidence.clone();
    if finding.code == "config.insecure" {
        evidence.extend(unverified(run));
    }
    evidence.extend(log.of_finding(&finding.code));
    ReportedFinding {
        code: finding.code.clone(),
        check: outcome.id.clone(),
        severity: doc.severity,
        role,
        explained_by,
        title: doc.title.to_string(),
        detail: finding.detail.clone(),
        evidence,
        remedy: doc
            .remedy
            .fill_for(finding.case, &values, run.known.system.os),
        repair: doc
            .repair
            .filter(|_| finding.repaired == Repaired::AsCatalogued)
            .map(|repair| repair.as_str().to_owned()),
        fix: None,
    }
}

/// What verification would have found, where it is switched off: `trust` finds nothing then, and has seen it all the same.
fn unverified(run: &Run) -> Vec<Fact> {
    let mut all = run.outcomes.iter().chain(&run.unreported);
    let trust = all.find(|outcome| outcome.id == "trust" && outcome.status == Status::Skipped);
    trust.map_or_else(Vec::new, |trust| trust.notes.clone())
}

fn check_report(catalog: &Catalog, outcome: &Outcome, log: &history::Log<'_>) -> CheckReport {
    let doc = catalog.check(&outcome.id);
    let mut notes = outcome.notes.clone();
    if outcome.id.as_str() == service::Probe::ID {
        notes.extend(log.past());
    }
    CheckReport {
        id: outcome.id.clone(),
        title: doc.map(|doc| doc.title.to_string()).unwrap_or_default(),
        status: outcome.status,
        needs: doc.map(|doc| doc.needs.to_vec()).unwrap_or_default(),
        uses: doc.map(|doc| doc.uses.to_vec()).unwrap_or_default(),
        blocked_by: outcome.blocked_by.clone(),
        reason: outcome.reason.clone(),
        notes,
        duration: outcome.duration,
    }
}
