//! Why an installation did not succeed, and which of the catalogue's findings that is.

use crate::model::Code;

/// Why the agent is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Only root can do it.
    #[error("only root can install the agent; run it with sudo")]
    NotRoot,
}

impl InstallError {
    /// The finding that it is, where it is one.
    pub fn code(&self) -> Option<Code> {
        None
    }
}
