//! What an action is: something that a repair of the catalogue does to this host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::hands::{Hands, HandsError};
use crate::catalog::Repair;
use crate::doctor::Doctor;
use crate::host::Host;
use crate::model::{Code, Report, ReportedFinding, Secret};

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

impl Safety {
    /// The name used in plans: `safe`, `confirm`, `person`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Confirm => "confirm",
            Self::Person => "person",
        }
    }
}

/// What an action has to be given before it can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A new enrollment token: [`Given::token`].
    Token,
    /// The SHA-256 fingerprint of a certificate, typed by somebody who has it from elsewhere: [`Given::fingerprint`].
    Fingerprint {
        /// Whose, for the question.
        of: String,
    },
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
    /// What it has to be given, if it is not [`Given`] yet.
    pub ask: Option<Ask>,
}

/// What the user gave for repairs.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// A new enrollment token, if one was given or asked for.
    pub token: Option<Secret>,
    /// `--ca-cert`: the caller's path of the control plane's CA certificate.
    pub ca_cert: Option<PathBuf>,
    /// A fingerprint that was typed, as it was typed.
    pub fingerprint: Option<String>,
}

/// Where an action works, and what it was given.
pub struct Site<'a> {
    /// The door, to look again before something is changed: nothing that it was asked before is remembered.
    pub host: Arc<dyn Host>,
    /// The doctor that made the report.
    pub doctor: &'a Doctor,
    /// The report that the plan was made from.
    pub report: &'a Report,
    /// What the user gave.
    pub given: &'a Given,
}

impl Site<'_> {
    /// Whether the files of another root are repaired: what runs there is out of reach.
    pub fn is_foreign(&self) -> bool {
        self.doctor.settings.root.is_some()
    }
}

/// Why an action is not done: what it is for is no longer so, or it would do harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// How an action ended that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The change is made; whether it helped, the doctor says.
    Done,
    /// The change is made, and what it was for comes about by itself, later than anybody waits: what there is to see of it by now.
    /// A warning that is left is then no failure; an error is.
    Underway(String),
    /// It needs no change: somebody was faster.
    AlreadySo,
}

/// What a repair would do on this host about the findings that name it.
pub enum Proposal {
    /// These, in this order; none: there is nothing to do.
    Actions(Vec<Box<dyn Action>>),
    /// Nothing that the doctor does, and why: a person follows the remedy.
    Person(String),
}

/// Finds out what a repair would do here, without changing anything. The findings are all those of the report that name it.
pub type Propose = for<'a> fn(&'a Site<'a>, &'a [&'a ReportedFinding]) -> BoxFuture<'a, Proposal>;

/// How long an action may take, unless it says otherwise.
const USUAL_LIMIT: Duration = Duration::from_secs(30);

/// Something that can be done to this host, made for one plan.
///
/// It holds what the plan found out. Everything that it changes goes through [`Hands`]. Its futures may be dropped at any
/// moment (a deadline, Ctrl-C): what is journalled by then is what is taken back.
pub trait Action: Send + Sync {
    /// In words.
    fn describe(&self) -> Description;

    /// How long [`Action::apply`] may take.
    fn limit(&self) -> Duration {
        USUAL_LIMIT
    }

    /// Looks again, right before it is done: is it still needed, and harmless?
    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Does it.
    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>>;
}
