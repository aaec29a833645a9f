//! How a check of the user's own finds out: typed parameters, never a command line.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use url::Url;

use crate::model::Code;

/// The question that a check of the user's own asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// What has to hold.
    pub claim: Claim,
    /// The finding that is made when it does not.
    pub finding: Code,
}

/// What a probe claims of the host or the network.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The port of the host opens.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port, never 0.
        port: u16,
    },
    /// The name has at least one address.
    Dns {
        /// The name.
        name: String,
    },
    /// A GET of the URL is answered as expected.
    Http {
        /// Where; http or https, without credentials.
        url: Url,
        /// The status; any of 200 to 299 where none is given.
        expect_status: Option<u16>,
        /// What the body has to be like.
        expect_body: ExpectedBody,
        /// How the URL is gone to.
        way: ProbeWay,
    },
    /// The file is as expected.
    File {
        /// An absolute path.
        path: String,
        /// How it has to be.
        expect: ExpectedFile,
    },
    /// The service is in the state.
    Service {
        /// Its name, as the service manager has it.
        name: String,
        /// The state.
        state: ServiceState,
    },
    /// The log has a line that matches.
    Log {
        /// What to look for.
        pattern: Pattern,
        /// The unit whose log it is; the agent's where none is given.
        unit: Option<String>,
        /// How far back to look; as far as the log goes where nothing is given.
        within: Option<Duration>,
    },
}

impl Claim {
    /// The name of its kind in `checks/*.yaml`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tcp { .. } => "tcp",
            Self::Dns { .. } => "dns",
            Self::Http { .. } => "http",
            Self::File { .. } => "file",
            Self::Service { .. } => "service",
            Self::Log { .. } => "log",
        }
    }
}

/// How a probe goes to where it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeWay {
    /// As the agent's service would, through its proxy where it has one for that URL.
    OfService,
    /// Directly, whatever the service is told.
    Direct,
}

/// What the body of an answer has to be like.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedBody {
    /// Anything.
    Any,
    /// It holds this text.
    Contains(String),
    /// It is a JSON object with these members, each a text, a number, a truth value or null.
    Json(BTreeMap<String, serde_json::Value>),
}

/// How a file has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedFile {
    /// There.
    Present,
    /// Not there.
    Absent,
    /// There, and it holds this text.
    Contains(String),
}

/// The state that a service has to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// Running now.
    Running,
    /// Not running now.
    Stopped,
    /// Started at boot.
    Enabled,
    /// Not started at boot.
    Disabled,
}

impl ServiceState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Stopped, Self::Enabled, Self::Disabled];

    /// The name used in `checks/*.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// A regular expression that is known to be one. Matching takes time linear in the text.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern, within a bound on its size.
    pub(super) fn new(pattern: &str) -> Result<Self, regex::Error> {
        regex::RegexBuilder::new(pattern)
            .size_limit(1 << 20)
            .build()
            .map(Self)
    }

    /// Whether a line matches.
    pub fn matches(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
