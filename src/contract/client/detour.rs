//! The way to the control plane through a proxy, over a connection of our own.
//!
//! A proxy is shown its own credentials and the control plane's host and port, nothing else: certificate and tokens go into
//! the tunnel, and only after strict verification has accepted who is at its other end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::client::conn::http1;
use hyper::header::{self, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::{CallError, USER_AGENT};
use crate::contract::proxy::{self, Connection, NoTunnel, Proxy, Scheme};
use crate::contract::url::ControlPlane;

/// A proxy, and how it is verified if it is spoken to over TLS.
#[derive(Debug, Clone)]
pub struct Route {
    /// The proxy.
    pub proxy: Proxy,
    /// A strict verifier, and no certificate to show.
    pub tls: ClientConfig,
}

/// Everything that a request through a proxy needs.
pub(super) struct Detour {
    route: Route,
    control_plane: ControlPlane,
    /// The proxy's addresses; none means that its name is resolved.
    addresses: Vec<SocketAddr>,
    /// Within the tunnel.
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detour")
            .field("proxy", &self.route.proxy)
            .field("control_plane", &self.control_plane)
            .finish_non_exhaustive()
    }
}

impl Detour {
    pub(super) fn new(
        route: Route,
        control_plane: &ControlPlane,
        addresses: &[SocketAddr],
        tls: ClientConfig,
    ) -> Self {
        Self {
            route,
            control_plane: control_plane.clone(),
            addresses: addresses.to_vec(),
            tls: Arc::new(tls),
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(
        &self,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<reqwest::Response, CallError> {
        let request = self.request(request, timeout)?;
        let tunnel = self.tunnel().await?;
        let name = ServerName::try_from(self.control_plane.host());
        let name = name.map_err(|error| CallError::sort(&error, timeout))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, tunnel).await;
        let stream = stream.map_err(|error| CallError::sort(&error, timeout))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| CallError::sort(&error, timeout))?;
        // It ends by itself, once nobody waits for the answer or its body any more.
        tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| CallError::sort(&error, timeout))?;
        Ok(response.map(reqwest::Body::wrap).into())
    }

    /// The request as it stands in a tunnel: a path, and the host beside it.
    fn request(
        &self,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<hyper::Request<reqwest::Body>, CallError> {
        let built = request.build().and_then(hyper::Request::try_from);
        let mut request = built.map_err(|error| CallError::sort(&error, timeout))?;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
        let host = HeaderValue::try_from(self.control_plane.authority());
        let host = host.map_err(|error| CallError::sort(&error, timeout))?;
        let agent = HeaderValue::from_static(USER_AGENT);
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(header::USER_AGENT, agent);
        Ok(request)
    }

    async fn tunnel(&self) -> Result<Connection, CallError> {
        let proxy = &self.route.proxy;
        let stream = self.connect().await;
        let stream = stream.map_err(|error| CallError::Proxy(NoTunnel::io(&error)))?;
        let mut stream: Connection = Box::new(stream);
        if proxy.scheme == Scheme::Https {
            let tls = self.route.tls.clone();
            let secured = proxy::secure(stream, proxy, tls).await;
            stream = secured.map_err(CallError::Proxy)?;
        }
        let (host, port) = (self.control_plane.host(), self.control_plane.port());
        let opened = proxy::open(stream, proxy, &host, port).await;
        opened.map_err(CallError::Proxy)
    }

    /// The first of the proxy's addresses that opens.
    async fn connect(&self) -> io::Result<TcpStream> {
        let proxy = &self.route.proxy;
        let addresses = match self.addresses.as_slice() {
            [] => lookup_host((proxy.host.as_str(), proxy.port))
                .await?
                .collect(),
            addresses => addresses.to_vec(),
        };
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
