//! Questions and answers about a proxy on the way to the control plane.
//!
//! Credentials never come through the door: a question says where they stand, an answer whether they were sent.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::HostPath;

/// Where a proxy's URL is set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum ProxySetting {
    /// A variable of the doctor's own environment.
    Environment {
        /// Which.
        variable: String,
    },
    /// A variable of the service, by its manager.
    Service {
        /// Which.
        variable: String,
    },
    /// A variable of the service, by a file of `EnvironmentFile=`.
    File {
        /// The file.
        path: HostPath,
        /// Which.
        variable: String,
    },
    /// The key `proxy` of the agent's configuration.
    Configuration {
        /// The configuration.
        path: HostPath,
    },
}

/// The way through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Via {
    /// The proxy's URL without credentials: `http://proxy.corp:3128`.
    pub proxy: String,
    /// Where it is set, if user and password are in it: the host reads them there when it has to show them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ProxySetting>,
    /// A CA file beside the system's store, for TLS to the proxy itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<HostPath>,
    /// `SSL_CERT_FILE` of the service, for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR` of the service, for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_cert_dir: Option<String>,
}

/// A tunnel on the connection to this address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TunnelQuestion {
    /// The proxy's address: the race's winner.
    pub address: SocketAddr,
    /// Which proxy.
    pub via: Via,
    /// The control plane's name or address, without brackets; a name is the proxy's to resolve.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How asking for a tunnel ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum TunnelEnding {
    /// It is open.
    Open,
    /// CONNECT was answered with something else than 200.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The words beside it.
        reason: String,
        /// The headers, names in lower case; cookies and credentials are left out.
        headers: Vec<(String, String)>,
        /// The page's text, up to 4 KiB.
        body: String,
    },
    /// A SOCKS5 proxy wants a login, and none that it takes was offered.
    LoginWanted,
    /// A SOCKS5 proxy does not take user and password.
    LoginRefused,
    /// A SOCKS5 proxy's refusal.
    Socks {
        /// Its words, as RFC 1928 has them.
        reply: String,
        /// What it is about.
        about: SocksAbout,
    },
    /// What answers is no such proxy.
    NotAProxy {
        /// By what that shows.
        why: String,
    },
    /// TLS to the proxy itself failed; no credentials were sent.
    Tls {
        /// What the library said.
        why: String,
    },
    /// It could not be asked: the control plane's name or the credentials do not fit.
    CannotAsk {
        /// Why not.
        why: String,
    },
    /// No answer in time.
    TimedOut {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// It hung up instead of answering.
    Closed,
    /// It reset the connection.
    Reset,
}

/// Whose affair a SOCKS5 refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocksAbout {
    /// The proxy's rules or abilities.
    Proxy,
    /// The way from the proxy to the control plane.
    Onward,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tunnel {
    /// How it ended.
    pub ending: TunnelEnding,
    /// Whether there were user and password to show to the proxy.
    pub credentials: Login,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// Whether there were credentials for the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The setting names none.
    None,
    /// The setting names user and password, and they were at hand.
    Given,
    /// The setting names them, and the doctor could not read them again.
    Unreadable,
}
