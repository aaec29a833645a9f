//! The lab's certificate authority: root, intermediate, servers' certificates of every kind, agents' certificates.
//!
//! All keys are ECDSA P-256, so that starting takes milliseconds. Dates are explicit: no certificate is made without saying when
//! it begins and ends.

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer,
    CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::LabError;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// What a server shows in the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServerCertificate {
    /// A good certificate, with its intermediate.
    #[default]
    Good,
    /// It ended yesterday.
    Expired,
    /// It begins tomorrow.
    NotYetValid,
    /// It begins a minute ago by the control plane's clock.
    JustIssued,
    /// Its intermediate ended yesterday.
    IntermediateExpired,
    /// It is for this other name.
    WrongName(String),
    /// It names the host in its subject alone, not in its SAN.
    NoSan,
    /// Its own issuer.
    SelfSigned,
    /// Signed by another CA, whose name this is.
    ForeignCa(String),
    /// Good, sent without its intermediate; it says where to fetch that.
    MissingIntermediate,
    /// For clients alone.
    ClientPurpose,
    /// Its signature does not fit.
    Tampered,
    /// Good for three more days of its ninety.
    Expiring,
}

/// In which respect a server's certificate is what it is; it can be one thing in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aspect {
    /// Who signed it, and what is sent of that.
    Issuer,
    /// From when to when.
    Validity,
    /// For which names.
    Names,
    /// What it may be used for.
    Purpose,
}

impl ServerCertificate {
    /// In which respect it is not an ordinary one.
    pub(super) const fn aspect(&self) -> Option<Aspect> {
        Some(match self {
            Self::Good => return None,
            Self::Expired | Self::NotYetValid | Self::JustIssued | Self::Expiring => {
                Aspect::Validity
            }
            Self::WrongName(_) | Self::NoSan => Aspect::Names,
            Self::ClientPurpose => Aspect::Purpose,
            Self::IntermediateExpired
            | Self::SelfSigned
            | Self::ForeignCa(_)
            | Self::MissingIntermediate
            | Self::Tampered => Aspect::Issuer,
        })
    }
}

/// A chain with the key of its first certificate.
#[derive(Debug)]
pub struct Served {
    /// The certificates in the order sent.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

/// Root, intermediate, and the CA of the agents' certificates.
pub struct Authority {
    root: Issuer,
    intermediate: Issuer,
    agents: Issuer,
    made_at: DateTime<Utc>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes the lab's own, good for twenty years around `now`.
    ///
    /// # Errors
    /// When a key or a certificate cannot be made.
    pub fn new(now: DateTime<Utc>) -> Result<Self, LabError> {
        Self::named("Nexplane Lab", now)
    }

    /// Makes one whose certificates' names begin with `name`.
    ///
    /// # Errors
    /// When a key or a certificate cannot be made.
    pub fn named(name: &str, now: DateTime<Utc>) -> Result<Self, LabError> {
        let params = |role: &str| ca_params(&format!("{name} {role} CA"), now);
        let root = Issuer::self_signed(params("Root"), KeyPair::generate()?)?;
        let signed = |role| Issuer::signed_by(params(role), KeyPair::generate()?, &root);
        let intermediate = signed("Intermediate")?;
        let agents = signed("Agents")?;
        Ok(Self {
            root,
            intermediate,
            agents,
            made_at: now,
        })
    }

    /// The root, PEM: what an agent's `ca_cert` holds.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The root.
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// The intermediate, which a server may forget to send.
    pub fn intermediate(&self) -> CertificateDer<'static> {
        self.intermediate.der().clone()
    }

    /// The CA of the agents' certificates: the anchor that client certificates are verified with.
    pub fn agents_anchor(&self) -> CertificateDer<'static> {
        self.agents.der().clone()
    }

    /// A server's certificate of the given kind for `names` (DNS names and addresses), by a clock that says `now`.
    ///
    /// # Errors
    /// When a name is none, or a key or a certificate cannot be made.
    pub fn server(
        &self,
        kind: &ServerCertificate,
        names: &[String],
        now: DateTime<Utc>,
    ) -> Result<Served, LabError> {
        self.server_with(&[kind], names, now)
    }

    /// The same of several kinds at once, each in another respect.
    ///
    /// # Errors
    /// When a name is none, or a key or a certificate cannot be made.
    pub(super) fn server_with(
        &self,
        kinds: &[&ServerCertificate],
        names: &[String],
        now: DateTime<Utc>,
    ) -> Result<Served, LabError> {
        let key = KeyPair::generate()?;
        let params = server_params(kinds, names, now)?;
        let sign = |issuer: &Issuer| params.signed_by(&key, issuer);
        let chain = match of(kinds, Aspect::Issuer) {
            ServerCertificate::SelfSigned => vec![params.self_signed(&key)?.into()],
            ServerCertificate::MissingIntermediate => vec![sign(&self.intermediate)?.into()],
            ServerCertificate::ForeignCa(name) => {
                let foreign = Issuer::self_signed(ca_params(name, now), KeyPair::generate()?)?;
                vec![sign(&foreign)?.into(), foreign.der().clone()]
            }
            ServerCertificate::IntermediateExpired => {
                let expired = self.expired_intermediate(now)?;
                vec![sign(&expired)?.into(), expired.der().clone()]
            }
            ServerCertificate::Tampered => {
                vec![
                    tampered(sign(&self.intermediate)?.der()),
                    self.intermediate(),
                ]
            }
            _ => vec![sign(&self.intermediate)?.into(), self.intermediate()],
        };
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        Ok(Served { chain, key })
    }

    fn expired_intermediate(&self, now: DateTime<Utc>) -> Result<Issuer, LabError> {
        let mut params = ca_params("Nexplane Lab Intermediate CA (2024)", now);
        set_validity(
            &mut params,
            now - TimeDelta::days(400),
            now - TimeDelta::days(1),
        );
        Ok(Issuer::signed_by(params, KeyPair::generate()?, &self.root)?)
    }

    /// Signs an agent's request: its key, our words. Returns the certificate and when it ends.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn sign_agent(
        &self,
        request: &AgentRequest,
        agent_id: &str,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<(rcgen::Certificate, DateTime<Utc>), LabError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, agent_id);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let until = now + lifetime;
        // A little earlier than now: an agent whose clock is a minute behind should find it valid.
        let earlier = TimeDelta::minutes(1).min(lifetime / 100);
        set_validity(&mut params, now - earlier, until);
        let mut signing = request.0.clone();
        signing.params = params;
        Ok((signing.signed_by(&self.agents)?, until))
    }

    /// What is sent along with an agent's certificate, PEM.
    pub fn agents_chain_pem(&self) -> String {
        format!("{}{}", self.agents.pem(), self.root.pem())
    }

    /// When it was made.
    pub const fn made_at(&self) -> DateTime<Utc> {
        self.made_at
    }
}

