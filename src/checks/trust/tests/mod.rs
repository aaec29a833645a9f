#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chains;
mod intercepted;
mod own;
mod picture;
mod pki;
mod weak;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::TimeDelta;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, date_time_ymd};

use self::pki::{Authority, HOST, for_names, now, self_signed, tampered, with_aia};
use super::*;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::host::{Ending, Unseen};
use crate::model::Target;

const CA_PATH: &str = "/etc/nexplane-agent/ca.crt";
const OWN_CA_PATH: &str = "/etc/nexplane-agent/own.crt";

/// A host and the peer that it met.
struct Scene {
    host: &'static str,
    chain: Vec<Pem>,
    system: Seen<Vec<Pem>>,
    ca_file: Option<Seen<String>>,
    /// What the configuration names, where `ca_file` comes from a flag; nothing in it: it names none.
    own: Option<Option<Seen<String>>>,
    client: String,
    insecure: bool,
    key_proven: Option<bool>,
    /// The host's clock.
    now: DateTime<Utc>,
    /// The true time minus it, in seconds, if an answer told it.
    offset: Option<i64>,
}

/// A peer with this chain before a host that trusts these.
fn scene(chain: &[&Pem], system: &[&Pem]) -> Scene {
    Scene {
        host: HOST,
        chain: chain.iter().map(|pem| (*pem).clone()).collect(),
        system: Ok(system.iter().map(|pem| (*pem).clone()).collect()),
        ca_file: None,
        own: None,
        client: String::new(),
        insecure: false,
        key_proven: Some(true),
        now: now(),
        offset: Some(0),
    }
}

impl Scene {
    fn judge(self) -> (Judgement, Facts) {
        let handshake = Handshake {
            ending: Ending::Complete,
            version: None,
            cipher_suite: None,
            chain: self.chain,
            key_proven: self.key_proven,
            client_certificate_requested: false,
            received: 1,
            first_bytes: String::new(),
            duration_ms: 1.0,
            details: crate::host::Details::default(),
        };
        let question = anchors_question(&Environment::empty(), Some(&handshake));
        let anchors = self.system.map(|matching| Anchors {
            source: "/etc/ssl/certs".into(),
            total: matching.len(),
            matching,
        });
        let content = |text: String| Content {
            text,
            invalid_utf8_at: None,
        };
        let ca_path = match self.own {
            Some(_) => HostPath::caller(CA_PATH),
            None => HostPath::host(CA_PATH),
        };
        let told = config::Told {
            control_plane: crate::contract::url::ControlPlane::parse(&format!("https://{}:8000", self.host)).ok(),
            ca_cert: self.ca_file.as_ref().map(|_| ca_path.clone()),
            own_ca: self.own.as_ref().map(|own| match own {
                Some(_) => config::OwnCa::File(HostPath::host(OWN_CA_PATH)),
                None => config::OwnCa::Unset,
            }),
            insecure: self.insecure,
            cert: HostPath::host("/etc/nexplane-agent/client.crt"),
            key: HostPath::host("/etc/nexplane-agent/client.key"),
            path: HostPath::host("/etc/nexplane-agent/config.yaml"),
            proxy: None,
        };
        let client: Seen<Content> = Ok(content(self.client));
        let mut recording = Recording::default()
            .target(Target::unspecified(Duration::from_secs(5)))
            .answer("anchors", question, anchors)
            .answer("now", (), self.now)
            .answer("read", ReadQuestion::new(told.cert.clone()), client)
            .fact(told)
            .fact(tls::Peer {
                handshake,
                address: SocketAddr::new(IpAddr::from([10, 0, 0, 5]), 8000),
            });
        if let Some(file) = self.ca_file {
            recording = recording.answer("read", ReadQuestion::new(ca_path), file.map(content));
        }
        if let Some(Some(own)) = self.own {
            let question = ReadQuestion::new(HostPath::host(OWN_CA_PATH));
            recording = recording.answer("read", question, own.map(content));
        }
        if let Some(seconds) = self.offset {
            recording = recording.fact(clock::Offset {
                low: TimeDelta::seconds(seconds),
                high: TimeDelta::seconds(seconds + 1),
            });
        }
        recording.judge(&Probe)
    }

