//! How bad, how it went, and what it comes to.

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works today; it will break soon, or is weaker than it should be.
    Warning,
    /// The agent cannot work.
    Error,
}

impl Severity {
    /// The name used in reports: `warning`, `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Looked, and found nothing wrong.
    Pass,
    /// Found warnings only.
    Warn,
    /// Found at least one error.
    Fail,
    /// Could not be decided; the reason says why.
    Unknown,
    /// Not judged, because something that it needs failed or is undecided.
    Blocked,
    /// Not asked for, or does not apply; the reason says which.
    Skipped,
}

impl Status {
    /// Every way to end.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Warn,
        Self::Fail,
        Self::Unknown,
        Self::Blocked,
        Self::Skipped,
    ];

    /// The name used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a check that ended like this keeps those that need it from being judged.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Fail | Self::Unknown | Self::Blocked)
    }
}

/// What a whole diagnosis comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing found.
    Healthy,
    /// Warnings only.
    Degraded,
    /// At least one error.
    Failed,
    /// No error, and something that matters could not be decided.
    Undetermined,
}

impl Verdict {
    /// The name used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Undetermined => "undetermined",
        }
    }
}
