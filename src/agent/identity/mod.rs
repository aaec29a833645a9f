//! The identity store: client certificate and private key in two files, replaced so that a crash at any moment loses neither.
//!
//! The key is made first and kept beside them, as pending, until the certificate for it has arrived and is on disk; so a lost answer
//! can be asked for again with the same key. Keys are never readable by others, not even for a moment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

mod pending;
mod proof;

use super::files::{self, MOST, Readers, code_of, replace_as, sync_directory};
use crate::contract::api::Enrolled;
use crate::contract::paths;
use crate::contract::tls::{ClientIdentity, provider};
use crate::model::Code;

/// Where an identity is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    cert: PathBuf,
    key: PathBuf,
}

/// A usable identity.
#[derive(Debug)]
pub struct Identity {
    /// The agent's id: the common name in the certificate's subject.
    pub agent_id: String,
    /// When the certificate begins.
    pub not_before: DateTime<Utc>,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
    /// Certificate, chain and key for TLS.
    pub tls: ClientIdentity,
}

impl Identity {
    /// What a connection shows.
    pub fn for_tls(&self) -> ClientIdentity {
        (self.tls.0.clone(), self.tls.1.clone_key())
    }
}

/// Why there is no usable identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file is not there.
    #[error("{} is not there: the agent has not enrolled", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read or written.
    #[error("could not {operation} {}: {}", .path.display(), files::words(.error))]
    File {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds no {wanted}", .path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Certificate and key do not belong together.
    #[error("the key in {} is not that of the certificate in {}", .key.display(), .cert.display())]
    KeyMismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A key could not be made.
    #[error("could not make a key: {0}")]
    Key(#[from] rcgen::Error),
    /// The control plane's answer holds another key's certificate, or another agent's, or none.
    #[error("the control plane's answer cannot be used: {0}")]
    Answer(&'static str),
}

impl IdentityError {
    /// The finding that it is, where it is one by itself.
    pub fn code(&self) -> Option<Code> {
        let code = match self {
            Self::Missing(_) => "identity.missing",
            Self::Invalid { .. } => "identity.invalid",
            Self::KeyMismatch { .. } => "identity.key_mismatch",
            Self::File { error, .. } => return code_of(error),
            Self::Key(_) | Self::Answer(_) => return None,
        };
        Some(Code::from_static(code))
    }
}

impl IdentityFiles {
    /// In these two files.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            cert: cert.into(),
            key: key.into(),
        }
    }

    /// Beside a configuration.
    pub fn beside(config: &Path) -> Self {
        let (cert, key) = paths::beside(config);
        Self { cert, key }
    }

    /// The certificate's file.
    pub fn cert(&self) -> &Path {
        &self.cert
    }

    /// The key's file.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// Where a key waits for its certificate.
    fn pending(&self) -> PathBuf {
        paths::pending(&self.key)
    }

    /// Reads the identity, after finishing what a crash may have left unfinished.
    ///
    /// # Errors
    /// When there is none that could be used.
    pub fn load(&self) -> Result<Identity, IdentityError> {
        self.finish()?;
        read_pair(&self.cert, &self.key)
    }

    /// The agent's id in the certificate, which others than the agent may read too. Changes nothing.
    ///
    /// # Errors
    /// When there is no certificate that could be read.
    pub fn agent_id(&self) -> Result<String, IdentityError> {
        let chain = read_chain(&self.cert)?;
        let leaf = chain.first().and_then(|leaf| Leaf::read(leaf));
        leaf.map(|leaf| leaf.agent_id)
            .ok_or_else(|| no_certificate(&self.cert))
    }

    /// The key to ask a certificate for: the pending one, or a new one that is on disk before it is used.
    pub(super) fn pending_key(&self) -> Result<KeyPair, IdentityError> {
        self.finish()?;
        let path = self.pending();
        match read(&path) {
            // A damaged one certifies nothing yet: it is made anew.
            Ok(pem) => {
                if let Some(key) = parse_key(&pem) {
                    return Ok(key);
                }
            }
            Err(IdentityError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        let key = KeyPair::generate()?;
        let pem = key.serialize_pem();
        write(&path, pem.as_bytes(), Readers::OwnerOnly, &self.key)?;
        Ok(key)
    }

    /// Takes a certificate over, once it is proven to be the pending key's and the named agent's.
    pub(super) fn accept(&self, enrolled: &Enrolled, key: &KeyPair) -> Result<(), IdentityError> {
        certified(enrolled, key)?;
        let pem = format!("{}{}", enrolled.certificate, enrolled.ca_chain);
        write(&self.cert, pem.as_bytes(), Readers::Everybody, &self.cert)?;
        // From here on the pending key is the certificate's; `finish` knows it by that.
        self.promote()
    }

    /// If the pending key is the certificate's, the program ended between the two files: it becomes the key now.
    fn finish(&self) -> Result<(), IdentityError> {
        let Ok(pending) = read(&self.pending()) else {
            return Ok(());
        };
        let certified = read_chain(&self.cert)
            .ok()
            .and_then(|chain| Leaf::read(chain.first()?));
        match (parse_key(&pending), certified) {
            (Some(key), Some(leaf)) if key.subject_public_key_info() == leaf.public_key => {
                self.promote()
            }
            _ => Ok(()),
        }
    }

    fn promote(&self) -> Result<(), IdentityError> {
        let failed = |error| IdentityError::File {
            operation: "rename the pending key to",
            path: self.key.clone(),
            error,
        };
        fs::rename(self.pending(), &self.key).map_err(failed)?;
        sync_directory(&self.key).map_err(failed)
    }
}

/// A certificate with its chain, and its key.
fn read_pair(cert: &Path, key: &Path) -> Result<Identity, IdentityError> {
    let chain = read_chain(cert)?;
    let private =
        PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| IdentityError::Invalid {
            path: key.to_owned(),
            wanted: "private key in PEM",
        })?;
    CertifiedKey::from_der(chain.clone(), private.clone_key(), &provider()).map_err(|_| {
        IdentityError::KeyMismatch {
            cert: cert.to_owned(),
            key: key.to_owned(),
        }
    })?;
    let leaf = chain.first().and_then(|leaf| Leaf::read(leaf));
    let leaf = leaf.ok_or_else(|| no_certificate(cert))?;
    Ok(Identity {
        agent_id: leaf.agent_id,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        tls: (chain, private),
    })
}

fn read_chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let pem = read(cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| no_certificate(cert))
}

