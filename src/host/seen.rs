//! What was seen, or how it was not: absence is never read as health.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::spoken_duration;

/// Something that was looked for: it, or the way in which it could not be seen.
pub type Seen<T> = Result<T, Unseen>;

/// Stands behind the name of an error that is a router's word, and not this host's own.
pub const FROM_A_ROUTER: &str = " from a router";

/// How something could not be seen. Each of these is evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Unseen {
    /// It is not there.
    Absent,
    /// The doctor may not look.
    Denied,
    /// The peer refused (ECONNREFUSED; for a datagram, an ICMP port unreachable).
    Refused,
    /// No answer in time.
    TimedOut {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// The network says that there is no way.
    Unreachable {
        /// The operating system's name of the error, such as `ENETUNREACH`; with [`FROM_A_ROUTER`] behind it where the
        /// system has the same name for a route that it does not have and one that a router does not have.
        error: String,
    },
    /// The connection was reset.
    Reset,
    /// The peer hung up in an orderly way.
    Closed,
    /// The peer ended the TLS connection with a fatal alert.
    Alert {
        /// Its name as the TLS registry writes it, such as `certificate_required`.
        name: String,
    },
    /// There is more of it than the doctor reads.
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// This host has no such thing, or the doctor does not know it here.
    Unsupported {
        /// Why, in words that finish "could not be seen: …".
        why: String,
    },
    /// It is there, and is not what it should be.
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// Anything else.
    Failed {
        /// What the operating system or the library said.
        why: String,
    },
    /// The question is not in the recording.
    NotRecorded,
}

impl Unseen {
    /// The host does not have it, because …
    pub fn unsupported(why: impl Into<String>) -> Self {
        Self::Unsupported { why: why.into() }
    }

    /// It is not what it should be, because …
    pub fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed { why: why.into() }
    }

    /// It failed, with these words.
    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed {
            why: why.to_string(),
        }
    }

    /// Sorts an operating system's error by its kind and number.
    pub fn from_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound | Kind::NotADirectory => Self::Absent,
            // connect() says EACCES for a local prohibition; the network code sorts that itself.
            Kind::PermissionDenied => Self::Denied,
            Kind::ConnectionRefused => Self::Refused,
            Kind::TimedOut => Self::TimedOut { after_ms: 0 },
            Kind::HostUnreachable => Self::Unreachable {
                error: "EHOSTUNREACH".into(),
            },
            Kind::NetworkUnreachable => Self::Unreachable {
                error: "ENETUNREACH".into(),
            },
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::UnexpectedEof => Self::Closed,
            _ => Self::failed(error),
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not there"),
            Self::Denied => f.write_str("permission denied"),
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut { after_ms: 0 } => f.write_str("no answer in time"),
            Self::TimedOut { after_ms } => {
                let waited = spoken_duration(Duration::from_millis(*after_ms));
                write!(f, "no answer within {waited}")
            }
            Self::Unreachable { error } => write!(f, "unreachable: {error}"),
            Self::Reset => f.write_str("connection reset"),
            Self::Closed => f.write_str("the peer hung up"),
            Self::Alert { name } => write!(f, "the peer ended TLS with the alert {name}"),
            Self::TooLarge { limit } => write!(f, "larger than the {limit} bytes that are read"),
            Self::Unsupported { why } | Self::Malformed { why } | Self::Failed { why } => {
                f.write_str(why)
            }
            Self::NotRecorded => f.write_str("not in the recording"),
        }
    }
}
