//! Where the time went: each question that a diagnosis asked, and how long its answer took.

use std::time::Duration;

use super::CheckId;

/// To whom a question was put, from the network's layers down to the machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A nameserver, or the system's resolver.
    Dns,
    /// A port.
    Tcp,
    /// A proxy on the way.
    Proxy,
    /// The peer of a TLS handshake.
    Tls,
    /// A web server; a call of its own includes its connection.
    Http,
    /// A time server.
    Ntp,
    /// A program of the host: the service manager, the log, time synchronisation.
    Command,
    /// The machine: files, users, its clock.
    Local,
}

impl Layer {
    /// All of them, in this order.
    pub const ALL: [Self; 8] = [
        Self::Dns,
        Self::Tcp,
        Self::Proxy,
        Self::Tls,
        Self::Http,
        Self::Ntp,
        Self::Command,
        Self::Local,
    ];

    /// The name used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Ntp => "ntp",
            Self::Command => "command",
            Self::Local => "local",
        }
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer, in a few words; none where it says nothing that belongs here.
    Given(String),
    /// None, or none of use, for this reason.
    Failed(String),
}

/// One question and how long its answer took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// To whom it was put.
    pub layer: Layer,
    /// What was asked, in a few words.
    pub what: String,
    /// What came of it.
    pub reply: Reply,
    /// When it was asked, counted from the beginning of the diagnosis; older recordings do not say.
    pub began: Option<Duration>,
    /// How long the answer took.
    pub took: Duration,
    /// The checks that wanted to know, in the order of the graph.
    pub checks: Vec<CheckId>,
}
