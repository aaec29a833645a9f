//! The public half of a private key in a file. Nothing of the private half, not even in an error, leaves this file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};

use super::files::Root;
use crate::host::{HostPath, KeyFacts, Seen, Unseen};

/// The largest key file that makes sense, with a certificate chain beside the key.
const LIMIT: u64 = 256 << 10;

/// Reads the first private key of a PEM file: PKCS #8, SEC 1 or PKCS #1.
pub(super) fn facts(root: &Root, path: &HostPath) -> Seen<KeyFacts> {
    public_half(&root.read_bytes(path, LIMIT)?)
}

fn public_half(pem: &[u8]) -> Seen<KeyFacts> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| no_key(pem, &error))?;
    let key = any_supported_type(&key).map_err(|_| {
        Unseen::malformed("no RSA (2048 bits or more), P-256, P-384 or Ed25519 key")
    })?;
    let public = key
        .public_key()
        .ok_or_else(|| Unseen::malformed("a key whose public half cannot be told"))?;
    Ok(KeyFacts {
        public_key: STANDARD.encode(public),
    })
}

/// Why there is no key, in words of our own: the library's may quote the file.
fn no_key(pem: &[u8], error: &PemError) -> Unseen {
    let has = |text: &str| pem.windows(text.len()).any(|part| part == text.as_bytes());
    Unseen::malformed(match error {
        _ if pem.is_empty() => "the file is empty",
        PemError::NoItemsFound if has("BEGIN ENCRYPTED PRIVATE KEY") => {
            "the key is encrypted: the agent cannot ask for its password"
        }
        PemError::NoItemsFound if has("-----BEGIN ") => "PEM without a private key in it",
        PemError::NoItemsFound => "no PEM: there is no BEGIN line",
        PemError::MissingSectionEnd { .. } => "PEM cut short: the END line is missing",
        PemError::Base64Decode(_) => "damaged PEM: not base64",
        _ => "damaged PEM",
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_public_half_is_the_certificates() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let facts = public_half(key.serialize_pem().as_bytes()).unwrap();
            let public = rcgen::PublicKeyData::subject_public_key_info(&key);
            assert_eq!(facts.public_key, STANDARD.encode(public));
        }
    }

    #[test]
    fn what_is_no_key_says_why_and_nothing_of_the_file() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let body: String = key.lines().skip(1).take(2).collect();
        let cut = key.replace("-----END PRIVATE KEY-----", "");
        let damaged = key.replacen(&body[..8], "!!!!!!!!", 1);
        let swapped = key.replacen(&body[..8], &body[8..16], 1);
        for (pem, part) in [
            ("", "empty"),
            ("hello", "no PEM"),
            (cut.as_str(), "cut short"),
            (damaged.as_str(), "base64"),
            (swapped.as_str(), "no RSA"),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "encrypted",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "without a private key",
            ),
        ] {
            let unseen = public_half(pem.as_bytes()).unwrap_err();
            let said = format!("{unseen} {unseen:?}");
            assert!(said.contains(part), "{said}");
            assert!(body.len() < 8 || !said.contains(&body[8..16]), "{said}");
        }
    }
}
