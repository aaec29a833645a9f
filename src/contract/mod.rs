//! Nexplane's facts in one place: the agent's files, the control plane's calls.

pub mod token;
