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

const NOW: u64 = 1_700_000_000;

fn below(name: &str, issuer: &Ca) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

fn accepts(roots: &[&Ca], leaf: &CertificateDer<'_>, sent: &[&Ca], now: u64) -> bool {
    let roots: Vec<_> = roots.iter().map(|ca| ca.der().clone()).collect();
    let sent: Vec<_> = sent.iter().map(|ca| ca.der().clone()).collect();
    let name = ServerName::try_from("a.corp").unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
    let verifier = StrictVerifier::new(&roots, Inspected::Refused);
    verifier
        .verify_server_cert(leaf, &sent, &name, &[], now)
        .is_ok()
}

#[test]
fn a_server_that_is_marked_as_a_ca_is_accepted_as_the_agent_does() {
    let (root, other) = (ca("Root"), ca("Other"));
    let marked = |change: fn(&mut CertificateParams)| -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["a.corp".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params
            .signed_by(&KeyPair::generate().unwrap(), &root)
            .unwrap()
            .into()
    };
    let good = marked(|_| {});
    assert!(accepts(&[&root], &good, &[], NOW));
    assert!(!accepts(&[&other], &good, &[&root], NOW));
    // Its end is an end.
    let ended = marked(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert!(!accepts(&[&root], &ended, &[], NOW));
    let for_clients = marked(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert!(!accepts(&[&root], &for_clients, &[], NOW));
    // Signed by nobody who is trusted, whatever it says.
    let mut forged = good.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!accepts(&[&root], &CertificateDer::from(forged), &[], NOW));
}

#[test]
fn a_chain_longer_than_the_library_takes_is_accepted_as_the_agent_does() {
    let root = ca("Root");
    let mut cas = vec![below("CA 0", &root)];
    for number in 1..9 {
        let next = below(&format!("CA {number}"), &cas[number - 1]);
        cas.push(next);
    }
    let leaf = leaf(&cas[8], "a.corp");
    let sent: Vec<&Ca> = cas.iter().rev().collect();
    assert!(accepts(&[&root], &leaf, &sent, NOW));
    assert!(!accepts(&[&root], &leaf, &sent[..7], NOW));
    assert!(!accepts(&[&ca("Root")], &leaf, &sent, NOW));
}

#[test]
fn a_ca_with_a_short_key_is_accepted_as_the_agent_does() {
    use rustls::pki_types::pem::PemObject;
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let root = read(include_str!("../checks/trust/testdata/rsa-1024-ca.crt"));
    let leaf = read(include_str!("../checks/trust/testdata/below-rsa-1024.crt"));
    let name = ServerName::try_from("nexplane.corp").unwrap();
    let verifier = StrictVerifier::new(&[root], Inspected::Refused);
    let accepts = |leaf: &CertificateDer<'_>, now: u64| {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        verifier
            .verify_server_cert(leaf, &[], &name, &[], now)
            .is_ok()
    };
    assert!(accepts(&leaf, 1_800_000_000));
    assert!(!accepts(&leaf, NOW), "it has not begun");
    let mut forged = leaf.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!accepts(&CertificateDer::from(forged), 1_800_000_000));
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