    /// The codes that are found, and nothing undecided.
    fn codes(self) -> Vec<String> {
        let (judgement, facts) = self.judge();
        assert_eq!(judgement.decision, Decision::Decided);
        let accepted = facts.get::<Verdict>().map(|it| it.accepted);
        let wrong = judgement.findings.iter().any(|finding| finding.code != WEAK);
        assert_eq!(accepted, Some(!wrong));
        codes(&judgement).into_iter().map(str::to_owned).collect()
    }

    fn detail(self) -> String {
        self.judge().0.findings[0].detail.clone()
    }

    fn undecided(self) -> bool {
        let (judgement, facts) = self.judge();
        assert_eq!(judgement.findings, []);
        assert!(facts.get::<Verdict>().is_some_and(|it| !it.accepted));
        matches!(judgement.decision, Decision::Unknown(_))
    }
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_chain_of_a_trusted_ca_is_fine() {
    let root = Authority::root("Root");
    let between = root.intermediate("Between");
    let server = between.server();
    assert_eq!(scene(&[&server, &between.pem], &[&root.pem]).codes(), none());
    assert_eq!(scene(&[&root.server()], &[&root.pem]).codes(), none());
}

#[test]
fn order_and_company_do_not_matter() {
    let root = Authority::root("Root");
    let (one, stranger) = (root.intermediate("One"), Authority::root("Stranger"));
    let two = one.intermediate("Two");
    let server = two.server();
    let chain = [&server, &root.pem, &stranger.pem, &one.pem, &two.pem, &one.pem];
    assert_eq!(scene(&chain, &[&root.pem]).codes(), none());
    let untrusted = scene(&chain, &[&stranger.pem]);
    assert_eq!(untrusted.codes(), ["trust.unknown_authority"]);
}

#[test]
fn the_configured_file_is_trusted_too() {
    let root = Authority::root("Private");
    let server = root.server();
    let mut with_file = scene(&[&server], &[]);
    with_file.ca_file = Some(Ok(root.pem.0.clone()));
    assert_eq!(with_file.codes(), none());
    // An intermediate in it is an anchor as well.
    let between = root.intermediate("Between");
    let mut with_file = scene(&[&between.server()], &[]);
    with_file.ca_file = Some(Ok(between.pem.0.clone()));
    assert_eq!(with_file.codes(), none());
}

#[test]
fn a_leaf_that_is_an_anchor_is_trusted_after_name_and_time() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let leaf = self_signed(|params| params.is_ca = is_ca);
        let mut pinned = scene(&[&leaf], &[]);
        pinned.ca_file = Some(Ok(leaf.0.clone()));
        assert_eq!(pinned.codes(), none());
        let mut elsewhere = scene(&[&leaf], &[]);
        elsewhere.ca_file = Some(Ok(leaf.0.clone()));
        elsewhere.host = "other.corp";
        assert_eq!(elsewhere.codes(), ["trust.name_mismatch"]);
    }
}

#[test]
fn a_server_that_is_marked_as_a_ca_is_accepted_as_the_agent_does() {
    let root = Authority::root("Root");
    let server = root.server_with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(scene(&[&server], &[&root.pem]).codes(), none());
}

#[test]
fn a_certificate_that_signed_itself() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let leaf = self_signed(|params| params.is_ca = is_ca);
        assert_eq!(scene(&[&leaf], &[]).codes(), ["trust.self_signed"]);
    }
    let (old, new) = (self_signed(|_| {}), self_signed(|_| {}));
    let mut renewed = scene(&[&new], &[]);
    renewed.ca_file = Some(Ok(format!("{}{}", Authority::root("Other").pem.0, old.0)));
    let found = renewed.judge().0;
    assert_eq!(codes(&found), ["trust.self_signed"]);
    assert!(found.findings[0].detail.contains("fingerprint is "));
}

#[test]
fn an_unknown_ca() {
    let root = Authority::root("Private");
    let other = Authority::root("Public");
    let server = root.server();
    let found = scene(&[&server], &[&other.pem]).judge().0;
    assert_eq!(codes(&found), ["trust.unknown_authority"]);
    assert_eq!(found.findings[0].values[&Placeholder::Issuer], "CN=Private");
    let sent = scene(&[&server, &root.pem], &[&other.pem]);
    assert!(sent.detail().starts_with("The chain ends at `CN=Private`, which the server sends along"));
}

