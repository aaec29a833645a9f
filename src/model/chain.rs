//! The certificates of a diagnosis, and the clocks by which they are valid or not.

use chrono::{DateTime, Utc};

/// The certificates that were seen, and by whose time they are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The clocks.
    pub clocks: Clocks,
    /// What the control plane showed, if it came to that.
    pub server: Option<Chain>,
    /// What the agent shows, if it has one.
    pub agent: Option<CertificateReport>,
}

/// What time it was when the diagnosis was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// By the host's clock.
    pub host: DateTime<Utc>,
    /// By the control plane's, not before and not after; nothing where it told no time.
    pub control_plane: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A server's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Those in use, each vouched for by the next, the server's own first.
    pub line: Vec<CertificateReport>,
    /// How the line ends.
    pub end: ChainEnd,
    /// What was sent and is not in use, each in a line.
    pub aside: Vec<String>,
}

/// How a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainEnd {
    /// At an anchor of the host, which is trusted because of this.
    Anchor(String),
    /// Nowhere: what is missing.
    Breaks(String),
}

/// How a certificate came to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The peer sent it, in this place, counted from 1.
    Sent(usize),
    /// It is in the host's own store, or in a file that it was told of.
    Store,
    /// It is the agent's own.
    Agent,
}

/// One certificate, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateReport {
    /// Where it is from.
    pub origin: Origin,
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The names and addresses that it is for; a long list is cut short.
    pub names: String,
    /// When its validity begins.
    pub not_before: DateTime<Utc>,
    /// When its validity ends.
    pub not_after: DateTime<Utc>,
    /// Its key.
    pub key: String,
    /// How it was signed.
    pub signature: String,
    /// Its SHA-256 fingerprint.
    pub fingerprint: String,
    /// What is wrong with it beside the time.
    pub problems: Vec<String>,
}
