//! How a connection to the control plane is secured: the strict verifier that every secret waits for.
//!
//! Opens no connection. The diagnosis' recording verifier is not here: it belongs to the host's door.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::time_provider::TimeProvider;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::chain::{self, Anchors, Certificate, Path};
use super::inspection;

/// A client certificate with the chain that is sent along, and its key.
pub type ClientIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// More certificates of a chain than these are not looked at.
const CHAIN: usize = 32;

/// The only cryptography of this program.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS 1.2 and 1.3 with a verifier that accepts only what chains to one of `roots`, or is byte for byte one of them, for the
/// right name at the right time, and what no TLS-inspecting product has made: a secret would be the product's. `clock` says
/// what time it is; without one, the system's clock does.
///
/// Roots that are no usable anchor are passed over; without any, no peer is accepted.
///
/// # Errors
/// When the client's certificate and key cannot be used: damaged, or not belonging together.
pub fn strict_tls_config(
    roots: &[CertificateDer<'static>],
    identity: Option<ClientIdentity>,
    clock: Option<Arc<dyn TimeProvider>>,
) -> Result<ClientConfig, Error> {
    config(
        StrictVerifier::new(roots, Inspected::Refused),
        identity,
        clock,
    )
}

/// The same for what anybody may read: it identifies nobody, and also goes through a TLS-inspecting product that is trusted.
///
/// # Errors
/// When TLS cannot be set up.
pub fn anonymous_tls_config(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, Error> {
    config(StrictVerifier::new(roots, Inspected::Accepted), None, None)
}

/// What `insecure_skip_verify: true` asks for: any peer is accepted, whoever it is. For the agent that was told so, and for nobody else.
///
/// # Errors
/// When the client's certificate and key cannot be used: damaged, or not belonging together.
pub fn unverified_tls_config(identity: Option<ClientIdentity>) -> Result<ClientConfig, Error> {
    config(Unverified(provider()), identity, None)
}

fn config(
    verifier: impl ServerCertVerifier + 'static,
    identity: Option<ClientIdentity>,
    clock: Option<Arc<dyn TimeProvider>>,
) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(verifier);
    let clock = clock.unwrap_or_else(|| Arc::new(rustls::time_provider::DefaultTimeProvider));
    let builder = ClientConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// What becomes of a chain that a TLS-inspecting product has made, and that is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inspected {
    Accepted,
    Refused,
}

/// A TLS-inspecting product has made the peer's certificate.
#[derive(Debug, thiserror::Error)]
#[error("{product} has made it, as `{ca}`: it decrypts TLS, and nothing secret goes through it")]
struct MadeByProduct {
    product: &'static str,
    ca: String,
}

/// webpki's verification, and what the agent's own (Go's) accepts beside it: a server certificate that is itself configured as
/// an anchor, after name and time (that is what `openssl req -x509` makes), one that is marked as a CA, more than six CAs on
/// the way, a CA with an RSA key under 2048 bits, and `*.corp` for `nexplane.corp`. A server that proves itself with an RSA key under 2048 bits it does not accept:
/// the library has no means to verify such a proof.
struct StrictVerifier {
    inspected: Inspected,
    anchors: RootCertStore,
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl StrictVerifier {
    fn new(roots: &[CertificateDer<'static>], inspected: Inspected) -> Self {
        let mut anchors = RootCertStore::empty();
        anchors.add_parsable_certificates(roots.iter().cloned());
        Self {
            inspected,
            anchors,
            roots: roots.to_vec(),
            provider: provider(),
        }
    }

    /// webpki refuses the chain: so does this, unless the agent's own verifier would accept it, all of it at this time.
    fn as_the_agent(
        &self,
        why: Error,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // What is wrong with its time or its issuer, the agent would say as well. A signature of a short RSA key is bad here.
        let may_differ = matches!(
            why,
            Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::BadSignature)
        );
        if !may_differ {
            return Err(why);
        }
        let sent = std::iter::once(end_entity).chain(intermediates).take(CHAIN);
        let chain: Vec<Certificate> = sent
            .filter_map(|der| Certificate::parse(der.clone()).ok())
            .collect();
        let is_named =
            |anchor: &Certificate| chain.iter().any(|it| it.issuer_der == anchor.subject_der);
        let roots = self
            .roots
            .iter()
            .filter_map(|der| Certificate::parse(der.clone()).ok());
        let anchors: Vec<Certificate> = roots.filter(is_named).collect();
        let trust = Anchors {
            anchors: &anchors,
            elsewhere: &[],
            none_at_all: false,
        };
        let begins_with_it = chain.first().is_some_and(|first| first.der == *end_entity);
        match chain::follow(&chain, trust) {
            Path::Anchored(routes) if begins_with_it => {
                let is_valid = |it: &Certificate| verify_validity(&it.der, now).is_ok();
                let accepted = routes.iter().any(|route| route.iter().all(is_valid));
                accepted.then_some(()).ok_or(why)
            }
            _ => Err(why),
        }
    }

    /// A product that inspects TLS may be trusted, and is still not the control plane.
    fn made_by_nobody_else(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), Error> {
        if self.inspected == Inspected::Accepted {
            return Ok(());
        }
        let Some(maker) = inspection::made_by(end_entity, intermediates) else {
            return Ok(());
        };
        let why = MadeByProduct {
            product: &maker.product.name,
            ca: maker.ca,
        };
        let why = OtherError(Arc::new(why));
        Err(Error::InvalidCertificate(CertificateError::Other(why)))
    }
}

impl fmt::Debug for StrictVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictVerifier")
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for StrictVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if self.roots.iter().any(|root| root == end_entity) {
            verify_validity(end_entity, now)?;
        } else {
            let by_webpki = verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.anchors,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            );
            by_webpki.or_else(|why| self.as_the_agent(why, end_entity, intermediates, now))?;
        }
        verify_name(end_entity, server_name)?;
        self.made_by_nobody_else(end_entity, intermediates)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Accepts every certificate whose holder proves in the handshake that it is his.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a peer's certificate is not accepted, in words.
pub fn refusal(why: &CertificateError) -> String {
    match why {
        // The library shows what it does not know itself as programmers see it.
        CertificateError::Other(OtherError(why)) => why.to_string(),
        why => why.to_string(),
    }
}

/// Whether a certificate is for this name, by its subject alternative names alone.
///
/// webpki decides, and the agent's rule where it is more generous: Go takes `*.corp` for `nexplane.corp`.
///
/// # Errors
/// What webpki says of it.
pub fn verify_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    let by_webpki = verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
    match name {
        ServerName::DnsName(name)
            if by_webpki.is_err() && stars_for(certificate, name.as_ref()) =>
        {
            Ok(())
        }
        _ => by_webpki,
    }
}

