//! A client certificate, as far as the check reads it.

use chrono::{DateTime, Utc};
use x509_parser::pem::{Pem, parse_x509_pem};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::contract::chain::facts;
use crate::host::KeyFacts;
use crate::model::excerpt;

/// The first certificate of a PEM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The common name of its subject: the agent's id.
    pub(super) common_name: Option<String>,
    /// When its validity begins.
    pub(super) not_before: DateTime<Utc>,
    /// When its validity ends.
    pub(super) not_after: DateTime<Utc>,
    /// Its SubjectPublicKeyInfo in DER.
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads the first certificate of a text; what follows it is its chain.
    ///
    /// # Errors
    /// Why there is none, in words that finish "no usable certificate: …".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the file is empty".into());
        }
        if let Some(stated) = facts::first(text) {
            let stated = stated.map_err(|why| match why.starts_with("its PEM") {
                true => why,
                false => "its content is damaged".to_owned(),
            })?;
            return Ok(Self {
                common_name: stated.common_name,
                not_before: stated.not_before,
                not_after: stated.not_after,
                public_key: stated.public_key.into_bytes(),
            });
        }
        let block = Pem::iter_from_buffer(text.as_bytes())
            .find(|block| !matches!(block, Ok(pem) if !pem.label.ends_with("CERTIFICATE")))
            .ok_or("there is no PEM block `CERTIFICATE` in it")?
            .map_err(|error| format!("its PEM is damaged: {error}"))?;
        let certificate = block
            .parse_x509()
            .map_err(|_| "its content is damaged")?;
        let time =
            |seconds| DateTime::from_timestamp(seconds, 0).ok_or("its dates are out of range");
        let validity = certificate.validity();
        let name = certificate.subject().iter_common_name().next();
        Ok(Self {
            common_name: name.and_then(|name| name.as_str().ok()).map(excerpt),
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
            public_key: certificate.public_key().raw.to_vec(),
        })
    }

    /// Whether this is the public half of the certificate's key.
    pub(super) fn is_of(&self, key: &KeyFacts) -> bool {
        if key.public_key.as_bytes() == self.public_key {
            return true;
        }
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            key.public_key
        );
        let Ok((_, pem)) = parse_x509_pem(pem.as_bytes()) else {
            return false;
        };
        pem.contents == self.public_key || same_key(&pem.contents, &self.public_key)
    }
}

/// Whether two encodings hold one key: the parameters of RSA's algorithm may be absent or NULL.
fn same_key(a: &[u8], b: &[u8]) -> bool {
    let (Ok((_, a)), Ok((_, b))) = (
        SubjectPublicKeyInfo::from_der(a),
        SubjectPublicKeyInfo::from_der(b),
    ) else {
        return false;
    };
    a.algorithm.algorithm == b.algorithm.algorithm
        && a.subject_public_key.data == b.subject_public_key.data
}
