//! The command line: nothing else reads arguments, prints or exits.

pub mod agent;