fn no_certificate(cert: &Path) -> IdentityError {
    IdentityError::Invalid {
        path: cert.to_owned(),
        wanted: "certificate in PEM that names an agent",
    }
}

/// That an answer's certificate is this key's, and that of the agent which it names.
fn certified(enrolled: &Enrolled, key: &KeyPair) -> Result<(), IdentityError> {
    let leaf = CertificateDer::from_pem_slice(enrolled.certificate.as_bytes())
        .ok()
        .and_then(|leaf| Leaf::read(&leaf))
        .ok_or(IdentityError::Answer("it holds no certificate"))?;
    if leaf.public_key != key.subject_public_key_info() {
        return Err(IdentityError::Answer("its certificate is for another key"));
    }
    if leaf.agent_id != enrolled.agent_id {
        return Err(IdentityError::Answer(
            "its certificate is for another agent",
        ));
    }
    Ok(())
}

/// What matters of an agent's certificate.
struct Leaf {
    agent_id: String,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// A DER SubjectPublicKeyInfo.
    public_key: Vec<u8>,
}

impl Leaf {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let name = parsed.subject().iter_common_name().next()?;
        Some(Self {
            agent_id: name.as_str().ok()?.to_owned(),
            not_before: DateTime::from_timestamp(parsed.validity().not_before.timestamp(), 0)?,
            not_after: DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0)?,
            public_key: parsed.public_key().raw.to_vec(),
        })
    }
}

fn parse_key(pem: &[u8]) -> Option<KeyPair> {
    KeyPair::from_pem(std::str::from_utf8(pem).ok()?).ok()
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => IdentityError::Missing(path.to_owned()),
        _ => IdentityError::File {
            operation: "read",
            path: path.to_owned(),
            error,
        },
    };
    files::read(path, MOST).map_err(failed)
}

/// Writes a file that gets the owner of `model`.
fn write(path: &Path, content: &[u8], readers: Readers, model: &Path) -> Result<(), IdentityError> {
    replace_as(path, content, readers, model).map_err(|error| IdentityError::File {
        operation: "write",
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests;
