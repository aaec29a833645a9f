//! The agent's service: its definition as a typed thing, and the service manager that is asked to run it.

#[cfg(any(target_os = "macos", test))]
mod launchd;
#[cfg(unix)]
mod program;
#[cfg(all(unix, not(target_os = "macos")))]
mod systemd;
#[cfg(all(unix, not(target_os = "macos")))]
mod unit;
#[cfg(windows)]
mod windows;

use futures_util::future::BoxFuture;

#[cfg(target_os = "macos")]
pub use launchd::DefinitionError;
#[cfg(target_os = "macos")]
pub(super) use launchd::{definition_text, manager, shows, starts};
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) use systemd::manager;
#[cfg(all(unix, not(target_os = "macos")))]
pub use unit::UnitError as DefinitionError;
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) use unit::{definition_text, shows, starts};
#[cfg(windows)]
pub use windows::DefinitionError;
#[cfg(windows)]
pub(super) use windows::{definition_text, manager, shows, starts};

/// What the service manager does with the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether a definition is there.
    pub definition: Definition,
    /// Whether it starts at boot.
    pub at_boot: AtBoot,
    /// Whether it runs, or is about to.
    pub activity: Activity,
}

/// Whether a service manager has a service's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// It knows no such service.
    Absent,
    /// It has one.
    Loaded,
    /// It has been told not to have one.
    Masked,
    /// There is one that it cannot use.
    Broken,
}

/// Whether a service starts at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBoot {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}

/// Whether a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs.
    Running,
    /// It is being started, or will be started again.
    Starting,
    /// It does not.
    Stopped,
}

/// Why a service manager did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// There is none on this host that could be asked.
    #[error("{0}")]
    Missing(String),
    /// It was asked, and refused or failed.
    #[error("could not {operation}: {why}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        why: String,
    },
    /// The service was started and did not come up.
    #[error("the service did not come up: {why}")]
    NotUp {
        /// What the service manager says.
        why: String,
        /// The last words in its log, oldest first, fit to be shown.
        last_words: Vec<String>,
    },
}

/// A service manager, as far as an installation needs it. Every call has a deadline.
pub trait ServiceManager: Send + Sync {
    /// What it does with the agent.
    fn state(&self) -> BoxFuture<'_, Result<ServiceState, ServiceError>>;
    /// Reads the definitions again.
    fn reload(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
    /// Has the service start at boot.
    fn enable(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
    /// Has it not start at boot.
    fn disable(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
    /// Starts the service anew, and waits until it is up.
    fn restart(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
    /// Stops the service, if it runs, and forgets how it ended.
    fn stop(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
}
