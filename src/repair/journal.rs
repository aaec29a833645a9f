//! The undo journal: how each change is taken back, on disk before the change is made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How one change is taken back. Plain data: another process, after a crash or a reboot, can do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// Put the file back as it was, with its owner and mode.
    RestoreFile {
        /// Where it was.
        path: PathBuf,
        /// Its content, kept beside the journal.
        backup: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// Take away a file that was not there.
    RemoveFile {
        /// Where it is.
        path: PathBuf,
    },
    /// Give a file its owner and mode back.
    RestoreMode {
        /// Which file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// Run a program of the system, such as `systemctl disable UNIT`.
    Run {
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// Nothing takes this back; what it was, for the person who reads.
    Irreversible {
        /// What was done.
        what: String,
    },
}

/// A journal that cannot be kept or read: nothing is changed then.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} {}: {why}", .path.display())]
pub struct JournalError {
    /// What was tried.
    pub operation: &'static str,
    /// With what.
    pub path: PathBuf,
    /// What the system said.
    pub why: String,
}

/// The journal of one run of `fix`.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
}

impl Journal {
    /// Where it is kept.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
