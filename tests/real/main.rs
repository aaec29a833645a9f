//! The doctor against a real world: servers that are not ours, a real systemd, real routers and full disks.
//!
//! Run as root, on Linux, with what `.ci/packages` lists installed:
//!
//! ```text
//! cargo test --features real --test real
//! ```
//!
//! Each test stands a situation up, lets somebody else's tool (curl, dig, systemctl) say what it is, then runs the
//! doctor's own binary in it and reads its JSON report. Nothing leaves the machine and nothing stays on it: a situation
//! lives in its own namespaces, where only loopback and the links that the test makes exist, and goes with the test.
//! Any number of tests may run side by side; together they take a few minutes on two cores.
//!
//! [`harness`] makes situations; the other files are named after the checks, or after the promise, that they hold to.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod agent_install;
mod agent_readme;
mod agent_run;
mod bounds;
mod bundle;
mod chains;
mod clock;
mod dns;
mod fix;
mod forgotten;
mod formats;
mod harness;
mod head_start;
mod health;
mod host;
mod html;
mod interception;
mod kill_points;
mod packages;
mod property_list;
mod proxy;
mod registration;
mod sandbox;
mod scaffold;
mod secrets;
mod service;
mod tasks;
mod tcp;
mod tls;
mod token;
mod trust;
