//! What goes into a run and what comes of it: limits, events, outcomes.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::checks::Known;
use crate::host::Meter;
use crate::model::{CheckId, Fact, Finding, Status};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One probe. A check may ask for two of them one after the other.
    pub timeout: Duration,
    /// The whole run.
    pub deadline: Duration,
}

impl Limits {
    /// How long one check may collect, and how long it may judge.
    pub(super) fn per_check(self) -> Duration {
        self.timeout * 2 + Duration::from_millis(250)
    }
}

/// What happens during a run, for those who show progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// A check began to collect.
    Started(&'a CheckId),
    /// A check that is reported is settled.
    Settled(&'a Outcome),
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which check.
    pub id: CheckId,
    /// How it ended.
    pub status: Status,
    /// Why it is unknown, blocked or skipped.
    pub reason: Option<String>,
    /// The roots of its being blocked.
    pub blocked_by: Vec<CheckId>,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it saw.
    pub notes: Vec<Fact>,
    /// How long its questions took, whoever asked them first, and its judging.
    pub duration: Duration,
}

/// A finished run.
#[derive(Clone)]
pub struct Run {
    /// When it began, by the host's clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// Every check that was asked for, in the order of the graph.
    pub outcomes: Vec<Outcome>,
    /// Those that ran for them and are not reported: what they found still explains.
    pub unreported: Vec<Outcome>,
    /// What each check asked, in the order in which they began.
    pub asked: Vec<(CheckId, Meter)>,
    /// What was known in the end.
    pub known: Known,
}

impl Outcome {
    pub(super) fn new(id: &CheckId, status: Status, reason: impl Into<Option<String>>) -> Self {
        Self {
            id: id.clone(),
            status,
            reason: reason.into(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            duration: Duration::ZERO,
        }
    }
}
