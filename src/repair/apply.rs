//! Actions done: each looked at again before, within its time, and its effect looked at after; one that did not help is taken back.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::action::{Applied, Given, Proposal, Site};
use super::actions;
use super::hands::{Hands, HandsError};
use super::plan::{self, Item, Plan};
use super::undo::{self, Force, Taken};
use crate::doctor::Doctor;
use crate::model::{CheckId, Code, Report, ReportedFinding, Severity, Status};

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and the finding is gone.
    Verified,
    /// Done, or so already, and whether the finding is gone could not be seen.
    Unverified(String),
    /// It did not succeed or did not help; what it changed is taken back, or what of it is not.
    Failed {
        /// What went wrong.
        why: String,
        /// What could not be taken back, a line each.
        left: Vec<String>,
    },
    /// Looked at again, it would have done harm or was no longer needed.
    Refused(String),
    /// Not begun: nobody agreed, something is missing, or what it builds on did not succeed.
    NotDone(String),
    /// Cut short: the journal has what to take back.
    Interrupted,
}

impl Outcome {
    /// The name used in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified(_) => "unverified",
            Self::Failed { .. } => "failed",
            Self::Refused(_) => "refused",
            Self::NotDone(_) => "not_done",
            Self::Interrupted => "interrupted",
        }
    }

    /// What there is to say beside that.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Verified | Self::Interrupted => None,
            Self::Unverified(why) | Self::Refused(why) | Self::NotDone(why) => Some(why),
            Self::Failed { why, .. } => Some(why),
        }
    }

    /// Whether what builds on it can be done.
    pub const fn carries(&self) -> bool {
        matches!(self, Self::Verified | Self::Unverified(_))
    }
}

/// Finds out what would be done about a report. Changes nothing.
pub async fn plan(
    doctor: &Doctor,
    report: &Report,
    given: &Given,
    interrupted: &CancellationToken,
) -> Plan {
    let site = Site {
        host: doctor.host(),
        doctor,
        report,
        given,
    };
    let mut proposals = Vec::new();
    for (repair, findings) in plan::wanted(report) {
        let proposal = match plan::permitted(report, repair) {
            Ok(()) => {
                let proposed = actions::propose(repair)(&site, &findings);
                unless(interrupted, proposed)
                    .await
                    .unwrap_or_else(|| Proposal::Person(INTERRUPTED.to_owned()))
            }
            Err(refusal) => Proposal::Person(refusal.0),
        };
        proposals.push((repair, proposal));
    }
    let revive = actions::service::revive(&site);
    let revive = unless(interrupted, revive).await.flatten();
    plan::arrange(report, proposals, revive)
}

/// What is to be said of what was not looked at.
const INTERRUPTED: &str = "interrupted before it was looked at";

/// What comes of looking, which changes nothing and can be left at any moment; `None` once the run is interrupted.
pub(super) async fn unless<T>(
    interrupted: &CancellationToken,
    looking: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = interrupted.cancelled() => None,
        seen = looking => Some(seen),
    }
}

/// Does one action of a plan.
pub async fn apply(
    item: &Item,
    doctor: &Doctor,
    report: &Report,
    given: &Given,
    hands: &mut Hands,
    interrupted: &CancellationToken,
) -> Outcome {
    let site = Site {
        host: doctor.host(),
        doctor,
        report,
        given,
    };
    match unless(interrupted, item.action.check(&site)).await {
        None => return Outcome::NotDone("interrupted before it began".to_owned()),
        Some(Err(refusal)) => return Outcome::Refused(refusal.0),
        Some(Ok(())) => {}
    }
    let description = &item.description;
    let first = match hands
        .journal_mut()
        .action(description.repair.as_str(), &description.title)
    {
        Ok(first) => first,
        Err(error) => return Outcome::NotDone(error.to_string()),
    };
    let limit = item.action.limit();
    let done = tokio::select! {
        done = tokio::time::timeout(limit, item.action.apply(&site, hands)) => done,
        () = interrupted.cancelled() => {
            // What was left where another part of the program was at work is worth knowing, too.
            let _ = hands.settle();
            return Outcome::Interrupted;
        }
    };
    let settled = hands.settle();
    let applied = match done {
        Ok(done) => done.and_then(|applied| settled.map(|()| applied)),
        Err(_) => Err(HandsError::Failed(format!(
            "it did not end within {} s",
            limit.as_secs()
        ))),
    };
    let verdict = match applied {
        Ok(applied) => verify(doctor, report, &description.codes, &applied, interrupted).await,
        Err(error) => Err(error.to_string()),
    };
    match verdict {
        Ok(outcome) => outcome,
        Err(why) => Outcome::Failed {
            why,
            left: take_back(hands, first, doctor).await,
        },
    }
}

/// Looks at the part of the graph that the action was for, and nothing else.
///
/// # Errors
/// When the finding is still there, or another error is in its place: says which.
async fn verify(
    doctor: &Doctor,
    before: &Report,
    codes: &[Code],
    applied: &Applied,
    interrupted: &CancellationToken,
) -> Result<Outcome, String> {
    let mut checks: Vec<CheckId> = codes.iter().map(Code::check).collect();
    checks.dedup();
    if checks.is_empty() {
        // No finding told of a service that read something new: that it is well is what there is to see.
        checks.push(CheckId::from_static("service"));
    }
    let after = doctor
        .looking_at(checks)
        .look(interrupted, &mut |_| {})
        .await;
    let known = |code: &Code| before.findings.iter().any(|finding| finding.code == *code);
    let is_wrong = |finding: &&ReportedFinding| {
        codes.contains(&finding.code)
            || (finding.severity == Severity::Error && !known(&finding.code))
    };
    // An error comes first: it is what a warning beside it must not hide.
    let errors = |finding: &&ReportedFinding| finding.severity == Severity::Error;
    let wrong: Vec<&ReportedFinding> = after.findings.iter().filter(is_wrong).collect();
    let wrong = wrong.iter().find(|it| errors(it)).or(wrong.first());
    if let Some(finding) = wrong {
        if let (Applied::Underway(seen), Severity::Warning) = (applied, finding.severity) {
            return Ok(Outcome::Unverified(seen.clone()));
        }
        let still = match codes.contains(&finding.code) {
            true => "it is still so",
            false => "now there is",
        };
        return Err(format!("{still}: {} ({})", finding.detail, finding.code));
    }
    let undecided = after
        .checks
        .iter()
        .find(|check| matches!(check.status, Status::Unknown | Status::Blocked));
    Ok(match undecided {
        None => Outcome::Verified,
        Some(check) => Outcome::Unverified(format!(
            "`{}` is undecided{}",
            check.id,
            check
                .reason
                .as_deref()
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default()
        )),
    })
}

/// Takes back what an action changed, and says what of it could not be.
async fn take_back(hands: &mut Hands, first: u32, doctor: &Doctor) -> Vec<String> {
    let steps = match hands.journal().steps_since(first) {
        Ok(steps) => steps,
        Err(error) => return vec![error.to_string()],
    };
    let doctor = Arc::new(doctor.clone());
    // What did not help goes, whoever is in a hurry.
    let never = CancellationToken::new();
    let taken = undo::take_back(hands.journal_mut(), &steps, &doctor, Force::No, &never).await;
    taken
        .into_iter()
        .filter_map(|(step, taken)| match taken {
            Taken::Back | Taken::Already => None,
            Taken::Refused(why) | Taken::Failed(why) => Some(format!("{}: {why}", step.undo)),
            Taken::Stays | Taken::Interrupted => Some(step.undo.to_string()),
        })
        .collect()
}
