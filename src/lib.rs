//! nexplane-doctor: why a Nexplane agent does not register, is offline or executes nothing.
//!
//! A diagnosis is a pure function of evidence. Everything that touches the machine or the network goes through one
//! door, [`host`], and what comes through it can be recorded and played back: the same code diagnoses a live host and
//! a recorded one.
//!
//! ```text
//! arguments -> Target -> engine walks the graph of checks
//!                           check.collect(host) -> Evidence      through the door
//!                           check.judge(evidence) -> Findings    pure
//!                        diagnosis: causes and symptoms -> Report pure
//!                        report: one renderer a format            pure
//! ```
//!
//! The rooms, from the ground up; each imports only those before it (`tests/architecture.rs` holds this):
//!
//! | room | what it is for |
//! |---|---|
//! | [`model`] | the vocabulary: codes, findings, statuses, the report |
//! | [`catalog`] | `checks/*.yaml`, the runbook as data: typed, validated, every error at once |
//! | [`contract`] | Nexplane's facts: the agent's files, the control plane's calls |
//! | [`host`] | the door: questions to a machine and a network, live or recorded |
//! | [`logs`] | log lines to finding codes |
//! | [`checks`] | one file a check: what it collects, how it judges |
//! | [`engine`] | walks the graph: concurrency, deadlines, cancellation |
//! | [`diagnosis`] | which finding explains which, the verdict, the report |
//! | [`report`] | one file a format |
//! | [`bundle`] | evidence on disk |
//! | [`doctor`] | all of it put together: looks at a live host, once or again |
//! | [`agent`] | a minimal agent: identity, enrollment, heartbeat |
//! | [`repair`] | from a report to a plan, its actions, their verification and how they are undone |
//! | [`lab`] | an embedded control plane with faults to inject |
//! | [`cli`] | the command line |

pub mod agent;
pub mod bundle;
pub mod catalog;
pub mod checks;
pub mod cli;
pub mod contract;
pub mod diagnosis;
pub mod doctor;
pub mod engine;
pub mod host;
pub mod lab;
pub mod logs;
pub mod model;
pub mod repair;
pub mod report;