#[test]
fn a_ca_made_anew_under_its_name_is_another() {
    for with_ids in [true, false] {
        let change = |params: &mut rcgen::CertificateParams| {
            params.use_authority_key_identifier_extension = with_ids;
        };
        let (old, new) = (Authority::root_with("Private", change), Authority::root_with("Private", change));
        let mut stale = scene(&[&new.server_with(change)], &[]);
        stale.ca_file = Some(Ok(old.pem.0));
        let found = stale.judge().0;
        assert_eq!(codes(&found), ["trust.unknown_authority"]);
        assert!(found.findings[0].detail.contains("made anew"));
    }
}

#[test]
fn an_intermediate_that_is_not_sent() {
    let root = Authority::root("Root");
    let between = root.intermediate("Between");
    let fetchable = between.server_with(with_aia);
    let found = scene(&[&fetchable], &[&root.pem]).judge().0;
    assert_eq!(codes(&found), ["trust.missing_intermediate"]);
    assert!(found.findings[0].detail.contains("http://ca.test/i.crt"));
    let server = between.server();
    assert_eq!(scene(&[&server], &[&root.pem]).codes(), ["trust.unknown_authority"]);
    let mut lying_here = scene(&[&server], &[&root.pem]);
    lying_here.client = format!("{}{}", root.server().0, between.pem.0);
    assert_eq!(lying_here.codes(), ["trust.missing_intermediate"]);
    // A host that trusts nobody cannot tell a missing link from a strange root.
    assert_eq!(scene(&[&fetchable], &[]).codes(), ["trust.unknown_authority"]);
}

#[test]
fn a_private_root_beside_the_client_certificate_is_no_intermediate() {
    let (root, other) = (Authority::root("Private"), Authority::root("Public"));
    let mut enrolled = scene(&[&root.server()], &[&other.pem]);
    enrolled.client = root.pem.0.clone();
    assert_eq!(enrolled.codes(), ["trust.unknown_authority"]);
}

#[test]
fn a_useless_ca_file_comes_before_every_other_reason() {
    let root = Authority::root("Private");
    let server = root.server();
    let key = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
    for (content, part) in [
        (Err(Unseen::Absent), "is not there"),
        (Err(Unseen::failed("it is a directory")), "cannot be read"),
        (Ok(String::new()), "is empty"),
        (Ok("hello".into()), "holds no certificate in PEM"),
        (Ok(key.into()), "holds a private key"),
        (Ok(root.server().0), "holds no certificate of a CA"),
        (Ok("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".into()), "cannot be used"),
        (Ok("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".into()), "ca_cert names"),
    ] {
        let mut broken = scene(&[&server], &[]);
        broken.ca_file = Some(content);
        let found = broken.judge().0;
        assert_eq!(codes(&found), ["trust.ca_file"], "{part}");
        assert!(found.findings[0].detail.contains(part), "{}", found.findings[0].detail);
        assert_eq!(found.findings[0].values[&Placeholder::CaCert], CA_PATH);
    }
    // Also where the system would trust the chain: the agent does not start with such a file.
    let mut needless = scene(&[&server], &[&root.pem]);
    needless.ca_file = Some(Err(Unseen::Absent));
    assert_eq!(needless.codes(), ["trust.ca_file"]);
}

#[test]
fn what_the_doctor_may_not_see_is_undecided() {
    let root = Authority::root("Private");
    let server = root.server();
    let mut denied = scene(&[&server], &[]);
    denied.ca_file = Some(Err(Unseen::Denied));
    assert!(denied.undecided());
    let mut storeless = scene(&[&server], &[]);
    storeless.system = Err(Unseen::Denied);
    assert!(storeless.undecided());
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    assert!(matches!(scene(&[], &[]).judge().0.decision, Decision::Unknown(_)));
}

