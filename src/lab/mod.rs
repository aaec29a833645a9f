//! The embedded control plane: a CA made at start, tokens, registrations, a server, a nameserver, and all that they can do wrong.
//!
//! It speaks the contract over real sockets on loopback, so that a diagnosis can be tried against the truth that was injected.
//! It keeps nothing on disk, needs no privilege, and is no part of a diagnosis: nothing below this room knows of it.

mod behaviour;
mod ca;
mod clock;
mod controls;
mod fault;
mod faults;
mod last_words;
mod nameserver;
pub mod pairs;
mod plan;
mod proxy;
mod random;
mod rotation;
mod run;
mod server;
mod service;
mod sight;
pub mod standing;
mod state;
mod timeserver;
mod together;
mod truth;
mod world;

pub use behaviour::{
    AgentApi, Behaviour, ClientCertificates, HealthPage, HeartbeatReply, InspectCall, Port,
    RotationReply,
};
pub use ca::{AgentRequest, Authority, Served, ServerCertificate};
pub use clock::Clock;
pub use controls::CONTROLS;
pub use fault::{Fault, Side};
pub use faults::FAULTS;
pub use nameserver::{NameAnswer, Nameserver};
pub use plan::Plan;
pub use proxy::{Door, Protocol, ProxyServer};
pub use run::{HEALTHY, LIMITS, NoScenario, Outcome, Scenario};
pub use server::{ControlPlaneServer, RequestLine};
pub use state::{Agent, Refusal, State};
pub use timeserver::{TimeAnswer, TimeServer};
pub use truth::Truth;
pub use world::World;

/// Why the lab could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A certificate could not be made.
    #[error("could not make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("could not set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// A socket could not be opened.
    #[error("could not open a socket on loopback: {0}")]
    Io(#[from] std::io::Error),
    /// The lab's agent could not enroll, where it should have been able to.
    #[error("the lab's agent could not enroll: {0}")]
    Enrollment(String),
    /// A situation's own task came to no end.
    #[error("a situation was not diagnosed to its end: {0}")]
    Task(String),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

#[cfg(test)]
mod tests;
