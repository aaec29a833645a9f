//! `nexplane-agent install`: an identity, a configuration, the program, and a service that runs it; all of it, or nothing.

mod apply;
pub(in crate::agent) mod changes;
mod error;
pub(in crate::agent) mod preflight;
mod room;

pub use changes::is_interrupted;
pub use error::{FileError, InstallError};

use std::path::PathBuf;
use std::time::Duration;

use super::enroll::EnrollError;
use super::heartbeat::{Purpose, heartbeat};
use super::identity::IdentityFiles;
use super::lock::Lock;
use super::setting::Setting;
use super::surroundings::{Places, Surroundings};
use crate::contract::config::{LogLevel, Verification};
use crate::model::Secret;
use apply::Wanted;
use changes::{Changes, NewKey, recover};
use preflight::Standing;

/// What the user says.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// The control plane's address, as written.
    pub control_plane: String,
    /// The enrollment token.
    pub token: Secret,
    /// How often the agent asks for tasks.
    pub poll_interval: Duration,
    /// How much it logs.
    pub log_level: LogLevel,
    /// A CA file to trust beside the system's store.
    pub ca_cert: Option<PathBuf>,
    /// Whether the control plane's certificate is verified.
    pub verification: Verification,
    /// What becomes of an identity that works.
    pub working_identity: WorkingIdentity,
}

/// What becomes of an identity that works, or of which nobody can say that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkingIdentity {
    /// It stays.
    #[default]
    Keep,
    /// It gives way to a new one.
    Replace,
}

/// An agent that is installed and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its id.
    pub agent_id: String,
    /// What was done about its identity.
    pub outcome: InstallOutcome,
    /// The name that the control plane knows it by.
    pub registered_as: String,
    /// What the user should know beside that, a sentence each.
    pub notes: Vec<String>,
}

/// What an installation had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallOutcome {
    /// The token was used, and the agent has a new identity.
    Enrolled,
    /// It had a working identity and keeps it; configuration, program or service were brought up to date. The token is unused.
    Updated,
    /// All was as it should be; nothing was changed, and the token is unused.
    AlreadyInstalled,
}

/// Installs the agent. On any error the host is as it was before, but for a key that waits for its certificate.
///
/// # Errors
/// The first thing that stands in the way; [`InstallError::code`] says which finding it is.
pub async fn install(
    options: &InstallOptions,
    around: &Surroundings,
) -> Result<Installed, InstallError> {
    preflight::root(around)?;
    let wanted = Wanted::of(options, around)?;
    let places = &around.places;
    let lock = match places.config_dir.is_dir() {
        true => Some(Lock::take(&places.config_dir).await?),
        false => None,
    };
    recover(places, &*around.manager).await?;
    // What was interrupted may have been the first to make the directory, and has taken it away again.
    let lock = lock.filter(|_| places.config_dir.is_dir());
    let service = preflight::service(&*around.manager).await?;
    room::check(places, wanted.program_size)?;
    preflight::control_plane(&wanted.setting).await?;
    let standing = preflight::identity(&wanted.setting, around, options.working_identity).await?;
    if standing == Standing::Works && wanted.is_in_place(around) && preflight::serves(service) {
        return confirm(&wanted, around, InstallOutcome::AlreadyInstalled).await;
    }
    let outcome = match standing {
        Standing::Works => InstallOutcome::Updated,
        Standing::Gone => {
            preflight::token(&wanted.setting, &options.token).await?;
            InstallOutcome::Enrolled
        }
    };
    let mut files = wanted.files(places);
    let mut key = None;
    if outcome == InstallOutcome::Enrolled {
        files.extend([places.cert(), places.key()]);
        key = Some(places.key());
    }
    let mut changes = Changes::begin(places, lock, &files, key, service)?;
    match change(options, &wanted, around, outcome, &mut changes).await {
        Ok(installed) => {
            changes.clean();
            Ok(installed)
        }
        Err((why, key)) => match changes.roll_back(&*around.manager, key).await {
            Ok(()) => Err(why),
            Err(remainder) => Err(InstallError::Torn {
                why: Box::new(why),
                remainder: Box::new(remainder),
            }),
        },
    }
}

/// Takes back what an installation has left that was killed, if one was. [`install`] and `uninstall` do this themselves.
///
/// # Errors
/// When another one is at work, or something could not be taken back: then it can be tried again.
pub async fn take_back(around: &Surroundings) -> Result<(), InstallError> {
    let directory = &around.places.config_dir;
    let _lock = match directory.is_dir() {
        true => Some(Lock::take(directory).await?),
        false => None,
    };
    recover(&around.places, &*around.manager).await
}

/// Whether a key waits here for its certificate.
pub fn has_pending_key(places: &Places) -> bool {
    IdentityFiles::new(places.cert(), places.key()).has_pending_key()
}

/// Changes the host, from what is easily taken back to what is not. With an error comes what is to become of the agent's key.
async fn change(
    options: &InstallOptions,
    wanted: &Wanted,
    around: &Surroundings,
    outcome: InstallOutcome,
    changes: &mut Changes,
) -> Result<Installed, (InstallError, NewKey)> {
    let files = &wanted.setting.files;
    let before = match files.has_pending_key() {
        true => NewKey::Waits,
        false => NewKey::Forgotten,
    };
    wanted.write(around).map_err(|why| (why, before))?;
    if outcome == InstallOutcome::Enrolled {
        let enrolled = apply::enroll(&wanted.setting, around, &options.token).await;
        enrolled.map_err(|why| {
            let is_final = matches!(
                &why,
                InstallError::Enrollment {
                    error: EnrollError::Refused { .. },
                    ..
                }
            );
            (why, if is_final { before } else { NewKey::Waits })
        })?;
    }
    let serving = async {
        changes.reach_service()?;
        around.manager.reload().await?;
        around.manager.enable().await?;
        around.manager.restart().await?;
        let installed = confirm(wanted, around, outcome).await?;
        changes.done()?;
        Ok(installed)
    };
    serving.await.map_err(|why| (why, NewKey::Waits))
}

/// The control plane knows the agent.
async fn confirm(
    wanted: &Wanted,
    around: &Surroundings,
    outcome: InstallOutcome,
) -> Result<Installed, InstallError> {
    let setting: &Setting = &wanted.setting;
    let identity = setting.files.load()?;
    let client = setting
        .client(Some(identity.for_tls()))
        .map_err(InstallError::Setting)?;
    let hostname = &around.host.hostname;
    let beat = heartbeat(&client, &identity, hostname, Purpose::Diagnosis)
        .await
        .map_err(InstallError::Heartbeat)?;
    Ok(Installed {
        agent_id: identity.agent_id,
        outcome,
        registered_as: beat.registered_as,
        notes: wanted.notes.clone(),
    })
}
