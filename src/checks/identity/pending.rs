//! What waits beside an identity: the key, or the whole pair, of a rotation or an enrollment that was cut short.
//!
//! Whoever works with the identity next finishes that; until then what is in place may be of no use, and still nothing is lost.

use super::Certificate;
use crate::contract::paths;
use crate::host::{Content, Host, HostPath, KeyFacts, ReadQuestion, Seen};

/// A new certificate and its key, which belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checks) struct Pair {
    /// Where the certificate waits.
    pub(in crate::checks) cert: HostPath,
    /// Where its key does.
    pub(in crate::checks) key: HostPath,
    /// The agent's id, as the certificate names it.
    pub(in crate::checks) agent_id: String,
}

/// What was seen beside an identity.
#[derive(Debug)]
pub(super) struct Waiting {
    cert: HostPath,
    key: HostPath,
    public_half: Seen<KeyFacts>,
    /// Without a key it serves nobody, and is not looked at.
    content: Option<Seen<Content>>,
}

impl Waiting {
    pub(super) async fn ask(host: &dyn Host, cert: &HostPath, key: &HostPath) -> Self {
        let (cert, key) = (beside(cert), beside(key));
        let public_half = host.private_key(key.clone()).await;
        let content = match public_half {
            Ok(_) => Some(host.read(ReadQuestion::new(cert.clone())).await),
            Err(_) => None,
        };
        Self {
            cert,
            key,
            public_half,
            content,
        }
    }

    /// Where the key waits, if it is the key of this certificate, which then came to its place before it.
    pub(super) fn key_of(&self, certificate: &Certificate) -> Option<&HostPath> {
        let key = self.public_half.as_ref().ok()?;
        certificate.is_of(key).then_some(&self.key)
    }

    /// The pair, if it is whole.
    pub(super) fn pair(&self) -> Option<Pair> {
        let content = self.content.as_ref()?.as_ref().ok()?;
        let certificate = Certificate::parse(&content.text).ok()?;
        self.key_of(&certificate)?;
        Some(Pair {
            cert: self.cert.clone(),
            key: self.key.clone(),
            agent_id: certificate.common_name?,
        })
    }
}

fn beside(path: &HostPath) -> HostPath {
    HostPath {
        path: paths::pending(&path.path),
        base: path.base,
    }
}
