//! Nexplane's facts in one place: the agent's files and lines, the control plane's address, calls and answers; and who else
//! answers in its place ([`inspection`]).
//!
//! Where Nexplane's documentation is silent, this room fixes the contract, so that it can follow the real one
//! here and nowhere else. All of it is pure but [`client`], which makes the calls over a connection that it is
//! told how to secure, and [`proxy`], which asks for a tunnel on one that it is given; nothing here reads a file, the clock
//! or the environment.

pub mod api;
pub mod chain;
pub mod client;
pub mod config;
pub mod inspection;
pub mod log_lines;
pub mod paths;
pub mod proxy;
pub(crate) mod tap;
pub mod tls;
pub mod token;
pub mod url;
pub mod variables;
