//! `nexplane-agent uninstall`: the service stopped and undefined, configuration, certificates and state deleted. Done twice is done once.
//!
//! From what would start the agent to what it would be started with, and the configuration last: it says where the rest is, so that
//! a second run finds everything that a first one, killed, has left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::with_suffix;
use super::install::changes::{NOTE, recover, remove};
use super::install::preflight::root;
use super::install::{FileError, InstallError};
use super::lock::Lock;
use super::service::{Definition, ServiceError, ServiceManager};
use super::setting::Setting;
use super::surroundings::{Places, Surroundings};

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uninstalled {
    /// Files and directories that are gone.
    pub removed: Vec<PathBuf>,
    /// What is in the agent's places and is not the agent's: it stays.
    pub kept: Vec<PathBuf>,
}

/// What the names of files end with that an installation or a rotation may have left beside one of ours.
const TRACES: [&str; 5] = [".new", ".pending", ".pending.new", ".before-install", ""];

/// Takes the agent off this host, but for its program.
///
/// # Errors
/// What could not be done; what was done stays done, and it can be tried again.
pub async fn uninstall(around: &Surroundings) -> Result<Uninstalled, InstallError> {
    root(around)?;
    let places = &around.places;
    let manager = &*around.manager;
    let lock = match places.config_dir.is_dir() {
        true => Some(Lock::take(&places.config_dir).await?),
        false => None,
    };
    // Where it cannot be taken back, it is taken away.
    let _or_taken_away = recover(places, manager).await;
    let mut done = Uninstalled::default();
    undefine(places, manager, &mut done).await?;
    for path in ours(around) {
        for suffix in TRACES {
            done.take(&with_suffix(&path, suffix))?;
        }
    }
    for suffix in [".new", ".before-install"] {
        done.take(&with_suffix(&places.binary, suffix))?;
    }
    done.take_tree(&places.state_dir)?;
    for name in [NOTE.to_owned(), format!("{NOTE}.new")] {
        done.take(&places.config_dir.join(name))?;
    }
    done.take_directory(&places.config_dir)?;
    drop(lock);
    Ok(done)
}

/// Stops the service and removes its definition.
async fn undefine(
    places: &Places,
    manager: &dyn ServiceManager,
    done: &mut Uninstalled,
) -> Result<(), InstallError> {
    let state = match manager.state().await {
        Ok(state) => Some(state),
        // Nobody runs it: there is only the file.
        Err(ServiceError::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let definition = state.map_or(Definition::Absent, |state| state.definition);
    if definition != Definition::Absent {
        manager.stop().await?;
    }
    if definition == Definition::Masked {
        // Somebody's word that it shall not start, and no definition.
        done.kept.push(places.definition.clone());
        return Ok(());
    }
    if definition != Definition::Absent {
        manager.disable().await?;
    }
    for suffix in [".new", ".before-install", ""] {
        done.take(&with_suffix(&places.definition, suffix))?;
    }
    if state.is_some() {
        manager.reload().await?;
    }
    let drop_ins = with_suffix(&places.definition, ".d");
    if drop_ins.exists() {
        done.kept.push(drop_ins);
    }
    Ok(())
}

/// The agent's files in the order in which they go: what the configuration names elsewhere, too, and the configuration last.
fn ours(around: &Surroundings) -> Vec<PathBuf> {
    let places = &around.places;
    let mut files = vec![places.key(), places.cert(), places.ca_cert()];
    if let Ok(setting) = Setting::read(&places.config(), &around.environment) {
        for named in [setting.files.key(), setting.files.cert()] {
            if !files.iter().any(|file| file == named) {
                files.push(named.to_owned());
            }
        }
    }
    files.push(places.config());
    files
}

impl Uninstalled {
    fn take(&mut self, path: &Path) -> Result<(), InstallError> {
        if path.symlink_metadata().is_ok() {
            remove(path)?;
            self.removed.push(path.to_owned());
        }
        Ok(())
    }

    fn take_tree(&mut self, path: &Path) -> Result<(), InstallError> {
        match fs::remove_dir_all(path) {
            Ok(()) => self.removed.push(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::new("remove", path, error).into()),
        }
        Ok(())
    }

    /// Removes a directory, if nothing is left in it.
    fn take_directory(&mut self, path: &Path) -> Result<(), InstallError> {
        match fs::remove_dir(path) {
            Ok(()) => self.removed.push(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                let entries = fs::read_dir(path).into_iter().flatten().flatten();
                self.kept.extend(entries.map(|entry| entry.path()));
            }
            Err(error) => return Err(FileError::new("remove", path, error).into()),
        }
        Ok(())
    }
}
