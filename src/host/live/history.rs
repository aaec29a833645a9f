//! More of a service's log than any check reads, for people: as a stream, the newest entries first. No evidence: nothing is judged by it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::commands::Lines;
use super::deadline::Deadline;
use super::{LiveHost, known_system, platform};
use crate::host::{LogEntry, Seen};

/// Which entries.
#[derive(Debug, Clone)]
pub struct HistoryQuestion {
    /// The service's name for the service manager.
    pub unit: String,
    /// None that are older.
    pub since: Option<DateTime<Utc>>,
    /// Only those of this syslog priority, or a worse one.
    pub priority: Option<u8>,
}

#[cfg(any(windows, target_os = "macos"))]
impl HistoryQuestion {
    /// Whether an entry is one of them, where the log itself was not asked for no others.
    pub(super) fn wants(&self, entry: &LogEntry) -> bool {
        let older = self
            .since
            .is_some_and(|since| entry.time.is_some_and(|at| at < since));
        let milder = self
            .priority
            .is_some_and(|worst| entry.priority.is_some_and(|it| it > worst));
        !older && !milder
    }
}

/// How a look into the log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEnd {
    /// There are no more entries.
    Whole,
    /// There was enough.
    Enough,
    /// The time was over.
    Late,
}

impl LiveHost {
    /// Hands on entries of a service's log, without secrets, the newest first, until `each` has enough or the time is over.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn history(
        &self,
        question: &HistoryQuestion,
        budget: Duration,
        each: &mut (dyn FnMut(LogEntry) -> ControlFlow<()> + Send),
    ) -> Seen<HistoryEnd> {
        known_system("the log")?;
        self.must_be_here("the log")?;
        let mut scrubbed = |mut entry: LogEntry| {
            self.scrubber.log(std::slice::from_mut(&mut entry));
            each(entry)
        };
        let ended = platform::history(Deadline::after(budget), question, &mut scrubbed).await?;
        Ok(match ended {
            Lines::All => HistoryEnd::Whole,
            Lines::Enough => HistoryEnd::Enough,
            Lines::Late => HistoryEnd::Late,
        })
    }

    /// Versions of what an engineer asks for first, by name; what is not there is left out.
    pub async fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        if self.root.is_foreign() {
            return versions;
        }
        for (name, program, argument) in platform::VERSIONED {
            if let Ok(version) = platform::version(self.deadline(), program, argument).await {
                versions.insert(name.to_owned(), self.scrubber.text(&version));
            }
        }
        versions
    }
}
