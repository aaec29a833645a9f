#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{
    CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};

use super::source::Written;
use super::*;

fn written() -> Vec<Written> {
    serde_yaml::from_str(include_str!("products.yaml")).unwrap()
}

/// A name as it is written in the lists: `CN=Example CA, O=Example\, Inc.`.
fn distinguished(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for part in text.replace("\\, ", "\u{1}").split(", ") {
        let (kind, value) = part.split_once('=').unwrap();
        let value = value.replace('\u{1}', ", ");
        let kind = match kind {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "L" => DnType::LocalityName,
            "E" => DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]),
            _ => continue,
        };
        name.push(kind, value);
    }
    name
}

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

fn ca(name: &str) -> Ca {
    CertifiedIssuer::self_signed(ca_params(name), KeyPair::generate().unwrap()).unwrap()
}

fn below(name: &str, issuer: &Ca) -> Ca {
    CertifiedIssuer::signed_by(ca_params(name), KeyPair::generate().unwrap(), issuer).unwrap()
}

fn server(name: &str, host: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
    params
}

fn leaf(issuer: &Ca) -> CertificateDer<'static> {
    let params = server("CN=nexplane.corp", "nexplane.corp");
    params
        .signed_by(&KeyPair::generate().unwrap(), issuer)
        .unwrap()
        .into()
}

fn name_of(leaf: &CertificateDer<'_>, sent: &[CertificateDer<'_>]) -> Option<&'static str> {
    made_by(leaf, sent).map(|maker| maker.product.name)
}

#[test]
fn every_example_is_its_product_and_no_counter_example_is_one() {
    for product in written() {
        assert!(!product.examples.is_empty(), "{}", product.product);
        for example in &product.examples {
            let found = name_of(&leaf(&ca(example)), &[]);
            assert_eq!(found, Some(product.product.as_str()), "{example}");
        }
        for example in &product.counter_examples {
            assert_eq!(name_of(&leaf(&ca(example)), &[]), None, "{example}");
        }
    }
}

#[test]
fn phrases_are_written_as_they_are_compared() {
    for product in PRODUCTS.iter() {
        assert!(!product.contains.is_empty(), "{}", product.name);
        let phrases = product
            .contains
            .iter()
            .chain(product.is)
            .chain(product.begins);
        for phrase in phrases {
            // Words as they are compared: else the phrase could match nothing.
            assert_eq!(Words::of(phrase).0.trim(), *phrase, "{}", product.name);
        }
    }
}

#[test]
fn no_ordinary_ca_is_a_product() {
    let names = include_str!("ordinary.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let mut read = 0;
    for name in names {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(ca_params(name), key).unwrap();
        assert_eq!(name_of(&leaf(&issuer), &[]), None, "{name}");
        read += 1;
    }
    assert!(read > 100);
}

#[test]
fn a_product_anywhere_above_the_certificate_made_it() {
    let root = ca("CN=Zscaler Root CA, O=Zscaler Inc.");
    let between = below("CN=Acme Proxy 3, O=Acme", &root);
    let leaf = leaf(&between);
    assert_eq!(name_of(&leaf, &[]), None);
    let maker = made_by(&leaf, &[between.der().clone()]).unwrap();
    assert_eq!(maker.product.name, "Zscaler");
    assert_eq!(maker.ca, "CN=Zscaler Root CA, O=Zscaler Inc.");
}

#[test]
fn what_is_only_sent_along_made_nothing() {
    let (ours, stranger) = (ca("CN=Acme Root"), ca("CN=mitmproxy, O=mitmproxy"));
    assert_eq!(name_of(&leaf(&ours), &[stranger.der().clone()]), None);
    assert_eq!(
        name_of(&leaf(&ours), &[ours.der().clone(), stranger.der().clone()]),
        None
    );
}

#[test]
fn a_server_that_is_called_after_a_product_is_none() {
    let signed_itself = |name: &str, host: &str| -> CertificateDer<'static> {
        server(name, host)
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .into()
    };
    for (name, host) in [
        ("CN=mitmproxy.corp", "mitmproxy.corp"),
        ("CN=zscaler.corp", "other.corp"),
        ("CN=squid", "squid"),
    ] {
        assert_eq!(name_of(&signed_itself(name, host), &[]), None, "{name}");
    }
    // A block page of the product's own.
    let own = signed_itself("CN=FortiGate, O=Fortinet Ltd.", "nexplane.corp");
    assert_eq!(name_of(&own, &[]), Some("FortiGate (Fortinet)"));
    let ours = ca("CN=Acme Root");
    let leaf = server("CN=squid ca.corp", "squid.corp");
    let leaf = leaf
        .signed_by(&KeyPair::generate().unwrap(), &ours)
        .unwrap();
    assert_eq!(name_of(leaf.der(), &[]), None);
}

#[test]
fn every_string_type_of_a_name_is_read() {
    let bmp: Vec<u8> = "mitmproxy"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(text(&bmp), "mitmproxy");
    assert_eq!(text("Zsc\u{e4}ler".as_bytes()), "Zsc\u{e4}ler");
    assert_eq!(Words::of("Fortinet_CA--SSL.").0, " fortinet ca ssl ");
}

#[test]
fn circles_and_rubbish_are_survived() {
    let (one, two) = (ca("CN=One"), ca("CN=Two"));
    let circle = [
        below("CN=One", &two).der().clone(),
        below("CN=Two", &one).der().clone(),
    ];
    assert_eq!(name_of(&leaf(&one), &circle), None);
    assert_eq!(
        name_of(&CertificateDer::from(vec![0x30, 0x82]), &circle),
        None
    );
    assert_eq!(
        name_of(&leaf(&one), &[CertificateDer::from(vec![1, 2, 3])]),
        None
    );
}
