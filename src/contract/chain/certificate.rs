//! One certificate, as far as trust needs to know it, read from hostile DER.

use std::fmt::Write as _;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use x509_parser::error::X509Error;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension, X509Extension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::facts::{self, Stated};
use super::key::{self, Key};
use crate::contract::inspection::Maker;
use crate::model::excerpt;

/// A certificate that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The whole of it.
    pub der: CertificateDer<'static>,
    /// For people: `CN=nexplane.corp, O=Example`.
    pub subject: String,
    /// For people.
    pub issuer: String,
    /// DER, with its header.
    pub subject_der: Vec<u8>,
    /// DER, with its header.
    pub issuer_der: Vec<u8>,
    /// DNS names and addresses of the subject alternative names, as they are written.
    pub names: Vec<String>,
    /// When its validity begins.
    pub not_before: DateTime<Utc>,
    /// When its validity ends.
    pub not_after: DateTime<Utc>,
    /// Whether it says that it is a CA's.
    pub is_ca: bool,
    /// X.509 version 3, the only one that can say that it is a CA.
    pub(super) is_v3: bool,
    /// Where it says that its issuer's certificate can be fetched (AIA).
    pub ca_issuers: Option<String>,
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) issuer_key_id: Option<Vec<u8>>,
    /// The name of its signature's algorithm, if nobody accepts it any more.
    pub weak_signature: Option<&'static str>,
    /// How its issuer signed it, for people.
    pub signature: String,
    /// Its key.
    pub key: Key,
    /// What of its rules the agent's library looks at beside those.
    pub rules: Rules,
    /// What is said of it where its bytes are not there: in anonymized evidence alone.
    pub(super) stated: Option<Box<Stated>>,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Its purposes, if it says any, leave out servers.
    pub not_for_servers: bool,
    /// Its uses, if it says any, leave out signing certificates.
    pub not_for_signing: bool,
    /// So many CAs may stand between it and a server.
    pub path_length: Option<u32>,
    /// It restricts the names that may stand below it.
    pub constrains_names: bool,
    /// It has an extension that whoever does not know it must not pass over, and that nobody knows.
    pub unknown_critical: bool,
}

