//! The hands: everything that a repair changes on the host goes through here, and is written down before.

use super::journal::{Journal, JournalError};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum HandsError {
    /// How it is undone could not be written down, so it was not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The system did not do it.
    #[error("could not {operation} {object}: {why}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// With what.
        object: String,
        /// What the system said.
        why: String,
    },
    /// Another part of this program did not succeed: an enrollment, a rotation.
    #[error("{0}")]
    Failed(String),
}

/// Makes changes, each with its way back in the journal.
#[derive(Debug)]
pub struct Hands {
    journal: Journal,
}

impl Hands {
    /// Hands that write down in `journal`.
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }
}
