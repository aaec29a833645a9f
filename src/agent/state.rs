//! What a running agent leaves for others to read: its last sign of life, and its last diagnosis of itself.
//!
//! Two files in one directory, each replaced in one step. No secret is in either; who may enter the directory may read them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::files::{self, MOST, Readers, swap};
use crate::contract::paths::{AgentPaths, DIAGNOSIS_FILE, STATE_FILE};
use crate::model::Os;

/// What is true of the agent that runs, or ran last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    /// Its process.
    pub pid: u32,
    /// The host's boot in which it runs: the same number is another process after the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// When it began, by the host's clock.
    pub started_at: DateTime<Utc>,
    /// Its id.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// The hostname that it is registered under.
    #[serde(default)]
    pub registered_as: Option<String>,
    /// Its last sign of life that was accepted.
    #[serde(default)]
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// How many tasks waited for it then.
    #[serde(default)]
    pub pending_tasks: Option<u64>,
    /// Why the last call failed, if the last one did.
    #[serde(default)]
    pub last_failure: Option<String>,
}

impl AgentState {
    /// Of this process, which has only begun.
    pub fn begun(agent_id: Option<&str>, now: DateTime<Utc>) -> Self {
        Self {
            pid: std::process::id(),
            boot_id: boot_id(),
            started_at: now,
            agent_id: agent_id.map(str::to_owned),
            registered_as: None,
            last_heartbeat: None,
            pending_tasks: None,
            last_failure: None,
        }
    }
}

/// The host's boot, where the system names it.
pub(super) fn boot_id() -> Option<String> {
    let mut id = String::new();
    let file = File::open("/proc/sys/kernel/random/boot_id").ok()?;
    file.take(64).read_to_string(&mut id).ok()?;
    Some(id.trim().to_owned())
}

/// Where both files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory(PathBuf);

impl StateDirectory {
    /// This one.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The one that the service manager gave (`STATE_DIRECTORY`, the first of several), or else the usual one.
    pub fn given() -> Self {
        let given = std::env::var_os("STATE_DIRECTORY").filter(|value| !value.is_empty());
        match given.and_then(|value| std::env::split_paths(&value).next()) {
            Some(first) if first.is_absolute() => Self(first),
            _ => Self(AgentPaths::of(Os::current()).state_dir.into()),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the state is.
    pub fn state(&self) -> PathBuf {
        self.0.join(STATE_FILE)
    }

    /// Where the last diagnosis is.
    pub fn diagnosis(&self) -> PathBuf {
        self.0.join(DIAGNOSIS_FILE)
    }

    /// Keeps the state. It is of no use after the next boot, so that nobody waits for the disk.
    ///
    /// # Errors
    /// What the system said; then the old one is still there.
    pub fn write_state(&self, state: &AgentState) -> io::Result<()> {
        let text = serde_json::to_string_pretty(state)?;
        self.make()?;
        swap(&self.state(), text.as_bytes(), Readers::Everybody)
    }

    /// The state that was kept, if one was.
    ///
    /// # Errors
    /// What the system said, or that the file holds something else.
    pub fn read_state(&self) -> io::Result<Option<AgentState>> {
        match read(&self.state())? {
            Some(text) => serde_json::from_str(&text).map(Some).map_err(Into::into),
            None => Ok(None),
        }
    }

    /// Keeps a diagnosis: the report as JSON.
    ///
    /// # Errors
    /// What the system said; then the old one is still there.
    pub fn write_diagnosis(&self, report: &str) -> io::Result<()> {
        self.make()?;
        swap(&self.diagnosis(), report.as_bytes(), Readers::Everybody)
    }

    /// The diagnosis that was kept, if one was.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_diagnosis(&self) -> io::Result<Option<String>> {
        read(&self.diagnosis())
    }

    fn make(&self) -> io::Result<()> {
        match self.0.is_dir() {
            true => Ok(()),
            false => make(&self.0),
        }
    }
}

/// Makes a directory that everybody may look at and only its owner change, whatever this process would leave others.
#[cfg(unix)]
fn make(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Why something could not be kept, in words that speak of this directory and not of the host's disk.
pub(crate) fn unkept(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "nothing can be written there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not write there".to_owned(),
        _ => files::words(error),
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match files::read(path, MOST) {
        Ok(content) => String::from_utf8(content)
            .map(Some)
            .map_err(|_| io::Error::other("it is no UTF-8 text")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_was_kept_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let kept = StateDirectory::at(directory.path().join("not/there/yet"));
        assert_eq!(kept.read_state().unwrap(), None);
        assert_eq!(kept.read_diagnosis().unwrap(), None);
        let mut state = AgentState::begun(Some("agt_1"), DateTime::UNIX_EPOCH);
        for tasks in [0, 7] {
            state.pending_tasks = Some(tasks);
            kept.write_state(&state).unwrap();
            assert_eq!(kept.read_state().unwrap().as_ref(), Some(&state));
        }
        kept.write_diagnosis("{}").unwrap();
        assert_eq!(kept.read_diagnosis().unwrap().as_deref(), Some("{}"));
    }

    #[test]
    fn another_file_is_an_error_and_no_state() {
        let directory = tempfile::tempdir().unwrap();
        let kept = StateDirectory::at(directory.path());
        for other in ["", "[]", "{\"pid\": \"x\"}"] {
            fs::write(directory.path().join(STATE_FILE), other).unwrap();
            assert!(kept.read_state().is_err(), "{other}");
        }
    }
}
