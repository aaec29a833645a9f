//! How a check ended, to who asked to ignore some of what it found: the same in every format that is written for somebody. The
//! document for programs has the status as it was, and the list of what is ignored beside it.

use crate::model::{CheckReport, Code, Report, Status};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As it did.
    Ended(Status),
    /// With nothing but what is ignored: no failure, and not all well either.
    Ignored,
}

impl Ending {
    /// How a check of this report ended.
    pub(super) fn of(report: &Report, check: &CheckReport) -> Self {
        let counts = report.findings.iter().any(|found| found.check == check.id);
        let ignored = report.ignored.iter().any(|found| found.check == check.id);
        Self::with(check.status, counts, counts || ignored)
    }

    /// `counts`: it found something that is not ignored; `found`: it found anything.
    pub(super) const fn with(status: Status, counts: bool, found: bool) -> Self {
        match status {
            Status::Fail | Status::Warn if found && !counts => Self::Ignored,
            status => Self::Ended(status),
        }
    }

    /// In a word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ended(status) => status.as_str(),
            Self::Ignored => IGNORED,
        }
    }
}

/// The word for it.
pub(super) const IGNORED: &str = "ignored";

/// A name, and that it is ignored.
pub(super) fn named(name: &str, is_ignored: bool) -> String {
    match is_ignored {
        true => format!("{name} ({IGNORED})"),
        false => name.to_owned(),
    }
}

/// Whether a finding with this code is ignored.
pub(super) fn is_ignored(report: &Report, code: &Code) -> bool {
    report.ignored.iter().any(|found| found.code == *code)
}
