//! The hands: everything that a repair changes on the host goes through here, and is written down before.

#[cfg_attr(windows, path = "../windows/files.rs")]
pub(super) mod files;
#[cfg(all(test, unix))]
mod tests;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::journal::{Attributes, Digest, Holds, Journal, JournalError, Left, Undo};
use super::reach::{self, Reach};
use super::shared::ACCESS_LIST;
use crate::host::live::programs;

/// The most that a file holds which is changed here.
pub const FILE_LIMIT: u64 = 1 << 20;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum HandsError {
    /// How it is undone could not be written down, so it was not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The system did not do it.
    #[error("could not {operation} {object}: {why}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// With what.
        object: String,
        /// What the system said.
        why: String,
    },
    /// Another part of this program did not succeed: an enrollment, a rotation.
    #[error("{0}")]
    Failed(String),
}

/// How a file is to be. What is `None` stays as it was; a new file is then the doctor's user's, and only for that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner's user id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
}

/// Makes changes, each with its way back in the journal.
#[derive(Debug)]
pub struct Hands {
    journal: Journal,
    reach: Reach,
    /// Steps whose change another part of the program makes, with their files.
    kept: Vec<(u32, PathBuf)>,
    token: TokenUse,
}

/// Whether the enrollment token that was given still serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenUse {
    Unused,
    UsedUp,
}

impl Hands {
    /// Hands that write down in `journal`, and work under the root that it is for.
    pub fn new(journal: Journal) -> Self {
        Self {
            reach: Reach::new(journal.root()),
            journal,
            kept: Vec::new(),
            token: TokenUse::Unused,
        }
    }

