//! What a whole diagnosis comes to.

use crate::engine::Outcome;
use crate::model::{CheckId, ReportedFinding, Severity, Status, Verdict};

/// The verdict: an error finding fails; without one, something undecided leaves it undetermined; then warnings degrade.
///
/// What is blocked by a reported failure is as decided as that failure, also when the user ignores it. A failure that is
/// not reported (`--only`) leaves what it blocks undecided: nothing else would tell of it.
pub(super) fn of(findings: &[ReportedFinding], outcomes: &[Outcome]) -> Verdict {
    let reported = |id: &CheckId| outcomes.iter().any(|outcome| outcome.id == *id);
    let undecided = outcomes.iter().any(|outcome| match outcome.status {
        Status::Unknown => true,
        Status::Blocked => !outcome.blocked_by.iter().all(reported),
        Status::Pass | Status::Warn | Status::Fail | Status::Skipped => false,
    });
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
