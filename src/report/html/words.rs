//! What is said of a check in few words, in the picture and in the list.

use crate::model::{CheckReport, Report, ReportedFinding, Role, Status};
use crate::report::ending::{Ending, named};

/// What a check is in the whole: how it ended, and of what failed, whether a cause is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it ended.
    Ended(Ending),
    /// It found a cause.
    Cause,
    /// It found only symptoms.
    Symptom,
}

impl Standing {
    pub(super) fn of(report: &Report, check: &CheckReport) -> Self {
        let has = |role| of_check(report, check).any(|finding| finding.role == role);
        match check.status {
            Status::Fail if has(Role::Cause) => Self::Cause,
            Status::Fail if has(Role::Symptom) => Self::Symptom,
            _ => Self::Ended(Ending::of(report, check)),
        }
    }

    /// In a word or two.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ended(Ending::Ended(Status::Pass)) => "passed",
            Self::Ended(Ending::Ended(Status::Warn)) => "warning",
            Self::Ended(Ending::Ended(Status::Fail)) => "failed",
            Self::Ended(ending) => ending.as_str(),
            Self::Cause => "failed, a cause",
            Self::Symptom => "failed, a symptom",
        }
    }

    /// The class by which the page paints it.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Ended(ending) => ending.as_str(),
            Self::Cause => "cause",
            Self::Symptom => "symptom",
        }
    }

    /// A sign for who does not see the colour.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Ended(Ending::Ended(Status::Pass)) => "\u{2713}",
            Self::Ended(Ending::Ended(Status::Warn)) => "!",
            Self::Ended(Ending::Ended(Status::Fail)) | Self::Cause | Self::Symptom => "\u{2717}",
            Self::Ended(Ending::Ended(Status::Unknown)) => "?",
            Self::Ended(Ending::Ended(Status::Blocked)) => "\u{00b7}",
            Self::Ended(Ending::Ended(Status::Skipped)) => "\u{2013}",
            Self::Ended(Ending::Ignored) => "~",
        }
    }
}

/// The findings of a check that count.
pub(super) fn of_check<'a>(
    report: &'a Report,
    check: &'a CheckReport,
) -> impl Iterator<Item = &'a ReportedFinding> {
    let findings = report.findings.iter();
    findings.filter(move |finding| finding.check == check.id)
}

/// What there is to say of a check: why it was not judged, what it found, or what it is about.
pub(super) fn said(report: &Report, check: &CheckReport) -> String {
    let mut found: Vec<String> = of_check(report, check)
        .map(|finding| finding.title.clone())
        .collect();
    let ignored = report
        .ignored
        .iter()
        .filter(|finding| finding.check == check.id);
    found.extend(ignored.map(|finding| named(&finding.title, true)));
    match &check.reason {
        Some(reason) => reason.clone(),
        None if found.is_empty() => check.title.clone(),
        None => found.join("; "),
    }
}
