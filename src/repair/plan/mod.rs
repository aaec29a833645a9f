//! The plan: what is done about a report, in which order, and what is left to a person. Pure.
//!
//! Causes are repaired, in the order in which to fix them, then what only warns. Symptoms go with their causes; a service that has
//! ended because of one is brought up again at the end, and so is one that runs with what was just changed.
//!
//! Harm is refused here: as long as the way to the control plane is not known to be whole, no identity is replaced.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Description, Proposal, Refusal, Safety};
use crate::catalog::Repair;
use crate::diagnosis::offer::WAY;
use crate::model::{CheckId, Code, Remedy, Report, ReportedFinding, Role, Status};

/// What is done, and what is not.
pub struct Plan {
    /// Actions, in the order in which they are done.
    pub items: Vec<Item>,
    /// What a person has to do, in the order in which to do it.
    pub for_person: Vec<ForPerson>,
}

/// An action in its place.
pub struct Item {
    /// What it does.
    pub action: Box<dyn Action>,
    /// The same in words.
    pub description: Description,
    /// Actions of the plan, by their place, without which this one is of no use.
    pub depends_on: Vec<usize>,
}

/// A finding that the doctor does not repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForPerson {
    /// Which.
    pub code: Code,
    /// The catalogue's one line.
    pub title: String,
    /// Why the doctor leaves it alone; `None` where it has no repair for it.
    pub why: Option<String>,
    /// What to do.
    pub remedy: Remedy,
}

/// The repairs that a report calls for, each with its findings, in the order in which to do them.
pub(super) fn wanted(report: &Report) -> Vec<(Repair, Vec<&ReportedFinding>)> {
    let mut wanted: Vec<(Repair, Vec<&ReportedFinding>)> = Vec::new();
    let open = report
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Symptom);
    for finding in open {
        let Some(repair) = repair_of(finding) else {
            continue;
        };
        match wanted.iter_mut().find(|(known, _)| *known == repair) {
            Some((_, findings)) => findings.push(finding),
            None => wanted.push((repair, vec![finding])),
        }
    }
    wanted
}

fn repair_of(finding: &ReportedFinding) -> Option<Repair> {
    finding.repair.as_deref().and_then(Repair::from_name)
}

/// The symptom whose service has to be brought up once its causes are gone.
pub(super) fn ended_service(report: &Report) -> Option<&ReportedFinding> {
    report.findings.iter().find(|finding| {
        finding.role == Role::Symptom
            && matches!(
                repair_of(finding),
                Some(Repair::RestartService | Repair::ResetFailed | Repair::StartService)
            )
    })
}

/// Why a repair must not even be proposed for this report.
///
/// # Errors
/// When it could do harm: an identity that still works would be given up for a fault that is elsewhere, or may be.
pub(super) fn permitted(report: &Report, repair: Repair) -> Result<(), Refusal> {
    if !matches!(repair, Repair::RotateCertificate | Repair::ReEnroll) {
        return Ok(());
    }
    for check in &WAY {
        let status = report
            .checks
            .iter()
            .find(|it| it.id == *check)
            .map(|it| it.status);
        let why = match status {
            Some(Status::Pass | Status::Warn | Status::Skipped) => continue,
            Some(Status::Fail) => "has failed",
            Some(Status::Unknown | Status::Blocked) | None => "is undecided",
        };
        return Err(Refusal(format!(
            "the check `{check}` {why}: a new identity repairs no fault of the network or the server, and the one there is may work once that is gone"
        )));
    }
    Ok(())
}

/// Puts the plan together. `revive` brings the service up again, if there is one that could be.
pub(super) fn arrange(
    report: &Report,
    mut proposals: Vec<(Repair, Proposal)>,
    revive: Option<Box<dyn Action>>,
) -> Plan {
    let mut items: Vec<Item> = Vec::new();
    let mut left: BTreeMap<Code, String> = BTreeMap::new();
    let findings = wanted(report);
    let codes_of = |repair: Repair| {
        let of = findings.iter().find(|(it, _)| *it == repair);
        of.into_iter()
            .flat_map(|(_, findings)| findings.iter().map(|finding| finding.code.clone()))
    };
    // A service is started with everything that it reads then as it shall be. The sort is stable.
    proposals.sort_by_key(|(repair, _)| starts(*repair));
    for (repair, proposal) in proposals {
        match proposal {
            Proposal::Actions(actions) => {
                for action in actions {
                    let description = action.describe();
                    let depends_on = before(report, &items, &description);
                    items.push(Item {
                        action,
                        description,
                        depends_on,
                    });
                }
            }
            Proposal::Person(why) => {
                left.extend(codes_of(repair).map(|code| (code, why.clone())));
            }
        }
    }
    let handled: BTreeSet<Code> = items
        .iter()
        .flat_map(|item| item.description.codes.iter().cloned())
        .collect();
    if let Some(action) = revive {
        items.extend(follow_up(report, &items, &handled, action));
    }
    Plan {
        items,
        for_person: for_person(report, &handled, &left),
    }
}

