//! Peers on loopback for the tests of this room: every way in which an endpoint can behave.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::contract::tls::provider;

/// A listener that nobody serves yet.
pub(super) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port that refuses.
pub(super) fn closed_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A port that swallows connections: its queue is full, and the kernel drops what comes then.
pub(super) fn black_hole() -> (impl Sized, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let patience = std::time::Duration::from_millis(50);
    let mut waiting = Vec::new();
    while let Ok(stream) = StdStream::connect_timeout(&address, patience) {
        waiting.push(stream);
    }
    ((socket, waiting), address)
}

/// A peer that does `serve` with its first connection.
pub(super) async fn peer<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    address
}

/// A server's certificate, which is its own issuer.
pub(super) struct Server {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) pem: String,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Server {
    pub(super) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            pem: certificate.pem(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    /// For one version of TLS; `client_ca` makes a client certificate required.
    pub(super) fn config(
        &self,
        version: &'static SupportedProtocolVersion,
        client_ca: Option<&CertificateDer<'static>>,
    ) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap();
        let builder = match client_ca {
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(ca.clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        Arc::new(
            builder
                .with_single_cert(self.chain.clone(), self.key.clone_key())
                .unwrap(),
        )
    }

    /// Shows this certificate and signs with somebody else's key.
    pub(super) fn impostor(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let other = Self::new();
        let key = rustls::crypto::ring::sign::any_supported_type(&other.key).unwrap();
        Arc::new(
            ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(
                    self.chain.clone(),
                    key,
                ))))),
        )
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
