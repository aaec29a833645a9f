#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::*;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(ca: &Ca, name: &str) -> CertificateDer<'static> {
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    params
        .signed_by(&KeyPair::generate().unwrap(), ca)
        .unwrap()
        .into()
}

/// What the verifier says of a certificate of this CA's, whom it trusts, for this name.
fn verify(inspected: Inspected, ca: &Ca, names: &str, host: &str) -> Result<(), Error> {
    let verifier = StrictVerifier::new(&[ca.der().clone()], inspected);
    let name = ServerName::try_from(host).unwrap().to_owned();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000));
    let leaf = leaf(ca, names);
    verifier
        .verify_server_cert(&leaf, &[ca.der().clone()], &name, &[], now)
        .map(drop)
}

#[test]
fn a_product_that_inspects_tls_is_refused_however_trusted() {
    let ordinary = ca("Acme Root CA");
    let product = ca("mitmproxy");
    for inspected in [Inspected::Refused, Inspected::Accepted] {
        verify(inspected, &ordinary, "a.corp", "a.corp").unwrap();
    }
    verify(Inspected::Accepted, &product, "a.corp", "a.corp").unwrap();
    let refused = verify(Inspected::Refused, &product, "a.corp", "a.corp").unwrap_err();
    let Error::InvalidCertificate(why) = refused else {
        panic!("{refused:?}");
    };
    let said = refusal(&why);
    assert!(said.starts_with("mitmproxy has made it, as `CN="), "{said}");
    assert!(
        said.ends_with("mitmproxy`: it decrypts TLS, and nothing secret goes through it"),
        "{said}"
    );
}

#[test]
fn names_are_taken_as_the_agent_takes_them() {
    let ca = ca("Acme Root CA");
    for (presented, host, is_for) in [
        ("nexplane.corp", "nexplane.corp", true),
        ("*.corp", "nexplane.corp", true),
        ("*.CORP", "nexplane.corp", true),
        ("*.corp", "a.nexplane.corp", false),
        ("*.nexplane.corp", "nexplane.corp", false),
        ("*.corp", "corp", false),
        ("*.0.0.1", "127.0.0.1", false),
    ] {
        let found = verify(Inspected::Refused, &ca, presented, host);
        assert_eq!(found.is_ok(), is_for, "{presented} {host}");
    }
}

#[test]
fn alerts_are_named_as_the_registry_does() {
    for (alert, name) in [
        (AlertDescription::HandshakeFailure, "handshake_failure"),
        (AlertDescription::UnknownCA, "unknown_ca"),
        (AlertDescription::ProtocolVersion, "protocol_version"),
        (
            AlertDescription::CertificateRequired,
            "certificate_required",
        ),
        (AlertDescription::UnknownPSKIdentity, "unknown_psk_identity"),
        (AlertDescription::BadRecordMac, "bad_record_mac"),
        (AlertDescription::UnrecognisedName, "unrecognized_name"),
        (AlertDescription::Unknown(200), "alert_200"),
    ] {
        assert_eq!(alert_name(alert), name);
    }
}
