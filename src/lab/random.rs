//! Random names: tokens, agents' ids.

use rustls::crypto::ring;

use super::LabError;
use crate::contract::token;

/// Fills `N` bytes from the system's source of randomness.
fn random<const N: usize>() -> Result<[u8; N], LabError> {
    let mut bytes = [0; N];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| LabError::Random)?;
    Ok(bytes)
}

/// An enrollment token: the prefix and 32 random bytes in base64url.
pub(super) fn token() -> Result<String, LabError> {
    Ok(format!("{}{}", token::PREFIX, base64url(&random::<32>()?)))
}

/// An API token: 32 random bytes in base64url.
pub(super) fn api_token() -> Result<String, LabError> {
    Ok(base64url(&random::<32>()?))
}

/// An agent's id.
pub(super) fn agent_id() -> Result<String, LabError> {
    let hex: String = random::<8>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("agt_{hex}"))
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0usize, |group, byte| group << 8 | usize::from(*byte));
        for position in 0..=chunk.len() {
            let index = group >> (18 - 6 * position) & 63;
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::contract::token::TokenShape;
    use crate::model::Secret;

    #[test]
    fn base64url_as_the_standard_has_it() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xff, 0xef]), "_-8");
    }

    #[test]
    fn our_tokens_look_like_ours() {
        let token = token().unwrap();
        assert_eq!(TokenShape::of(&Secret::new(token)).problem, None);
    }
}
