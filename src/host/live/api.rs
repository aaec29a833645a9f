//! Calls to the control plane over a strict connection: what the agent itself would send, to a peer that the agent
//! itself would accept. Certificate, token and API token go to nobody else.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::deadline::{Deadline, millis};
use super::files::Root;
use super::scrub::Scrubber;
use super::{LiveHost, proxy, tcp, trust};
use crate::contract::api::HeartbeatRequest;
use crate::contract::client::{self, Answer, ApiClient, CallError, Route};
use crate::contract::proxy::Proxy;
use crate::contract::tls::{
    ClientIdentity, alert_name, anonymous_tls_config, refusal, strict_tls_config,
};
use crate::contract::url::ControlPlane;
use crate::host::{
    ApiAnswer, ApiCall, ApiQuestion, ApiReply, Exchange, FetchQuestion, HostPath, Seen, Unseen,
};
use crate::model::Secret;

/// The most that is read of a certificate, key or CA file.
const LIMIT: u64 = 1 << 20;

/// What a caller can prove itself with beside a certificate.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    /// For `inspect`.
    pub(super) enrollment: Option<Secret>,
    /// For the user interface's calls.
    pub(super) api: Option<Secret>,
}

/// Makes a call.
pub(super) async fn call(
    deadline: Deadline,
    root: &Root,
    stores: &trust::Stores,
    tokens: &Tokens,
    scrubber: &Scrubber,
    question: ApiQuestion,
    proxy: Option<Proxy>,
) -> ApiAnswer {
    let call = match Call::new(&question.call, tokens) {
        Ok(call) => call,
        Err(why) => return ApiAnswer::NotAsked { why },
    };
    let client = match strict_client(deadline, root, stores, question, proxy).await {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    answered(deadline, scrubber, call.send(&client)).await
}

/// A `GET` of any URL, for the user's own checks: the system's anchors, and nothing that identifies anybody.
pub(super) async fn fetch(host: &LiveHost, question: FetchQuestion) -> Seen<Exchange> {
    let deadline = host.deadline();
    let (root, stores) = (host.root.clone(), host.stores.clone());
    let config = deadline
        .blocking(move || anonymous_tls_config(&stores.load(&root, None, None).anchors))
        .await?
        .map_err(Unseen::failed)?;
    let answer = match &question.via {
        None => {
            let asked = client::get(&question.url, config, deadline.remaining());
            answered(deadline, &host.scrubber, asked).await
        }
        Some(via) => {
            let (proxy, _) = host.proxy(deadline, via).await?;
            let tls = proxy::tls(deadline, &host.root, &host.stores, via).await?;
            let route = Route { proxy, tls };
            let asked = client::get_through(route, &question.url, config, deadline.remaining());
            answered(deadline, &host.scrubber, asked).await
        }
    };
    match answer {
        ApiAnswer::Reply(reply) => Ok(reply.exchange),
        ApiAnswer::PeerNotAccepted { why } => Err(Unseen::failed(format_args!(
            "its certificate is not accepted: {why}"
        ))),
        ApiAnswer::Alert { name } => Err(Unseen::Alert { name }),
        ApiAnswer::NotAsked { why } => Err(Unseen::Failed { why }),
        ApiAnswer::Failed(unseen) => Err(unseen),
    }
}

/// Waits for an answer, and writes it down without what was secret in the question.
async fn answered(
    deadline: Deadline,
    scrubber: &Scrubber,
    asked: impl Future<Output = Result<Answer, CallError>>,
) -> ApiAnswer {
    let sent_at = Utc::now();
    let began = std::time::Instant::now();
    match deadline.run(asked).await {
        Ok(Ok(answer)) => {
            let head_after = TimeDelta::from_std(answer.head_after).unwrap_or_default();
            ApiAnswer::Reply(ApiReply {
                exchange: Exchange {
                    status: answer.status,
                    headers: answer
                        .headers
                        .iter()
                        .map(|(name, value)| (name.clone(), scrubber.known(value)))
                        .collect(),
                    body: scrubber.known(&answer.body),
                    truncated: answer.truncated,
                    sent_at,
                    received_at: sent_at + head_after,
                    duration_ms: millis(began.elapsed()),
                },
            })
        }
        // What a proxy answers may repeat what it was told.
        Ok(Err(error @ CallError::Proxy(_))) => {
            ApiAnswer::Failed(Unseen::failed(scrubber.of_proxy(&error.to_string())))
        }
        Ok(Err(error)) => unanswered(error, deadline),
        Err(unseen) => ApiAnswer::Failed(unseen),
    }
}

/// A call with all that it needs.
enum Call {
    Health,
    Heartbeat(HeartbeatRequest),
    InspectToken(Secret),
    ChangeRequest(String, Secret),
}

impl Call {
    fn new(call: &ApiCall, tokens: &Tokens) -> Result<Self, String> {
        Ok(match call {
            ApiCall::Health => Self::Health,
            ApiCall::Heartbeat { agent_id, hostname } => Self::Heartbeat(HeartbeatRequest {
                agent_id: agent_id.clone(),
                hostname: hostname.clone(),
                agent_version: env!("CARGO_PKG_VERSION").into(),
                diagnosis: true,
            }),
            ApiCall::InspectToken => {
                Self::InspectToken(tokens.enrollment.clone().ok_or("no token was given")?)
            }
            ApiCall::ChangeRequest { id } => {
                let token = tokens.api.clone().ok_or("no API token was given")?;
                Self::ChangeRequest(id.clone(), token)
            }
        })
    }

    async fn send(&self, client: &ApiClient) -> Result<Answer, CallError> {
        match self {
            Self::Health => client.health().await,
            Self::Heartbeat(request) => client.heartbeat(request).await,
            Self::InspectToken(token) => client.inspect_token(token).await,
            Self::ChangeRequest(id, token) => client.change_request(id, token).await,
        }
    }
}

/// A client with the service's anchors and the identity, all read from the host's files.
async fn strict_client(
    deadline: Deadline,
    root: &Root,
    stores: &trust::Stores,
    question: ApiQuestion,
    proxy: Option<Proxy>,
) -> Result<ApiClient, ApiAnswer> {
    let control_plane = ControlPlane::parse(&question.origin)
        .map_err(|problem| ApiAnswer::Failed(Unseen::malformed(problem.to_string())))?;
    let addresses = question.addresses.clone();
    let (root, stores) = (root.clone(), stores.clone());
    let (config, route) = deadline
        .blocking(move || {
            let anchors = anchors(&root, &stores, &question);
            let route = match proxy {
                // To the proxy itself nobody's certificate is shown.
                Some(proxy) => Some(Route {
                    tls: anonymous_tls_config(&anchors).map_err(|e| e.to_string())?,
                    proxy,
                }),
                None => None,
            };
            let identity = match &question.identity {
                Some((cert, key)) => Some(identity(&root, cert, key)?),
                None => None,
            };
            let config = strict_tls_config(&anchors, identity, None)
                .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
            Ok((config, route))
        })
        .await
        .map_err(ApiAnswer::Failed)?
        .map_err(|why: String| ApiAnswer::NotAsked { why })?;
    let timeout = deadline.remaining();
    let client = match route {
        None => ApiClient::new(&control_plane, &addresses, config, timeout),
        Some(route) => ApiClient::through(route, &control_plane, &addresses, config, timeout),
    };
    client.map_err(|error| unanswered(error, deadline))
}

/// The system's anchors, as the service finds them, and those of the configured file.
fn anchors(
    root: &Root,
    stores: &trust::Stores,
    question: &ApiQuestion,
) -> Vec<CertificateDer<'static>> {
    let file = question.ssl_cert_file.clone();
    let dir = question.ssl_cert_dir.as_deref();
    anchors_of(root, stores, question.ca_cert.as_ref(), file, dir)
}

