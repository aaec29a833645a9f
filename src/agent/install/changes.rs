//! All or nothing: what an installation changes on the host, written down before it is changed, so that it can be taken back.
//!
//! The note is a file in the configuration's directory. While it is there, an installation is at work, or died at it: whoever
//! finds it and has the lock takes everything back, and can do so again if he dies, too. What a file was is kept as a second
//! name for it beside it, so that taking it back is a rename and needs no room on a full disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::files::{self, Readers, replace, sync_directory, with_suffix};
use super::super::lock::{Lock, LockError};
use super::super::platform;
use super::super::service::{Activity, AtBoot, Definition, ServiceManager, ServiceState};
use super::super::surroundings::Places;
use super::error::{FileError, InstallError};

/// The note's name.
pub(in crate::agent) const NOTE: &str = ".install.json";
/// What the second name of a file ends with.
const BACKUP: &str = ".before-install";
/// The most that is read of a note, in bytes.
const MAX_NOTE: u64 = 64 * 1024;

/// Whether something was there before the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Was {
    There,
    Absent,
}

impl Was {
    fn of(path: &Path) -> Self {
        match path.symlink_metadata() {
            Ok(_) => Self::There,
            Err(_) => Self::Absent,
        }
    }
}

/// How far an installation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// Files alone are being changed.
    Files,
    /// The service manager has been asked, too.
    Service,
    /// Everything is in place: only second names are left to be removed.
    Done,
}

/// The note.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    version: u32,
    phase: Phase,
    files: Vec<(PathBuf, Was)>,
    config_dir: Was,
    state_dir: Was,
    /// Whether the service had a definition, started at boot, and ran.
    service: (Was, bool, bool),
    /// The key that may go back to waiting for its certificate.
    key: Option<PathBuf>,
}

/// An installation at work; it has the lock.
#[derive(Debug)]
pub(super) struct Changes {
    places: Places,
    note: Note,
    _lock: Lock,
}

/// What becomes of the agent's key when an installation is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewKey {
    /// The control plane may have a certificate for it: it goes on waiting.
    Waits,
    /// Nobody will ask with it again.
    Forgotten,
}

impl Changes {
    /// Writes down what is going to be changed, and gives each file its second name. `lock` is the directory's, if it is there.
    pub(super) fn begin(
        places: &Places,
        lock: Option<Lock>,
        files: &[PathBuf],
        key: Option<PathBuf>,
        service: ServiceState,
    ) -> Result<Self, InstallError> {
        let note = Note {
            version: 1,
            phase: Phase::Files,
            files: files
                .iter()
                .map(|path| (path.clone(), Was::of(path)))
                .collect(),
            config_dir: Was::of(&places.config_dir),
            state_dir: Was::of(&places.state_dir),
            service: (
                match service.definition {
                    Definition::Absent => Was::Absent,
                    _ => Was::There,
                },
                service.at_boot == AtBoot::Enabled,
                service.activity != Activity::Stopped,
            ),
            key,
        };
        let lock = match lock {
            Some(lock) => {
                note.write(&places.config_dir)?;
                lock
            }
            None => make_directory(&places.config_dir, &note)?,
        };
        let changes = Self {
            places: places.clone(),
            note,
            _lock: lock,
        };
        match changes.keep_second_names() {
            Ok(()) => Ok(changes),
            Err(why) => {
                changes.note.put_back(&changes.places, NewKey::Waits)?;
                Err(why)
            }
        }
    }

    fn keep_second_names(&self) -> Result<(), InstallError> {
        for (path, was) in &self.note.files {
            if *was == Was::There {
                if path.is_dir() {
                    let why = io::Error::other("it is a directory");
                    return Err(FileError::new("replace", path, why).into());
                }
                let backup = with_suffix(path, BACKUP);
                remove(&backup)?;
                fs::hard_link(path, &backup)
                    .and_then(|()| sync_directory(path))
                    .map_err(|error| FileError::new("keep", path, error))?;
            }
        }
        Ok(())
    }

    /// From here on the service manager is asked for changes, too.
    pub(super) fn reach_service(&mut self) -> Result<(), InstallError> {
        self.note.phase = Phase::Service;
        self.note.write(&self.places.config_dir)
    }

    /// Everything is in place, and nothing will be taken back.
    pub(super) fn done(&mut self) -> Result<(), InstallError> {
        let done = Note {
            phase: Phase::Done,
            ..self.note.clone()
        };
        done.write(&self.places.config_dir)?;
        self.note = done;
        Ok(())
    }

