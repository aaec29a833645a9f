//! Whether two files are an agent's identity, and nobody else's: before they are deleted.

use std::path::Path;

use rcgen::PublicKeyData as _;

use super::{IdentityFiles, Leaf, parse_key, read, read_chain};

/// What every agent's id begins with; the certificate of something else names a host or a person.
const AGENT: &str = "agt_";

/// Why a file is not provably an agent's.
pub(in crate::agent) type Foreign = &'static str;

impl IdentityFiles {
    /// The key's file, if it is provably an agent's: that of the certificate, which names an agent.
    pub(in crate::agent) fn proven_key(&self) -> Result<&Path, Foreign> {
        let key = regular(&self.key)?;
        let leaf = self.certified().map_err(
            |_| "nothing proves that it is the agent's key: the certificate is not the agent's",
        )?;
        let pem = read(key).map_err(|_| "it cannot be read")?;
        let parsed = parse_key(&pem).ok_or("it holds no private key")?;
        match parsed.subject_public_key_info() == leaf.public_key {
            true => Ok(key),
            false => Err("it holds another key than the certificate's"),
        }
    }

    /// The certificate's file, if it is provably an agent's.
    pub(in crate::agent) fn proven_cert(&self) -> Result<&Path, Foreign> {
        self.certified().map(|_| self.cert.as_path())
    }

    fn certified(&self) -> Result<Leaf, Foreign> {
        let chain = read_chain(regular(&self.cert)?).map_err(|_| "it holds no certificate")?;
        let leaf = chain.first().and_then(|leaf| Leaf::read(leaf));
        leaf.filter(|leaf| leaf.agent_id.starts_with(AGENT))
            .ok_or("it holds a certificate that names no agent")
    }
}

/// The file itself: what a link leads to belongs to somebody else.
fn regular(path: &Path) -> Result<&Path, Foreign> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(metadata) if metadata.is_symlink() => Err("it is a symbolic link"),
        Ok(metadata) if metadata.is_dir() => Err("it is a directory"),
        Ok(_) => Err("it is not a regular file"),
        Err(_) => Err("it is not there"),
    }
}