/// Whether a certificate is signed with another's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// It is.
    Good,
    /// The doctor's library does not know the algorithm, so that cannot be told.
    Unverifiable,
    /// It is not, by the key that it names itself.
    Broken,
    /// It is not: the other has the name of the issuer and another key.
    OtherKey,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// Why it is no certificate, in words.
    pub fn parse(der: CertificateDer<'_>) -> Result<Self, String> {
        let malformed = |error: &str| format!("it does not parse: {error}");
        let (rest, parsed) =
            X509Certificate::from_der(&der).map_err(|_| malformed("it is no X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(malformed("bytes after its end"));
        }
        let time = |seconds| {
            DateTime::from_timestamp(seconds, 0)
                .ok_or_else(|| malformed("its dates are out of range"))
        };
        let validity = parsed.validity();
        let mut certificate = Self {
            subject: excerpt(&parsed.subject().to_string()),
            issuer: excerpt(&parsed.issuer().to_string()),
            subject_der: parsed.subject().as_raw().to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            names: Vec::new(),
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
            is_ca: parsed.is_ca(),
            is_v3: parsed.version().0 == 2,
            ca_issuers: None,
            key_id: None,
            issuer_key_id: None,
            weak_signature: key::weak(&parsed.signature_algorithm.algorithm.to_id_string()),
            signature: key::signature(&parsed.signature_algorithm),
            key: Key::of(parsed.public_key()),
            rules: Rules {
                not_for_servers: false,
                not_for_signing: false,
                path_length: None,
                constrains_names: false,
                unknown_critical: false,
            },
            der: der.clone().into_owned(),
            stated: None,
        };
        for extension in parsed.extensions() {
            certificate.read(extension);
        }
        Ok(certificate)
    }

    fn read(&mut self, extension: &X509Extension<'_>) {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => {
                self.names = san.general_names.iter().filter_map(name).collect();
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                let issuers = access
                    .accessdescs
                    .iter()
                    .filter(|it| it.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS);
                self.ca_issuers = issuers
                    .filter_map(|it| match &it.access_location {
                        GeneralName::URI(uri) => Some(excerpt(uri)),
                        _ => None,
                    })
                    .next();
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.rules.not_for_servers = !is_for_servers(usage);
            }
            ParsedExtension::KeyUsage(usage) => {
                self.rules.not_for_signing = !usage.key_cert_sign();
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.rules.path_length = constraints.path_len_constraint;
            }
            ParsedExtension::NameConstraints(_) => self.rules.constrains_names = true,
            ParsedExtension::UnsupportedExtension { .. }
            | ParsedExtension::ParseError { .. }
            | ParsedExtension::Unparsed => self.rules.unknown_critical |= extension.critical,
            _ => {}
        }
    }

    /// The certificates of a PEM text, unreadable ones included, at most `most`; where facts stand for them, by those.
    pub fn all(pem: &str, most: usize) -> Vec<Result<Self, String>> {
        if let Some(stated) = facts::read(pem, most) {
            return stated;
        }
        CertificateDer::pem_slice_iter(pem.as_bytes())
            .take(most)
            .map(|block| match block {
                Ok(der) => Self::parse(der),
                Err(error) => Err(format!("its PEM is damaged: {error}")),
            })
            .collect()
    }

    /// Whether it is its own issuer: by its name, and by its key, for a CA may get a new key under its old name.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
            && matches!(
                self.signed_by(self),
                Signature::Good | Signature::Unverifiable | Signature::Broken
            )
    }

    /// Whether it may be an anchor: a CA, or so old that it cannot say.
    pub fn can_be_anchor(&self) -> bool {
        self.is_ca || !self.is_v3
    }

    /// Whether the doctor's library refuses to verify anything with its key: an RSA key shorter than 2048 bits.
    pub fn has_short_key(&self) -> bool {
        self.key.is_short()
    }

    /// Whether `issuer`, which has the right name, signed this.
    pub fn signed_by(&self, issuer: &Self) -> Signature {
        if let Some(stated) = &self.stated {
            return stated.signed_by(issuer);
        }
        let ids = (&self.issuer_key_id, &issuer.key_id);
        if matches!(ids, (Some(named), Some(other)) if named != other) {
            return Signature::OtherKey;
        }
        let (Ok((_, own)), Ok((_, other))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&issuer.der),
        ) else {
            return Signature::OtherKey;
        };
        let short = || match issuer.has_short_key() {
            true => key::short_key_signed(&own, other.public_key()),
            false => Some(false),
        };
        match own.verify_signature(Some(other.public_key())) {
            Ok(()) => Signature::Good,
            Err(X509Error::SignatureUnsupportedAlgorithm) => Signature::Unverifiable,
            Err(_) if short() == Some(true) => Signature::Good,
            Err(_) if short().is_none() => Signature::Unverifiable,
            Err(_) if matches!(ids, (Some(_), Some(_))) => Signature::Broken,
            Err(_) => Signature::OtherKey,
        }
    }

    /// The product that made it, where that is said of it instead of read.
    pub fn stated_maker(&self) -> Option<Option<Maker>> {
        self.stated.as_ref().map(|stated| stated.maker())
    }

    /// Its SHA-256 fingerprint, as `openssl x509 -fingerprint -sha256` writes it.
    pub fn fingerprint(&self) -> String {
        if let Some(stated) = &self.stated {
            return stated.fingerprint.clone();
        }
        let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let hash = suite
            .tls13()
            .map(|suite| suite.common.hash_provider.hash(&self.der));
        let mut text = String::new();
        for byte in hash.as_ref().map_or(&[][..], |hash| hash.as_ref()) {
            let colon = if text.is_empty() { "" } else { ":" };
            // Writing to a string does not fail.
            let _ = write!(text, "{colon}{byte:02X}");
        }
        text
    }

    /// The names, one after the other; a long list is cut short.
    pub fn listed_names(&self) -> String {
        const SHOWN: usize = 10;
        let shown = self
            .names
            .iter()
            .take(SHOWN)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        match self.names.len().saturating_sub(SHOWN) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

/// `2026-11-23 20:50:00 UTC`.
pub fn date(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(excerpt(name)),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d]).to_string()),
            bytes => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        },
        _ => None,
    }
}

/// Whether servers are among the purposes, or every purpose is meant.
fn is_for_servers(usage: &ExtendedKeyUsage<'_>) -> bool {
    usage.any || usage.server_auth
}
