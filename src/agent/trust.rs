//! What the agent trusts: the system's store, `SSL_CERT_FILE` and `SSL_CERT_DIR`, and the configuration's `ca_cert`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::files;

/// Why the configured CA file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("could not read a CA certificate from {}: {why}", .path.display())]
pub struct TrustError {
    path: PathBuf,
    why: String,
}

/// Where the system's store is for an agent in another environment than this process'.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Store {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Store {
    /// What these variables say, as Go's library reads them; nothing: the system's own.
    pub(super) fn of(environment: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let directories = set("SSL_CERT_DIR").map(std::env::split_paths);
        Self {
            file: set("SSL_CERT_FILE").map(PathBuf::from),
            directories: directories.into_iter().flatten().collect(),
        }
    }

    /// What of it cannot be read is passed over, as the agent's library does.
    fn load(&self) -> Vec<CertificateDer<'static>> {
        use rustls_native_certs::{load_certs_from_paths, load_native_certs};
        let file = self.file.as_deref();
        let directories = self.directories.iter().map(PathBuf::as_path);
        let from = directories.map(|directory| load_certs_from_paths(None, Some(directory)));
        let from = from.chain(file.map(|file| load_certs_from_paths(Some(file), None)));
        match self == &Self::default() {
            true => load_native_certs().certs,
            false => from.flat_map(|loaded| loaded.certs).collect(),
        }
    }
}

/// All anchors, by this process' environment.
///
/// # Errors
/// When the configured CA file cannot be read, or holds no certificate.
pub fn roots(ca_cert: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    roots_in(&Store::default(), ca_cert)
}

/// All anchors.
///
/// # Errors
/// When the configured CA file cannot be read, or holds no certificate.
pub(super) fn roots_in(
    store: &Store,
    ca_cert: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let mut roots = store.load();
    let Some(path) = ca_cert else {
        return Ok(roots);
    };
    let failed = |why: String| TrustError {
        path: path.to_owned(),
        why,
    };
    let pem = files::read(path, files::MOST).map_err(|error| failed(files::words(&error)))?;
    let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let own = own.map_err(|error| failed(error.to_string()))?;
    if own.is_empty() {
        return Err(failed("it holds no certificate in PEM".to_owned()));
    }
    roots.extend(own);
    Ok(roots)
}