/// The same, for whoever else has to be verified as the service would.
pub(super) fn anchors_of(
    root: &Root,
    stores: &trust::Stores,
    ca_cert: Option<&HostPath>,
    ssl_cert_file: Option<PathBuf>,
    ssl_cert_dir: Option<&str>,
) -> Vec<CertificateDer<'static>> {
    let store = stores.load(root, ssl_cert_file, ssl_cert_dir);
    let mut anchors = store.anchors.clone();
    if let Some(path) = ca_cert {
        // A file that cannot be read is a finding of its own; here it only means fewer anchors.
        let text = root.read_bytes(path, LIMIT).unwrap_or_default();
        anchors.extend(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
    }
    anchors
}

/// Reads the client's certificate and key; says what is missing without a word of either.
fn identity(root: &Root, cert: &HostPath, key: &HostPath) -> Result<ClientIdentity, String> {
    let read = |path: &HostPath| -> Seen<Vec<u8>> { root.read_bytes(path, LIMIT) };
    let unreadable =
        |path: &HostPath, unseen: &Unseen| format!("{}: {unseen}", path.path.display());
    let certificates = read(cert).map_err(|unseen| unreadable(cert, &unseen))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificates)
        .filter_map(Result::ok)
        .collect();
    if chain.is_empty() {
        return Err(format!("{}: no certificate in it", cert.path.display()));
    }
    let text = read(key).map_err(|unseen| unreadable(key, &unseen))?;
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| format!("{}: no private key in it", key.path.display()))?;
    Ok((chain, key))
}

fn unanswered(error: CallError, deadline: Deadline) -> ApiAnswer {
    match error {
        CallError::PeerNotAccepted(reason) => ApiAnswer::PeerNotAccepted {
            why: refusal(&reason),
        },
        CallError::Alert(alert) => ApiAnswer::Alert {
            name: alert_name(alert),
        },
        CallError::Io { kind, os, message } => ApiAnswer::Failed(match os {
            Some(number) => tcp::unseen(&std::io::Error::from_raw_os_error(number), deadline),
            None => match Unseen::from_io(&std::io::Error::from(kind)) {
                Unseen::Failed { .. } => Unseen::failed(message),
                other => other,
            },
        }),
        CallError::TimedOut { after } => ApiAnswer::Failed(timed_out(after)),
        CallError::Closed => ApiAnswer::Failed(Unseen::Closed),
        CallError::NotHttp => ApiAnswer::Failed(Unseen::malformed("the answer is not HTTP")),
        other @ (CallError::Tls(_) | CallError::Proxy(_) | CallError::Other(_)) => {
            ApiAnswer::Failed(Unseen::failed(other))
        }
    }
}

fn timed_out(after: Duration) -> Unseen {
    Unseen::TimedOut {
        after_ms: super::deadline::whole_millis(after),
    }
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
