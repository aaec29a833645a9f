//! The agent's last words: the last fatal line of a run, and whether anything after it says that it is over.

use chrono::{DateTime, Utc};

use super::family::is_well;
use super::{Match, classify, classify_line};
use crate::host::LogEntry;

/// What speaks of the service itself is systemd's word, not the agent's.
const SERVICE: &str = "service";
const TASKS: &str = "tasks";

/// The last fatal line of a run that speaks of something else than the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFatal {
    /// What it says.
    pub found: Match,
    /// When it was written, if the log says so.
    pub time: Option<DateTime<Utc>>,
    /// Whether a line after it shows that the control plane takes the agent.
    pub is_over: bool,
}

/// The last fatal line among these, which are of [one run](super::last_run).
pub fn last_fatal(run: &[LogEntry]) -> Option<LastFatal> {
    last_fatal_among(run, &classify(run))
}

/// The same for one who has classified them already.
pub fn last_fatal_among(run: &[LogEntry], matches: &[Match]) -> Option<LastFatal> {
    let found = matches
        .iter()
        .rfind(|found| found.fatal && found.code.check() != SERVICE)?
        .clone();
    let after = run.get(found.index + 1..).unwrap_or_default();
    Some(LastFatal {
        time: run.get(found.index).and_then(|entry| entry.time),
        is_over: after.iter().any(|entry| shows_health(&entry.message)),
        found,
    })
}

/// A task that fails was given out all the same; whatever else names a problem shows no health.
fn shows_health(line: &str) -> bool {
    is_well(line) && classify_line(line).is_none_or(|pattern| pattern.code.check() == TASKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(messages: &[&str]) -> Vec<LogEntry> {
        let entry = |message: &&str| LogEntry {
            time: Some(DateTime::UNIX_EPOCH),
            message: (*message).into(),
            priority: None,
            identifier: None,
            invocation: None,
            message_id: None,
        };
        messages.iter().map(entry).collect()
    }

    #[test]
    fn the_last_one_stands_until_the_agent_is_taken_again() {
        let revoked = "ERROR: heartbeat rejected: agent not found or revoked";
        let mut lines = vec![
            "INFO: heartbeat accepted",
            "FATAL: token has expired",
            revoked,
            "nexplane-agent.service: Main process exited, code=exited, status=1/FAILURE",
        ];
        let last = last_fatal(&entries(&lines));
        let last = last.map(|last| (last.found.index, last.is_over));
        assert_eq!(last, Some((2, false)));
        lines.push("WARN: connection refused, was registered as web-01");
        let last = last_fatal(&entries(&lines));
        assert_eq!(last.map(|last| last.is_over), Some(false));
        lines.push("INFO: heartbeat accepted");
        let last = last_fatal(&entries(&lines));
        assert_eq!(last.map(|last| last.is_over), Some(true));
        assert_eq!(last_fatal(&entries(&["INFO: heartbeat accepted"])), None);
    }
}
