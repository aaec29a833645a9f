//! Why a bundle cannot be read or written.

use std::io;

use super::{FORMAT, MOST_UNPACKED};
use crate::model::excerpt;

/// A bundle that cannot be read or written. What a stranger wrote into it is quoted without control characters.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file system says no.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// It is no zstd, or damaged.
    #[error("it is damaged, or no bundle: {0}")]
    Damaged(io::Error),
    /// It ends before it should.
    #[error("it is cut short: {0}")]
    CutShort(String),
    /// It would unpack to more than is read.
    #[error("it unpacks to more than the {MOST_UNPACKED} bytes that are read")]
    TooLarge,
    /// One entry is larger than that entry may be.
    #[error(
        "its entry `{}` has {size} bytes, and at most {limit} are read",
        excerpt(name)
    )]
    EntryTooLarge {
        /// Which.
        name: String,
        /// What it says it has.
        size: u64,
        /// What is read.
        limit: u64,
    },
    /// More entries than a bundle has.
    #[error("it has more than {0} entries, and no bundle has so many")]
    TooMany(usize),
    /// An entry that no bundle has: a link, a device, a path that leads elsewhere.
    #[error(
        "its entry `{}` is {what}; a bundle has only plain files",
        excerpt(name)
    )]
    Foreign {
        /// Which.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// An entry occurs twice.
    #[error("its entry `{}` occurs twice", excerpt(.0))]
    Twice(String),
    /// An entry that the manifest does not list.
    #[error("its entry `{}` is not in its manifest", excerpt(.0))]
    Unlisted(String),
    /// An entry's content is not what the manifest says.
    #[error("its entry `{}` is not what its manifest says (another SHA-256): it was changed or damaged", excerpt(.0))]
    Changed(String),
    /// An entry is missing.
    #[error("it has no `{}`", excerpt(.0))]
    Missing(String),
    /// An entry is not what it should be.
    #[error("its `{}`: {}", excerpt(name), excerpt(why))]
    Malformed {
        /// Which.
        name: String,
        /// What is wrong, with line and column where they are known.
        why: String,
    },
    /// It was made by a newer version.
    #[error(
        "it has format {found}{}, and this version reads formats up to {FORMAT}: read it with a newer nexplane-doctor",
        by.as_deref().map(|by| format!(" (made by {})", excerpt(by))).unwrap_or_default()
    )]
    Newer {
        /// The format that it says it has.
        found: u64,
        /// What says it made it.
        by: Option<String>,
    },
    /// What was collected is more than may be written.
    #[error("what was collected has {size} bytes, and --max-size lets it have {limit}")]
    NoRoom {
        /// Of what must be in it.
        size: u64,
        /// What it may have.
        limit: u64,
    },
}

impl BundleError {
    pub(super) fn malformed(name: &str, why: impl ToString) -> Self {
        Self::Malformed {
            name: name.to_owned(),
            why: why.to_string(),
        }
    }
}
