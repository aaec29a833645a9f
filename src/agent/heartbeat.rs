//! A heartbeat: the control plane learns that the agent lives, the agent that it is still known.

use super::VERSION;
use super::identity::Identity;
use crate::contract::api::{Heartbeat, HeartbeatRequest};
use crate::contract::client::{ApiClient, CallError};

/// What a heartbeat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A sign of life.
    SignOfLife,
    /// Only to ask: the control plane counts it as nothing.
    Diagnosis,
}

/// Why a heartbeat was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The control plane refused.
    #[error("{detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its detail.
        detail: String,
    },
    /// No answer came.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer is not the contract's.
    #[error("the control plane's answer (status {status}) is not understood")]
    Answer {
        /// The HTTP status.
        status: u16,
    },
}

/// Sends one. `client` presents `identity`.
///
/// # Errors
/// When it was not accepted.
pub async fn heartbeat(
    client: &ApiClient,
    identity: &Identity,
    hostname: &str,
    purpose: Purpose,
) -> Result<Heartbeat, HeartbeatError> {
    let answer = client
        .heartbeat(&HeartbeatRequest {
            agent_id: identity.agent_id.clone(),
            hostname: hostname.to_owned(),
            agent_version: VERSION.to_owned(),
            diagnosis: purpose == Purpose::Diagnosis,
        })
        .await?;
    let status = answer.status;
    match (status, answer.json(), answer.detail()) {
        (200, Some(heartbeat), _) => Ok(heartbeat),
        (_, _, Some(detail)) => Err(HeartbeatError::Refused { status, detail }),
        _ => Err(HeartbeatError::Answer { status }),
    }
}
