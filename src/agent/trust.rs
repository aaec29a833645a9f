//! What the agent trusts: the system's store, `SSL_CERT_FILE` and `SSL_CERT_DIR`, and the configuration's `ca_cert`.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Why the configured CA file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("could not read a CA certificate from {}: {why}", .path.display())]
pub struct TrustError {
    path: PathBuf,
    why: String,
}

/// All anchors. What of the system's store cannot be read is passed over, as the agent's library does.
///
/// # Errors
/// When the configured CA file cannot be read, or holds no certificate.
pub fn roots(ca_cert: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let mut roots = rustls_native_certs::load_native_certs().certs;
    let Some(path) = ca_cert else {
        return Ok(roots);
    };
    let failed = |why: String| TrustError {
        path: path.to_owned(),
        why,
    };
    let own: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| failed(error.to_string()))?;
    if own.is_empty() {
        return Err(failed("it holds no certificate in PEM".to_owned()));
    }
    roots.extend(own);
    Ok(roots)
}
