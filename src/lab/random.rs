//! Random names: tokens, agents' ids.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
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
    Ok(format!(
        "{}{}",
        token::PREFIX,
        URL_SAFE_NO_PAD.encode(random::<32>()?)
    ))
}

/// An API token: 32 random bytes in base64url.
pub(super) fn api_token() -> Result<String, LabError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// An agent's id.
pub(super) fn agent_id() -> Result<String, LabError> {
    let hex: String = random::<8>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("agt_{hex}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::contract::token::TokenShape;
    use crate::model::Secret;

    #[test]
    fn our_tokens_look_like_ours() {
        let token = token().unwrap();
        assert_eq!(TokenShape::of(&Secret::new(token)).problem, None);
    }
}
