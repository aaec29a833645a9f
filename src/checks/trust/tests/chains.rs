//! Chains as they are met in life: crossed, doubled, out of order, very long; and keys of every kind.

use rcgen::{KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

/// A chain of so many intermediates below a root: the root, and what the server sends.
fn deep(count: usize, change: impl Fn(usize, &mut rcgen::CertificateParams)) -> (Authority, Vec<Pem>) {
    let root = Authority::root("Root");
    let mut cas = vec![root.intermediate_with("CA 1", |params| change(1, params))];
    for number in 2..=count {
        let name = format!("CA {number}");
        let next = cas[number - 2].intermediate_with(&name, |params| change(number, params));
        cas.push(next);
    }
    let mut chain = vec![cas[count - 1].server()];
    chain.extend(cas.iter().rev().map(|ca| ca.pem.clone()));
    (root, chain)
}

fn met(chain: &[Pem], anchors: &[&Pem]) -> Scene {
    scene(&chain.iter().collect::<Vec<_>>(), anchors)
}

#[test]
fn cross_signed_intermediates_pass_whichever_root_is_trusted() {
    let (old, new) = (Authority::root("Old Root"), Authority::root("New Root"));
    let crossed = new.cross_signed_by(&old, |_| {});
    let between = new.intermediate("Between");
    let server = between.server();
    for chain in [[&server, &between.pem, &crossed], [&server, &crossed, &between.pem]] {
        for root in [&old, &new] {
            assert_eq!(scene(&chain, &[&root.pem]).codes(), none());
        }
        assert_eq!(scene(&chain, &[&Authority::root("Other").pem]).codes(), ["trust.unknown_authority"]);
    }
    // The same intermediate from two roots, one of them unknown, or with an end that has come.
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = date_time_ymd(2026, 6, 1);
    for other in [between.cross_signed_by(&old, |_| {}), between.cross_signed_by(&old, expired)] {
        for chain in [[&server, &other, &between.pem], [&server, &between.pem, &other]] {
            assert_eq!(scene(&chain, &[&new.pem]).codes(), none());
        }
    }
}

#[test]
fn an_expired_root_that_is_sent_along_with_its_successor_does_not_matter() {
    let old = Authority::root_with("Old Root", |params| params.not_after = date_time_ymd(2026, 6, 1));
    let new = Authority::root("New Root");
    let crossed = new.cross_signed_by(&old, |_| {});
    let chain = [&new.server(), &crossed, &old.pem];
    assert_eq!(scene(&chain, &[&old.pem, &new.pem]).codes(), none());
    assert_eq!(scene(&chain, &[&new.pem]).codes(), none());
    assert_eq!(scene(&chain, &[&old.pem]).codes(), ["trust.expired"]);
}

#[test]
fn doubles_and_the_root_itself_do_not_matter() {
    let root = Authority::root("Root");
    let between = root.intermediate("Between");
    let server = between.server();
    let chain = [&server, &server, &between.pem, &between.pem, &root.pem, &root.pem];
    assert_eq!(scene(&chain, &[&root.pem]).codes(), none());
}

#[test]
fn a_chain_longer_than_the_doctors_library_takes_passes_as_the_agent_takes_it() {
    for count in [6, 7, 12, 28] {
        let (root, chain) = deep(count, |_, _| {});
        assert_eq!(met(&chain, &[&root.pem]).codes(), none(), "{count}");
        let mut shuffled = chain.clone();
        shuffled[1..].reverse();
        assert_eq!(met(&shuffled, &[&root.pem]).codes(), none(), "{count}");
        let other = Authority::root("Other");
        assert_eq!(met(&chain, &[&other.pem]).codes(), ["trust.unknown_authority"], "{count}");
    }
}

#[test]
fn what_is_wrong_in_a_long_chain_is_found_all_the_same() {
    let of = |change: &dyn Fn(usize, &mut rcgen::CertificateParams)| {
        let (root, chain) = deep(9, |number, params| {
            if number == 4 {
                change(number, params);
            }
        });
        let found = met(&chain, &[&root.pem]).judge().0;
        (codes(&found).join(" "), found)
    };
    let bad = "trust.bad_certificate";
    assert_eq!(of(&|_, params| params.is_ca = IsCa::NoCa).0, bad);
    assert_eq!(of(&|_, params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(4))).0, bad);
    assert_eq!(of(&|_, params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(5))).0, "");
    assert_eq!(of(&|_, params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]).0, bad);
    assert_eq!(of(&|_, params| params.key_usages = vec![KeyUsagePurpose::CrlSign]).0, bad);
    assert_eq!(of(&|_, params| params.not_after = date_time_ymd(2026, 6, 1)).0, "trust.expired");
    let (root, mut chain) = deep(9, |_, _| {});
    chain[4] = tampered(&chain[4]);
    assert_eq!(met(&chain, &[&root.pem]).codes(), ["trust.bad_certificate"]);
    // Restrictions of names are left to the library, which does not take the chain: that is not known.
    let (_, found) = of(&|_, params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("corp".into())],
            excluded_subtrees: Vec::new(),
        });
    });
    assert!(matches!(found.decision, Decision::Unknown(_)));
}

