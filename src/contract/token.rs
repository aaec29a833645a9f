//! What may be said of an enrollment token without telling it.

use serde::{Deserialize, Serialize};

/// The shape of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenShape {
    /// How many characters it has.
    pub length: usize,
}