    /// Removes what was kept for taking everything back. What cannot be removed now, the next installation removes.
    pub(super) fn clean(self) {
        let _next_time = self.note.clean(&self.places);
    }

    /// Takes everything back.
    pub(super) async fn roll_back(
        self,
        manager: &dyn ServiceManager,
        key: NewKey,
    ) -> Result<(), InstallError> {
        self.note.roll_back(&self.places, manager, key).await
    }
}

/// Whether an installation was interrupted here, or is at work.
pub fn is_interrupted(config_dir: &Path) -> bool {
    config_dir.join(NOTE).exists()
}

/// Ends what an installation that died has left: takes it back, or cleans up behind one that was done. For one who has the lock.
pub(in crate::agent) async fn recover(
    places: &Places,
    manager: &dyn ServiceManager,
) -> Result<(), InstallError> {
    remove_unborn(&places.config_dir)?;
    let Some(note) = Note::read(&places.config_dir)? else {
        return Ok(());
    };
    match note.phase {
        Phase::Done => note.clean(places),
        _ => note.roll_back(places, manager, NewKey::Waits).await,
    }
}

impl Note {
    fn read(config_dir: &Path) -> Result<Option<Self>, InstallError> {
        let path = config_dir.join(NOTE);
        let text = match files::read(&path, MAX_NOTE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::new("read", &path, error).into()),
        };
        let note = serde_json::from_slice(&text);
        note.map(Some).map_err(|error| {
            let why = format!("{error}; `nexplane-agent uninstall` takes away what is there");
            FileError::new("understand", &path, io::Error::other(why)).into()
        })
    }

    fn write(&self, config_dir: &Path) -> Result<(), InstallError> {
        let path = config_dir.join(NOTE);
        let failed = |error| FileError::new("write", &path, error);
        let text = serde_json::to_vec(self).map_err(|error| failed(io::Error::other(error)))?;
        replace(&path, &text, Readers::OwnerOnly).map_err(failed)?;
        Ok(())
    }

    async fn roll_back(
        &self,
        places: &Places,
        manager: &dyn ServiceManager,
        key: NewKey,
    ) -> Result<(), InstallError> {
        let (defined, enabled, ran) = self.service;
        let asked = self.phase == Phase::Service;
        if asked {
            let now = manager.state().await?;
            if now.definition != Definition::Absent {
                manager.stop().await?;
                if !enabled && now.at_boot == AtBoot::Enabled {
                    manager.disable().await?;
                }
            }
        }
        self.restore_files(key)?;
        if asked {
            manager.reload().await?;
            if defined == Was::There && enabled {
                manager.enable().await?;
            }
            if self.state_dir == Was::Absent {
                remove_tree(&places.state_dir)?;
            }
            if defined == Was::There && ran {
                // It may have been failing before, too: then it fails as before.
                let _as_before = manager.restart().await;
            }
        }
        self.forget(places)
    }

    /// The same, where only files were changed.
    fn put_back(&self, places: &Places, key: NewKey) -> Result<(), InstallError> {
        self.restore_files(key)?;
        self.forget(places)
    }

    fn restore_files(&self, new_key: NewKey) -> Result<(), InstallError> {
        if let Some(key) = &self.key {
            self.keep_new_key(key)?;
            if new_key == NewKey::Forgotten {
                remove(&with_suffix(key, ".pending"))?;
            }
            remove(&with_suffix(key, ".pending.new"))?;
        }
        for (path, was) in &self.files {
            let new = with_suffix(path, ".new");
            // A directory of that name is what stood in the way, and nobody's here.
            if !new.is_dir() {
                remove(&new)?;
            }
            match was {
                Was::Absent => remove(path)?,
                Was::There => restore(path)?,
            }
        }
        Ok(())
    }

    /// A key that the control plane may have certified goes back to waiting, so that the token's answer can be asked for again.
    fn keep_new_key(&self, key: &Path) -> Result<(), InstallError> {
        let backup = with_suffix(key, BACKUP);
        let was = self.files.iter().find(|(path, _)| path == key);
        let is_new = match was {
            Some((_, Was::Absent)) => Was::of(key) == Was::There,
            // Without its second name it was never replaced, or is put back already.
            Some((_, Was::There)) => {
                Was::of(key) == Was::There
                    && Was::of(&backup) == Was::There
                    && !is_same(key, &backup)
            }
            None => false,
        };
        if is_new {
            let pending = with_suffix(key, ".pending");
            fs::rename(key, &pending)
                .and_then(|()| sync_directory(key))
                .map_err(|error| FileError::new("keep", key, error))?;
        }
        Ok(())
    }

    /// Removes the second names, then the note.
    fn clean(&self, places: &Places) -> Result<(), InstallError> {
        for (path, _) in &self.files {
            remove(&with_suffix(path, BACKUP))?;
        }
        remove(&places.config_dir.join(NOTE))
    }

    /// Everything is as it was: the note goes, and with it the directory, if it was made for this and nothing waits in it.
    fn forget(&self, places: &Places) -> Result<(), InstallError> {
        let directory = &places.config_dir;
        let note = directory.join(NOTE);
        remove(&with_suffix(&note, ".new"))?;
        if self.config_dir == Was::Absent && holds_only_the_note(directory) {
            let unborn = with_suffix(directory, UNBORN);
            fs::rename(directory, &unborn)
                .and_then(|()| sync_directory(directory))
                .map_err(|error| FileError::new("remove", directory, error))?;
            return clear_unborn(&unborn);
        }
        remove(&note)
    }
}

