//! The pair that a rotation keeps beside the old one until the control plane has seen it in a heartbeat.
//!
//! Its certificate is written last: where there is one, the pair is whole. It takes the old pair's place certificate first, so that
//! a crash between the two files is finished like that of an enrollment: the pending key is then the certificate's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;

use super::{
    Identity, IdentityError, IdentityFiles, Readers, certified, read_pair, sync_directory, write,
};
use crate::contract::api::Enrolled;
use crate::contract::paths;

impl IdentityFiles {
    /// Where a certificate waits until it is proven.
    fn pending_cert(&self) -> PathBuf {
        paths::pending(&self.cert)
    }

    /// Whether a key waits for its certificate, or with it.
    pub(in crate::agent) fn has_pending_key(&self) -> bool {
        self.pending().is_file()
    }

    /// Whether a rotation has not come to its end.
    pub(in crate::agent) fn has_pending_pair(&self) -> bool {
        self.pending_cert().exists()
    }

    /// Keeps a renewed certificate beside the old one, once it is proven to be the pending key's.
    pub(in crate::agent) fn keep_pending(
        &self,
        renewed: &Enrolled,
        key: &KeyPair,
    ) -> Result<(), IdentityError> {
        certified(renewed, key)?;
        let pem = format!("{}{}", renewed.certificate, renewed.ca_chain);
        let path = self.pending_cert();
        write(&path, pem.as_bytes(), Readers::OwnerOnly, &self.cert)
    }

    /// The pending pair, if there is one. One that does not belong together serves nobody, and is none.
    pub(in crate::agent) fn pending_pair(&self) -> Result<Option<Identity>, IdentityError> {
        self.finish()?;
        match read_pair(&self.pending_cert(), &self.pending()) {
            Ok(pair) => Ok(Some(pair)),
            Err(error @ IdentityError::File { .. }) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The pending pair takes the place of the old one.
    pub(in crate::agent) fn promote_pair(&self) -> Result<(), IdentityError> {
        let pending = self.pending_cert();
        let failed = |error| IdentityError::File {
            operation: "rename the pending certificate to",
            path: self.cert.clone(),
            error,
        };
        read_by_everybody(&pending).map_err(failed)?;
        fs::rename(&pending, &self.cert).map_err(failed)?;
        sync_directory(&self.cert).map_err(failed)?;
        self.promote()
    }

    /// Forgets the pending certificate, and then its key.
    pub(in crate::agent) fn discard_pending(&self) -> Result<(), IdentityError> {
        for path in [self.pending_cert(), self.pending()] {
            let removed = match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => sync_directory(&path),
            };
            removed.map_err(|error| IdentityError::File {
                operation: "remove",
                path,
                error,
            })?;
        }
        Ok(())
    }
}

/// A certificate is no secret once it is the agent's.
#[cfg(unix)]
fn read_by_everybody(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn read_by_everybody(_path: &Path) -> io::Result<()> {
    Ok(())
}
