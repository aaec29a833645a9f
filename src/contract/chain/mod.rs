//! A chain of certificates, as the agent's own verifier sees it: read from hostile DER, followed to an anchor. Pure.
//!
//! The trust check judges by it, and the strict verifier, which every secret waits for, accepts by it what the agent accepts
//! and rustls alone would not. What time it is, both say themselves.

mod certificate;
pub mod facts;
mod key;
mod path;
mod walk;

pub use certificate::{Certificate, Rules, Signature, date};
pub use key::Key;
pub use path::{Anchors, Path, Reason, follow, names};
