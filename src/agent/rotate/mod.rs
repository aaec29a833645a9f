//! Rotation: a new key and a new certificate, on the strength of the old one, which may have expired a little while ago.
//!
//! The new pair is on disk, as pending, before the control plane sees it in a heartbeat; with that heartbeat the old pair dies. So
//! there is no moment in which a crash leaves neither: where a pending pair is found, [`settle`] asks the control plane which counts.

mod fit;
mod settle;

pub use settle::settle;

use std::path::Path;

use chrono::{DateTime, Utc};

use super::enroll::{EnrollError, certificate_of, request_for};
use super::heartbeat::{HeartbeatError, Purpose};
use super::identity::{Identity, IdentityError};
use super::lock::{Lock, LockError};
use super::setting::Setting;
use crate::contract::api::{self, RotateRequest};
use crate::model::Code;
use settle::Standing;
pub(super) use settle::settle_locked;

/// A renewed identity, in place and known to the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The agent's id, as before.
    pub agent_id: String,
    /// When the new certificate ends.
    pub not_after: DateTime<Utc>,
}

/// Why an identity was not renewed. The one that works is in place, or is found by [`settle`].
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The configuration or the CA file is of no use.
    #[error("{0}")]
    Setting(String),
    /// The old identity is missing or damaged, or a file cannot be written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The control plane did not renew it.
    #[error(transparent)]
    Renewal(#[from] EnrollError),
    /// The new certificate is not what this agent could work with.
    #[error("the new certificate cannot be used: {0}")]
    Unfit(String),
    /// The new certificate made no successful heartbeat.
    #[error("the new certificate made no heartbeat: {0}")]
    Heartbeat(#[from] HeartbeatError),
    /// Another rotation or installation is at work, or the files cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl RotateError {
    /// The finding that it is, where it is one by itself; what the network denies, the log's words tell.
    pub fn code(&self) -> Option<Code> {
        let code = match self {
            Self::Identity(error) => return error.code(),
            Self::Renewal(EnrollError::Refused { detail, .. }) => match detail.as_str() {
                api::EXPIRED_TOO_LONG => "identity.expired",
                api::AGENT_REVOKED => "registration.revoked",
                _ => "registration.rejected",
            },
            Self::Renewal(EnrollError::Identity(error)) => return error.code(),
            _ => return None,
        };
        Some(Code::from_static(code))
    }
}

/// Renews the identity of `setting`; the new one replaces the old one when it has made a heartbeat. For `run` and for the command.
///
/// # Errors
/// When it did not succeed; then an identity that worked still does, and it can be tried again.
pub async fn rotate_cert(
    setting: &Setting,
    hostname: &str,
    now: DateTime<Utc>,
) -> Result<Rotated, RotateError> {
    let _lock = Lock::take(directory(setting)).await?;
    settle_locked(setting, hostname).await?;
    let files = &setting.files;
    let old = files.load()?;
    let kept = files.has_pending_key();
    let pending = match renew(setting, &old, now).await {
        Ok(pending) => pending,
        Err(why) => {
            // A refusal is final: nobody will ask again with this key. A lost answer is asked for again with the same one.
            let is_final = matches!(
                why,
                RotateError::Renewal(EnrollError::Refused { .. }) | RotateError::Unfit(_)
            );
            if is_final && !kept {
                files.discard_pending()?;
            }
            return Err(why);
        }
    };
    match Standing::of(setting, &pending, hostname, Purpose::SignOfLife).await? {
        Standing::Known => files.promote_pair()?,
        Standing::Refused(why) => {
            files.discard_pending()?;
            return Err(why.into());
        }
        // Perhaps it was accepted and the answer was lost: both pairs stay until somebody can be asked.
        Standing::Undecided(why) => return Err(why.into()),
    }
    Ok(Rotated {
        agent_id: pending.agent_id,
        not_after: pending.not_after,
    })
}

/// Asks for a certificate for the pending key, and keeps it beside the old one when it is fit.
async fn renew(
    setting: &Setting,
    old: &Identity,
    now: DateTime<Utc>,
) -> Result<Identity, RotateError> {
    let files = &setting.files;
    let key = files.pending_key()?;
    let csr = request_for(&key, &old.agent_id)?;
    let client = setting
        .client(Some(old.for_tls()))
        .map_err(RotateError::Setting)?;
    let answer = client.rotate_cert(&RotateRequest { csr }).await;
    let renewed = certificate_of(&answer.map_err(EnrollError::from)?)?;
    let roots = setting
        .roots()
        .map_err(|error| RotateError::Setting(error.to_string()))?;
    fit::check(&renewed, old, &roots, now).map_err(RotateError::Unfit)?;
    files.keep_pending(&renewed, &key)?;
    let pending = files.pending_pair()?;
    pending.ok_or_else(|| RotateError::Unfit("it is not the pending key's".to_owned()))
}

/// The directory that is locked: that of the certificate.
fn directory(setting: &Setting) -> &Path {
    let parent = setting.files.cert().parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
