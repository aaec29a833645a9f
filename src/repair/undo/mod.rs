//! Taking back: the steps of a journal in reverse, each only if what it would undo is still as the repair left it.
//!
//! It can be stopped at any moment and begun again: a step that is taken back already is seen to be, and each is written down.

mod files;
mod installation;
mod service;
#[cfg(all(test, unix))]
mod tests;

use super::apply::unless;
use super::hands::HandsError;
use super::journal::{Holds, Journal, Lock, Past, PastStep, Undo};
use super::reach::Reach;
use crate::doctor::Doctor;
use crate::host::live::programs;
use crate::model::{CheckId, Status};
use tokio_util::sync::CancellationToken;

/// Programs that a journal may name. It is this user's own; still nothing else has a way back here.
const PROGRAMS: [&str; 5] = [
    "systemctl",
    "timedatectl",
    "chronyc",
    "launchctl",
    "systemsetup",
];

/// Whether what was changed since is overwritten all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// A step whose file is not as the repair left it is refused.
    No,
    /// Whatever is there now goes.
    Yes,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is taken back.
    Back,
    /// It was as before already.
    Already,
    /// It could do harm: why.
    Refused(String),
    /// It did not succeed: why.
    Failed(String),
    /// Nothing takes it back.
    Stays,
    /// Not begun, or not to its end: the run was interrupted. Another one goes on with it.
    Interrupted,
}

impl Taken {
    /// The name used in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Back => "undone",
            Self::Already => "already",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Stays => "stays",
            Self::Interrupted => "interrupted",
        }
    }

    /// What there is to say beside that.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Refused(why) | Self::Failed(why) => Some(why),
            Self::Back | Self::Already | Self::Stays | Self::Interrupted => None,
        }
    }

    /// Whether nothing is left to do about it.
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Back | Self::Already | Self::Stays)
    }
}

/// The steps of a run that are not taken back yet, in the order in which they would be.
pub fn open_steps(past: &Past) -> Vec<PastStep> {
    past.steps
        .iter()
        .rev()
        .filter(|step| !step.undone)
        .cloned()
        .collect()
}

/// Takes a whole run back, or what is left of it.
///
/// # Errors
/// When its journal cannot be written to: then nothing is taken back.
pub async fn undo(
    past: &Past,
    lock: Lock,
    doctor: &Doctor,
    force: Force,
    interrupted: &CancellationToken,
) -> Result<Vec<(PastStep, Taken)>, HandsError> {
    let mut journal = Journal::resume(lock, past)?;
    let taken = take_back(&mut journal, &past.steps, doctor, force, interrupted).await;
    if taken.iter().all(|(_, taken)| taken.is_settled()) {
        journal.finish()?;
    }
    Ok(taken)
}

