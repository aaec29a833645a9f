//! A TLS handshake with whoever is there, in order to see who it is.
//!
//! The verifier accepts any chain and writes it down; trust is judged afterwards, from the recording. It does check the
//! handshake's signature, and writes down whether the peer holds its certificate's key, for a chain can be replayed.
//! Nothing secret is ever sent on such a connection: a request for a client certificate is noted and left unanswered.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, PeerMisbehaved, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::deadline::{Deadline, millis};
use super::hello::{self, Chosen};
use super::pem;
use crate::contract::proxy::Connection;
use crate::contract::tap::{Received, Tap, heard};
use crate::contract::tls::{alert_name, provider};
use crate::host::{Details, Ending, Handshake, Offer, Pem, Seen, Unseen};

/// The most certificates of a chain that are kept.
const CHAIN_LIMIT: usize = 32;

/// A connection after its handshake.
pub(super) type Stream = TlsStream<Tap<Connection>>;

/// Shakes hands; also gives the connection, if that is complete.
pub(super) async fn handshake(
    deadline: Deadline,
    stream: Connection,
    server_name: &str,
) -> Seen<(Handshake, Option<Stream>)> {
    let name = ServerName::try_from(server_name.to_owned()).map_err(|_| {
        Unseen::malformed(format!("`{server_name}` is no name that TLS can ask for"))
    })?;
    let witness = Arc::new(Witness::new());
    let config = config(&witness).map_err(Unseen::failed)?;
    let offered = offer(&witness.provider);
    let (tap, received) = Tap::new(stream);
    let began = Instant::now();
    let ended = deadline
        .run(TlsConnector::from(Arc::new(config)).connect(name, tap))
        .await;
    let took = began.elapsed();
    let received = heard(&received);
    let (ending, stream) = match ended {
        Ok(Ok(stream)) => (Ending::Complete, Some(stream)),
        Ok(Err(error)) => (ending(&error, &received), None),
        Err(unseen) => (overdue(&unseen, &received), None),
    };
    let saw = witness.saw();
    let session = stream.as_ref().map(|stream| stream.get_ref().1);
    let chosen = match session {
        Some(session) => Chosen::agreed(session),
        None => Chosen::read(&received.first).unwrap_or_default(),
    };
    let protocol = session.and_then(|session| session.alpn_protocol());
    let handshake = Handshake {
        ending,
        version: chosen.version,
        cipher_suite: chosen.cipher_suite,
        chain: saw.chain,
        key_proven: saw.key_proven,
        client_certificate_requested: saw.client_certificate_requested,
        received: received.total,
        first_bytes: received.first_hex(),
        duration_ms: millis(took),
        details: Details {
            offered,
            group: chosen.group,
            application_protocol: protocol.map(|name| String::from_utf8_lossy(name).into_owned()),
            hung: None,
        },
    };
    Ok((handshake, stream))
}

/// Versions of TLS, the best first.
const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

fn offer(provider: &CryptoProvider) -> Offer {
    Offer {
        versions: VERSIONS.map(|known| hello::version(known.version)).to_vec(),
        cipher_suites: provider
            .cipher_suites
            .iter()
            .map(|known| hello::cipher_suite(known.suite()))
            .collect(),
        groups: provider
            .kx_groups
            .iter()
            .map(|known| hello::group(known.name()))
            .collect(),
    }
}

fn config(witness: &Arc<Witness>) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_protocol_versions(&VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(witness) as Arc<dyn ResolvesClientCert>);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// How a handshake ended that our side or the peer broke off.
fn ending(error: &io::Error, received: &Received) -> Ending {
    if !received.looks_like_tls() {
        return Ending::NotTls;
    }
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => Ending::Alert {
            name: alert_name(*alert),
            before_server_hello: !received.has_server_hello(),
        },
        Some(rustls::Error::PeerIncompatible(why)) => Ending::Incompatible {
            why: format!("{why:?}"),
        },
        Some(other) => Ending::Failed {
            why: other.to_string(),
        },
        // A reset that comes after the peer's orderly end is told apart by the system: it says EPIPE, not ECONNRESET.
        None if error.kind() == io::ErrorKind::BrokenPipe => Ending::Closed,
        None => match Unseen::from_io(error) {
            Unseen::Reset => Ending::Reset,
            Unseen::Closed => Ending::Closed,
            Unseen::TimedOut { after_ms } => Ending::TimedOut { after_ms },
            other => Ending::Failed {
                why: other.to_string(),
            },
        },
    }
}

/// How a handshake ended that took too long; a peer that said something else than TLS is told apart.
fn overdue(unseen: &Unseen, received: &Received) -> Ending {
    match unseen {
        _ if !received.looks_like_tls() => Ending::NotTls,
        Unseen::TimedOut { after_ms } => Ending::TimedOut {
            after_ms: *after_ms,
        },
        other => Ending::Failed {
            why: other.to_string(),
        },
    }
}

/// The TLS library's error within an I/O error, however deep.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    if let Some(error) = inner.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    let deeper = inner.downcast_ref::<io::Error>().or_else(|| {
        inner
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
    });
    deeper.and_then(tls_error)
}

/// What the verifier and the resolver saw.
#[derive(Debug, Clone, Default)]
struct Saw {
    chain: Vec<Pem>,
    key_proven: Option<bool>,
    client_certificate_requested: bool,
}

/// Accepts everybody and sends nothing, and remembers.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    saw: Mutex<Saw>,
}

impl Witness {
    fn new() -> Self {
        Self {
            provider: provider(),
            saw: Mutex::default(),
        }
    }

    fn saw(&self) -> Saw {
        self.with(|saw| saw.clone())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Saw) -> T) -> T {
        f(&mut self.saw.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes down what the signature proves. A certificate that cannot be read leaves that open.
    fn note_signature(
        &self,
        checked: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let proven = match checked {
            Ok(_) => Some(true),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::BadEncoding
                | CertificateError::Other(_)
                | CertificateError::UnhandledCriticalExtension,
            )) => None,
            // What our library has no means to verify, the peer may have proved all the same.
            Err(rustls::Error::PeerMisbehaved(
                PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme,
            )) => None,
            Err(_) => Some(false),
        };
        self.with(|saw| saw.key_proven = proven);
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity)
            .chain(intermediates)
            .take(CHAIN_LIMIT)
            .map(|certificate| pem::certificate(certificate))
            .collect();
        self.with(|saw| saw.chain = chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.note_signature(verify_tls12_signature(message, cert, dss, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.note_signature(verify_tls13_signature(message, cert, dss, algorithms))
    }

    /// The library's, and one that it cannot verify and the agent's can: a server with a key on P-521 would have nothing in
    /// common with us otherwise, and has with the agent.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self
            .provider
            .signature_verification_algorithms
            .supported_schemes();
        schemes.push(SignatureScheme::ECDSA_NISTP521_SHA512);
        schemes
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.with(|saw| saw.client_certificate_requested = true);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
