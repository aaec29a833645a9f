//! Repairs: from a report to a plan, the actions of it done, each verified, and undone when it did not help.
//!
//! ```text
//! Report -> plan (pure) -> for each action: look again -> apply (each change through the hands) -> verify (asks the doctor again)
//! ```
//!
//! An action decides, the [`Hands`] change: nothing else here touches the host. The hands write down in the [`Journal`] how each
//! change is taken back, and have that on disk before they make it, so that undoing needs neither the action nor the process that did it.

mod action;
mod hands;
mod journal;

pub use action::{Action, Applied, Description, Refusal, Safety, Site};
pub use hands::{Hands, HandsError};
pub use journal::{Journal, JournalError, Undo};
