//! What a whole diagnosis comes to.

use crate::engine::Outcome;
use crate::model::{ReportedFinding, Severity, Status, Verdict};

/// The verdict: an error finding fails; without one, something undecided leaves it undetermined; then warnings degrade.
///
/// A check that is blocked by one that is unknown, or that is not reported, or whose failure is ignored, is undecided.
pub(super) fn of(findings: &[ReportedFinding], outcomes: &[Outcome]) -> Verdict {
    let undecided = outcomes
        .iter()
        .any(|outcome| matches!(outcome.status, Status::Unknown | Status::Blocked));
    let errors = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if errors {
        Verdict::Failed
    } else if undecided {
        Verdict::Undetermined
    } else if findings.is_empty() {
        Verdict::Healthy
    } else {
        Verdict::Degraded
    }
}
