//! Everything that can stand in the way and can be asked for before the token is used.

use super::super::enroll::EnrollError;
use super::super::heartbeat::{HeartbeatError, Purpose, heartbeat};
use super::super::identity::IdentityError;
use super::super::rotate::settle_locked;
use super::super::service::{Activity, AtBoot, Definition, ServiceManager, ServiceState};
use super::super::setting::Setting;
use super::super::surroundings::{Privilege, Surroundings};
use super::WorkingIdentity;
use super::error::InstallError;
use crate::contract::api::{self, Health, TokenReport, TokenState};
use crate::model::{Code, Secret, excerpt};

/// That this is root.
pub(in crate::agent) fn root(around: &Surroundings) -> Result<(), InstallError> {
    match around.privilege {
        Privilege::Root => Ok(()),
        Privilege::Ordinary => Err(InstallError::NotRoot),
    }
}

/// That there is a service manager who would run the agent; and what it does with it now.
pub(super) async fn service(manager: &dyn ServiceManager) -> Result<ServiceState, InstallError> {
    let state = manager.state().await?;
    match state.definition {
        Definition::Masked => Err(InstallError::Masked),
        // A broken one is replaced.
        Definition::Absent | Definition::Loaded | Definition::Broken => Ok(state),
    }
}

/// Whether the agent runs now and will after a boot.
pub(super) fn serves(state: ServiceState) -> bool {
    state.definition == Definition::Loaded
        && state.at_boot == AtBoot::Enabled
        && state.activity == Activity::Running
}

/// That the control plane is reached, is who it should be, and is well.
pub(super) async fn control_plane(setting: &Setting) -> Result<(), InstallError> {
    let client = setting.client(None).map_err(InstallError::Setting)?;
    let answer = client
        .health()
        .await
        .map_err(|error| InstallError::Enrollment {
            error: EnrollError::Call(error),
            plane: setting.plane.clone(),
        })?;
    let not_well = |code, why| InstallError::NotWell {
        code: Code::from_static(code),
        why,
    };
    match Health::recognise(&answer.body) {
        Some(health) if health.is_well() => Ok(()),
        Some(health) => Err(not_well(
            "health.unhealthy",
            format!(
                "the control plane says that it is not well: status {}, db {}",
                excerpt(&health.status),
                excerpt(health.db.as_deref().unwrap_or("unknown"))
            ),
        )),
        None if answer.status >= 500 => Err(not_well(
            "health.server_error",
            format!("{} answers with status {}", setting.plane, answer.status),
        )),
        None => Err(not_well(
            "health.not_control_plane",
            format!(
                "what answers at {} (status {}) is no control plane",
                setting.plane, answer.status
            ),
        )),
    }
}

/// That the token can still be used, as far as the control plane tells.
pub(super) async fn token(setting: &Setting, token: &Secret) -> Result<(), InstallError> {
    let client = setting.client(None).map_err(InstallError::Setting)?;
    let call = client.inspect_token(token).await;
    let answer = call.map_err(|error| InstallError::Enrollment {
        error: EnrollError::Call(error),
        plane: setting.plane.clone(),
    })?;
    let refused = |status, detail| Err(InstallError::refused(status, detail, &setting.plane));
    let state = answer.json::<TokenReport>().map(|report| report.state);
    match (answer.status, state) {
        // The host that used it may be this one, whose answer was lost: the key that waits for it is asked with.
        (200, Some(TokenState::Used)) if !setting.files.has_pending_key() => {
            refused(409, api::TOKEN_USED)
        }
        (200, Some(TokenState::Expired)) => refused(410, api::TOKEN_EXPIRED),
        (401, _) if answer.detail().as_deref() == Some(api::TOKEN_INVALID) => {
            refused(401, api::TOKEN_INVALID)
        }
        // A control plane that does not know this call says nothing of the token.
        _ => Ok(()),
    }
}

/// What there is of an identity already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The control plane knows it.
    Works,
    /// There is none, or the control plane does not take it any more, or it is to be replaced.
    Gone,
}

/// Whether the identity that is here works. For one who has the lock, if there is a directory to lock.
///
/// What is unknown counts as working: it is refused to replace it, unless the user says so.
pub(super) async fn identity(
    wanted: &Setting,
    around: &Surroundings,
    working: WorkingIdentity,
) -> Result<Standing, InstallError> {
    let config = around.places.config();
    let there = Setting::read(&config, &around.environment).ok();
    // Of the same control plane it is asked as it will be: with the CA file that was given now.
    let same_plane = there.as_ref().is_none_or(|it| it.plane == wanted.plane);
    let setting = match (there, same_plane) {
        (Some(there), false) => there,
        (Some(there), true) => Setting {
            files: there.files,
            ..wanted.clone()
        },
        (None, _) => wanted.clone(),
    };
    let hostname = &around.host.hostname;
    settle_locked(&setting, hostname).await?;
    let identity = match setting.files.load() {
        Ok(identity) => identity,
        Err(error @ IdentityError::File { .. }) => return Err(error.into()),
        Err(_) => return Ok(Standing::Gone),
    };
    if working == WorkingIdentity::Replace {
        return Ok(Standing::Gone);
    }
    let keep = |why: String| {
        Err(InstallError::WorkingIdentity(format!(
            "this host has an identity, {}, {why}; --replace-identity replaces it",
            excerpt(&identity.agent_id)
        )))
    };
    let client = match setting.client(Some(identity.for_tls())) {
        Ok(client) => client,
        Err(why) => {
            return keep(format!(
                "of which it cannot be said that it does not work ({why})"
            ));
        }
    };
    match heartbeat(&client, &identity, hostname, Purpose::Diagnosis).await {
        Ok(_) if !same_plane => keep(format!("which works at {}", setting.plane)),
        Ok(_) if setting.files != wanted.files => keep(format!(
            "which works, in {}",
            setting.files.cert().display()
        )),
        Ok(_) => Ok(Standing::Works),
        Err(HeartbeatError::Refused {
            status: 401 | 403, ..
        }) => Ok(Standing::Gone),
        Err(why) => keep(format!(
            "of which it cannot be said that it does not work, because {} does not say so ({why})",
            setting.plane
        )),
    }
}