#[test]
fn what_is_wrong_in_itself_is_a_bad_certificate() {
    let root = Authority::root("Root");
    let narrow = root.intermediate_with("Narrow", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".into())],
            excluded_subtrees: Vec::new(),
        });
    });
    let short = root.intermediate_with("Short", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let deep = short.intermediate("Deep");
    let no_ca = root.intermediate_with("No CA", |params| params.is_ca = IsCa::NoCa);
    let client = root.server_with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let server = root.server();
    for (chain, part) in [
        (vec![narrow.server(), narrow.pem], "name constraints"),
        (vec![deep.server(), deep.pem, short.pem], "path length"),
        (vec![no_ca.server(), no_ca.pem], "no CA's issued another"),
        (vec![client], "serverAuth"),
        (vec![tampered(&server)], "does not verify"),
    ] {
        let chain: Vec<_> = chain.iter().collect();
        let found = scene(&chain, &[&root.pem]).judge().0;
        assert_eq!(codes(&found), ["trust.bad_certificate"], "{part}");
        assert!(found.findings[0].detail.contains(part), "{}", found.findings[0].detail);
    }
}

fn recorded(text: &str) -> Pem {
    Pem(text.into())
}

#[test]
fn old_cryptography() {
    let ca = recorded(include_str!("../testdata/old-ca.crt"));
    let met = |text: &str| {
        let mut met = scene(&[&recorded(text)], &[&ca]);
        met.now = now() + TimeDelta::days(30);
        met
    };
    let found = met(include_str!("../testdata/sha1.crt")).judge().0;
    assert_eq!(codes(&found), ["trust.bad_certificate"]);
    assert!(found.findings[0].detail.contains("SHA-1"));
    let version_1 = met(include_str!("../testdata/version-1.crt"));
    assert_eq!(
        version_1.codes(),
        ["trust.bad_certificate", "trust.name_mismatch"]
    );
    // The doctor's library cannot verify a handshake with such a key, and the agent's can.
    let mut unproven = met(include_str!("../testdata/rsa-1024.crt"));
    unproven.key_proven = Some(false);
    let (judgement, facts) = unproven.judge();
    assert_eq!(codes(&judgement), ["trust.weak"]);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    assert!(facts.get::<Verdict>().is_some_and(|it| !it.accepted));
}

#[test]
fn a_chain_that_is_only_replayed() {
    let root = Authority::root("Root");
    let mut replayed = scene(&[&root.server()], &[&root.pem]);
    replayed.key_proven = Some(false);
    let found = replayed.judge().0;
    assert_eq!(codes(&found), ["trust.bad_certificate"]);
    assert!(found.findings[0].detail.contains("did not prove"));
}

#[test]
fn names_are_those_of_the_san_alone() {
    let root = Authority::root("Root");
    for (names, host, matches) in [
        (&["nexplane.corp"][..], "nexplane.corp", true),
        (&["NEXPLANE.corp"], "nexplane.corp", true),
        (&["*.corp"], "nexplane.corp", true),
        (&["*.corp"], "a.nexplane.corp", false),
        (&["corp"], "nexplane.corp", false),
        (&["10.0.0.5"], "10.0.0.5", true),
        (&["nexplane.corp"], "10.0.0.5", false),
        (&["2001:db8::5"], "[2001:db8::5]", true),
        (&["nexplane.corp"], "nexplane.corp.", true),
    ] {
        let mut met = scene(&[&root.server_with(for_names(names))], &[&root.pem]);
        met.host = host;
        let expected: &[&str] = if matches { &[] } else { &["trust.name_mismatch"] };
        assert_eq!(met.codes(), expected, "{names:?} {host}");
    }
    let other = scene(&[&root.server_with(for_names(&["a.test", "10.0.0.9"]))], &[&root.pem]);
    assert_eq!(other.detail(), "The certificate is not for `nexplane.corp`; it names a.test, 10.0.0.9.");
    let nameless = scene(&[&root.server_with(for_names(&[]))], &[&root.pem]);
    assert!(nameless.detail().contains("has no subject alternative names"));
}

/// How the only finding of a scene may be explained.
fn explained(scene: Scene) -> (Vec<String>, Explained) {
    let found = scene.judge().0;
    let how = found.findings[0].explained.clone();
    (codes(&found).into_iter().map(str::to_owned).collect(), how)
}

