//! The control plane's API over HTTPS: one method a call, with every wait bounded and every answer bounded.
//!
//! The caller says how the connection is secured ([`super::tls`]), which addresses to use and which proxy to go through. No
//! redirect is followed, nothing is taken from the environment, and what went wrong is found by type, never by the words of an error.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{AlertDescription, CertificateError, ClientConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;

use self::detour::Detour;
use super::api::{
    self, EnrollRequest, HeartbeatRequest, InspectRequest, RotateRequest, TaskResult,
};
use super::proxy::NoTunnel;
use super::tls::{alert_name, refusal};
use super::url::ControlPlane;
use crate::model::{Secret, excerpt};

mod detour;

pub use detour::Route;

/// The most that is read of an answer's body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a connection is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(90);

/// How a client here calls itself.
const USER_AGENT: &str = concat!("nexplane-agent/", env!("CARGO_PKG_VERSION"));

/// A client of one control plane.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    control_plane: ControlPlane,
    timeout: Duration,
    /// Through a proxy the connection is our own: the library would show a proxy the agent's certificate.
    detour: Option<Arc<Detour>>,
}

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers in the order given, names in lower case; cookies and credentials are left out.
    pub headers: Vec<(String, String)>,
    /// The body's text, up to [`MAX_BODY`] bytes; what is no UTF-8 is replaced.
    pub body: String,
    /// Whether the body was longer.
    pub truncated: bool,
    /// From asking to the head of the answer, connecting included.
    pub head_after: Duration,
}

impl Answer {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as `T`, if it is one.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.body).ok()
    }

    /// FastAPI's `detail`, if the body has one; in one line, bounded, and without what looks like a secret: whoever answers may
    /// repeat what he was sent.
    pub fn detail(&self) -> Option<String> {
        api::error_detail(&self.body).map(|detail| excerpt(&detail))
    }

    /// The same answer without this secret, whatever it looks like.
    #[must_use]
    pub fn without(mut self, secret: &Secret) -> Self {
        if !secret.expose().is_empty() {
            self.body = self.body.replace(secret.expose(), "…");
        }
        self
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// Strict verification did not accept the peer; nothing secret was sent.
    #[error("the peer's certificate is not accepted: {}", refusal(.0))]
    PeerNotAccepted(CertificateError),
    /// The peer ended the TLS connection with a fatal alert.
    #[error("the peer ended the TLS connection with the alert {}", alert_name(*.0))]
    Alert(AlertDescription),
    /// TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The operating system's error.
    #[error("{message}")]
    Io {
        /// Its kind.
        kind: io::ErrorKind,
        /// Its number.
        os: Option<i32>,
        /// Its words.
        message: String,
    },
    /// No answer in time.
    #[error("no answer within {}", crate::model::spoken_duration(*.after))]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The peer hung up before it had answered.
    #[error("the peer hung up without an answer")]
    Closed,
    /// What came back is no HTTP.
    #[error("the peer's answer is no HTTP")]
    NotHttp,
    /// The proxy on the way opens no tunnel; nothing secret but its own credentials was sent.
    #[error("{0}")]
    Proxy(NoTunnel),
    /// Anything else: the innermost reason in the library's words.
    #[error("{0}")]
    Other(String),
}

