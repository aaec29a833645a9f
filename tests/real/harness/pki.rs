//! Certificates for the foreign servers and the agent: one root, one intermediate, leaves of every kind of wrongness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, SignatureAlgorithm,
    date_time_ymd,
};

use super::{AGENT_ID, NAME};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A root and an intermediate that no system trusts.
pub(crate) struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    /// Makes new keys and certificates, valid for years around today.
    pub(crate) fn new() -> Self {
        Self::called("Lab Root")
    }

    /// The same with another name for the root.
    pub(crate) fn called(name: &str) -> Self {
        let root = CertifiedIssuer::self_signed(authority(name), key()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(authority("Lab Intermediate"), key(), &root).unwrap();
        Self { root, intermediate }
    }

    /// The root, in PEM: what an agent that trusts this PKI has as its `ca_cert`.
    pub(crate) fn root(&self) -> String {
        self.root.pem()
    }

    /// The intermediate with its key, for tools that sign themselves.
    pub(crate) fn intermediate(&self) -> Leaf {
        Leaf {
            chain: self.intermediate.pem(),
            key: self.intermediate.key().serialize_pem(),
        }
    }

    /// A leaf that has nothing wrong with it, unless told otherwise.
    pub(crate) fn leaf(&self) -> LeafOrder<'_> {
        let mut order = LeafOrder::new(Some(&self.intermediate));
        order.sends = self.intermediate.pem();
        order
    }

    /// The agent's client certificate, signed by the root itself, unless told otherwise.
    pub(crate) fn client(&self) -> LeafOrder<'_> {
        let mut order = LeafOrder::new(Some(&self.root)).names(&[]).for_clients();
        let subject = &mut order.params.distinguished_name;
        subject.push(DnType::CommonName, AGENT_ID);
        order
    }
}

/// A certificate with its key, in PEM, as a server or an agent loads them.
#[derive(Clone)]
pub(crate) struct Leaf {
    /// The certificate, then whatever of its issuers the server sends.
    pub(crate) chain: String,
    /// The private key.
    pub(crate) key: String,
}

impl Leaf {
    /// A CA of this name, with its key.
    pub(crate) fn authority(name: &str) -> Self {
        let key = key();
        Self {
            chain: authority(name).self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate that signs itself, as `openssl req -x509` makes one.
    pub(crate) fn self_signed() -> Self {
        LeafOrder::new(None).make()
    }
}

/// A CA that stands for itself, for chains of any shape.
pub(crate) struct Authority {
    name: &'static str,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A root.
    pub(crate) fn root(name: &'static str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(name), key()).unwrap();
        Self { name, issuer }
    }

    /// A root whose end came yesterday.
    pub(crate) fn expired_root(name: &'static str) -> Self {
        let mut params = authority(name);
        limit(&mut params, ago(365 * DAY), ago(DAY));
        let issuer = CertifiedIssuer::self_signed(params, key()).unwrap();
        Self { name, issuer }
    }

    /// A CA below this one.
    pub(crate) fn below(&self, name: &'static str) -> Self {
        let issuer = CertifiedIssuer::signed_by(authority(name), key(), &self.issuer).unwrap();
        Self { name, issuer }
    }

    /// Its certificate, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The certificate that another CA has made of its name and key.
    pub(crate) fn crossed_by(&self, other: &Self) -> String {
        let params = authority(self.name);
        let signed = params.signed_by(self.issuer.key(), &other.issuer);
        signed.unwrap().pem()
    }

    /// A leaf that has nothing wrong with it, sent with these certificates after it.
    pub(crate) fn leaf(&self, sends: &[&str]) -> LeafOrder<'_> {
        let mut order = LeafOrder::new(Some(&self.issuer));
        order.sends = sends.concat();
        order
    }
}

/// What a leaf shall be like.
pub(crate) struct LeafOrder<'a> {
    issuer: Option<&'a CertifiedIssuer<'static, KeyPair>>,
    /// What a server sends after the certificate, in PEM.
    sends: String,
    params: CertificateParams,
    key: KeyPair,
    /// Sent twice in a row.
    twice: bool,
}

impl<'a> LeafOrder<'a> {
    fn new(issuer: Option<&'a CertifiedIssuer<'static, KeyPair>>) -> Self {
        let mut params = CertificateParams::default();
        params.use_authority_key_identifier_extension = issuer.is_some();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let order = Self {
            issuer,
            sends: String::new(),
            params,
            key: key(),
            twice: false,
        };
        order.names(&[NAME]).valid(ago(30 * DAY), ahead(365 * DAY))
    }

    /// Only for these names; the first is the subject's, too.
    pub(crate) fn names(mut self, names: &[&str]) -> Self {
        self.params.distinguished_name = DistinguishedName::new();
        if let Some(first) = names.first() {
            let subject = &mut self.params.distinguished_name;
            subject.push(DnType::CommonName, *first);
        }
        self.params.subject_alt_names = names
            .iter()
            .map(|name| SanType::DnsName((*name).try_into().unwrap()))
            .collect();
        self
    }

    /// Only in this time.
    pub(crate) fn valid(mut self, from: SystemTime, to: SystemTime) -> Self {
        limit(&mut self.params, from, to);
        self
    }

    /// Only for clients, not for servers.
    pub(crate) fn for_clients(mut self) -> Self {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    /// Sent without the intermediate, which it says where to fetch.
    pub(crate) fn without_intermediate(mut self) -> Self {
        self.sends.clear();
        self.params
            .custom_extensions
            .push(ca_issuers("http://ca.nexplane.test/int.crt"));
        self
    }

    /// For this address too.
    pub(crate) fn and_address(mut self, address: &str) -> Self {
        let address = SanType::IpAddress(address.parse().unwrap());
        self.params.subject_alt_names.push(address);
        self
    }

    /// With a key of this kind.
    pub(crate) fn keyed(mut self, algorithm: &'static SignatureAlgorithm) -> Self {
        self.key = KeyPair::generate_for(algorithm).unwrap();
        self
    }

    /// Sent twice in a row.
    pub(crate) fn twice(mut self) -> Self {
        self.twice = true;
        self
    }

    /// Makes it.
    pub(crate) fn make(self) -> Leaf {
        let key = self.key;
        let certificate = match self.issuer {
            None => self.params.self_signed(&key).unwrap(),
            Some(issuer) => self.params.signed_by(&key, issuer).unwrap(),
        };
        Leaf {
            chain: certificate.pem().repeat(1 + usize::from(self.twice)) + &self.sends,
            key: key.serialize_pem(),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let order = LeafOrder::new(None).names(&[]);
    let mut params = order.valid(ago(365 * DAY), ahead(3650 * DAY)).params;
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages.clear();
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params
}

fn limit(params: &mut CertificateParams, from: SystemTime, to: SystemTime) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + from.duration_since(UNIX_EPOCH).unwrap();
    params.not_after = epoch + to.duration_since(UNIX_EPOCH).unwrap();
}

/// The extension that names where an issuer's certificate can be fetched (RFC 5280, 4.2.2.1), with one short URL.
fn ca_issuers(url: &str) -> CustomExtension {
    let tagged = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128, "only the short form of a length is written");
        [&[tag, length], content].concat()
    };
    let method = tagged(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 2]);
    let location = tagged(0x86, url.as_bytes());
    let description = tagged(0x30, &[method, location].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tagged(0x30, &description))
}

/// So long before now.
pub(crate) fn ago(duration: Duration) -> SystemTime {
    SystemTime::now() - duration
}

/// So long after now.
pub(crate) fn ahead(duration: Duration) -> SystemTime {
    SystemTime::now() + duration
}
