//! `nexplane-agent uninstall`: the service stopped and undefined, configuration, certificates and state deleted. Done twice is done once.
//!
//! From what would start the agent to what it would be started with, and the configuration last: it says where the rest is, so that
//! a second run finds everything that a first one, killed, has left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, with_suffix};
use super::identity::IdentityFiles;
use super::install::changes::{NOTE, is_interrupted, recover, remove};
use super::install::preflight::root;
use super::install::{FileError, InstallError};
use super::lock::Lock;
use super::service::{Definition, ServiceError, ServiceManager, starts};
use super::setting::Setting;
use super::surroundings::{Places, Surroundings};
use crate::contract::config;
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uninstalled {
    /// Files and directories that are gone.
    pub removed: Vec<PathBuf>,
    /// What is in the agent's places, or named as its own, and is not provably the agent's: it stays.
    pub kept: Vec<Kept>,
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What.
    pub path: PathBuf,
    /// Why, in words that follow its name.
    pub why: &'static str,
}

/// Why most of it stays.
const NOT_OURS: &str = "it is not the agent's";

/// What the names of files end with that an installation or a rotation may have left beside one of ours.
const TRACES: [&str; 5] = [".new", ".pending", ".pending.new", ".before-install", ""];

/// Takes the agent off this host, but for its program. Of a directory that is not the usual one it has to be plain that an agent
/// is configured there, and a service that starts another one stays.
///
/// # Errors
/// What could not be done; what was done stays done, and it can be tried again.
pub async fn uninstall(around: &Surroundings) -> Result<Uninstalled, InstallError> {
    root(around)?;
    let places = &around.places;
    let manager = &*around.manager;
    let is_usual = places.config_dir == Path::new(AgentPaths::of(Os::current()).config_dir);
    if !is_usual {
        is_an_agents(places)?;
    }
    let lock = match places.config_dir.is_dir() {
        true => Some(Lock::take(&places.config_dir).await?),
        false => None,
    };
    // Where it cannot be taken back, it is taken away.
    let _or_taken_away = recover(places, manager).await;
    let mut done = Uninstalled::default();
    if is_usual || starts(&places.definition, &places.config()) {
        undefine(places, manager, &mut done).await?;
        for suffix in [".new", ".before-install"] {
            done.take(&with_suffix(&places.binary, suffix))?;
        }
        done.take_tree(&places.state_dir)?;
    } else if places.definition.symlink_metadata().is_ok() {
        let why = "it starts an agent with another configuration";
        done.keep(places.definition.clone(), why);
    }
    done.take_identity_elsewhere(around)?;
    for path in [
        places.key(),
        places.cert(),
        places.ca_cert(),
        places.config(),
    ] {
        done.take_with_traces(&path)?;
    }
    for name in [NOTE.to_owned(), format!("{NOTE}.new")] {
        done.take(&places.config_dir.join(name))?;
    }
    done.take_directory(&places.config_dir)?;
    drop(lock);
    Ok(done)
}

/// That a directory which somebody has named is an agent's: mistyped, it may be anybody's.
fn is_an_agents(places: &Places) -> Result<(), InstallError> {
    let none = |why| InstallError::NoAgent {
        directory: places.config_dir.clone(),
        why,
    };
    if !places.config_dir.is_dir() {
        return Err(none("is no directory"));
    }
    let configured = files::read(&places.config(), files::MOST).is_ok_and(|text| {
        let reading = config::parse(&String::from_utf8_lossy(&text), None);
        reading.config.control_plane.is_some()
    });
    let files = IdentityFiles::new(places.cert(), places.key());
    match configured || is_interrupted(&places.config_dir) || files.proven_cert().is_ok() {
        true => Ok(()),
        false => Err(none("has no configuration of an agent in it")),
    }
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
        done.keep(places.definition.clone(), NOT_OURS);
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
        done.keep(drop_ins, NOT_OURS);
    }
    Ok(())
}

impl Uninstalled {
    fn keep(&mut self, path: PathBuf, why: &'static str) {
        self.kept.push(Kept { path, why });
    }

    fn take(&mut self, path: &Path) -> Result<(), InstallError> {
        match path.symlink_metadata() {
            // No file of the agent's is one: it is said to be left where its directory is looked at.
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                remove(path)?;
                self.removed.push(path.to_owned());
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn take_with_traces(&mut self, path: &Path) -> Result<(), InstallError> {
        let all = TRACES.map(|suffix| with_suffix(path, suffix));
        all.iter().try_for_each(|path| self.take(path))
    }

    /// What the configuration names as certificate and key in other places than the usual. Anything could be named there: only what
    /// provably is an agent's goes.
    fn take_identity_elsewhere(&mut self, around: &Surroundings) -> Result<(), InstallError> {
        let places = &around.places;
        let Ok(setting) = Setting::read(&places.config(), &around.environment) else {
            return Ok(());
        };
        let files = &setting.files;
        // Both are judged before one of them goes, and the key goes first: the certificate is its proof.
        for (path, proven) in [
            (files.key(), files.proven_key()),
            (files.cert(), files.proven_cert()),
        ] {
            if path == places.key() || path == places.cert() || path.symlink_metadata().is_err() {
                continue;
            }
            match proven {
                Ok(path) => self.take_with_traces(path)?,
                Err(why) => self.keep(path.to_owned(), why),
            }
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
                for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                    if !self.kept.iter().any(|kept| kept.path == entry.path()) {
                        self.keep(entry.path(), NOT_OURS);
                    }
                }
            }
            Err(error) => return Err(FileError::new("remove", path, error).into()),
        }
        Ok(())
    }
}