/// Whether a certificate has the name with a `*` for its first label.
fn stars_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let (Ok((_, certificate)), Some((_, parent))) = (
        X509Certificate::from_der(certificate),
        name.trim_end_matches('.').split_once('.'),
    ) else {
        return false;
    };
    let stands_for = |presented: &GeneralName<'_>| match presented {
        GeneralName::DNSName(presented) => presented
            .strip_prefix("*.")
            .is_some_and(|rest| !rest.is_empty() && rest.eq_ignore_ascii_case(parent)),
        _ => false,
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| names.value.general_names.iter().any(stands_for))
}

/// Whether `now` lies within the certificate's validity.
fn verify_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let seconds = |timestamp: i64| {
        let seconds = u64::try_from(timestamp).unwrap_or(0);
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    };
    let not_before = seconds(parsed.validity().not_before.timestamp());
    let not_after = seconds(parsed.validity().not_after.timestamp());
    if now < not_before {
        return Err(Error::InvalidCertificate(
            CertificateError::NotValidYetContext {
                time: now,
                not_before,
            },
        ));
    }
    if now > not_after {
        return Err(Error::InvalidCertificate(
            CertificateError::ExpiredContext {
                time: now,
                not_after,
            },
        ));
    }
    Ok(())
}

/// An alert's name as the TLS registry writes it: `handshake_failure`, `unknown_ca`, `certificate_required`.
pub fn alert_name(alert: AlertDescription) -> String {
    if let AlertDescription::Unknown(number) = alert {
        return format!("alert_{number}");
    }
    // Those that the library spells otherwise than the registry does.
    match alert {
        AlertDescription::UnknownPSKIdentity => return "unknown_psk_identity".to_owned(),
        AlertDescription::UnrecognisedName => return "unrecognized_name".to_owned(),
        AlertDescription::EncryptedClientHelloRequired => return "ech_required".to_owned(),
        _ => {}
    }
    let mut name = String::new();
    let mut previous_lower = false;
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && previous_lower {
            name.push('_');
        }
        previous_lower = !c.is_ascii_uppercase();
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