#[test]
fn by_the_true_time_a_certificate_is_its_own_cause() {
    let root = Authority::root("Root");
    let old = root.server_with(|params| params.not_after = date_time_ymd(2026, 10, 1));
    let early = root.server_with(|params| params.not_before = date_time_ymd(2027, 2, 1));
    for (server, code) in [(&old, "trust.expired"), (&early, "trust.not_yet_valid")] {
        let (found, how) = explained(scene(&[server], &[&root.pem]));
        assert_eq!(found, [code]);
        assert_eq!(how, Explained::NotBy(vec![CLOCK_SKEW]));
    }
    // Also where the host's clock, being wrong itself, sees nothing of it.
    let mut behind = scene(&[&old], &[&root.pem]);
    behind.now = now() - TimeDelta::days(100);
    behind.offset = Some(100 * 86_400);
    let found = behind.judge().0;
    assert_eq!(codes(&found), ["trust.expired"]);
    assert_eq!(found.findings[0].explained, Explained::NotBy(vec![CLOCK_SKEW]));
    assert!(found.findings[0].detail.contains("does not see that"), "{}", found.findings[0].detail);
}

#[test]
fn what_has_ended_by_the_true_time_and_not_begun_by_the_hosts_clock_is_both() {
    let root = Authority::root("Root");
    let old = root.server_with(|params| {
        params.not_before = date_time_ymd(2026, 8, 1);
        params.not_after = date_time_ymd(2026, 10, 1);
    });
    let mut behind = scene(&[&old], &[&root.pem]);
    behind.now = now() - TimeDelta::days(150);
    behind.offset = Some(150 * 86_400);
    let found = behind.judge().0;
    assert_eq!(codes(&found), ["trust.expired", "trust.not_yet_valid"]);
    // The one is the control plane's, the other the clock's.
    assert_eq!(found.findings[0].explained, Explained::NotBy(vec![CLOCK_SKEW]));
    assert_eq!(found.findings[1].explained, Explained::AsCatalogued);
    assert!(found.findings[1].detail.contains("At the true time it has begun"));
}

#[test]
fn what_the_true_time_leaves_open_is_said_to_be_open() {
    let root = Authority::root("Root");
    let end = now() + TimeDelta::seconds(1);
    let server = root.server_with(|params| {
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end.timestamp().unsigned_abs());
    });
    // The host says a second and a half after its end, the control plane half a second before to half a second after.
    let mut close = scene(&[&server], &[&root.pem]);
    close.now = end + TimeDelta::milliseconds(1500);
    close.offset = Some(-2);
    let found = close.judge().0;
    assert_eq!(codes(&found), ["trust.expired"]);
    assert_eq!(found.findings[0].explained, Explained::AsCatalogued);
    assert!(found.findings[0].detail.contains("is within what that leaves open"));
}

#[test]
fn what_only_the_hosts_clock_says_is_the_clocks() {
    let root = Authority::root("Root");
    let server = root.server();
    for (days, code) in [(-400, "trust.not_yet_valid"), (500, "trust.expired")] {
        let mut wrong = scene(&[&server], &[&root.pem]);
        wrong.now = now() + TimeDelta::days(days);
        wrong.offset = Some(-days * 86_400);
        let found = wrong.judge().0;
        assert_eq!(codes(&found), [code]);
        assert_eq!(found.findings[0].explained, Explained::AsCatalogued);
        assert!(found.findings[0].detail.contains("At the true time it has "));
    }
}

#[test]
fn without_a_true_time_the_hosts_clock_decides_and_that_is_said() {
    let root = Authority::root("Root");
    let mut alone = scene(&[&root.server()], &[&root.pem]);
    alone.now = now() - TimeDelta::days(400);
    alone.offset = None;
    assert!(alone.detail().contains("what the true time is, the control plane did not tell"));
}

#[test]
fn an_expired_way_does_not_matter_beside_a_good_one() {
    let (old, new) = (Authority::root("Old Root"), Authority::root("New Root"));
    let stale = new.cross_signed_by(&old, |params| params.not_after = date_time_ymd(2026, 6, 1));
    let between = new.intermediate("Between");
    let chain = [&between.server(), &between.pem, &stale];
    assert_eq!(scene(&chain, &[&old.pem, &new.pem]).codes(), none());
    // Where the expired way is the only one, it is the reason.
    assert_eq!(scene(&chain, &[&old.pem]).codes(), ["trust.expired"]);
}

