//! The agent: enrolls, keeps its identity, renews it, gives signs of life, and says in its log what went wrong.
//!
//! A real client of the contract, small enough to be embedded: the lab enrolls it, and `nexplane-agent check` uses it. It runs no
//! tasks. With `repair`, the only room that changes a host, and only where [`IdentityFiles`] points.

mod check;
pub mod drop_in;
mod enroll;
pub mod files;
mod go_words;
mod heartbeat;
mod identity;
mod log;
mod rotate;
mod run;
mod setting;
mod state;
mod status;
#[cfg(test)]
mod testing;
mod trust;

pub use check::{CheckOutcome, check};
pub use enroll::{EnrollError, HostFacts, enroll};
pub use heartbeat::{HeartbeatError, Purpose, heartbeat};
pub use identity::{Identity, IdentityError, IdentityFiles};
pub use log::AgentLog;
pub use rotate::rotate;
pub use run::{Ended, RunOptions, run};
pub use setting::Setting;
pub(crate) use state::unkept;
pub use state::{AgentState, StateDirectory};
pub use status::{Running, status};
pub use trust::{TrustError, roots};

/// The agent's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
