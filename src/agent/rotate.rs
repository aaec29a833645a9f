//! Rotation: a new key and a new certificate, on the strength of the old one, which may have expired a little while ago.

use super::enroll::{EnrollError, certificate_of, request_for};
use super::identity::IdentityFiles;
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
