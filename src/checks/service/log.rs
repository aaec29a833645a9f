//! What the log says of a service's end: automatic restarts, the agent's last words, and what they rule out.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{CRASH_LOOPING, Evidence, INSTALL_INCOMPLETE, hit_limit};
use crate::host::{End, LogEntry, Service};
use crate::logs::{self, LastFatal};
use crate::model::{Code, Explained, Finding, excerpt};

/// So many automatic restarts …
const RESTARTS: usize = 3;
/// … within this time are a crash loop.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// What explains a service's end only if the log names it.
const ONLY_IF_LOGGED: [Code; 2] = [
    Code::from_static("host.disk_full"),
    Code::from_static("host.read_only"),
];

/// What the log says of the service's end.
pub(super) struct Log {
    /// When automatic restarts were scheduled within the window before the last one, oldest first.
    pub(super) restarts: Vec<DateTime<Utc>>,
    /// How many runs of the agent have lately left something in the log, where each has a name of its own.
    pub(super) runs: usize,
    /// Whether the last of them was lately.
    recent: bool,
    /// Whether the log ends soon after the last of them.
    at_end: bool,
    /// Whether there is a log at all.
    readable: bool,
    /// Whether systemd said that it gives up.
    pub(super) limit_hit: bool,
    /// The agent's last fatal line since the last start.
    pub(super) last_fatal: Option<LastFatal>,
    /// The agent's last lines, where none of them is known as fatal.
    last_lines: Vec<String>,
}

impl Log {
    pub(super) fn read(evidence: &Evidence) -> Self {
        let entries = evidence.journal.as_deref().unwrap_or_default();
        let restarts = restarts(entries);
        let run = logs::last_run(entries, evidence.now);
        let matches = logs::classify(run);
        let last_fatal = logs::last_fatal_among(run, &matches);
        // A diagnosis in the log is nobody's last word, but an earlier look at the same.
        let is_diagnosis = |entry: &LogEntry| entry.message.contains("diagnosis: ");
        let agents = run.iter().rev();
        let agents = agents.filter(|entry| !logs::is_manager(entry) && !is_diagnosis(entry));
        let mut last_lines: Vec<_> = agents.take(3).map(|e| excerpt(&e.message)).collect();
        last_lines.reverse();
        let since = |time: DateTime<Utc>| restarts.last().map(|last| time - *last);
        let end = entries.iter().rev().find_map(|entry| entry.time);
        Self {
            recent: since(evidence.now).is_some_and(|age| age < WINDOW),
            at_end: end.and_then(since).is_some_and(|age| age < WINDOW),
            restarts,
            runs: runs(entries, evidence.now),
            readable: evidence.journal.is_ok(),
            limit_hit: matches.iter().any(|found| found.code == CRASH_LOOPING),
            last_fatal,
            last_lines,
        }
    }

    /// Whether the service is in a crash loop, whatever it is doing at this moment.
    pub(super) fn looping(&self, active: &str, service: &Service) -> bool {
        let counted = service
            .get("NRestarts")
            .and_then(|count| count.parse().ok());
        let often = self.restarts.len() >= RESTARTS;
        match active {
            "failed" => {
                let unread =
                    !self.readable && counted.is_some_and(|count: usize| count >= RESTARTS);
                hit_limit(service) || self.limit_hit || (often && self.at_end) || unread
            }
            // Counted anew from each start that somebody asked for: what is logged of the time before is history.
            "active" | "activating" => often && self.recent && counted != Some(0),
            _ => false,
        }
    }

    pub(super) fn says(&self) -> String {
        match &self.last_fatal {
            Some(fatal) => format!(" Its last words: {}", fatal.found.excerpt),
            None => String::new(),
        }
    }

    pub(super) fn quote(&self, finding: Finding) -> Finding {
        match &self.last_fatal {
            Some(fatal) => finding.saw("last fatal line", fatal.found.excerpt.clone()),
            None => self
                .last_lines
                .iter()
                .fold(finding, |finding, line| finding.saw("log", line.clone())),
        }
    }

    pub(super) fn explain(&self, end: &End) -> Explained {
        match end {
            End::Signal { .. }
            | End::OutOfMemory
            | End::Timeout
            | End::Watchdog
            | End::NotStarted { .. }
            | End::Refused { .. } => Explained::OnlyBy(vec![INSTALL_INCOMPLETE]),
            End::Other(result) if result != "exit-code" => {
                Explained::OnlyBy(vec![INSTALL_INCOMPLETE])
            }
            _ => match &self.last_fatal {
                Some(fatal) => {
                    let codes = fatal.found.codes().cloned();
                    Explained::OnlyBy(codes.chain([INSTALL_INCOMPLETE]).collect())
                }
                // A full disk would have left a line; nothing is concluded from a silent log.
                None => Explained::NotBy(ONLY_IF_LOGGED.to_vec()),
            },
        }
    }
}

/// The runs whose entries are of the window before now.
fn runs(entries: &[LogEntry], now: DateTime<Utc>) -> usize {
    let lately = |entry: &&LogEntry| entry.time.is_some_and(|time| now - time < WINDOW);
    let runs = entries.iter().filter(lately).filter_map(|entry| entry.invocation.as_deref());
    runs.collect::<BTreeSet<_>>().len()
}

/// The times of automatic restarts within the window before the last one.
fn restarts(entries: &[LogEntry]) -> Vec<DateTime<Utc>> {
    let all = entries.iter().filter(|entry| logs::is_restart(entry));
    let times: Vec<_> = all.filter_map(|entry| entry.time).collect();
    let last = times.last().copied();
    times
        .into_iter()
        .filter(|time| last.is_some_and(|last| last - *time <= WINDOW))
        .collect()
}
