//! What an action is: something that a repair of the catalogue does to this host.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::hands::{Hands, HandsError};
use crate::catalog::Repair;
use crate::doctor::Doctor;
use crate::host::Host;
use crate::model::{Code, Report, Secret};

/// Who decides that an action is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// It takes nothing away and can be undone: `--yes` does it.
    Safe,
    /// A person says yes to this one; `--yes --all` says it for all.
    Confirm,
    /// The doctor does not do it: a person does.
    Person,
}

/// An action in words, for the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The catalogue's repair.
    pub repair: Repair,
    /// The findings that it is for.
    pub codes: Vec<Code>,
    /// What is done, in the imperative, with this host's values.
    pub title: String,
    /// Why this helps.
    pub why: String,
    /// What it changes, a line each: files, services, registrations.
    pub changes: Vec<String>,
    /// How it is undone; `None` where it cannot be.
    pub undo: Option<String>,
    /// Who decides.
    pub safety: Safety,
    /// Whether only root can do it.
    pub needs_root: bool,
}

/// Where an action works, and what it was given.
pub struct Site<'a> {
    /// The door, to look again before something is changed.
    pub host: Arc<dyn Host>,
    /// The doctor that made the report.
    pub doctor: &'a Doctor,
    /// The report that the plan was made from.
    pub report: &'a Report,
    /// A new enrollment token, if one was given or asked for.
    pub token: Option<Secret>,
}

/// Why an action is not done: what it is for is no longer so, or it would do harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// How an action ended that was not refused.
#[derive(Debug)]
pub enum Applied {
    /// The change is made; whether it helped, the doctor says.
    Done,
    /// It needs no change: somebody was faster.
    AlreadySo,
}

/// Something that can be done to this host, made for one plan.
///
/// It holds what the plan found out. Everything that it changes goes through [`Hands`].
pub trait Action: Send + Sync {
    /// In words.
    fn describe(&self) -> Description;

    /// Looks again, right before it is done: is it still needed, and harmless?
    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Does it.
    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>>;
}
