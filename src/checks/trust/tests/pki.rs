//! Certificates made for tests, with explicit dates.

use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SignatureAlgorithm, date_time_ymd,
};

use crate::host::Pem;

/// Moments of the tests' world: everything is issued in 2026 and ends in 2027, and this is its now.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-23T20:50:00Z".parse().unwrap()
}

pub(super) const HOST: &str = "nexplane.corp";

/// A CA.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub(super) pem: Pem,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 12, 31);
    params.use_authority_key_identifier_extension = true;
    params
}

impl Authority {
    pub(super) fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    pub(super) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let pem = Pem(params.self_signed(&key).unwrap().pem());
        Self { params, key, pem }
    }

    pub(super) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| {})
    }

    pub(super) fn intermediate_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let pem = self.sign(&params, &key);
        Self { params, key, pem }
    }

    /// A CA with a key of this kind.
    pub(super) fn intermediate_of(&self, algorithm: &'static SignatureAlgorithm, name: &str) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = self.sign(&params, &key);
        Self { params, key, pem }
    }

    /// The same CA, with the same key, as another root has signed it.
    pub(super) fn cross_signed_by(&self, other: &Self, change: impl FnOnce(&mut CertificateParams)) -> Pem {
        let mut params = self.params.clone();
        change(&mut params);
        other.sign(&params, &self.key)
    }

    /// A certificate for the control plane.
    pub(super) fn server(&self) -> Pem {
        self.server_with(|_| {})
    }

    pub(super) fn server_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Pem {
        self.sign(&server(change), &KeyPair::generate().unwrap())
    }

    /// A certificate for the control plane with a key of this kind.
    pub(super) fn server_of(
        &self,
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pem {
        self.sign(&server(change), &KeyPair::generate_for(algorithm).unwrap())
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Pem {
        let issuer = Issuer::from_params(&self.params, &self.key);
        Pem(params.signed_by(key, &issuer).unwrap().pem())
    }
}

fn server(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = named(HOST);
    params.subject_alt_names = vec![rcgen::SanType::DnsName(HOST.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    change(&mut params);
    params
}

/// A server's certificate that nobody else signed.
pub(super) fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Pem {
    let key = KeyPair::generate().unwrap();
    Pem(server(change).self_signed(&key).unwrap().pem())
}

/// Sets the names that the certificate is for.
pub(super) fn for_names(names: &'static [&'static str]) -> impl FnOnce(&mut CertificateParams) {
    |params| {
        params.subject_alt_names = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .unwrap()
            .subject_alt_names;
    }
}

/// Says where the issuer's certificate can be fetched (authority information access).
pub(super) fn with_aia(params: &mut CertificateParams) {
    let url = b"http://ca.test/i.crt";
    let mut uri = vec![0x86, url.len() as u8];
    uri.extend_from_slice(url);
    let mut access = vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    access.append(&mut uri);
    let mut content = vec![0x30, access.len() as u8 + 2, 0x30, access.len() as u8];
    content.append(&mut access);
    let aia = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content);
    params.custom_extensions.push(aia);
}

/// The same certificate with the last byte of its signature changed.
pub(super) fn tampered(pem: &Pem) -> Pem {
    use base64::Engine as _;
    use rustls::pki_types::pem::PemObject;
    let mut der = rustls::pki_types::CertificateDer::from_pem_slice(pem.0.as_bytes()).unwrap().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    Pem(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"))
}