/// What the name of a directory ends with that is not yet, or no more, in place.
const UNBORN: &str = ".install";

/// Makes the directory with the note in it, locked from its first moment; it appears with all of that in one step.
fn make_directory(directory: &Path, note: &Note) -> Result<Lock, InstallError> {
    remove_unborn(directory)?;
    let unborn = with_suffix(directory, UNBORN);
    let failed = |error| InstallError::from(FileError::new("make", directory, error));
    make_public(&unborn).map_err(failed)?;
    let lock = Lock::attempt(platform::unborn(&unborn, directory))?;
    note.write(&unborn)?;
    match fs::rename(&unborn, directory) {
        Ok(()) => {}
        Err(error) => {
            clear_unborn(&unborn)?;
            return Err(match error.kind() {
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                    LockError::Busy(directory.to_owned()).into()
                }
                _ => failed(error),
            });
        }
    }
    sync_directory(directory).map_err(failed)?;
    Ok(lock)
}

#[cfg(unix)]
fn make_public(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().mode(0o755).create(directory)?;
    // Whatever the shell's umask says.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

#[cfg(windows)]
fn make_public(directory: &Path) -> io::Result<()> {
    fs::create_dir(directory)?;
    platform::open_to_readers(directory)
}

/// Removes a directory that never came into place, or has left it, unless somebody is at work in it.
fn remove_unborn(directory: &Path) -> Result<(), InstallError> {
    let unborn = with_suffix(directory, UNBORN);
    if Was::of(&unborn) == Was::Absent {
        return Ok(());
    }
    let _lock = Lock::attempt(&unborn)?;
    clear_unborn(&unborn)
}

/// The same for the one who has its lock: nothing but a note is in it.
fn clear_unborn(unborn: &Path) -> Result<(), InstallError> {
    remove(&with_suffix(&unborn.join(NOTE), ".new"))?;
    remove(&unborn.join(NOTE))?;
    fs::remove_dir(unborn)
        .and_then(|()| sync_directory(unborn))
        .map_err(|error| FileError::new("remove", unborn, error).into())
}

fn holds_only_the_note(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == NOTE))
    })
}

/// The second name becomes the first one again.
fn restore(path: &Path) -> Result<(), InstallError> {
    let backup = with_suffix(path, BACKUP);
    if Was::of(&backup) == Was::Absent {
        return Ok(());
    }
    fs::rename(&backup, path)
        .and_then(|()| sync_directory(path))
        .map_err(|error| FileError::new("restore", path, error))?;
    // Two names of one file are both left by a rename.
    remove(&backup)
}

/// Removes a file that may not be there.
pub(in crate::agent) fn remove(path: &Path) -> Result<(), InstallError> {
    match fs::remove_file(path) {
        Ok(()) => {
            sync_directory(path).map_err(|error| FileError::new("remove", path, error).into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::new("remove", path, error).into()),
    }
}

fn remove_tree(path: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path, error).into())
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| path.symlink_metadata().map(|it| (it.dev(), it.ino())).ok();
    id(one).is_some() && id(one) == id(other)
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    let content = |path: &Path| fs::read(path).ok();
    content(one).is_some() && content(one) == content(other)
}
