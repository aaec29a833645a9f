//! Connections that come to a handshake: TLS, which client certificates it accepts, and HTTP within.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::port::{farewell, next};
use crate::contract::tls::provider;
use crate::lab::LabError;
use crate::lab::behaviour::{Behaviour, ClientCertificates};
use crate::lab::ca::Authority;
use crate::lab::state::State;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection is kept at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request handler may know of its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    /// The client's certificate, DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// The agent that it names.
    pub(super) agent_id: Option<String>,
    /// Cancelled to hang up without an answer.
    pub(super) hang_up: CancellationToken,
}

/// TLS as the behaviour wants it.
pub(super) fn config(
    state: &State,
    behaviour: &Behaviour,
    names: &[String],
) -> Result<Arc<ServerConfig>, LabError> {
    let now = state.clock().now() + behaviour.ahead;
    let authority = state.authority();
    let kinds: Vec<_> = std::iter::once(&behaviour.certificate)
        .chain(&behaviour.besides)
        .collect();
    let served = authority.server_with(&kinds, names, now)?;
    let verifier = client_verifier(authority, behaviour.clients)?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(served.chain, served.key)?;
    Ok(Arc::new(config))
}

fn client_verifier(
    authority: &Authority,
    clients: ClientCertificates,
) -> Result<Arc<dyn ClientCertVerifier>, LabError> {
    let anchor = match clients {
        ClientCertificates::Ours | ClientCertificates::Required => authority.agents_anchor(),
        ClientCertificates::OfAnotherCa => {
            Authority::named("Another", authority.made_at())?.agents_anchor()
        }
    };
    let mut anchors = RootCertStore::empty();
    anchors.add(anchor)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider());
    let builder = match clients {
        ClientCertificates::Required => builder,
        _ => builder.allow_unauthenticated(),
    };
    let inner = builder
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    Ok(Arc::new(WheneverValid(inner)))
}

/// Verifies a client's certificate as of a moment within its own validity: the calls judge its dates, because an expired one
/// still serves to rotate it.
#[derive(Debug)]
struct WheneverValid(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for WheneverValid {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let moment = within_validity(end_entity).unwrap_or(now);
        self.0.verify_client_cert(end_entity, intermediates, moment)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The certificate's first moment.
fn within_validity(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let first = u64::try_from(parsed.validity().not_before.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(first)))
}

/// The common name in a certificate's subject: the agent's id.
fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

/// Accepts connections, each with its own task and its own deadline.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    running: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let stream = next(&listener).await;
        let serving = timeout(PATIENCE, secure(stream, acceptor.clone(), router.clone()));
        tokio::spawn(running.clone().run_until_cancelled_owned(serving));
    }
}

/// The same without TLS.
pub(super) async fn serve_plain(listener: TcpListener, router: Router, running: CancellationToken) {
    loop {
        let stream = next(&listener).await;
        let serving = timeout(
            PATIENCE,
            converse(stream, router.clone(), Connection::default()),
        );
        tokio::spawn(running.clone().run_until_cancelled_owned(serving));
    }
}

async fn secure(stream: TcpStream, acceptor: TlsAcceptor, router: Router) -> io::Result<()> {
    let accepting = timeout(HANDSHAKE, acceptor.accept(stream).into_fallible());
    let stream = match accepting.await {
        Err(_) => return Ok(()),
        // With TLS 1.3 the client has sent its request by now; the alert must arrive all the same.
        Ok(Err((_, stream))) => return farewell(stream).await,
        Ok(Ok(stream)) => stream,
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(|leaf| leaf.to_vec());
    let connection = Connection {
        agent_id: certificate.as_deref().and_then(common_name),
        certificate,
        hang_up: CancellationToken::new(),
    };
    converse(stream, router, connection).await
}

/// HTTP/1.1 until one side ends it, or the handler hangs up.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    connection: Connection,
) -> io::Result<()> {
    let hang_up = connection.hang_up.clone();
    let service = TowerToHyperService::new(router.layer(axum::Extension(connection)));
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    match hang_up.run_until_cancelled(serving).await {
        Some(served) => served.map_err(io::Error::other),
        None => Ok(()),
    }
}
