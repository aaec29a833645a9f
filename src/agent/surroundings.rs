//! Where an installation works: the files of the agent on this host, its service manager, and what the host says of itself.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::enroll::HostFacts;
use super::platform;
use super::service::{self, ServiceManager};
use crate::contract::paths::{
    AgentPaths, CA_FILE, CERT_FILE, CONFIG_FILE, DEFINITION_FILE, KEY_FILE,
};
use crate::model::Os;

/// The agent's files on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Configuration, certificate and key.
    pub config_dir: PathBuf,
    /// The agent's program, as the service starts it.
    pub binary: PathBuf,
    /// The file that defines the service.
    pub definition: PathBuf,
    /// What the running agent keeps.
    pub state_dir: PathBuf,
}

impl Places {
    /// The usual ones, with the configuration in `config_dir`.
    pub fn with_config_dir(config_dir: impl Into<PathBuf>) -> Self {
        let paths = AgentPaths::of(Os::current());
        let config_dir = config_dir.into();
        Self {
            binary: paths.binary.into(),
            definition: match paths.definition {
                Some(definition) => definition.into(),
                None => config_dir.join(DEFINITION_FILE),
            },
            config_dir,
            state_dir: paths.state_dir.into(),
        }
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.config_dir.join(CONFIG_FILE)
    }

    /// The client certificate.
    pub fn cert(&self) -> PathBuf {
        self.config_dir.join(CERT_FILE)
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.config_dir.join(KEY_FILE)
    }

    /// The copy of a CA file that the service could not have read where it was.
    pub fn ca_cert(&self) -> PathBuf {
        self.config_dir.join(CA_FILE)
    }
}

/// Who runs this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// One who may change the host.
    Root,
    /// Anybody else.
    Ordinary,
}

impl Privilege {
    /// That of this process.
    pub fn of_this_process() -> Self {
        match platform::is_superuser() {
            true => Self::Root,
            false => Self::Ordinary,
        }
    }
}

/// Everything around an installation that is not the user's to say.
#[derive(Clone)]
pub struct Surroundings {
    /// The agent's files.
    pub places: Places,
    /// Who runs this program.
    pub privilege: Privilege,
    /// The service manager.
    pub manager: Arc<dyn ServiceManager>,
    /// What the agent says of its host.
    pub host: HostFacts,
    /// The variables of this process.
    pub environment: BTreeMap<String, String>,
    /// The program that is installed: this one.
    pub program: PathBuf,
}

impl Surroundings {
    /// Those of this host, with the configuration in `config_dir`.
    ///
    /// # Errors
    /// When the system does not say which program this is, or where it works.
    pub fn of_this_host(config_dir: &Path) -> io::Result<Self> {
        // Without a slash at its end, which names of other files would stand behind.
        let config_dir: PathBuf = std::path::absolute(config_dir)?.components().collect();
        let places = Places::with_config_dir(config_dir);
        Ok(Self {
            manager: service::manager(&places.definition),
            places,
            privilege: Privilege::of_this_process(),
            host: HostFacts::named(sysinfo::System::host_name().unwrap_or_default()),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            program: std::env::current_exe()?,
        })
    }
}
