//! Evidence on disk: recorded situations with what their diagnosis must be, and bundles that leave a host.
//!
//! What is written here has come through the door, which lets no secret through; a bundle is looked through once more
//! before it is written. What is read here may come from a stranger: every size is bounded, and nothing is unpacked.

mod archive;
mod artefacts;
mod contents;
mod error;
pub mod fixture;
mod manifest;
mod play;
mod redact;
mod write;

pub use archive::{Bundle, MOST_UNPACKED, copy_entry};
pub use contents::{Contents, Extra};
pub use error::BundleError;
pub use manifest::{Asked, Listed, Manifest, Missing};
pub use play::play;
pub use redact::{Identities, Redaction};
pub use write::pack;

/// The version of bundles that is written; this one and older ones are read.
pub const FORMAT: u32 = 1;
