//! What the agent's last words make a finding by themselves.
//!
//! A log line is evidence, and what is seen now counts for more: the line makes the finding only where its own check could
//! not look (it is undecided, or blocked by nothing but what is undecided), where the words mean nothing else that could
//! not be looked for, and where the line still stands: the service is down because of it, or it was written lately, and
//! nothing after it in the log says that the agent was taken again. A false alarm is worse than a miss.

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

use super::history::is_decided;
use crate::catalog::Catalog;
use crate::checks::service::Standing;
use crate::checks::{Check as _, identity, service, token};
use crate::engine::{Outcome, Run};
use crate::logs::LastFatal;
use crate::model::{CheckId, Code, Explained, Explains, Fact, Finding, Severity, Status};

/// An agent that runs says again what is still wrong within this time.
const LATELY: TimeDelta = TimeDelta::minutes(10);

/// The run with the finding that the last fatal line since the last start makes, and its code.
pub(super) fn judge(catalog: &Catalog, run: &Run, now: DateTime<Utc>) -> Option<(Run, Code)> {
    let last = run.known.get::<Standing>()?.last_fatal.as_ref()?;
    let code = &last.found.code;
    let severity = catalog.finding(code)?.severity;
    let counts = severity == Severity::Error
        && last.found.names_its_cause()
        && !is_contradicted(run, last)
        && !means_something_else(run, last)
        && (ended_the_service(run, last) || was_lately(last, now));
    let could_not_look = outcome(run, &code.check()).filter(|it| could_not_look(run, it))?;
    if !counts {
        return None;
    }
    let finding = finding(last, could_not_look);
    let mut run = run.clone();
    let mut all = run.outcomes.iter_mut().chain(&mut run.unreported);
    let outcome = all.find(|outcome| outcome.id == code.check())?;
    outcome.status = Status::Fail;
    outcome.blocked_by = Vec::new();
    if let Some(value) = outcome.reason.take() {
        let what = "undecided".to_owned();
        outcome.notes.push(Fact { what, value });
    }
    outcome.findings.push(finding);
    Some((run, code.clone()))
}

fn outcome<'a>(run: &'a Run, id: &CheckId) -> Option<&'a Outcome> {
    let mut all = run.outcomes.iter().chain(&run.unreported);
    all.find(|outcome| outcome.id == *id)
}

fn could_not_look(run: &Run, it: &Outcome) -> bool {
    let undecided = |id: &CheckId| outcome(run, id).is_some_and(|it| it.status == Status::Unknown);
    match it.status {
        Status::Unknown => true,
        // What failed before it may be what is wrong now.
        Status::Blocked => it.blocked_by.iter().all(undecided),
        Status::Pass | Status::Warn | Status::Fail | Status::Skipped => false,
    }
}

/// Whether something was seen that the line cannot be true beside, or that is the same as seen now.
fn is_contradicted(run: &Run, last: &LastFatal) -> bool {
    let is_found = |code: &Code| {
        let findings = |it: &Outcome| it.findings.iter().any(|found| found.code == *code);
        outcome(run, &code.check()).is_some_and(findings)
    };
    let of_token = last.found.code.check() == token::Probe::ID;
    // A certificate that is good was enrolled with a token that was; another token is another one's affair.
    let works = outcome(run, &CheckId::from_static(identity::Probe::ID))
        .is_some_and(|it| matches!(it.status, Status::Pass | Status::Warn));
    last.is_over
        || last.found.codes().any(is_found)
        || (of_token && (works || run.known.target.token_given))
}

/// Whether the words may mean something of another check as well that nobody could rule out.
fn means_something_else(run: &Run, last: &LastFatal) -> bool {
    let check = last.found.code.check();
    let behind =
        |code: &Code| outcome(run, &code.check()).is_some_and(|it| it.blocked_by.contains(&check));
    let mut others = last.found.also.iter().filter(|code| code.check() != check);
    !last.found.is_the_runbooks() && others.any(|code| !is_decided(run, code) && !behind(code))
}

/// Whether the service is down, and its end admits of this reason.
fn ended_the_service(run: &Run, last: &LastFatal) -> bool {
    let by_it = |finding: &Finding| match &finding.explained {
        Explained::OnlyBy(codes) => codes.contains(&last.found.code),
        Explained::AsCatalogued | Explained::NotBy(_) | Explained::Never => false,
    };
    outcome(run, &CheckId::from_static(service::Probe::ID))
        .is_some_and(|service| service.findings.iter().any(by_it))
}

fn was_lately(last: &LastFatal, now: DateTime<Utc>) -> bool {
    last.time.is_some_and(|time| (now - time).abs() < LATELY)
}

fn finding(last: &LastFatal, not_seen: &Outcome) -> Finding {
    let why = not_seen.reason.as_deref().unwrap_or_default();
    let said = &last.found.excerpt;
    let detail = format!(
        "The agent's log says so, and it could not be looked at now ({why}). Its last fatal line since the last start: {said}"
    );
    // Of what was seen besides it is known that it was seen, and how.
    let explains = [service::Probe::ID, identity::Probe::ID].map(CheckId::from_static);
    Finding::new(last.found.code.clone(), detail)
        .saw("not looked at now", why)
        .explains(Explains::OnlyOf(explains.to_vec()))
}
