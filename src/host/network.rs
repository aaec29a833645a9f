//! Questions and answers about the network: names, connections, handshakes, trust anchors, the control plane's API.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{HostPath, Seen, TunnelQuestion, Via};

/// The types of address record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// IPv4.
    A,
    /// IPv6.
    Aaaa,
}

/// One question to one nameserver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DnsQuestion {
    /// The nameserver's address; the port is the host's affair (53, but in the lab).
    pub server: IpAddr,
    /// The name, fully qualified, without the final dot.
    pub name: String,
    /// The type of record.
    pub record: RecordType,
}

/// What a nameserver answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DnsReply {
    /// The response code's name as IANA writes it in capitals: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, …
    pub code: String,
    /// Addresses, in the order given.
    pub addresses: Vec<IpAddr>,
    /// Aliases that led there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// Which addresses to race.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectQuestion {
    /// The addresses, in the order in which they are to be tried (RFC 8305, section 4).
    pub addresses: Vec<SocketAddr>,
}

/// One address and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Connected, or how not.
    pub outcome: Seen<()>,
    /// When the attempt began, in milliseconds since the race began.
    pub started_ms: f64,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// How the race went: every address, in the order of the question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// The address that was connected first, whose connection is kept.
    pub winner: Option<SocketAddr>,
}

/// A handshake on the connection to this address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HandshakeQuestion {
    /// The race's winner.
    pub address: SocketAddr,
    /// The name to ask for (SNI), or the address as text.
    pub server_name: String,
    /// The tunnel to do it in, where the address is a proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<TunnelQuestion>,
}

/// A certificate in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pem(pub String);

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    /// It is complete.
    Complete,
    /// The peer sent a fatal alert.
    Alert {
        /// Its name as the TLS registry writes it: `handshake_failure`, `certificate_required`, …
        name: String,
        /// Whether it came before any ServerHello.
        before_server_hello: bool,
    },
    /// Nothing in common: our side ended it, because of what the peer offered.
    Incompatible {
        /// What was incompatible.
        why: String,
    },
    /// What came back is not TLS.
    NotTls,
    /// No answer in time.
    TimedOut {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// The peer hung up.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// Our side ended it for another reason.
    Failed {
        /// What the library said.
        why: String,
    },
}

/// A handshake, whoever the peer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// How it ended.
    pub ending: Ending,
    /// The version that was agreed on, or that the peer chose before it ended: `TLSv1.2`, `TLSv1.3`.
    pub version: Option<String>,
    /// The cipher suite that was agreed on, or that the peer chose.
    pub cipher_suite: Option<String>,
    /// The peer's certificates in the order sent, its own first; kept even when the handshake failed later.
    pub chain: Vec<Pem>,
    /// Whether the peer proved that it holds the key of its certificate; `None` when it did not come to that.
    pub key_proven: Option<bool>,
    /// Whether the peer asked for a client certificate.
    pub client_certificate_requested: bool,
    /// How many bytes came from the peer.
    pub received: u64,
    /// The first of them, at most 64, in hexadecimal.
    pub first_bytes: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// What it was made of; nothing in older recordings.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// What a handshake was made of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What our side offered.
    pub offered: Offer,
    /// The key exchange group that was agreed on, or that the peer chose: `X25519`, `secp256r1`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The application protocol that was agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_protocol: Option<String>,
    /// Of one that hung, what was found out meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hung: Option<Hung>,
}

impl Details {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What our side offered, under the names of the TLS registry, the most wanted first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// Versions: `TLSv1.3`, …
    pub versions: Vec<String>,
    /// Cipher suites.
    pub cipher_suites: Vec<String>,
    /// Key exchange groups.
    pub groups: Vec<String>,
}

/// What was found out while a handshake hung.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Hung {
    /// The most that a packet of this connection carries, in bytes, as the system believes of the path.
    pub segment: Option<u32>,
    /// How far what we sent has arrived, where the system tells.
    pub sent: Option<Sent>,
    /// Handshakes on further connections to the same address, in the order in which they began.
    pub trials: Vec<Trial>,
}

