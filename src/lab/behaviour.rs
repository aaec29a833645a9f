//! Everything that the server's side can do wrong, as plain data that is given at its start.
//!
//! The default does nothing wrong. One field a layer, so that faults of several layers can be combined.

use std::time::Duration;

use chrono::TimeDelta;
use rustls::AlertDescription;

use super::ca::ServerCertificate;

/// How a control plane behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// What the port does with a connection.
    pub port: Port,
    /// What the server shows in the handshake.
    pub certificate: ServerCertificate,
    /// What else is wrong with that certificate, each in another respect.
    pub besides: Vec<ServerCertificate>,
    /// Which client certificates the handshake accepts.
    pub clients: ClientCertificates,
    /// How far the control plane's clock is ahead of the host's: its `Date`, and the validity of what it shows.
    pub ahead: TimeDelta,
    /// What `/health` answers.
    pub health: HealthPage,
    /// What the agent's calls answer.
    pub agent_api: AgentApi,
}

/// What a port does with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Port {
    /// TLS 1.2 and 1.3, and HTTP within.
    #[default]
    Tls,
    /// Refuses: the port is taken, and nobody listens.
    Closed,
    /// Answers nothing, not even to a SYN: the backlog is full for good.
    Swallowing,
    /// HTTP without TLS.
    PlainHttp,
    /// Greets first, with this line: another protocol, such as SSH.
    Banner(String),
    /// Accepts and says nothing.
    Silent,
    /// Accepts, reads what the client says first, and hangs up in an orderly way.
    HangUp,
    /// Accepts and resets at once.
    Reset,
    /// Answers the ClientHello with this fatal alert: `protocol_version` is what a server of TLS 1.0 and 1.1 says.
    Alert(AlertDescription),
}

/// Which client certificates are accepted in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificates {
    /// Those that this control plane has signed, whatever their dates: the calls judge those. None at all is fine too.
    #[default]
    Ours,
    /// Those of another CA alone, so that the agent's is refused.
    OfAnotherCa,
    /// One is required, for `/health` too.
    Required,
}

/// What `/health` answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HealthPage {
    /// That all is well.
    #[default]
    Well,
    /// The same, after this long.
    Slow(Duration),
    /// The control plane's own JSON, with this status and database, at this HTTP status.
    Unwell {
        /// The HTTP status.
        http: u16,
        /// `status`.
        status: String,
        /// `db`.
        db: String,
    },
    /// A status with a page of a proxy's kind.
    Error(u16),
    /// A login page, at 200.
    Portal,
    /// A redirect to this URL.
    Redirect(String),
    /// FastAPI's 404.
    NotFound,
    /// Another product's JSON, at 200.
    OtherProduct,
    /// Nothing, ever.
    Hang,
    /// Hangs up instead of answering.
    HangUp,
}

/// What the agent's calls answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentApi {
    /// A heartbeat.
    pub heartbeat: HeartbeatReply,
    /// The call that inspects a token.
    pub inspect: InspectCall,
    /// A rotation.
    pub rotation: RotationReply,
}

/// What a rotation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RotationReply {
    /// A certificate of this control plane's.
    #[default]
    Honest,
    /// One of another CA's, for the same key and agent: whoever answers it is not who enrolled the agent.
    OfAnotherCa,
}

/// What a heartbeat is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HeartbeatReply {
    /// What the registrations say.
    #[default]
    Honest,
    /// Registered under this name instead.
    RegisteredAs(String),
    /// This status with this detail.
    Refused(u16, String),
}

/// Whether the control plane knows the call that inspects a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InspectCall {
    /// It does.
    #[default]
    Known,
    /// It answers 404, as one does that never heard of it.
    Unknown,
}

impl Behaviour {
    /// Nothing wrong but the port.
    pub fn port(port: Port) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Nothing wrong but the server's certificate.
    pub fn certificate(certificate: ServerCertificate) -> Self {
        Self {
            certificate,
            ..Self::default()
        }
    }

    /// Nothing wrong but `/health`.
    pub fn health(health: HealthPage) -> Self {
        Self {
            health,
            ..Self::default()
        }
    }
}