impl ApiClient {
    /// A client for `control_plane`. `addresses` pins what its name stands for; without any, the system resolves it.
    /// `timeout` is for a whole call.
    ///
    /// # Errors
    /// When the client cannot be built of `tls`.
    pub fn new(
        control_plane: &ControlPlane,
        addresses: &[SocketAddr],
        tls: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, CallError> {
        let mut builder = builder(tls, timeout).https_only(true);
        if !addresses.is_empty() {
            builder = builder.resolve_to_addrs(&control_plane.host(), addresses);
        }
        let http = builder
            .build()
            .map_err(|error| CallError::sort(&error, timeout))?;
        Ok(Self {
            http,
            control_plane: control_plane.clone(),
            timeout,
            detour: None,
        })
    }

    /// A client that keeps its connection from call to call, for one that calls every few seconds for days; not behind a proxy,
    /// where every call goes through a tunnel of its own.
    ///
    /// # Errors
    /// When the client cannot be built of `tls`.
    pub fn lasting(
        control_plane: &ControlPlane,
        tls: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, CallError> {
        let http = builder(tls, timeout)
            .https_only(true)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(KEPT)
            .tcp_keepalive(KEPT)
            .build()
            .map_err(|error| CallError::sort(&error, timeout))?;
        Ok(Self {
            http,
            control_plane: control_plane.clone(),
            timeout,
            detour: None,
        })
    }

    /// A client for `control_plane` behind a proxy, whose addresses these are; without any, the system resolves its name.
    ///
    /// # Errors
    /// When the client cannot be built of `tls`.
    pub fn through(
        route: Route,
        control_plane: &ControlPlane,
        addresses: &[SocketAddr],
        tls: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, CallError> {
        let mut client = Self::new(control_plane, &[], tls.clone(), timeout)?;
        client.detour = Some(Arc::new(Detour::new(route, control_plane, addresses, tls)));
        Ok(client)
    }

    /// `GET /health`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn health(&self) -> Result<Answer, CallError> {
        self.send(self.http.get(self.control_plane.url(api::HEALTH)))
            .await
    }

    /// `POST /agent/enroll`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn enroll(&self, request: &EnrollRequest) -> Result<Answer, CallError> {
        self.post(api::ENROLL, request).await
    }

    /// `POST /agent/heartbeat`, with the client certificate of the connection.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn heartbeat(&self, request: &HeartbeatRequest) -> Result<Answer, CallError> {
        self.post(api::HEARTBEAT, request).await
    }

    /// `POST /agent/rotate-cert`, with the client certificate of the connection.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn rotate_cert(&self, request: &RotateRequest) -> Result<Answer, CallError> {
        self.post(api::ROTATE_CERT, request).await
    }

    /// `GET /agent/tasks`, with the client certificate of the connection. May hand out work: only an agent asks this.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn tasks(&self) -> Result<Answer, CallError> {
        self.send(self.http.get(self.control_plane.url(api::TASKS)))
            .await
    }

    /// `POST /agent/tasks/{id}/result`, with the client certificate of the connection.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn task_result(&self, id: &str, result: &TaskResult) -> Result<Answer, CallError> {
        self.post(&api::task_result(id), result).await
    }

    /// `POST /agent/enrollment-tokens/inspect`: does not use the token up.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn inspect_token(&self, token: &Secret) -> Result<Answer, CallError> {
        let token = token.clone();
        self.post(api::INSPECT_TOKEN, &InspectRequest { token })
            .await
    }

    /// `GET /change-requests/{id}` with an API token.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn change_request(&self, id: &str, api_token: &Secret) -> Result<Answer, CallError> {
        let url = self.control_plane.url(api::CHANGE_REQUESTS);
        let mut url =
            reqwest::Url::parse(&url).map_err(|error| CallError::sort(&error, self.timeout))?;
        // As one segment: an id with a slash or a `..` in it stays an id.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(id);
        }
        self.send(self.http.get(url).bearer_auth(api_token.expose()))
            .await
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, CallError> {
        self.send(self.http.post(self.control_plane.url(path)).json(body))
            .await
    }

    /// Sends, reads head and body. The client's own time limit covers the body too; what had come by then counts.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, CallError> {
        match &self.detour {
            None => answer(direct(request, self.timeout), self.timeout).await,
            Some(detour) => answer(detour.ask(request, self.timeout), self.timeout).await,
        }
    }
}

/// `GET` of any URL on a connection of its own: no credentials, no proxy, no redirect followed.
///
/// # Errors
/// When no answer came, or `url` is none.
pub async fn get(url: &str, tls: ClientConfig, timeout: Duration) -> Result<Answer, CallError> {
    let client = builder(tls, timeout)
        .build()
        .map_err(|error| CallError::sort(&error, timeout))?;
    answer(direct(client.get(url), timeout), timeout).await
}

/// The same of an `https` URL, through a proxy.
///
/// # Errors
/// When no answer came, or `url` is none.
pub async fn get_through(
    route: Route,
    url: &str,
    tls: ClientConfig,
    timeout: Duration,
) -> Result<Answer, CallError> {
    let client = builder(tls.clone(), timeout)
        .build()
        .map_err(|error| CallError::sort(&error, timeout))?;
    let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    let origin = origin.map_err(|error| CallError::Other(error.to_string()))?;
    let server =
        ControlPlane::parse(&origin).map_err(|error| CallError::Other(error.to_string()))?;
    let detour = Detour::new(route, &server, &[], tls);
    answer(detour.ask(client.get(url), timeout), timeout).await
}

