//! The agent's commands that change a host, against the embedded control plane over real sockets, in directories of their own.
//!
//! Needs neither root nor systemd: what stands for the service manager here only keeps count, and fails where it is told to. With
//! a real systemd the same is shown by `tests/real`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod enroll;
mod hostile;
mod install;
mod odd;
mod repaired;
mod rotate;
mod running;
mod surroundings;
mod uninstall;
mod world;
