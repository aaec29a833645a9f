//! Hands that work in a directory of their own, for tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::Wanted;
use super::hands::Hands;
use super::journal::{Holds, Journal, Past, Place};
use super::undo::{Force, Taken, undo};
use crate::doctor::Doctor;
use crate::engine::Limits;
use crate::host::live::Settings;
use crate::model::Target;

/// A place for journals, and files to repair beside it.
pub(super) struct Workshop {
    directory: TempDir,
}

impl Workshop {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("files")).unwrap();
        Self { directory }
    }

    pub(super) fn place(&self) -> Place {
        Place::at(self.directory.path().join("undo"))
    }

    /// A run that begins this many seconds after the first could.
    pub(super) fn hands(&self, second: i64) -> Hands {
        let now = DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap();
        let lock = self.place().lock().unwrap();
        Hands::new(Journal::begin(lock, None, now).unwrap())
    }

    /// The same, and it has put each of these contents in a file's place, one after the other.
    pub(super) fn replaced(&self, path: &Path, contents: &[&str], holds: Holds) -> Hands {
        let mut hands = self.hands(0);
        for content in contents {
            let content = content.as_bytes();
            hands
                .replace_file(path, content, Wanted::default(), holds)
                .unwrap();
        }
        hands
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("files").join(name)
    }

    pub(super) fn write(&self, name: &str, mode: u32, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Everything in the directory of files: name, mode, content.
    pub(super) fn listing(&self) -> Vec<(String, u32, String)> {
        let mut all: Vec<_> = fs::read_dir(self.directory.path().join("files"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().mode() & 0o7777;
                let content = fs::read_to_string(entry.path()).unwrap_or_default();
                (entry.file_name().into_string().unwrap(), mode, content)
            })
            .collect();
        all.sort();
        all
    }

    pub(super) fn last(&self) -> Option<Past> {
        self.place().last(None).unwrap()
    }

    /// Takes the last run back, the last step first.
    pub(super) async fn undo(&self, force: Force) -> Vec<Taken> {
        let past = self.last().unwrap();
        let lock = self.place().lock().unwrap();
        let doctor = doctor(self.directory.path());
        let never = CancellationToken::new();
        let taken = undo(&past, lock, &doctor, force, &never).await;
        taken.unwrap().into_iter().map(|(_, taken)| taken).collect()
    }
}

/// One who looks at a host of which nothing is there.
fn doctor(root: &Path) -> Doctor {
    let time = Duration::from_secs(5);
    let settings = Settings {
        root: Some(root.to_owned()),
        ..Settings::new(time)
    };
    let limits = Limits {
        timeout: time,
        deadline: time,
    };
    Doctor::new(Target::unspecified(time), settings, limits).unwrap()
}