/// What every client here has in common.
fn builder(tls: ClientConfig, timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout)
        .timeout(timeout)
        .pool_max_idle_per_host(0)
        .user_agent(USER_AGENT)
}

async fn direct(
    request: reqwest::RequestBuilder,
    timeout: Duration,
) -> Result<reqwest::Response, CallError> {
    let sent = request.send().await;
    sent.map_err(|error| CallError::sort(&error, timeout))
}

async fn answer(
    asking: impl Future<Output = Result<reqwest::Response, CallError>>,
    timeout: Duration,
) -> Result<Answer, CallError> {
    let asked = Instant::now();
    let end = tokio::time::Instant::now() + timeout;
    let mut response = timeout_at(end, asking)
        .await
        .unwrap_or(Err(CallError::TimedOut { after: timeout }))?;
    let head_after = asked.elapsed();
    let mut body = Vec::new();
    let mut truncated = false;
    // A body that breaks off is kept as far as it came.
    while let Ok(Ok(Some(chunk))) = timeout_at(end, response.chunk()).await {
        let room = MAX_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            truncated = true;
            break;
        }
    }
    Ok(Answer {
        status: response.status().as_u16(),
        headers: harmless_headers(response.headers()),
        body: String::from_utf8_lossy(&body).into_owned(),
        truncated,
        head_after,
    })
}

/// Headers without cookies and credentials.
pub(crate) fn harmless_headers(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !api::SECRET_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

impl CallError {
    /// Finds the structured cause beneath `error`.
    fn sort(error: &(dyn StdError + 'static), timeout: Duration) -> Self {
        let mut verdict = None;
        let mut innermost = error.to_string();
        let mut current = Some(error);
        while let Some(error) = current {
            innermost = error.to_string();
            // The deeper, the closer to the cause.
            verdict = Self::of(error, timeout).or(verdict);
            current = beneath(error);
        }
        verdict.unwrap_or(Self::Other(innermost))
    }

    /// What one link of the chain says, if its type says anything.
    fn of(error: &(dyn StdError + 'static), timeout: Duration) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(match error {
                rustls::Error::InvalidCertificate(reason) => Self::PeerNotAccepted(reason.clone()),
                rustls::Error::AlertReceived(alert) => Self::Alert(*alert),
                other => Self::Tls(other.clone()),
            });
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(match error.kind() {
                io::ErrorKind::TimedOut => Self::TimedOut { after: timeout },
                io::ErrorKind::UnexpectedEof => Self::Closed,
                kind => Self::Io {
                    kind,
                    os: error.raw_os_error(),
                    message: error.to_string(),
                },
            });
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return if error.is_incomplete_message() || error.is_closed() {
                Some(Self::Closed)
            } else if error.is_parse() {
                Some(Self::NotHttp)
            } else if error.is_timeout() {
                Some(Self::TimedOut { after: timeout })
            } else {
                None
            };
        }
        error
            .downcast_ref::<reqwest::Error>()
            .filter(|error| error.is_timeout())
            .map(|_| Self::TimedOut { after: timeout })
    }
}

/// The error beneath: an I/O error's `source` passes over the error that it wraps, so that one is asked first.
fn beneath<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(inner) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        return Some(inner);
    }
    error.source()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_repeats_is_told_in_a_line_and_without_the_secret() {
        let token = Secret::new("my own token");
        let answer = Answer {
            status: 403,
            headers: Vec::new(),
            truncated: false,
            head_after: Duration::ZERO,
            body: r#"{"detail": "no: my own token\nBearer abcdefghijklmnop.qrstuvwxyz\u001b[31m"}"#
                .into(),
        };
        let detail = answer.without(&token).detail().unwrap_or_default();
        assert!(detail.starts_with("no: … "), "{detail}");
        for never in ["my own token", "abcdefghijklmnop", "\n", "\u{1b}"] {
            assert!(!detail.contains(never), "{detail}");
        }
    }
}
