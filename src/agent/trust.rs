//! What the agent trusts: the system's store, `SSL_CERT_FILE` and `SSL_CERT_DIR`, and the configuration's `ca_cert`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::files;
use crate::host::live::system_anchors;

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
    directories: Option<String>,
}

impl Store {
    /// What these variables say, as Go's library reads them: each replaces its own half of the system's.
    pub(super) fn of(environment: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        Self {
            file: set("SSL_CERT_FILE").map(PathBuf::from),
            directories: set("SSL_CERT_DIR").cloned(),
        }
    }
}

/// All anchors. What of the store cannot be read is passed over, as the agent's library does.
///
/// # Errors
/// When the configured CA file cannot be read, or holds no certificate.
pub(super) fn roots(
    store: &Store,
    ca_cert: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let mut roots = system_anchors(store.file.clone(), store.directories.as_deref());
    if let Some(path) = ca_cert {
        roots.extend(of_file(path)?);
    }
    Ok(roots)
}

/// The anchors of a CA file.
///
/// # Errors
/// When it cannot be read, or holds no certificate.
pub(super) fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let failed = |why: String| TrustError {
        path: path.to_owned(),
        why,
    };
    let pem = files::read(path, files::MOST).map_err(|error| failed(files::words(&error)))?;
    let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let own = own.map_err(|error| failed(error.to_string()))?;
    match own.is_empty() {
        true => Err(failed("it holds no certificate in PEM".to_owned())),
        false => Ok(own),
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn anchors(file: &Path, directory: &Path) -> usize {
        let named = |path: &Path| path.display().to_string();
        let environment = BTreeMap::from([
            ("SSL_CERT_FILE".to_owned(), named(file)),
            ("SSL_CERT_DIR".to_owned(), named(directory)),
        ]);
        roots(&Store::of(&environment), None).unwrap().len()
    }

    #[test]
    fn a_store_that_never_ends_is_passed_over_and_the_rest_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("certs")).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["ca.test".to_owned()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(at("certs/ca.pem"), &pem).unwrap();
        symlink("/dev/zero", at("certs/endless.pem")).unwrap();
        symlink("loop.pem", at("certs/loop.pem")).unwrap();
        let pipe = at("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let large = at("large.pem");
        fs::write(&large, &pem).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&large).unwrap();
        file.set_len(1 << 30).unwrap();
        for odd in [&pipe, &large, Path::new("/dev/zero"), &at("certs")] {
            assert_eq!(anchors(odd, &at("certs")), 1, "{}", odd.display());
        }
        // Each variable stands for its own half alone.
        assert_eq!(anchors(&at("certs/ca.pem"), &at("nowhere")), 1);
    }
}
