//! A tunnel to the control plane, asked of a proxy on a connection to it: CONNECT (RFC 9110, section 9.3.6) or SOCKS5
//! (RFC 1928, RFC 1929).
//!
//! The proxy is told the control plane's name and resolves it, as the agent has it done. What it answers is told as data.
//! What is read is bounded here; how long all of it may take is the caller's to say.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_socks::Error as SocksError;
use tokio_socks::tcp::Socks5Stream;

use super::overheard::status_line;
use super::{Proxy, authority};
use crate::contract::client::harmless_headers;
use crate::contract::tap::{Tap, heard};

/// The most that is read of an answer's head.
const HEAD_LIMIT: usize = 64 << 10;
/// The most header fields of an answer.
const FIELDS_LIMIT: usize = 256;
/// The most that is kept of a refusal's page.
const BODY_LIMIT: usize = 4 << 10;
/// How long a refusal's page is waited for: the status is what counts.
const PAGE_WAIT: Duration = Duration::from_millis(500);

/// Of what answers with something else.
const NO_HTTP: &str = "its answer to CONNECT is no HTTP";

/// What bytes go through in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, or a tunnel that is used like one.
pub type Connection = Box<dyn Duplex>;

/// A proxy's answer to CONNECT that is not 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The words beside it.
    pub reason: String,
    /// The headers in the order given, names in lower case; cookies and credentials are left out.
    pub headers: Vec<(String, String)>,
    /// The page's text, up to 4 KiB.
    pub body: String,
}

/// Why a SOCKS5 proxy did not open the tunnel (RFC 1928, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocksReply {
    /// 1.
    GeneralFailure,
    /// 2.
    NotAllowed,
    /// 3.
    NetworkUnreachable,
    /// 4.
    HostUnreachable,
    /// 5.
    ConnectionRefused,
    /// 6.
    TtlExpired,
    /// 7.
    CommandNotSupported,
    /// 8.
    AddressTypeNotSupported,
}

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GeneralFailure => "general SOCKS server failure",
            Self::NotAllowed => "connection not allowed by ruleset",
            Self::NetworkUnreachable => "network unreachable",
            Self::HostUnreachable => "host unreachable",
            Self::ConnectionRefused => "connection refused",
            Self::TtlExpired => "TTL expired",
            Self::CommandNotSupported => "command not supported",
            Self::AddressTypeNotSupported => "address type not supported",
        })
    }
}

/// Why there is no tunnel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTunnel {
    /// The answer to CONNECT is another than 200.
    #[error("the proxy refuses the tunnel: {} {}", .0.status, .0.reason)]
    Refused(Refusal),
    /// A SOCKS5 proxy takes none of the ways to log in that the agent knows.
    #[error("the proxy wants a login that was not offered")]
    LoginWanted,
    /// A SOCKS5 proxy does not take user and password.
    #[error("the proxy does not accept user and password")]
    LoginRefused,
    /// A SOCKS5 proxy's own words.
    #[error("the proxy refuses the tunnel: {0}")]
    Socks(SocksReply),
    /// What answers is no such proxy.
    #[error("what answers is no such proxy: {0}")]
    NotAProxy(&'static str),
    /// TLS to the proxy itself failed; nothing secret was sent.
    #[error("TLS to the proxy failed: {0}")]
    Tls(String),
    /// What would have to be sent cannot be.
    #[error("the proxy cannot be asked: {0}")]
    CannotAsk(&'static str),
    /// It hung up instead of answering.
    #[error("the proxy hung up without an answer")]
    Closed,
    /// The operating system's error.
    #[error("no connection to the proxy: {message}")]
    Io {
        /// Its kind.
        kind: io::ErrorKind,
        /// Its number.
        os: Option<i32>,
        /// Its words.
        message: String,
    },
}

/// TLS to the proxy itself, for one whose URL begins with `https`. `config` must verify strictly, and show no certificate.
///
/// # Errors
/// When the handshake does not complete.
pub async fn secure(
    stream: Connection,
    proxy: &Proxy,
    config: ClientConfig,
) -> Result<Connection, NoTunnel> {
    let name = ServerName::try_from(proxy.host.clone())
        .map_err(|_| NoTunnel::CannotAsk("its name is none that TLS can ask for"))?;
    match TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
    {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error)
            if error
                .get_ref()
                .is_some_and(|inner| inner.is::<rustls::Error>()) =>
        {
            Err(NoTunnel::Tls(error.to_string()))
        }
        Err(error) => Err(NoTunnel::io(&error)),
    }
}

/// Asks for a tunnel to the control plane's host and port on a connection to the proxy.
///
/// # Errors
/// When there is none.
pub async fn open(
    stream: Connection,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Connection, NoTunnel> {
    match proxy.scheme.is_http() {
        true => connect(stream, proxy, &authority(host, port)).await,
        false => socks(stream, proxy, host, port).await,
    }
}

async fn connect(stream: Connection, proxy: &Proxy, target: &str) -> Result<Connection, NoTunnel> {
    let request = request(proxy, target)?;
    let (stream, received) = Tap::new(stream);
    let asked = ask(stream, request).await;
    asked.map_err(|error| error.or_refused(&heard(&received).first))
}

async fn ask(
    stream: Tap<Connection>,
    request: Request<Empty<Bytes>>,
) -> Result<Connection, NoTunnel> {
    let (mut sender, connection) = http1::Builder::new()
        .max_header_size(HEAD_LIMIT)
        .max_headers(FIELDS_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| NoTunnel::http(&error))?;
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let mut answer = std::pin::pin!(async {
        let response = sender.send_request(request).await;
        match response.map_err(|error| NoTunnel::http(&error))? {
            // Like the agent: another success is none.
            response if response.status() == StatusCode::OK => opened(response).await,
            response => Err(NoTunnel::Refused(refusal(response).await)),
        }
    });
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => match (answer.await, ended) {
            // Which of the two hears the reason is chance.
            (Err(NoTunnel::Closed), Err(error)) => Err(NoTunnel::http(&error)),
            (answer, _) => answer,
        }
    }
}