/// Takes these steps back, the last one first. What cannot be is left, and the others go on.
pub(super) async fn take_back(
    journal: &mut Journal,
    steps: &[PastStep],
    doctor: &Doctor,
    force: Force,
    interrupted: &CancellationToken,
) -> Vec<(PastStep, Taken)> {
    let reach = Reach::new(journal.root());
    let directory = journal.directory().to_owned();
    let mut identity = Identity::default();
    let is_as_before = |undo: &Undo| files::is_as_before(&reach, undo);
    let mut kept = steps
        .iter()
        .map(|step| &step.undo)
        .filter(|undo| undo.holds() == Holds::Identity && matches!(undo, Undo::RestoreFile { .. }))
        .peekable();
    let is_same_identity = kept.peek().is_some() && kept.all(is_as_before);
    let mut taken: Vec<(PastStep, Taken)> = Vec::new();
    for step in steps.iter().rev().filter(|step| !step.undone) {
        let going_back = async {
            let refusal = match (step.undo.holds(), force) {
                (Holds::Identity, Force::No) if !is_as_before(&step.undo) => {
                    identity.refusal(doctor).await
                }
                _ => None,
            };
            match (&step.undo, refusal) {
                // A key that waits beside an identity that nobody replaced: its certificate may be on its way still.
                (Undo::RemoveFile { .. }, Some(_)) if is_same_identity => Taken::Stays,
                (_, Some(why)) => Taken::Refused(why),
                (Undo::Irreversible { .. }, _) => Taken::Stays,
                (Undo::Run { command }, _) => run(&reach, command).await,
                (Undo::RestoreService { unit, active }, _) => {
                    service::put_back(&reach, unit, active).await
                }
                (Undo::RestoreStartType { unit, start }, _) => {
                    service::start_type(&reach, unit, *start).await
                }
                (Undo::RestoreVariables { unit, before, left }, _) => {
                    let (before, left) = (before.as_deref(), left.as_deref());
                    service::variables(&reach, unit, before, left, force).await
                }
                (
                    Undo::Uninstall {
                        config_dir,
                        program,
                    },
                    _,
                ) => {
                    let (program, told) = (program.as_ref(), step.told.as_ref());
                    installation::take_away(&reach, config_dir, program, told, force).await
                }
                (undo, _) => files::put_back(&reach, &directory, undo, step.told.as_ref(), force),
            }
        };
        let outcome = unless(interrupted, going_back).await;
        let outcome = match (outcome.unwrap_or(Taken::Interrupted), &step.undo) {
            // By the step before, which is a later change to the same service.
            (Taken::Already, Undo::RestoreService { unit, .. }) if was_put_back(&taken, unit) => {
                Taken::Back
            }
            // Not before what it reads is back, too.
            (outcome, Undo::RestoreService { .. }) => outcome,
            (outcome, _) => written(journal, step, outcome),
        };
        taken.push((step.clone(), outcome));
    }
    let is_file = |step: &PastStep| step.undo.path().is_some();
    let back_now = |(step, outcome): &(PastStep, Taken)| is_file(step) && outcome.is_settled();
    let files_are_back =
        taken.iter().any(back_now) || steps.iter().any(|step| is_file(step) && step.undone);
    for (step, outcome) in &mut taken {
        let Undo::RestoreService { unit, active } = &step.undo else {
            continue;
        };
        if outcome.is_settled() && files_are_back {
            let reading = service::with_what_is_back(unit, active);
            match unless(interrupted, reading).await {
                None => *outcome = Taken::Interrupted,
                Some(Some(read)) => *outcome = read,
                Some(None) => {}
            }
        }
        *outcome = written(journal, step, outcome.clone());
    }
    taken
}

/// Whether a service was stopped by a step that is taken back already.
fn was_put_back(taken: &[(PastStep, Taken)], unit: &str) -> bool {
    taken.iter().any(|(step, outcome)| {
        let same = matches!(&step.undo, Undo::RestoreService { unit: other, .. } if other == unit);
        same && *outcome == Taken::Back
    })
}

/// Writes down that a step is settled, if it is.
fn written(journal: &mut Journal, step: &PastStep, outcome: Taken) -> Taken {
    match outcome.is_settled().then(|| journal.undone(step.number)) {
        Some(Err(error)) => Taken::Failed(error.to_string()),
        _ => outcome,
    }
}

/// Whether the identity that is there works: looked at once, and only if it matters.
#[derive(Default)]
struct Identity(Option<Option<String>>);

impl Identity {
    async fn refusal(&mut self, doctor: &Doctor) -> Option<String> {
        if self.0.is_none() {
            self.0 = Some(Self::look(doctor).await);
        }
        self.0.clone().flatten()
    }

    async fn look(doctor: &Doctor) -> Option<String> {
        let registration = CheckId::from_static("registration");
        let checks = vec![CheckId::from_static("identity"), registration.clone()];
        let never = CancellationToken::new();
        let report = doctor.looking_at(checks).look(&never, &mut |_| {}).await;
        let status = |id: &CheckId| {
            let check = report.checks.iter().find(|check| check.id == *id);
            check.map(|check| check.status)
        };
        match status(&registration) {
            Some(Status::Fail) => None,
            // No identity of which the control plane could say anything: nothing that works is lost.
            _ if status(&CheckId::from_static("identity")) == Some(Status::Fail) => None,
            Some(Status::Pass | Status::Warn) => Some(
                "the identity that is there now works, and the one before it did not".to_owned(),
            ),
            _ => Some("whether the identity that is there now works cannot be seen".to_owned()),
        }
    }
}

async fn run(reach: &Reach, command: &[String]) -> Taken {
    let Some((program, args)) = command.split_first() else {
        return Taken::Failed("the journal names no program".to_owned());
    };
    if !PROGRAMS.contains(&program.as_str()) {
        return Taken::Refused(format!("`{program}` is no program that a repair runs"));
    }
    if reach.foreign_root().is_some() {
        return Taken::Refused("that would be this machine's, not the one under --root".to_owned());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match programs::run(program, &args, service::LIMIT).await {
        Ok(_) => Taken::Back,
        Err(why) => Taken::Failed(why),
    }
}
