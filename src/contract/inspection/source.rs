//! The products as they are written in `products.yaml`.
//!
//! The build script turns them into this room's table, so that no diagnosis has to parse them; the tests read the examples
//! through it. It knows nothing of the crate, because the build script has none.

use serde::Deserialize;

/// A product, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// What people call it.
    pub(crate) product: String,
    /// Where in it a host is let through undecrypted, in that product's own words.
    pub(crate) exempt: Option<String>,
    /// Runs of whole words of the name of a CA.
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    /// Whole names of a CA.
    #[serde(default)]
    pub(crate) is: Vec<String>,
    /// Runs of whole words that a CA's name begins with.
    #[serde(default)]
    pub(crate) begins: Vec<String>,
    /// Names that must be recognised as this product's.
    pub(crate) examples: Vec<String>,
    /// Names that must be recognised as no product's.
    #[serde(default)]
    pub(crate) counter_examples: Vec<String>,
}