#[test]
fn an_expired_intermediate_or_root_is_named() {
    let root = Authority::root_with("Old Root", |params| params.not_after = date_time_ymd(2026, 6, 1));
    let found = scene(&[&root.server()], &[&root.pem]).judge().0;
    assert_eq!(codes(&found), ["trust.expired"]);
    assert!(found.findings[0].detail.contains("`CN=Old Root` expired on 2026-06-01"));
    let root = Authority::root("Root");
    let between = root.intermediate_with("Between", |params| params.not_after = date_time_ymd(2026, 6, 1));
    let late = between.server_with(|params| params.not_before = date_time_ymd(2026, 9, 1));
    // Never valid together, and still a path.
    assert_eq!(scene(&[&late, &between.pem], &[&root.pem]).codes(), ["trust.expired"]);
}

#[test]
fn path_name_and_time_are_judged_each_for_itself() {
    let root = Authority::root("Private");
    let server = root.server_with(|params| {
        for_names(&["a.test"])(params);
        params.not_after = date_time_ymd(2026, 10, 1);
    });
    let found = scene(&[&server], &[&Authority::root("Public").pem]).judge().0;
    assert_eq!(codes(&found), ["trust.unknown_authority", "trust.name_mismatch", "trust.expired"]);
    assert_eq!(found.findings[1].explained, Explained::AsCatalogued);
    assert!(found.findings.iter().all(|it| it.evidence.iter().any(|fact| fact.what.starts_with("certificate 1"))));
}

#[test]
fn switched_off_verification_is_skipped_and_says_what_it_would_find() {
    let root = Authority::root("Private");
    let mut off = scene(&[&root.server()], &[]);
    off.insecure = true;
    let (judgement, facts) = off.judge();
    assert_eq!(judgement.findings, []);
    assert!(matches!(judgement.decision, Decision::Skipped(_)));
    assert_eq!(judgement.notes[0].what, "verification would find trust.unknown_authority");
    assert!(facts.get::<Verdict>().is_some_and(|it| !it.accepted));
    let mut needless = scene(&[&root.server()], &[&root.pem]);
    needless.insecure = true;
    let (judgement, facts) = needless.judge();
    assert!(judgement.notes[0].value.contains("nothing wrong"));
    assert!(facts.get::<Verdict>().is_some_and(|it| it.accepted));
}

#[test]
fn hostile_chains_are_no_panic() {
    let root = Authority::root("Root");
    let server = root.server();
    for der in ["", "MAA=", "MIL/////", "MIIBAAIBAA==", "AAAA"] {
        let odd = Pem(format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n"));
        assert_eq!(scene(&[&odd], &[&root.pem]).codes(), ["trust.bad_certificate"]);
        assert_eq!(scene(&[&server, &odd], &[&root.pem]).codes(), none());
    }
    let none_at_all = Pem("no certificate".into());
    assert_eq!(scene(&[&none_at_all], &[]).codes(), ["trust.bad_certificate"]);
    // Two CAs that issued each other, and more certificates than anybody sends.
    let (one, two) = (Authority::root("One"), Authority::root("Two"));
    let circle = [one.cross_signed_by(&two, |_| {}), two.cross_signed_by(&one, |_| {})];
    let mut chain = vec![one.server()];
    chain.extend(circle.iter().cycle().take(200).cloned());
    let chain: Vec<_> = chain.iter().collect();
    assert!(scene(&chain, &[&root.pem]).undecided());
    assert_eq!(scene(&chain[..31], &[&root.pem]).codes(), ["trust.unknown_authority"]);
}

#[test]
fn every_cut_and_every_flipped_byte_of_a_certificate_is_survived() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let root = Authority::root("Root");
    let der = CertificateDer::from_pem_slice(root.server_with(with_aia).0.as_bytes()).unwrap().to_vec();
    for index in 0..der.len() {
        let mut flipped = der.clone();
        flipped[index] ^= 0xff;
        for odd in [der[..index].to_vec(), flipped] {
            let odd = CertificateDer::from(odd);
            let _ = inspection::made_by(&odd, std::slice::from_ref(&odd));
            if let Ok(certificate) = Certificate::parse(odd) {
                let _ = chain::names(&certificate, HOST);
                let trust = chain::Anchors {
                    anchors: &[],
                    elsewhere: &[],
                    none_at_all: false,
                };
                let _ = chain::follow(&[certificate], trust);
            }
        }
    }
}