    /// Writes down that the control plane has given this agent its identity for the token, which serves nobody any more.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn token_is_used_up(&mut self, agent_id: &str) -> Result<(), HandsError> {
        self.token = TokenUse::UsedUp;
        self.note(&Undo::Irreversible {
            what: format!("the token is used up, and {agent_id} is registered"),
        })
    }

    /// Whether the token that was given serves nobody any more.
    pub fn has_used_token(&self) -> bool {
        self.token == TokenUse::UsedUp
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The journal, to write down what is no change of these hands'.
    pub const fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// What a file holds now; `None`: it is not there.
    ///
    /// # Errors
    /// When it cannot be read, is no regular file, or is larger than [`FILE_LIMIT`].
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, HandsError> {
        let failed = |error| system("read", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        let file = spot.open().map_err(failed)?;
        file.map(|file| reach::content(&file, FILE_LIMIT).map_err(failed))
            .transpose()
    }

    /// Puts a file in place of what is there, or of nothing, in one step.
    ///
    /// # Errors
    /// When it could not be written down or done; then what was there still is.
    pub fn replace_file(
        &mut self,
        path: &Path,
        content: &[u8],
        wanted: Wanted,
        holds: Holds,
    ) -> Result<(), HandsError> {
        let before = self.attributes(path)?;
        let attributes = wanted.over(before.unwrap_or_else(files::fresh));
        let left = Left::Content(Digest::of(content));
        self.before_change(path, left, holds)?;
        let failed = |error| system("write", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        files::put(&spot, content, &attributes).map_err(failed)
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// As [`Hands::replace_file`].
    pub fn remove_file(&mut self, path: &Path, holds: Holds) -> Result<(), HandsError> {
        self.before_change(path, Left::Absent, holds)?;
        let failed = |error| system("remove", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        files::take_away(&spot).map_err(failed)
    }

    /// Keeps a file, or that it is not there, because another part of this program is about to change it: an enrollment, a rotation.
    /// What that left there is written down by [`Hands::settle`].
    ///
    /// # Errors
    /// When it cannot be kept: then it must not be changed.
    pub fn keep(&mut self, path: &Path, holds: Holds) -> Result<(), HandsError> {
        let step = self.before_change(path, Left::Untold, holds)?;
        self.kept.push((step, path.to_owned()));
        Ok(())
    }

    /// Writes down what became of the files that were kept.
    ///
    /// # Errors
    /// When that cannot be seen or written down.
    pub fn settle(&mut self) -> Result<(), HandsError> {
        for (step, path) in std::mem::take(&mut self.kept) {
            let left = match self.read(&path)? {
                Some(content) => Left::Content(Digest::of(&content)),
                None => Left::Absent,
            };
            self.journal.told(step, left)?;
        }
        Ok(())
    }

    /// Changes mode and owner of a file or directory.
    ///
    /// # Errors
    /// When it could not be written down or done, or it is something that another user may have put there to be changed.
    pub fn set_attributes(&mut self, path: &Path, wanted: Wanted) -> Result<(), HandsError> {
        let failed = |error| system("change mode or owner of", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        let open = || {
            let file = spot.open_any()?.ok_or(io::ErrorKind::NotFound)?;
            match file.metadata()?.is_dir() {
                true => Ok(file),
                // Opened as what may be changed: a regular file with one name.
                false => spot.open()?.ok_or_else(|| io::ErrorKind::NotFound.into()),
            }
        };
        let file = open().map_err(failed)?;
        let before = files::attributes(&file).map_err(failed)?;
        // An access list's mask is the mode's middle digit: the mode decides, the list is not put back over it.
        let plain = |attributes: Attributes| Attributes {
            extended: Default::default(),
            ..attributes
        };
        let left = wanted.over(plain(before.clone()));
        self.journal.step(&Undo::RestoreAttributes {
            path: path.to_owned(),
            before: plain(before),
            left: left.clone(),
        })?;
        files::give(&file, &left).map_err(failed)
    }

    /// Gives a file of Windows another access control list, in the words of SDDL.
    ///
    /// # Errors
    /// As [`Hands::set_attributes`].
    pub fn set_access_list(&mut self, path: &Path, list: &str) -> Result<(), HandsError> {
        let failed = |error| system("change the access list of", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        let file = spot.open().map_err(failed)?;
        let file = file.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let before = files::attributes(&file).map_err(failed)?;
        let mut left = before.clone();
        let list = STANDARD.encode(list);
        left.extended.insert(ACCESS_LIST.to_owned(), list);
        let step = self.journal.step(&Undo::RestoreAttributes {
            path: path.to_owned(),
            before,
            left: left.clone(),
        })?;
        files::give(&file, &left).map_err(failed)?;
        // The system may say the same list in other words.
        let now = files::attributes(&file).map_err(failed)?;
        let list = now.extended.get(ACCESS_LIST);
        let list = Digest::of(list.map(String::as_bytes).unwrap_or_default());
        Ok(self.journal.told(step, Left::Content(list))?)
    }

    /// Makes a directory, if it is not there. Its parent has to be.
    ///
    /// # Errors
    /// When it could not be written down or done.
    pub fn make_directory(&mut self, path: &Path, wanted: Wanted) -> Result<(), HandsError> {
        let failed = |error| system("make the directory", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        if spot.exists().map_err(failed)? {
            return Ok(());
        }
        self.journal.step(&Undo::RemoveDirectory {
            path: path.to_owned(),
        })?;
        let made = || {
            files::make_directory(&spot)?;
            let directory = spot.open_any()?.ok_or(io::ErrorKind::NotFound)?;
            files::give(&directory, &wanted.over(files::attributes(&directory)?))?;
            files::sync(&spot)
        };
        made().map_err(|error: io::Error| {
            // Empty still, and of no use.
            let _ = files::remove_directory(&spot);
            failed(error)
        })
    }

    /// Runs one of the system's own programs (`systemctl`, `timedatectl`, …), found in the search path, and gives what it printed.
    /// `undo` is how that is taken back; `None`: by nothing, because it takes no taking back (`daemon-reload`).
    ///
    /// # Errors
    /// When it could not be written down, is not here, did not end in time, or did not succeed.
    pub async fn run(
        &mut self,
        undo: Option<Undo>,
        program: &str,
        args: &[&str],
        limit: Duration,
    ) -> Result<String, HandsError> {
        let object = [&[program], args].concat().join(" ");
        if self.reach.foreign_root().is_some() {
            return Err(system(
                "run",
                object,
                "that would be this machine's, not the one under --root",
            ));
        }
        if let Some(undo) = undo {
            self.journal.step(&undo)?;
        }
        programs::run(program, args, limit)
            .await
            .map_err(|why| system("run", object, why))
    }

    /// Writes down that something is about to happen, or how a service stands before it does.
    ///
    /// # Errors
    /// When that cannot be done: then it must not happen.
    pub fn note(&mut self, undo: &Undo) -> Result<(), HandsError> {
        self.journal.step(undo)?;
        Ok(())
    }

    fn attributes(&self, path: &Path) -> Result<Option<Attributes>, HandsError> {
        let failed = |error| system("look at", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        let file = spot.open().map_err(failed)?;
        file.map(|file| files::attributes(&file).map_err(failed))
            .transpose()
    }

    /// Writes down how a file is put back, with a copy of it, and gives the step's number.
    fn before_change(&mut self, path: &Path, left: Left, holds: Holds) -> Result<u32, HandsError> {
        let failed = |error| system("keep a copy of", path.display(), error);
        let spot = self.reach.spot(path).map_err(failed)?;
        let path = path.to_owned();
        let undo = match spot.open().map_err(failed)? {
            None => Undo::RemoveFile { path, left, holds },
            Some(file) => {
                let attributes = files::attributes(&file).map_err(failed)?;
                let content = reach::content(&file, FILE_LIMIT).map_err(failed)?;
                Undo::RestoreFile {
                    path,
                    backup: self.journal.keep(&content)?,
                    content: Digest::of(&content),
                    attributes,
                    left,
                    holds,
                }
            }
        };
        Ok(self.journal.step(&undo)?)
    }
}

impl Wanted {
    fn over(self, before: Attributes) -> Attributes {
        let mut before = before;
        if self.mode.is_some() {
            // What an access list lets others do would go beyond the mode that is wanted.
            before.extended.remove("system.posix_acl_access");
        }
        Attributes {
            mode: self.mode.unwrap_or(before.mode),
            uid: self.uid.unwrap_or(before.uid),
            gid: self.gid.unwrap_or(before.gid),
            extended: before.extended,
        }
    }
}

pub(super) fn system(
    operation: &'static str,
    object: impl Display,
    why: impl Display,
) -> HandsError {
    HandsError::System {
        operation,
        object: object.to_string(),
        why: why.to_string(),
    }
}
