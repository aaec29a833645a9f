//! Questions and answers about the machine: files, users, services, logs, time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Acl, Security, Seen};
use crate::model::Os;

/// The machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Its name, as the agent reports it when it enrolls.
    pub hostname: String,
    /// Its operating system.
    pub os: Os,
    /// Name and version of the system, for people: `Debian GNU/Linux 12`.
    pub os_version: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Processor architecture, as Rust names it.
    pub arch: String,
    /// The user that the doctor runs as.
    pub user: Account,
    /// Whether another root than `/` is looked at (`--root`): what runs there cannot be known.
    pub foreign_root: bool,
}

impl System {
    /// A machine of which nothing is known.
    pub fn unknown() -> Self {
        let nobody = Account {
            uid: u32::MAX,
            name: "unknown".into(),
            gids: Vec::new(),
            sids: Vec::new(),
        };
        Self {
            hostname: "unknown".into(),
            os: Os::current(),
            os_version: None,
            kernel: None,
            arch: "unknown".into(),
            user: nobody,
            foreign_root: true,
        }
    }
}

/// Whose path it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// A path of the host, resolved within `--root`.
    Host,
    /// A path that the caller gave on the command line, taken as it is.
    Caller,
}

/// A path and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostPath {
    /// The path.
    pub path: PathBuf,
    /// Whose it is.
    pub base: Base,
}

impl HostPath {
    /// A path of the host.
    pub fn host(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            base: Base::Host,
        }
    }

    /// A path that the caller gave.
    pub fn caller(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            base: Base::Caller,
        }
    }

    /// The path alone.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Which variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EnvironmentQuestion {
    /// Their names.
    pub names: Vec<String>,
}

/// What kind of thing stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a socket, a pipe.
    Other,
}

/// What stands at a path, once links are followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Where the links led, as a path of the host (within the root).
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// Permission bits (`0o7777`); on Windows what of them can be told.
    pub mode: u32,
    /// Owner's user id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// When its content was last changed.
    pub modified: Option<DateTime<Utc>>,
    /// Its access control list, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Seen<Acl>>,
    /// On Windows: who may do what with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Seen<Security>>,
    /// The directories on the way, from the root down; empty for each entry's own `ancestors`.
    pub ancestors: Vec<Stat>,
}

/// Which file, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReadQuestion {
    /// The file.
    pub path: HostPath,
    /// The most that is read, in bytes; a larger file is [`super::Unseen::TooLarge`].
    pub limit: u64,
}

impl ReadQuestion {
    /// One mebibyte: more than any file the doctor reads.
    pub const LIMIT: u64 = 1 << 20;

    /// Asks for a whole file of ordinary size.
    pub fn new(path: HostPath) -> Self {
        Self {
            path,
            limit: Self::LIMIT,
        }
    }
}

/// Which variables of which file of `EnvironmentFile=`. What else the file sets may be secret, and is not told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileVariablesQuestion {
    /// The file.
    pub path: HostPath,
    /// Names of variables.
    pub names: Vec<String>,
}

/// The content of a text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The text; bytes that are no UTF-8 are replaced by U+FFFD.
    pub text: String,
    /// Position of the first byte that is no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_utf8_at: Option<usize>,
}

/// What may be known of a private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// The public half: a DER SubjectPublicKeyInfo, in base64.
    pub public_key: String,
}

/// A file system's room and state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// The nearest existing directory that was asked.
    pub path: PathBuf,
    /// All of its bytes.
    pub total_bytes: u64,
    /// Bytes that the superuser can still use.
    pub free_bytes: u64,
    /// Bytes that everybody can still use.
    pub available_bytes: u64,
    /// All of its inodes; 0 where the file system does not count them.
    pub total_inodes: u64,
    /// Inodes still free.
    pub free_inodes: u64,
    /// Mounted read-only.
    pub read_only: bool,
}

/// A user of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User id; 0 is the superuser.
    pub uid: u32,
    /// Its name, where it has one.
    pub name: String,
    /// All groups that it is in, the primary one first.
    pub gids: Vec<u32>,
    /// On Windows: its security identifier, then those of the groups that it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sids: Vec<String>,
}

/// A group of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Group id.
    pub gid: u32,
    /// Its name.
    pub name: String,
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its executable, if that may be seen.
    pub executable: Option<PathBuf>,
}

/// Which service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceQuestion {
    /// Its name for the service manager, such as `nexplane-agent.service`.
    pub name: String,
}

/// What the service manager says of a service: on Linux the properties of `systemctl show`, by their names; on Windows those
/// of the service control manager, by theirs ([`super::WindowsService`]); on macOS those of launchd ([`super::LaunchdJob`]).
///
/// With another root, what the unit files there say; properties of the running service (`ActiveState`, …) are then missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Property to value, both as printed; the values of a property that is printed several times (`EnvironmentFiles`,
    /// `ExecStart`) are lines. The values of variables that are not known to be harmless
    /// ([`crate::contract::variables`]), and passwords in URLs, are left out.
    pub properties: BTreeMap<String, String>,
    /// Whether the lab supplied this instead of a service manager.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supplied: bool,
}

impl Service {
    /// A property that is there and not empty.
    pub fn get(&self, property: &str) -> Option<&str> {
        self.properties
            .get(property)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Which log, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JournalQuestion {
    /// The service's name for the service manager.
    pub unit: String,
    /// How many of the last entries.
    pub lines: u32,
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, if the log says so.
    pub time: Option<DateTime<Utc>>,
    /// What was logged; journald's arrays of bytes are decoded.
    pub message: String,
    /// Syslog priority, 0 (emergency) to 7 (debug).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Who logged it (`SYSLOG_IDENTIFIER`): the agent, or `systemd` about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Which start of the service it belongs to (`_SYSTEMD_INVOCATION_ID`, or `INVOCATION_ID` of systemd's own lines).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
    /// systemd's id of a message of its own (`MESSAGE_ID`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}
