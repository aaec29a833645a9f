//! The diagnosis in full: what every format renders and nothing else reads the evidence for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Certificates, CheckId, Code, Fact, Os, SectionId, Severity, Status, Timing, Verdict};

/// Where the evidence came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// This machine, now.
    Live,
    /// A bundle that was recorded elsewhere.
    Bundle,
    /// A fixture.
    Fixture,
    /// The embedded lab: its server, network and files are real, its service manager is supplied.
    Lab,
}

impl Source {
    /// The name used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bundle => "bundle",
            Self::Fixture => "fixture",
            Self::Lab => "lab",
        }
    }
}

/// What a finding is in the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An error that no other finding explains.
    Cause,
    /// An error that other findings explain.
    Symptom,
    /// A warning.
    Notice,
}

impl Role {
    /// The name used in reports: `cause`, `symptom`, `notice`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Symptom => "symptom",
            Self::Notice => "notice",
        }
    }
}

/// One numbered step of a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub text: String,
    /// A command to paste, quoted for the host's own shell, if the step is one.
    pub command: Option<String>,
}

/// What to do about a finding, with this host's values filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// In a sentence or two.
    pub text: String,
    /// Step by step.
    pub steps: Vec<Step>,
    /// The runbook's section, if it has one.
    pub runbook: Option<SectionId>,
}

/// A finding in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedFinding {
    /// Which problem.
    pub code: Code,
    /// The check that found it.
    pub check: CheckId,
    /// How bad.
    pub severity: Severity,
    /// Cause, symptom or notice.
    pub role: Role,
    /// The causes that explain it, when it is a symptom.
    pub explained_by: Vec<Code>,
    /// The catalogue's one line.
    pub title: String,
    /// What exactly, on this host.
    pub detail: String,
    /// What was seen.
    pub evidence: Vec<Fact>,
    /// What to do.
    pub remedy: Remedy,
    /// The name of the repair that `fix` knows for it.
    pub repair: Option<String>,
    /// The command by which `fix` does it, with the flags that it takes; nothing where it would be refused with any.
    pub fix: Option<String>,
}

/// A check in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Which check.
    pub id: CheckId,
    /// The catalogue's one line.
    pub title: String,
    /// How it ended.
    pub status: Status,
    /// What blocks it when that fails.
    pub needs: Vec<CheckId>,
    /// What it is judged after, and not blocked by.
    pub uses: Vec<CheckId>,
    /// The checks that failed or are undecided at the root of its being blocked.
    pub blocked_by: Vec<CheckId>,
    /// Why it is unknown, blocked or skipped.
    pub reason: Option<String>,
    /// What it saw that is worth a line even when nothing is wrong.
    pub notes: Vec<Fact>,
    /// How long it took.
    pub duration: Duration,
}

/// The host that was diagnosed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// Its name, as the agent would report it.
    pub hostname: String,
    /// Its operating system.
    pub os: Os,
    /// Its processor architecture, as Rust names it (`x86_64`).
    pub arch: String,
    /// Whether its files were looked at under another root: remedies are for that host, not for the one that looked.
    pub foreign_root: bool,
}

/// What it was diagnosed against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetReport {
    /// The control plane's URL, if one is known.
    pub control_plane: Option<String>,
    /// The configuration file that was read, or looked for.
    pub config_path: String,
}

/// Commands that go on from here, quoted for the shell of the host. They repeat the flags that were given, and never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commands {
    /// Explains the first finding.
    pub explain: Option<String>,
    /// Diagnoses the same again; nothing where that takes no flags.
    pub again: Option<String>,
}

/// A whole diagnosis.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where the evidence came from.
    pub source: Source,
    /// When the run began, by the host's clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// The host.
    pub host: HostReport,
    /// What was looked at.
    pub target: TargetReport,
    /// What it comes to.
    pub verdict: Verdict,
    /// Findings: causes first in the order to fix them, then symptoms, then notices.
    pub findings: Vec<ReportedFinding>,
    /// Findings that the user asked to ignore.
    pub ignored: Vec<ReportedFinding>,
    /// Every check that was asked for, in the order of the graph.
    pub checks: Vec<CheckReport>,
    /// What was asked, in the order in which it was, and how long each answer took.
    pub timings: Vec<Timing>,
    /// The certificates that were seen, if any were.
    pub certificates: Option<Certificates>,
    /// How to go on.
    pub commands: Commands,
}

impl Report {
    /// The codes with role `cause`, in the order to fix them.
    pub fn root_causes(&self) -> impl Iterator<Item = &Code> {
        self.findings
            .iter()
            .filter(|finding| finding.role == Role::Cause)
            .map(|finding| &finding.code)
    }
}
