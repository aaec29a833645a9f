//! What a configuration surely means, and its text with that written as the agent reads it. Pure: texts in, texts out.
//!
//! Where two things could be meant, nothing is mended: a person knows.

mod key;
mod url;

pub(super) use key::{Misspelt, mend_keys, misspelt};
pub(super) use url::{Mended, mend_url};
