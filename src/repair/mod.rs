//! Repairs: from a report to a plan, the actions of it done, each verified, and undone when it did not help.
//!
//! ```text
//! Report -> plan (pure) -> for each action: look again -> apply (each change through the hands) -> verify (asks the doctor again)
//! ```
//!
//! An action decides, the [`Hands`] change: nothing else here touches the host. The hands write down in the [`Journal`] how each
//! change is taken back, and have that on disk before they make it, so that undoing needs neither the action nor the process that did it.

mod access_list;
mod action;
mod actions;
mod apply;
mod edit;
mod hands;
mod installation;
mod journal;
mod look;
#[cfg_attr(windows, path = "windows/manager.rs")]
mod manager;
mod permissions;
mod plan;
#[cfg_attr(windows, path = "windows/reach.rs")]
mod reach;
mod shared;
mod standing;
#[cfg(all(test, unix))]
mod testing;
mod undo;

pub use action::{
    Action, Applied, Ask, Description, Given, Proposal, Propose, Refusal, Safety, Site,
};
pub use apply::{Outcome, apply, plan};
pub use hands::{FILE_LIMIT, Hands, HandsError, Wanted};
pub use journal::{
    Attributes, Digest, Holds, Journal, JournalError, Left, Lock, Past, PastStep, Place, Undo,
};
pub use plan::{ForPerson, Item, Plan};
pub use undo::{Force, Taken, open_steps, undo};