fn request(proxy: &Proxy, target: &str) -> Result<Request<Empty<Bytes>>, NoTunnel> {
    let cannot = |_| NoTunnel::CannotAsk("host and port of the control plane are none for CONNECT");
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(target)
        .header(HOST, target)
        .header(
            USER_AGENT,
            concat!("nexplane-agent/", env!("CARGO_PKG_VERSION")),
        )
        .body(Empty::new())
        .map_err(cannot)?;
    if let Some(credentials) = &proxy.credentials {
        let basic = format!("Basic {}", credentials.basic().expose());
        let mut value = HeaderValue::try_from(basic)
            .map_err(|_| NoTunnel::CannotAsk("the credentials do not fit into a header"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    Ok(request)
}

async fn opened(response: Response<Incoming>) -> Result<Connection, NoTunnel> {
    match hyper::upgrade::on(response).await {
        Ok(tunnel) => Ok(Box::new(TokioIo::new(tunnel))),
        Err(error) => Err(NoTunnel::http(&error)),
    }
}

async fn refusal(response: Response<Incoming>) -> Refusal {
    let status = response.status();
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let reason = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let headers = harmless_headers(response.headers());
    let mut body = Vec::new();
    let mut incoming = response.into_body();
    let page = async {
        while let Some(Ok(frame)) = incoming.frame().await {
            let data = frame.into_data().unwrap_or_default();
            let room = BODY_LIMIT - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if body.len() == BODY_LIMIT {
                break;
            }
        }
    };
    // What has come by then is enough.
    let _cut_short = timeout(PAGE_WAIT, page).await;
    Refusal {
        status: status.as_u16(),
        reason,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

async fn socks(
    stream: Connection,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Connection, NoTunnel> {
    let opened = match &proxy.credentials {
        None => Socks5Stream::connect_with_socket(stream, (host, port)).await,
        Some(credentials) => {
            let (user, password) = (credentials.user.expose(), credentials.password.expose());
            Socks5Stream::connect_with_password_and_socket(stream, (host, port), user, password)
                .await
        }
    };
    match opened {
        Ok(tunnel) => Ok(tunnel.into_inner()),
        Err(error) => Err(NoTunnel::socks(&error)),
    }
}

impl NoTunnel {
    /// What an operating system's error on the connection to the proxy means.
    pub(in crate::contract) fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            kind => Self::Io {
                kind,
                os: error.raw_os_error(),
                message: error.to_string(),
            },
        }
    }

    /// An answer that cannot be read as a whole, or breaks off, has its status all the same.
    fn or_refused(self, beginning: &[u8]) -> Self {
        let broken = matches!(self, Self::NotAProxy(NO_HTTP) | Self::Closed);
        match status_line(beginning).filter(|_| broken) {
            Some((200, _)) => Self::NotAProxy(
                "its answer to CONNECT begins with HTTP 200, and what follows is no HTTP",
            ),
            Some((status, reason)) => Self::Refused(Refusal {
                status,
                reason,
                headers: Vec::new(),
                body: String::new(),
            }),
            None => self,
        }
    }

    fn http(error: &hyper::Error) -> Self {
        let beneath = error.source().and_then(|source| source.downcast_ref());
        if let Some(io) = beneath {
            return Self::io(io);
        }
        match error {
            error if error.is_parse() => Self::NotAProxy(NO_HTTP),
            error if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                Self::Closed
            }
            error => Self::Io {
                kind: io::ErrorKind::Other,
                os: None,
                message: error.to_string(),
            },
        }
    }

    fn socks(error: &SocksError) -> Self {
        Self::Socks(match error {
            SocksError::Io(error) => return Self::io(error),
            SocksError::NoAcceptableAuthMethods | SocksError::AuthorizationRequired => {
                return Self::LoginWanted;
            }
            SocksError::PasswordAuthFailure(_) => return Self::LoginRefused,
            SocksError::InvalidAuthValues(_) => {
                return Self::CannotAsk("user and password must have 1 to 255 bytes each");
            }
            SocksError::InvalidTargetAddress(_) => {
                return Self::CannotAsk("the control plane's name is too long for SOCKS");
            }
            SocksError::GeneralSocksServerFailure => SocksReply::GeneralFailure,
            SocksError::ConnectionNotAllowedByRuleset => SocksReply::NotAllowed,
            SocksError::NetworkUnreachable => SocksReply::NetworkUnreachable,
            SocksError::HostUnreachable => SocksReply::HostUnreachable,
            SocksError::ConnectionRefused => SocksReply::ConnectionRefused,
            SocksError::TtlExpired => SocksReply::TtlExpired,
            SocksError::CommandNotSupported => SocksReply::CommandNotSupported,
            SocksError::AddressTypeNotSupported => SocksReply::AddressTypeNotSupported,
            _ => return Self::NotAProxy("its answer is no SOCKS5"),
        })
    }
}

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
