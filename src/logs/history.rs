//! How often a log tells of a problem, since when, and when last.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::classify;
use crate::host::LogEntry;
use crate::model::{Code, spoken_duration};

/// All lines of a log whose words are the same pattern's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The problem that the words speak of.
    pub code: Code,
    /// Problems that the same words may mean as well.
    pub also: Vec<Code>,
    /// How many lines.
    pub count: usize,
    /// When the first one was written, of those that tell.
    pub first: Option<DateTime<Utc>>,
    /// When the last one was.
    pub last: Option<DateTime<Utc>>,
    /// The last one, fit to be shown.
    pub excerpt: String,
}

/// Whether what a log tells of still holds, as far as what was seen beside it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was seen now, too.
    Still,
    /// It was looked for now, and is not so.
    NoLonger,
    /// It could not be looked for.
    Undecided,
}

impl History {
    /// Every code that the words may mean, the likeliest first.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        std::iter::once(&self.code).chain(&self.also)
    }

    /// Since when, how often, when last, and whether it is still so; for a person.
    pub fn told(&self, now: DateTime<Utc>, standing: Standing) -> String {
        let since =
            |time: DateTime<Utc>| format!(" since {}", time.format("%Y-%m-%d %H:%M:%S UTC"));
        let first = self.first.filter(|_| self.count > 1);
        let often = match self.count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let last = match self.last.map(|last| (now - last).to_std()) {
            Some(Ok(age)) if self.count == 1 => {
                format!(", {} ago", spoken_duration(whole_seconds(age)))
            }
            Some(Ok(age)) => format!(", last {} ago", spoken_duration(whole_seconds(age))),
            // The log is from another clock, or this one was set back.
            Some(Err(_)) => ", at a time that is still to come by this host's clock".to_owned(),
            None => String::new(),
        };
        let so = match standing {
            Standing::Still => ", still so",
            Standing::NoLonger => ", no longer so",
            Standing::Undecided => "",
        };
        format!(
            "{often}{}{last}{so}: {}",
            first.map(since).unwrap_or_default(),
            self.excerpt
        )
    }
}

fn whole_seconds(age: Duration) -> Duration {
    Duration::from_secs(age.as_secs())
}

/// What the entries tell of, a problem once, in the order in which each was told of last.
pub fn histories(entries: &[LogEntry]) -> Vec<History> {
    let mut all: Vec<History> = Vec::new();
    for found in classify(entries) {
        let time = entries.get(found.index).and_then(|entry| entry.time);
        let before = all
            .iter()
            .position(|history| history.code == found.code)
            .map(|at| all.remove(at));
        let (count, first, last) = match &before {
            Some(history) => (history.count, history.first, history.last),
            None => (0, None, None),
        };
        let also = before.map(|history| history.also).unwrap_or_default();
        let more: Vec<Code> = found
            .also
            .into_iter()
            .filter(|code| !also.contains(code))
            .collect();
        all.push(History {
            code: found.code,
            also: also.into_iter().chain(more).collect(),
            count: count + 1,
            first: first.into_iter().chain(time).min(),
            last: last.into_iter().chain(time).max(),
            excerpt: found.excerpt,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn entry(minute: i64, message: &str) -> LogEntry {
        LogEntry {
            time: Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)),
            message: message.into(),
            priority: None,
            identifier: None,
            invocation: None,
            message_id: None,
        }
    }

    #[test]
    fn since_when_how_often_and_when_last() {
        let refused =
            "ERROR: heartbeat failed: dial tcp 10.0.0.9:8000: connect: connection refused";
        let all = histories(&[
            entry(0, refused),
            entry(1, "INFO: heartbeat accepted"),
            entry(2, "ERROR: heartbeat rejected: agent not found or revoked"),
            entry(5, refused),
        ]);
        let codes: Vec<_> = all.iter().map(|history| history.code.as_str()).collect();
        assert_eq!(codes, ["registration.revoked", "tcp.refused"]);
        let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(65);
        assert_eq!(
            all[1].told(now, Standing::NoLonger),
            format!("2 times since 1970-01-01 00:00:00 UTC, last 1 h ago, no longer so: {refused}")
        );
        let told = all[0].told(now, Standing::Still);
        assert!(
            told.starts_with("once, 1 h 3 min ago, still so: "),
            "{told}"
        );
        let early = all[0].told(DateTime::UNIX_EPOCH, Standing::Undecided);
        assert!(early.contains("still to come"), "{early}");
    }
}
