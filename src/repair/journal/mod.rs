//! The undo journal: how each change is taken back, on disk before the change is made.
//!
//! A run has a directory of its own, with an append-only file of lines and the copies of files beside it. A line is its checksum
//! and an entry in JSON; each is on disk before what it speaks of happens. The last line may be torn, when the machine stopped
//! in the middle of it: then what it speaks of has not happened. One run at a time: a lock says that it is going on.

mod place;
#[cfg_attr(unix, path = "private/unix.rs")]
#[cfg_attr(windows, path = "private/windows.rs")]
mod private;
mod read;
mod step;
#[cfg(all(test, unix))]
mod tests;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use private::{private, sync_directory};

pub use place::{Lock, Place};
pub use read::{Past, PastStep};
pub use step::{Attributes, Digest, Holds, Left, Undo};

/// The file of lines in a run's directory.
const FILE: &str = "journal";
/// The form of the lines.
const VERSION: u32 = 1;
/// How many hexadecimal digits of a line's digest stand before it.
const SUM: usize = 16;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
enum Entry {
    /// A run began.
    Begun {
        /// The form of the lines.
        version: u32,
        /// Which doctor.
        tool: String,
        /// When.
        at: DateTime<Utc>,
        /// Under which root, if not `/`.
        root: Option<PathBuf>,
    },
    /// What follows belongs to this action.
    Action {
        /// The catalogue's repair.
        repair: String,
        /// What it does, in words.
        title: String,
    },
    /// A change is about to be made.
    Step {
        /// Its number in this journal.
        step: u32,
        /// How it is taken back.
        undo: Undo,
    },
    /// What a change left that another part of the program made.
    Told {
        /// Which.
        step: u32,
        /// What is there now.
        left: Left,
    },
    /// A change was taken back.
    Undone {
        /// Which.
        step: u32,
    },
    /// The run came to its end by itself: nothing of it is half done.
    Finished,
}

/// A journal that cannot be kept or read: nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {operation} {}: {why}", .path.display())]
pub struct JournalError {
    /// What was tried.
    pub operation: &'static str,
    /// With what.
    pub path: PathBuf,
    /// What the system said.
    pub why: String,
}

impl JournalError {
    fn new(operation: &'static str, path: &Path, why: impl std::fmt::Display) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

/// The journal of one run of `fix`.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    root: Option<PathBuf>,
    file: File,
    /// The next step's number.
    next: u32,
    copies: u32,
    /// Held while the run goes on.
    _lock: Lock,
}

impl Journal {
    /// Begins the journal of a run, in a directory of its own, for the host under `root` (none: this machine).
    ///
    /// # Errors
    /// When it cannot be kept there.
    pub fn begin(
        lock: Lock,
        root: Option<&Path>,
        now: DateTime<Utc>,
    ) -> Result<Self, JournalError> {
        let directory = lock.new_run(now)?;
        let path = directory.join(FILE);
        let failed = |error: io::Error| JournalError::new("begin the undo journal", &path, error);
        let file = private()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        let mut journal = Self {
            root: root.map(Path::to_owned),
            file,
            next: 0,
            copies: 0,
            _lock: lock,
            directory,
        };
        journal.write(&Entry::Begun {
            version: VERSION,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            at: now,
            root: journal.root.clone(),
        })?;
        sync_directory(&journal.directory)
            .and_then(|()| sync_directory(journal.directory.parent().unwrap_or(Path::new("/"))))
            .map_err(failed)?;
        Ok(journal)
    }

    /// Goes on in the journal of a run that was read.
    ///
    /// # Errors
    /// When nothing can be added to it.
    pub fn resume(lock: Lock, past: &Past) -> Result<Self, JournalError> {
        let path = past.directory.join(FILE);
        let failed =
            |error: io::Error| JournalError::new("go on in the undo journal", &path, error);
        let file = File::options().append(true).open(&path).map_err(failed)?;
        // A torn line stays where it is: what is added begins on a line of its own.
        file.set_len(past.length).map_err(failed)?;
        Ok(Self {
            directory: past.directory.clone(),
            root: past.root.clone(),
            file,
            next: past
                .steps
                .iter()
                .map(|step| step.number.saturating_add(1))
                .max()
                .unwrap_or(0),
            copies: 0,
            _lock: lock,
        })
    }

    /// Where it is kept.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The root whose host is changed, if it is not this machine's.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// What follows belongs to this action. Gives the number that its first step will have.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn action(&mut self, repair: &str, title: &str) -> Result<u32, JournalError> {
        self.write(&Entry::Action {
            repair: repair.to_owned(),
            title: title.to_owned(),
        })?;
        Ok(self.next)
    }

    /// Writes down how a change is taken back. The change may be made once this has returned.
    ///
    /// # Errors
    /// When it is not on disk: then the change must not be made.
    pub fn step(&mut self, undo: &Undo) -> Result<u32, JournalError> {
        let step = self.next;
        self.write(&Entry::Step {
            step,
            undo: undo.clone(),
        })?;
        self.next = self.next.saturating_add(1);
        Ok(step)
    }

    /// Keeps a copy of a file, and gives its name.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn keep(&mut self, content: &[u8]) -> Result<String, JournalError> {
        let name = format!("{}-{}", self.next, self.copies);
        let path = self.directory.join(&name);
        let kept = || {
            let mut file = private().write(true).create_new(true).open(&path)?;
            file.write_all(content)?;
            file.sync_all()?;
            sync_directory(&self.directory)
        };
        kept().map_err(|error: io::Error| JournalError::new("keep a copy in", &path, error))?;
        self.copies += 1;
        Ok(name)
    }

    /// The steps from this number on, as they are on disk.
    pub(super) fn steps_since(&self, first: u32) -> Result<Vec<PastStep>, JournalError> {
        let past = Past::read(&self.directory)?;
        let steps = past.into_iter().flat_map(|past| past.steps);
        Ok(steps.filter(|step| step.number >= first).collect())
    }

    /// Writes down what a change left.
    pub(super) fn told(&mut self, step: u32, left: Left) -> Result<(), JournalError> {
        self.write(&Entry::Told { step, left })
    }

    /// Writes down that a change was taken back.
    pub(super) fn undone(&mut self, step: u32) -> Result<(), JournalError> {
        self.write(&Entry::Undone { step })
    }

    /// Writes down that the run came to its end by itself.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn finish(&mut self) -> Result<(), JournalError> {
        self.write(&Entry::Finished)
    }

    fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let path = self.directory.join(FILE);
        let failed = |why: String| JournalError::new("write the undo journal", &path, why);
        let text = serde_json::to_string(entry).map_err(|error| failed(error.to_string()))?;
        let line = format!("{} {text}\n", sum(&text));
        let before = self.file.metadata().map(|metadata| metadata.len());
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            // Half a line, on a disk that is full, must not stand before the next one.
            if let Ok(length) = before {
                let _ = self.file.set_len(length);
            }
            failed(error.to_string())
        })
    }
}

fn sum(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()[..SUM].to_owned()
}
