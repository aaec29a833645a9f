//! The agent: enrolls, keeps its identity, renews it, gives signs of life, and says in its log what went wrong.
//!
//! A real client of the contract, small enough to be embedded: the lab enrolls it, and `nexplane-agent check` uses it. It runs no
//! tasks. With `repair`, the only room that changes a host, and only where [`IdentityFiles`] points.

mod advice;
mod check;
pub mod drop_in;
mod enroll;
pub mod files;
mod go_words;
mod heartbeat;
mod identity;
mod install;
mod lock;
mod log;
#[cfg_attr(unix, path = "platform/unix.rs")]
#[cfg_attr(windows, path = "platform/windows.rs")]
mod platform;
mod rotate;
mod run;
mod service;
mod setting;
mod state;
mod status;
mod surroundings;
#[cfg(test)]
mod testing;
mod trust;
mod uninstall;

pub use advice::{Advice, advice};
pub use check::{CheckOutcome, check};
pub use enroll::{EnrollError, HostFacts, enroll};
pub use heartbeat::{HeartbeatError, Purpose, heartbeat};
pub use identity::{Identity, IdentityError, IdentityFiles};
pub use install::{
    FileError, InstallError, InstallOptions, InstallOutcome, Installed, WorkingIdentity,
    has_pending_key, install, is_interrupted, take_back,
};
pub use lock::LockError;
pub use log::AgentLog;
pub use rotate::{RotateError, Rotated, rotate_cert, settle};
pub use run::{Ended, RunOptions, no_end_by_a_large_file, run, serve};
pub use service::{
    Activity, AtBoot, Definition, DefinitionError, ServiceError, ServiceManager, ServiceState,
};
pub use setting::{Setting, SettingError};
pub(crate) use state::unkept;
pub use state::{AgentState, StateDirectory};
pub use status::{Running, status};
pub use surroundings::{Places, Privilege, Surroundings};
pub use trust::TrustError;
pub use uninstall::{Kept, Uninstalled, uninstall};

/// The agent's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
