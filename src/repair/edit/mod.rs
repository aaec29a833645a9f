//! Texts that somebody wrote, with one thing in them otherwise: what a configuration surely means, written as the agent reads it;
//! variables that are no longer set. Pure: texts in, texts out.
//!
//! Where two things could be meant, nothing is mended: a person knows.

mod key;
mod unit;
mod url;

pub(super) use key::{Misspelt, mend_keys, misspelt};
pub(super) use unit::{Without, environment_file_without, unit_without};
pub(super) use url::{Mended, mend_url};