/// A certificate request whose signature was verified.
#[derive(Debug, Clone)]
pub struct AgentRequest(CertificateSigningRequestParams);

impl AgentRequest {
    /// Reads a PKCS #10 request in PEM and verifies that its sender holds the key.
    ///
    /// # Errors
    /// In words for a person, when it is none.
    pub fn read(pem: &str) -> Result<Self, String> {
        CertificateSigningRequestParams::from_pem(pem)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// The key that asks.
    pub fn public_key(&self) -> Vec<u8> {
        use rcgen::PublicKeyData;
        self.0.public_key.der_bytes().to_vec()
    }
}

/// What all our CAs have in common.
fn ca_params(name: &str, now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    name_subject(&mut params, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    set_validity(
        &mut params,
        now - TimeDelta::days(3650),
        now + TimeDelta::days(3650),
    );
    params
}

fn name_subject(params: &mut CertificateParams, common_name: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
}

/// What a certificate of these kinds is in one respect.
fn of<'a>(kinds: &[&'a ServerCertificate], aspect: Aspect) -> &'a ServerCertificate {
    let mut kinds = kinds.iter().copied();
    kinds
        .find(|kind| kind.aspect() == Some(aspect))
        .unwrap_or(&ServerCertificate::Good)
}

fn server_params(
    kinds: &[&ServerCertificate],
    names: &[String],
    now: DateTime<Utc>,
) -> Result<CertificateParams, LabError> {
    let names: Vec<String> = match of(kinds, Aspect::Names) {
        ServerCertificate::WrongName(other) => vec![other.clone()],
        ServerCertificate::NoSan => Vec::new(),
        _ => names.to_vec(),
    };
    let subject = names.first().map_or("nexplane", String::as_str).to_owned();
    let mut params = CertificateParams::new(names)?;
    name_subject(&mut params, &subject);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match of(kinds, Aspect::Purpose) {
        ServerCertificate::ClientPurpose => ExtendedKeyUsagePurpose::ClientAuth,
        _ => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    if *of(kinds, Aspect::Issuer) == ServerCertificate::MissingIntermediate {
        params.custom_extensions.push(issuer_location());
    }
    let day = TimeDelta::days;
    let (from, until) = match of(kinds, Aspect::Validity) {
        ServerCertificate::Expired => (now - day(91), now - day(1)),
        ServerCertificate::NotYetValid => (now + day(1), now + day(91)),
        ServerCertificate::JustIssued => (now - TimeDelta::minutes(1), now + day(90)),
        ServerCertificate::Expiring => (now - day(87), now + day(3)),
        _ => (now - day(1), now + day(397)),
    };
    set_validity(&mut params, from, until);
    Ok(params)
}

/// "The issuer's certificate is at …" (RFC 5280, section 4.2.2.1); nobody fetches it.
fn issuer_location() -> CustomExtension {
    const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    const CA_ISSUERS: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    const URL: &[u8] = b"http://ca.nexplane.test/intermediate.crt";
    let der = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        // Short enough for a length of one byte, all of them.
        let length = u8::try_from(content.len()).unwrap_or(0x7f);
        [&[tag, length], content.as_slice()].concat()
    };
    let description = der(0x30, &[CA_ISSUERS, &der(0x86, &[URL])]);
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, der(0x30, &[&description]))
}

/// The same certificate with another signature's last byte.
fn tampered(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    let mut der = certificate.to_vec();
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
    der.into()
}

fn set_validity(params: &mut CertificateParams, from: DateTime<Utc>, until: DateTime<Utc>) {
    let since_epoch = |time: DateTime<Utc>| {
        std::time::Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
    };
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(until);
}
