//! Keys and signatures, for people and for what the doctor's TLS library does not do: name them, and verify with RSA keys
//! under 2048 bits, which the agent's library still takes. Pure.

use std::fmt;

use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Below this, libraries begin to refuse RSA.
const RSA_BITS: usize = 2048;

/// A certificate's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// RSA, with its size in bits.
    Rsa(usize),
    /// ECDSA on this curve.
    Ecdsa(String),
    /// Ed25519.
    Ed25519,
    /// Something else, by its name or its object identifier.
    Other(String),
}

impl Key {
    /// The kind of a key.
    pub fn of(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = info.algorithm.algorithm.to_id_string();
        match (algorithm.as_str(), info.parsed()) {
            ("1.2.840.113549.1.1.10", _) => Self::Other("RSA for PSS alone".into()),
            (_, Ok(PublicKey::RSA(key))) => Self::Rsa(bits(key.modulus)),
            ("1.2.840.10045.2.1", _) => Self::Ecdsa(curve(&info.algorithm)),
            ("1.3.101.112", _) => Self::Ed25519,
            ("1.3.101.113", _) => Self::Other("Ed448".into()),
            ("1.2.840.10040.4.1", _) => Self::Other("DSA".into()),
            (other, _) => Self::Other(format!("of the kind {other}")),
        }
    }

    /// Whether it is an RSA key under 2048 bits.
    pub fn is_short(&self) -> bool {
        matches!(self, Self::Rsa(bits) if *bits < RSA_BITS)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA, {bits} bits"),
            Self::Ecdsa(curve) => write!(f, "ECDSA, {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

/// The size of a number, without its leading zeros.
fn bits(modulus: &[u8]) -> usize {
    let significant = modulus.iter().skip_while(|byte| **byte == 0);
    let leading = significant
        .clone()
        .next()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    significant.count() * 8 - leading
}

fn curve(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let oid = algorithm
        .parameters
        .as_ref()
        .and_then(|it| it.as_oid().ok());
    match oid.map(|oid| oid.to_id_string()).as_deref() {
        Some("1.2.840.10045.3.1.7") => "P-256".into(),
        Some("1.3.132.0.33") => "P-224".into(),
        Some("1.3.132.0.34") => "P-384".into(),
        Some("1.3.132.0.35") => "P-521".into(),
        Some("1.3.132.0.10") => "secp256k1".into(),
        Some(other) => format!("the curve {other}"),
        None => "a curve that is not named".into(),
    }
}

/// How a certificate is signed: `SHA-256 with RSA`.
pub(super) fn signature(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let oid = algorithm.algorithm.to_id_string();
    let known = match oid.as_str() {
        "1.2.840.113549.1.1.4" => "MD5 with RSA",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "SHA-1 with RSA",
        "1.2.840.113549.1.1.11" => "SHA-256 with RSA",
        "1.2.840.113549.1.1.12" => "SHA-384 with RSA",
        "1.2.840.113549.1.1.13" => "SHA-512 with RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.4.1" => "SHA-1 with ECDSA",
        "1.2.840.10045.4.3.2" => "SHA-256 with ECDSA",
        "1.2.840.10045.4.3.3" => "SHA-384 with ECDSA",
        "1.2.840.10045.4.3.4" => "SHA-512 with ECDSA",
        "1.3.101.112" => "Ed25519",
        _ => return format!("algorithm {oid}"),
    };
    known.to_owned()
}

/// Signature algorithms that no current library accepts in a chain, by object identifier.
pub(super) fn weak(oid: &str) -> Option<&'static str> {
    match oid {
        "1.2.840.113549.1.1.2" => Some("MD2"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => {
            Some("SHA-1")
        }
        _ => None,
    }
}

/// The name of a signature algorithm that no current library accepts, as [`weak`] gives it.
pub(super) fn weak_name(name: &str) -> Option<&'static str> {
    ["MD2", "MD5", "SHA-1"]
        .into_iter()
        .find(|weak| *weak == name)
}

/// Whether an RSA key under 2048 bits signed a certificate; nothing where that cannot be told.
pub(super) fn short_key_signed(
    certificate: &X509Certificate<'_>,
    issuer: &SubjectPublicKeyInfo<'_>,
) -> Option<bool> {
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    let algorithm: &'static RsaParameters = match algorithm.as_str() {
        "1.2.840.113549.1.1.5" => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.11" => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.13" => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(algorithm, &issuer.subject_public_key.data);
    let signed = certificate.tbs_certificate.as_ref();
    match (
        key.verify(signed, &certificate.signature_value.data),
        Key::of(issuer),
    ) {
        (Ok(()), _) => Some(true),
        // With so short a key nobody verifies anything.
        (Err(_), Key::Rsa(bits)) if bits < 1024 => None,
        (Err(_), _) => Some(false),
    }
}
