//! Enrollment: a key, a request for it, the token, and the certificate that comes back.
//!
//! Asking again after a lost answer is safe: the same key with the same token gets the same certificate.

use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::VERSION;
use super::identity::{IdentityError, IdentityFiles};
use crate::contract::api::{EnrollRequest, Enrolled};
use crate::contract::client::{Answer, ApiClient, CallError};
use crate::model::{Os, Secret};

/// How often it is asked for a certificate whose answer does not come.
const ATTEMPTS: u32 = 3;
/// How long it is waited in between.
const PAUSE: Duration = Duration::from_millis(500);

/// What the agent says of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The host's name.
    pub hostname: String,
    /// Go's name of the operating system.
    pub os: &'static str,
    /// Go's name of the architecture.
    pub arch: &'static str,
}

impl HostFacts {
    /// This program's system under a given name.
    pub fn named(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            os: match Os::current() {
                Os::Linux => "linux",
                Os::Windows => "windows",
                Os::Macos => "darwin",
            },
            arch: match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            },
        }
    }
}

/// Why an enrollment or a rotation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
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
    /// Keys and files.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The answer is not the contract's.
    #[error("the control plane's answer (status {status}) is not understood")]
    Answer {
        /// The HTTP status.
        status: u16,
    },
}

/// Enrolls this host: uses `token` up, and leaves certificate and key in `files`.
///
/// An answer that got lost is asked for again with the same key, which gets the same certificate.
///
/// # Errors
/// When it did not succeed; then no certificate was replaced, and it can be tried again.
pub async fn enroll(
    client: &ApiClient,
    files: &IdentityFiles,
    token: &Secret,
    host: &HostFacts,
) -> Result<Enrolled, EnrollError> {
    let key = files.pending_key()?;
    let request = EnrollRequest {
        token: token.clone(),
        csr: request_for(&key, &host.hostname)?,
        hostname: host.hostname.clone(),
        os: host.os.to_owned(),
        arch: host.arch.to_owned(),
        agent_version: VERSION.to_owned(),
    };
    let answer = ask(client, &request).await?.without(token);
    let enrolled = certificate_of(&answer)?;
    files.accept(&enrolled, &key)?;
    Ok(enrolled)
}

/// The answer to a request, for which is asked again when it may have been lost on its way.
async fn ask(client: &ApiClient, request: &EnrollRequest) -> Result<Answer, CallError> {
    let mut attempt = 1;
    loop {
        match client.enroll(request).await {
            Err(CallError::Io { .. } | CallError::TimedOut { .. } | CallError::Closed)
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// A PKCS #10 request, PEM, signed with the key that it asks a certificate for.
pub(super) fn request_for(key: &KeyPair, common_name: &str) -> Result<String, IdentityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params.serialize_request(key)?.pem()?)
}

/// The certificate in an answer, or the refusal.
pub(super) fn certificate_of(answer: &Answer) -> Result<Enrolled, EnrollError> {
    let status = answer.status;
    match (status, answer.json(), answer.detail()) {
        (201, Some(enrolled), _) => Ok(enrolled),
        (_, _, Some(detail)) => Err(EnrollError::Refused { status, detail }),
        _ => Err(EnrollError::Answer { status }),
    }
}
