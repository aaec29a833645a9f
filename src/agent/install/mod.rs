//! `nexplane-agent install`: an identity, a configuration, the program, and a service that runs it; all of it, or nothing.

mod error;

pub use error::InstallError;

use std::path::PathBuf;
use std::time::Duration;

use super::surroundings::Surroundings;
use crate::contract::config::{LogLevel, Verification};
use crate::model::Secret;

/// What the user says.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// The control plane's address, as written.
    pub control_plane: String,
    /// The enrollment token.
    pub token: Secret,
    /// How often the agent asks for tasks.
    pub poll_interval: Duration,
    /// How much it logs.
    pub log_level: LogLevel,
    /// A CA file to trust beside the system's store.
    pub ca_cert: Option<PathBuf>,
    /// Whether the control plane's certificate is verified.
    pub verification: Verification,
    /// What becomes of an identity that works.
    pub working_identity: WorkingIdentity,
}

/// What becomes of an identity that works, or of which nobody can say that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkingIdentity {
    /// It stays.
    #[default]
    Keep,
    /// It gives way to a new one.
    Replace,
}

/// An agent that is installed and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its id.
    pub agent_id: String,
    /// What was done about its identity.
    pub outcome: InstallOutcome,
    /// The name that the control plane knows it by.
    pub registered_as: String,
    /// What the user should know beside that, a sentence each.
    pub notes: Vec<String>,
}

/// What an installation had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallOutcome {
    /// The token was used, and the agent has a new identity.
    Enrolled,
    /// It had a working identity and keeps it; configuration, program or service were brought up to date. The token is unused.
    Updated,
    /// All was as it should be; nothing was changed, and the token is unused.
    AlreadyInstalled,
}

/// Installs the agent. On any error the host is as it was before, but for a key that waits for its certificate.
///
/// # Errors
/// The first thing that stands in the way; [`InstallError::code`] says which finding it is.
pub async fn install(
    options: &InstallOptions,
    around: &Surroundings,
) -> Result<Installed, InstallError> {
    let _ = (options, around);
    Err(InstallError::NotRoot)
}
