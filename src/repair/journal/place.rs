//! Where journals are kept, how many of them, and that only one run writes there.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::JournalError;
use super::private::{is_own, make_private, of_superuser, of_user, private};
use super::read::Past;

/// How many runs can be looked back at; only the last one is taken back, the others are for the person who reads.
const KEPT: usize = 20;
/// How a run's directory is named: by the time at which it began.
const RUN: &str = "%Y%m%dT%H%M%S%.6fZ";
/// The file that is locked.
const LOCK: &str = "lock";

/// A directory of journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    directory: PathBuf,
}

/// The right to write there, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    directory: PathBuf,
    _file: File,
}

impl Place {
    /// In this directory.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Where this user's journals are kept; `None` for a user without a home.
    pub fn usual() -> Option<Self> {
        let of_user = || Some(of_user()?.join("nexplane-doctor").join("undo"));
        of_superuser().or_else(of_user).map(Self::at)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the right to write there.
    ///
    /// # Errors
    /// When somebody else has it, the directory cannot be made, or others could have written there.
    pub fn lock(&self) -> Result<Lock, JournalError> {
        let failed = |error: &dyn std::fmt::Display| {
            JournalError::new("keep undo journals in", &self.directory, error)
        };
        make_private(&self.directory).map_err(|error| failed(&error))?;
        self.is_own()?;
        let file = private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.directory.join(LOCK))
            .map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock {
                directory: self.directory.clone(),
                _file: file,
            }),
            Err(TryLockError::WouldBlock) => {
                Err(failed(&"another `nexplane-doctor fix` is at work"))
            }
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }

    /// The last run there for the host under `root` that is not taken back whole, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last(&self, root: Option<&Path>) -> Result<Option<Past>, JournalError> {
        match fs::metadata(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let failed = "look for undo journals in";
                return Err(JournalError::new(failed, &self.directory, error));
            }
            Ok(_) => {}
        }
        self.is_own()?;
        for run in self.runs()?.into_iter().rev() {
            // A run whose first line never came to disk has changed nothing.
            let Some(past) = Past::read(&run)? else {
                continue;
            };
            if past.root.as_deref() == root && !past.is_taken_back() {
                return Ok(Some(past));
            }
        }
        Ok(None)
    }

    /// What is run as this user is what stands there: nobody else may have written it.
    fn is_own(&self) -> Result<(), JournalError> {
        let failed = |why: &dyn std::fmt::Display| {
            JournalError::new("use undo journals in", &self.directory, why)
        };
        let metadata = fs::metadata(&self.directory).map_err(|error| failed(&error))?;
        if !is_own(&self.directory, &metadata) {
            return Err(failed(
                &"it is another user's, or other users can write to it",
            ));
        }
        Ok(())
    }

    /// The directories of runs, the oldest first. Whatever else somebody keeps in this directory is none of ours.
    fn runs(&self) -> Result<Vec<PathBuf>, JournalError> {
        let failed =
            |error: io::Error| JournalError::new("list undo journals in", &self.directory, error);
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_run(&entry.file_name()) && entry.file_type().map_err(failed)?.is_dir() {
                runs.push(entry.path());
            }
        }
        runs.sort();
        Ok(runs)
    }
}

/// Whether a directory of this name can be a run's.
fn is_run(name: &OsStr) -> bool {
    let name = name.to_str().map(|name| name.trim_end_matches('+'));
    name.is_some_and(|name| NaiveDateTime::parse_from_str(name, RUN).is_ok())
}

impl Lock {
    /// Makes the directory of a new run, named so that runs sort by age, and drops the oldest beyond the bound.
    pub(super) fn new_run(&self, now: DateTime<Utc>) -> Result<PathBuf, JournalError> {
        let place = Place::at(&self.directory);
        let runs = place.runs()?;
        let newest = runs.last().and_then(|run| run.file_name());
        let name = now.format(RUN).to_string();
        // A clock that was set back must not make the new run look older than the last.
        let name = match newest.and_then(|newest| newest.to_str()) {
            Some(newest) if newest >= name.as_str() => format!("{newest}+"),
            _ => name,
        };
        for old in runs.iter().rev().skip(KEPT - 1) {
            // What cannot be removed stays: there is one more to look back at.
            let _ = fs::remove_dir_all(old);
        }
        let run = self.directory.join(name);
        make_private(&run)
            .map_err(|error| JournalError::new("begin the undo journal in", &run, error))?;
        Ok(run)
    }
}
