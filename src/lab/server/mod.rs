//! The control plane's listener: what the port does, the handshake, and HTTP within.
//!
//! Every wait has a deadline, every body a bound, and everything ends with the value that [`ControlPlaneServer::start`] returns.

mod handshake;
mod port;
mod routes;

pub(super) use port::{Held, closed, next};

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::behaviour::{Behaviour, Port};
use super::state::State;
use super::{Authority, LabError};

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The status that was answered; 0 when the server hung up instead.
    pub status: u16,
    /// The agent in the client certificate, if one was shown.
    pub agent_id: Option<String>,
}

/// A running control plane; it ends with this value.
#[derive(Debug)]
pub struct ControlPlaneServer {
    address: SocketAddr,
    state: Arc<State>,
    requests: mpsc::UnboundedReceiver<RequestLine>,
    _held: port::Held,
    _running: DropGuard,
}

impl ControlPlaneServer {
    /// Starts one on `listen` (port 0 for a free one) that shows a certificate for `names`.
    ///
    /// # Errors
    /// When a socket or a certificate cannot be made.
    pub async fn start(
        state: Arc<State>,
        behaviour: Behaviour,
        listen: SocketAddr,
        names: &[String],
    ) -> Result<Self, LabError> {
        let running = CancellationToken::new();
        let (log, requests) = mpsc::unbounded_channel();
        let (address, held) = match &behaviour.port {
            Port::Closed => port::closed(listen)?,
            Port::Swallowing => port::swallowing(listen).await?,
            _ => {
                // The certificate first: where that fails, no port was opened.
                let serving = Serving::prepare(&state, behaviour, names, log)?;
                let listener = TcpListener::bind(listen).await?;
                let address = listener.local_addr()?;
                let serving = serving.run(listener, running.clone());
                tokio::spawn(running.clone().run_until_cancelled_owned(serving));
                (address, port::Held::Nothing)
            }
        };
        Ok(Self {
            address,
            state,
            requests,
            _held: held,
            _running: running.drop_guard(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it knows.
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Its CA.
    pub fn authority(&self) -> &Authority {
        self.state.authority()
    }

    /// The next request that it answered; `None` once it has ended.
    pub async fn next_request(&mut self) -> Option<RequestLine> {
        self.requests.recv().await
    }

    /// The requests answered so far that were not taken yet.
    pub fn take_requests(&mut self) -> Vec<RequestLine> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

/// What a listening port does.
enum Serving {
    Https(Arc<ServerConfig>, Router),
    Http(Router),
    Misbehaving(Port),
}

impl Serving {
    fn prepare(
        state: &Arc<State>,
        behaviour: Behaviour,
        names: &[String],
        log: mpsc::UnboundedSender<RequestLine>,
    ) -> Result<Self, LabError> {
        Ok(match behaviour.port {
            Port::Tls => {
                let tls = handshake::config(state, &behaviour, names)?;
                Self::Https(tls, routes::router(Arc::clone(state), behaviour, log))
            }
            Port::PlainHttp => Self::Http(routes::router(Arc::clone(state), behaviour, log)),
            port => Self::Misbehaving(port),
        })
    }

    async fn run(self, listener: TcpListener, running: CancellationToken) {
        match self {
            Self::Https(tls, router) => handshake::serve(listener, tls, router, running).await,
            Self::Http(router) => handshake::serve_plain(listener, router, running).await,
            Self::Misbehaving(port) => port::misbehave(listener, port, running).await,
        }
    }
}

#[cfg(test)]
mod tests;
