//! What the service's log told of, held against what was found now: is it still so?

use chrono::{DateTime, Utc};

use super::{Found, by_log};
use crate::catalog::Catalog;
use crate::checks::service::Logged;
use crate::engine::Run;
use crate::logs::{History, Standing};
use crate::model::{Code, Fact, Status};

/// How the facts are called.
const WHAT: &str = "in the service's log";

/// The log, and what became of each problem that it tells of.
pub(super) struct Log<'a> {
    told: Vec<(&'a History, Standing)>,
    now: DateTime<Utc>,
    /// What is found because of it alone.
    by_log: Option<Code>,
}

impl<'a> Log<'a> {
    pub(super) fn of(run: &'a Run, found: &[Found<'_>]) -> Self {
        let logged = run.known.get::<Logged>();
        let histories = logged.map(|logged| logged.histories.as_slice());
        let told = histories.unwrap_or_default().iter();
        Self {
            told: told
                .map(|history| (history, standing(history, run, found)))
                .collect(),
            now: logged.map_or(run.started_at, |logged| logged.now),
            by_log: None,
        }
    }

    /// The run with what the agent's last words make a finding, if they make one.
    pub(super) fn judge(&mut self, catalog: &Catalog, run: &Run) -> Option<Run> {
        let (judged, code) = by_log::judge(catalog, run, self.now)?;
        self.by_log = Some(code);
        Some(judged)
    }

    /// What it tells of a finding.
    pub(super) fn of_finding(&self, code: &Code) -> Option<Fact> {
        let named = |(history, _): &&(&History, Standing)| history.code == *code;
        let meant = |(history, _): &&(&History, Standing)| history.codes().any(|c| c == code);
        let (history, standing) = self
            .told
            .iter()
            .find(named)
            .or_else(|| self.told.iter().find(meant))?;
        Some(self.fact(WHAT.to_owned(), history, *standing))
    }

    /// What it tells of and was not found now, for the check that read it.
    pub(super) fn past(&self) -> Vec<Fact> {
        self.told
            .iter()
            .filter(|(_, standing)| *standing != Standing::Still)
            .filter(|(history, _)| self.by_log.as_ref() != Some(&history.code))
            .map(|(history, standing)| {
                self.fact(format!("{}, {WHAT}", history.code), history, *standing)
            })
            .collect()
    }

    fn fact(&self, what: String, history: &History, standing: Standing) -> Fact {
        Fact {
            what,
            value: history.told(self.now, standing),
        }
    }
}

fn standing(history: &History, run: &Run, found: &[Found<'_>]) -> Standing {
    let is_found = |code: &Code| found.iter().any(|found| found.finding.code == *code);
    if history.codes().any(is_found) {
        return Standing::Still;
    }
    match history.codes().all(|code| is_decided(run, code)) {
        true => Standing::NoLonger,
        false => Standing::Undecided,
    }
}

/// Whether the check that a code is of looked: only who looked and saw nothing contradicts the log.
pub(super) fn is_decided(run: &Run, code: &Code) -> bool {
    let mut all = run.outcomes.iter().chain(&run.unreported);
    let outcome = all.find(|outcome| outcome.id == code.check());
    outcome
        .is_some_and(|outcome| matches!(outcome.status, Status::Pass | Status::Warn | Status::Fail))
}
