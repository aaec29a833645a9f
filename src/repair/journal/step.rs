//! What is written down of a change before it is made: how it is taken back, in plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::host::StartType;

/// How one change is taken back. Plain data: another process, after a crash or a reboot, can do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// Put the file back as it was.
    RestoreFile {
        /// Where it was, as a path of the host.
        path: PathBuf,
        /// The name of its copy beside the journal.
        backup: String,
        /// Digest of that copy.
        content: Digest,
        /// Whose it was, and who might do what.
        attributes: Attributes,
        /// What the change leaves there.
        left: Left,
        /// What is lost with what is there now.
        holds: Holds,
    },
    /// Take away a file that was not there.
    RemoveFile {
        /// Where it is.
        path: PathBuf,
        /// What the change leaves there.
        left: Left,
        /// What is lost with it.
        holds: Holds,
    },
    /// Take away a directory that was not there, if nothing else is in it by then.
    RemoveDirectory {
        /// Where it is.
        path: PathBuf,
    },
    /// Give a file or directory its owner and mode back.
    RestoreAttributes {
        /// Which.
        path: PathBuf,
        /// As it was.
        before: Attributes,
        /// As the change leaves it.
        left: Attributes,
    },
    /// Run one of the system's own programs, such as `systemctl disable UNIT`.
    Run {
        /// The program's name and its arguments.
        command: Vec<String>,
    },
    /// Put a service of the service manager back into the state that it was in.
    RestoreService {
        /// Its unit.
        unit: String,
        /// `ActiveState` before.
        active: String,
    },
    /// Give a service of Windows the start type that it had.
    RestoreStartType {
        /// Its name.
        unit: String,
        /// When it was started.
        start: StartType,
    },
    /// Give a service of Windows the variables of its own that it had.
    RestoreVariables {
        /// Its name.
        unit: String,
        /// What it had; nothing: none.
        before: Option<Vec<String>>,
        /// What the change leaves it.
        left: Option<Vec<String>>,
    },
    /// Uninstall the agent that was installed where there was none.
    Uninstall {
        /// Where its configuration is.
        config_dir: PathBuf,
        /// The program that was put in its place; none, if it was there before.
        program: Option<Digest>,
    },
    /// Nothing takes this back; what it was, for the person who reads.
    Irreversible {
        /// What was done.
        what: String,
    },
}

/// What a file holds, beyond its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Nothing that could not be made again.
    #[default]
    Settings,
    /// A part of the agent's identity: taking back must not replace one that works by one that does not.
    Identity,
}

/// SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::hexadecimal(digest(&SHA256, bytes).as_ref())
    }
}

impl Digest {
    /// Of all that is read, up to a bound, a piece at a time.
    ///
    /// # Errors
    /// When it cannot be read, or there is more.
    pub(in crate::repair) fn of_file(path: &Path, limit: u64) -> io::Result<Self> {
        let mut file = File::open(path)?.take(limit + 1);
        let (mut context, mut piece) = (Context::new(&SHA256), vec![0; 1 << 16]);
        loop {
            match file.read(&mut piece)? {
                0 if file.limit() == 0 => {
                    return Err(io::Error::other(format!("it is larger than {limit} bytes")));
                }
                0 => return Ok(Self::hexadecimal(context.finish().as_ref())),
                length => context.update(&piece[..length]),
            }
        }
    }

    fn hexadecimal(hash: &[u8]) -> Self {
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a change leaves at a path: undoing looks whether it is still so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// A file with this content.
    Content(Digest),
    /// Nothing.
    Absent,
    /// Another part of this program makes the change: what it left is told afterwards, if it came to that.
    Untold,
}

/// Owner, mode, and what else the file system keeps of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes by name, in base64: access lists, SELinux's context.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extended: BTreeMap<String, String>,
}

impl Undo {
    /// What it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::RestoreFile { path, .. }
            | Self::RemoveFile { path, .. }
            | Self::RemoveDirectory { path }
            | Self::RestoreAttributes { path, .. } => Some(path),
            Self::Run { .. }
            | Self::RestoreService { .. }
            | Self::RestoreStartType { .. }
            | Self::RestoreVariables { .. }
            | Self::Uninstall { .. }
            | Self::Irreversible { .. } => None,
        }
    }

    /// What is lost when it is done while the identity there works.
    pub const fn holds(&self) -> Holds {
        match self {
            Self::RestoreFile { holds, .. } | Self::RemoveFile { holds, .. } => *holds,
            Self::Uninstall { .. } => Holds::Identity,
            _ => Holds::Settings,
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RestoreFile { path, .. } => write!(f, "put {} back as it was", path.display()),
            Self::RemoveFile { path, .. } => write!(f, "take {} away", path.display()),
            Self::RemoveDirectory { path } => {
                write!(f, "take the directory {} away", path.display())
            }
            Self::RestoreAttributes { path, before, .. } => write!(
                f,
                "give {} back to {}:{} with mode {:04o}",
                path.display(),
                before.uid,
                before.gid,
                before.mode
            ),
            Self::Run { command } => write!(f, "run `{}`", command.join(" ")),
            Self::RestoreService { unit, active } => {
                write!(f, "put {unit} back to how it was ({active})")
            }
            Self::RestoreStartType { unit, start } => {
                write!(f, "give {unit} its start type back ({})", start.as_str())
            }
            Self::RestoreVariables { unit, .. } => {
                write!(f, "give {unit} its variables back")
            }
            Self::Uninstall { config_dir, .. } => {
                write!(f, "uninstall the agent of {}", config_dir.display())
            }
            Self::Irreversible { what } => write!(f, "{what}: nothing takes this back"),
        }
    }
}
