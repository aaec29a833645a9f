//! What a running process of a service sees: its network, its files and its environment, which need not be the host's.
//!
//! A unit says what will be when the service is started next; this says what is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Seen;

/// Which process, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InsideQuestion {
    /// Its id.
    pub pid: u32,
    /// Names of the variables whose values are told; of others nothing is.
    pub variables: Vec<String>,
    /// Files and directories to look at as the process finds them.
    pub paths: Vec<PathBuf>,
}

/// What it sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// Its network.
    pub network: Seen<InsideNetwork>,
    /// The variables that were asked for, as it was started with them; passwords in URLs are left out.
    pub environment: Seen<BTreeMap<String, String>>,
    /// What it finds at each path, in the order of the question.
    pub paths: Vec<Seen<InsidePath>>,
}

/// A process's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsideNetwork {
    /// Whether it is another than the one that the doctor is in.
    pub own: bool,
    /// Names of its interfaces.
    pub interfaces: Vec<String>,
}

/// What a process finds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsidePath {
    /// Whether it is what the doctor finds there.
    pub same: bool,
    /// Whether it is on a mount that is read-only for the process.
    pub read_only: bool,
}