#[test]
fn a_server_that_is_marked_as_a_ca_has_to_be_one_for_servers() {
    let root = Authority::root("Root");
    let server = root.server_with(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(scene(&[&server], &[&root.pem]).codes(), ["trust.bad_certificate"]);
}

#[test]
fn a_ca_that_may_not_sign_is_refused_as_the_agent_does() {
    let root = Authority::root("Root");
    let mute = root.intermediate_with("Mute", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    let found = scene(&[&mute.server(), &mute.pem], &[&root.pem]);
    assert!(found.detail().contains("may not sign certificates"));
}

#[test]
fn keys_of_every_kind() {
    let root = Authority::root("Root");
    for (algorithm, words) in [(&PKCS_ECDSA_P384_SHA384, "ECDSA, P-384"), (&PKCS_ED25519, "Ed25519")] {
        let server = root.server_of(algorithm, |_| {});
        let found = scene(&[&server], &[&root.pem]).judge().0;
        assert_eq!(codes(&found), none());
        let key = found.notes.iter().find(|fact| fact.what == "certificate 1: key");
        assert_eq!(key.map(|fact| fact.value.as_str()), Some(words));
        // And one that has signed another.
        let ca = root.intermediate_of(algorithm, "Between");
        assert_eq!(scene(&[&ca.server(), &ca.pem], &[&root.pem]).codes(), none());
    }
}

#[test]
fn addresses_and_names_beyond_ascii() {
    let root = Authority::root("Root");
    for (name, host, matches) in [
        ("xn--bcher-kva.test", "b\u{fc}cher.test", true),
        ("xn--bcher-kva.test", "xn--bcher-kva.test", true),
        ("bcher.test", "b\u{fc}cher.test", false),
        ("*.xn--bcher-kva.test", "nexplane.b\u{fc}cher.test", true),
    ] {
        let names: &'static [&'static str] = Box::leak(Box::new([name]));
        let mut met = scene(&[&root.server_with(for_names(names))], &[&root.pem]);
        met.host = host;
        let expected: &[&str] = if matches { &[] } else { &["trust.name_mismatch"] };
        assert_eq!(met.codes(), expected, "{name} {host}");
    }
    let both = root.server_with(for_names(&["nexplane.corp", "10.0.0.5", "2001:db8::5"]));
    for host in ["nexplane.corp", "10.0.0.5", "[2001:db8::5]", "[2001:db8:0:0::5]"] {
        let mut met = scene(&[&both], &[&root.pem]);
        met.host = host;
        assert_eq!(met.codes(), none(), "{host}");
    }
}

#[test]
fn cas_of_one_name_are_told_apart_by_their_keys() {
    let root = Authority::root("CA");
    let mut cas = vec![root.intermediate("CA")];
    for _ in 1..12 {
        let next = cas[cas.len() - 1].intermediate("CA");
        cas.push(next);
    }
    let mut chain = vec![cas[11].server()];
    chain.extend(cas.iter().rev().map(|ca| ca.pem.clone()));
    assert_eq!(met(&chain, &[&root.pem]).codes(), none());
    // A CA with a new key, of which the old one says so: no root.
    let renewed = root.intermediate("CA");
    let found = scene(&[&renewed.server(), &renewed.pem], &[&Authority::root("Other").pem]);
    assert!(found.detail().starts_with("`CN=CA` was issued by `CN=CA`, which this host does not trust"));
}

#[test]
fn a_proof_of_a_kind_that_the_doctors_library_does_not_know_is_undecided() {
    let root = Authority::root("Root");
    let mut met = scene(&[&root.server()], &[&root.pem]);
    met.key_proven = None;
    assert!(met.undecided());
}

#[test]
fn a_tangle_of_namesakes_ends() {
    // Each may be every other's issuer by its name, and nobody says by which key.
    let nameless = |params: &mut rcgen::CertificateParams| params.use_authority_key_identifier_extension = false;
    let cas: Vec<_> = (0..30).map(|_| Authority::root_with("CA", nameless)).collect();
    let crossed = cas.iter().zip(cas.iter().skip(1).chain(&cas[..1]));
    let mut chain = vec![cas[0].server_with(nameless)];
    chain.extend(crossed.map(|(ca, by)| ca.cross_signed_by(by, nameless)));
    let stranger = Authority::root_with("CA", nameless);
    let found = met(&chain, &[&stranger.pem]).judge().0;
    assert_eq!(codes(&found), ["trust.bad_certificate"]);
    assert!(found.findings[0].detail.contains("too tangled"));
}