/// Earlier actions without which this one cannot help: those for a check that one of its own needs, however far back.
fn before(report: &Report, items: &[Item], description: &Description) -> Vec<usize> {
    let mut needed: BTreeSet<CheckId> = description.codes.iter().map(Code::check).collect();
    let mut open: Vec<CheckId> = needed.iter().cloned().collect();
    while let Some(id) = open.pop() {
        let check = report.checks.iter().find(|check| check.id == id);
        for need in check.into_iter().flat_map(|check| &check.needs) {
            if needed.insert(need.clone()) {
                open.push(need.clone());
            }
        }
    }
    let own: BTreeSet<CheckId> = description.codes.iter().map(Code::check).collect();
    let is_before = |item: &Item| {
        let checks: BTreeSet<CheckId> = item.description.codes.iter().map(Code::check).collect();
        checks
            .iter()
            .any(|check| needed.contains(check) && !own.contains(check))
    };
    positions(items, is_before)
}

fn positions(items: &[Item], is: impl Fn(&Item) -> bool) -> Vec<usize> {
    let numbered = items.iter().enumerate();
    numbered
        .filter(|(_, item)| is(item))
        .map(|(at, _)| at)
        .collect()
}

/// Whether the service has to be started anew to see what an action changed.
const fn is_read_at_start(repair: Repair) -> bool {
    matches!(
        repair,
        Repair::MendUrl
            | Repair::MendKey
            | Repair::ClearProxy
            | Repair::RepairPermissions
            | Repair::RotateCertificate
            | Repair::SettleIdentity
            | Repair::ReEnroll
            | Repair::ReinstallWithCa
    )
}

/// Whether the service is started by it.
const fn starts(repair: Repair) -> bool {
    matches!(
        repair,
        Repair::StartService | Repair::RestartService | Repair::ResetFailed | Repair::UnmaskService
    )
}

/// Bringing the service up, where it ended of what is repaired or runs with what is changed.
fn follow_up(
    report: &Report,
    items: &[Item],
    handled: &BTreeSet<Code>,
    action: Box<dyn Action>,
) -> Option<Item> {
    let changed = positions(items, |item| is_read_at_start(item.description.repair));
    let starts_anyway = items.iter().any(|item| starts(item.description.repair));
    if starts_anyway {
        return None;
    }
    let depends_on = match ended_service(report) {
        // As long as one of its causes is left, it would only end again.
        Some(_) if enrolls_later(report, items) => return None,
        Some(symptom) => {
            let all = symptom
                .explained_by
                .iter()
                .all(|cause| handled.contains(cause));
            let of = |item: &Item| {
                let mut codes = item.description.codes.iter();
                codes.any(|code| symptom.explained_by.contains(code))
            };
            all.then(|| positions(items, of))?
        }
        None if changed.is_empty() => return None,
        None => changed,
    };
    let description = action.describe();
    Some(Item {
        action,
        description,
        depends_on,
    })
}

/// Whether the agent gets its identity only with a later plan, once what keeps it from enrolling is gone: until then it cannot come up.
fn enrolls_later(report: &Report, items: &[Item]) -> bool {
    let has_none = |finding: &ReportedFinding| {
        finding.role == Role::Symptom && repair_of(finding) == Some(Repair::ReEnroll)
    };
    let enrolls = |item: &Item| item.description.repair == Repair::ReEnroll;
    report.findings.iter().any(has_none) && !items.iter().any(enrolls)
}

/// Every cause and warning that no action is for.
fn for_person(
    report: &Report,
    handled: &BTreeSet<Code>,
    left: &BTreeMap<Code, String>,
) -> Vec<ForPerson> {
    let open = report
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Symptom);
    open.filter(|finding| !handled.contains(&finding.code))
        .map(|finding| ForPerson {
            code: finding.code.clone(),
            title: finding.title.clone(),
            why: left.get(&finding.code).cloned(),
            remedy: finding.remedy.clone(),
        })
        .collect()
}

impl Description {
    /// Whether `--yes`, and `--all` with it, let it be done without a question.
    pub const fn is_agreed(&self, yes: bool, all: bool) -> bool {
        match self.safety {
            Safety::Safe => yes,
            Safety::Confirm => yes && all,
            Safety::Person => false,
        }
    }
}