/// How far what we sent has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// How many bytes the peer's system has not acknowledged.
    pub unacknowledged: u64,
    /// How often they were sent again.
    pub retransmissions: u32,
}

/// One more handshake, to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The most that a packet may carry, of either side, in bytes; without one, whatever the path is believed to take.
    pub segment: Option<u32>,
    /// How it ended; one that had not ended when the time was over has timed out.
    pub ended: Seen<Ending>,
    /// How long it took with its connection, in milliseconds.
    pub duration_ms: f64,
}

/// `GET /health` on the connection to this address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HealthQuestion {
    /// The race's winner.
    pub address: SocketAddr,
    /// Host and port as they stand in the URL, for the `Host` header.
    pub authority: String,
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case, those of one name in the order given; cookies and credentials are left out.
    pub headers: Vec<(String, String)>,
    /// The body's text, up to 64 KiB.
    pub body: String,
    /// Whether there was more of the body: it was longer, broke off, or did not end in time.
    pub truncated: bool,
    /// The host's clock just before the request was sent.
    pub sent_at: DateTime<Utc>,
    /// The host's clock when the head of the answer had come.
    pub received_at: DateTime<Utc>,
    /// How long it took, in milliseconds, by a clock that is never set.
    pub duration_ms: f64,
}

impl Exchange {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A GET of any URL, for the user's own checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FetchQuestion {
    /// `http` or `https`, without credentials.
    pub url: String,
    /// The proxy to go through; for `https` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// Which anchors may matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnchorsQuestion {
    /// `SSL_CERT_FILE` of the service, instead of the system's store.
    pub file: Option<PathBuf>,
    /// `SSL_CERT_DIR` of the service (several, with the system's separator), instead of the system's store.
    pub dir: Option<String>,
    /// Issuers and subjects that occur in the chain: DER names, in base64. Only anchors with one of these subjects are told.
    pub names: Vec<String>,
}

/// The trust anchors of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchors {
    /// Where they are from, in words.
    pub source: String,
    /// How many there are in all.
    pub total: usize,
    /// Those that were asked for.
    pub matching: Vec<Pem>,
}

/// A call to the control plane over a strict connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApiQuestion {
    /// The control plane's URL: `https://host:port`.
    pub origin: String,
    /// The addresses to use, so that the name is not resolved again.
    pub addresses: Vec<SocketAddr>,
    /// A CA file beside the system's store.
    pub ca_cert: Option<HostPath>,
    /// `SSL_CERT_FILE` of the service.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR` of the service.
    pub ssl_cert_dir: Option<String>,
    /// Client certificate and key to present, if the call wants them.
    pub identity: Option<(HostPath, HostPath)>,
    /// The proxy to go through, if there is one: the addresses are its.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// The call.
    pub call: ApiCall,
}

/// The calls that a diagnosis makes. None of them changes anything, and none asks for tasks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum ApiCall {
    /// `GET /health`, where the control plane wants a client certificate for that too.
    Health,
    /// `POST /agent/heartbeat`, marked as a diagnosis.
    Heartbeat {
        /// The id in the client certificate.
        agent_id: String,
        /// This host's name.
        hostname: String,
    },
    /// `POST /agent/enrollment-tokens/inspect` with the token that was given.
    InspectToken,
    /// `GET /change-requests/{id}` with the API token that was given.
    ChangeRequest {
        /// Its id.
        id: String,
    },
}

/// An answer of the control plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiReply {
    /// The exchange; the body of a reply never holds a secret of ours.
    pub exchange: Exchange,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ApiAnswer {
    /// It was answered.
    Reply(ApiReply),
    /// Strict verification did not accept the peer; nothing secret was sent.
    PeerNotAccepted {
        /// What the verifier said.
        why: String,
    },
    /// The peer ended the TLS connection with a fatal alert.
    Alert {
        /// Its name, such as `unknown_ca`.
        name: String,
    },
    /// Nothing was asked, because what the call needs is not there (no token, no readable identity).
    NotAsked {
        /// What is missing.
        why: String,
    },
    /// It failed otherwise.
    Failed(super::Unseen),
}
