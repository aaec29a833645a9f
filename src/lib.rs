//! nexplane-doctor: why a Nexplane agent does not register, is offline or executes nothing.
//!
//! A diagnosis is a pure function of evidence. (The crate's documentation is completed with the house.)

pub mod agent;
pub mod catalog;
pub mod checks;
pub mod cli;
pub mod contract;
pub mod host;
pub mod lab;
pub mod logs;
pub mod model;
