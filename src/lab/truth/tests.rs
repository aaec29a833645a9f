//! The lab's account of the world against the description of the findings, by hand; and that it leaves no fault out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::checks;
use crate::lab::faults::{FAULTS, find};
use crate::lab::pairs::Pairs;
use crate::lab::sight::SPECIAL;
use crate::lab::{last_words, together};

fn catalog() -> Catalog {
    Catalog::load(&checks::texts()).unwrap()
}

fn of_names(names: &str) -> Truth {
    let faults: Vec<&Fault> = names.split('+').map(|name| find(name).unwrap()).collect();
    of(&faults, None, &catalog())
}

fn texts(codes: &[Code]) -> Vec<&str> {
    codes.iter().map(Code::as_str).collect()
}

/// What is injected; then the causes, the symptoms, and what is hidden.
type Known<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

/// Each by a sentence of the description of the findings, or by what a connection is.
const KNOWN: &[Known<'_>] = &[
    (
        "tcp.refused+trust.expired",
        &["tcp.refused"],
        &[],
        &["trust.expired"],
    ),
    (
        "clock.skew+identity.expired",
        &["clock.skew", "identity.expired"],
        &["trust.not_yet_valid"],
        &[],
    ),
    (
        "clock.skew+health.timeout",
        &["clock.skew", "health.timeout"],
        &["trust.not_yet_valid"],
        &[],
    ),
    (
        "trust.ca_file+trust.unknown_authority",
        &["trust.ca_file"],
        &[],
        &["trust.unknown_authority"],
    ),
    (
        "trust.ca_file+trust.expired",
        &["trust.ca_file", "trust.expired"],
        &[],
        &[],
    ),
    (
        "trust.self_signed+trust.expired",
        &["trust.self_signed"],
        &["trust.expired"],
        &[],
    ),
    (
        "trust.name_mismatch+trust.expired",
        &["trust.name_mismatch", "trust.expired"],
        &[],
        &[],
    ),
    (
        "health.captive_portal+trust.self_signed",
        &["health.captive_portal"],
        &["trust.self_signed"],
        &[],
    ),
    (
        "service.stopped+registration.revoked",
        &["service.stopped", "registration.revoked"],
        &[],
        &[],
    ),
    (
        "service.failed+dns.not_found",
        &["service.failed", "dns.not_found"],
        &[],
        &[],
    ),
    (
        "service.crash_looping+dns.not_found",
        &["dns.not_found"],
        &["service.crash_looping"],
        &[],
    ),
    (
        "service.crash_looping+tasks.failing",
        &["service.crash_looping"],
        &[],
        &[],
    ),
    (
        "install.incomplete+dns.timeout",
        &["install.incomplete", "dns.timeout"],
        &["service.failed"],
        &[],
    ),
    (
        "install.missing+dns.timeout",
        &["install.missing"],
        &[],
        &["dns.timeout"],
    ),
    (
        "identity.missing+tls.version",
        &["tls.version"],
        &["identity.missing"],
        &[],
    ),
    (
        "identity.missing+token.expired",
        &["token.expired"],
        &["identity.missing"],
        &[],
    ),
    (
        "identity.exposed+config.syntax",
        &["config.syntax"],
        &[],
        &["identity.exposed"],
    ),
    // The loop's own log speaks of the token, which nobody sends to this peer.
    (
        "token.used+trust.expired",
        &["service.crash_looping", "trust.expired"],
        &["identity.missing"],
        &["token.used"],
    ),
    (
        "health.server_error+registration.revoked",
        &["health.server_error", "registration.revoked"],
        &[],
        &[],
    ),
    (
        "registration.revoked+registration.rejected",
        &["registration.rejected"],
        &[],
        &["registration.revoked"],
    ),
    (
        "tcp.partial+tcp.timeout",
        &["tcp.refused"],
        &[],
        &["tcp.partial", "tcp.timeout"],
    ),
    ("config.insecure+clock.skew", &["clock.skew"], &[], &[]),
    (
        "config.syntax+dns.not_found+service.crash_looping",
        &["config.syntax"],
        &["service.crash_looping"],
        &["dns.not_found"],
    ),
    (
        "clock.skew+identity.missing+service.crash_looping",
        &["clock.skew"],
        &[
            "service.crash_looping",
            "trust.not_yet_valid",
            "identity.missing",
        ],
        &[],
    ),
];

#[test]
fn what_the_description_says_is_what_is_expected() {
    for (names, causes, symptoms, hidden) in KNOWN {
        let truth = of_names(names);
        assert_eq!(texts(&truth.expect.root_causes), *causes, "{names}");
        assert_eq!(texts(&truth.expect.symptoms), *symptoms, "{names}");
        assert_eq!(texts(&truth.hidden), *hidden, "{names}");
    }
}

#[test]
fn what_cannot_be_seen_is_never_called_healthy() {
    for (names, verdict) in [
        ("config.insecure+trust.expired", Verdict::Undetermined),
        ("config.insecure+clock.drift", Verdict::Degraded),
        ("config.insecure+identity.missing", Verdict::Failed),
    ] {
        assert_eq!(of_names(names).expect.verdict, verdict, "{names}");
    }
}

#[test]
fn every_fault_has_its_place() {
    let catalog = catalog();
    for fault in FAULTS {
        for code in std::iter::once(fault.code.clone()).chain(brought(fault)) {
            let doc = catalog.finding(&code).unwrap();
            let sight = Sight::of(&code, doc.severity);
            assert!(
                sight.is_some(),
                "{code}: say in src/lab/sight.rs from where it can be seen"
            );
        }
        let alone = of(&[fault], None, &catalog);
        assert_eq!(texts(&alone.hidden), [""; 0], "{} hides itself", fault.code);
    }
}

#[test]
fn every_name_is_a_finding_s() {
    let catalog = catalog();
    let special = SPECIAL.iter().flat_map(|(codes, _)| codes.iter());
    let together = TOGETHER
        .iter()
        .flat_map(|it| it.faults.iter().chain(it.are));
    let explained = EXPLAINED
        .iter()
        .flat_map(|(effect, causes)| std::iter::once(effect).chain(*causes));
    let apart = together::named().into_iter().chain(last_words::named());
    let all = special
        .chain(together)
        .chain(explained)
        .copied()
        .chain(apart);
    for name in all {
        let known = catalog.findings().any(|doc| stands_for(name, &doc.code));
        assert!(known, "{name}");
    }
}

#[test]
fn of_two_faults_one_can_always_be_seen() {
    let catalog = catalog();
    for scenario in Pairs::of(&[]).possible {
        let hidden = scenario.truth(&catalog).hidden;
        let becomes_another = hidden == ["tcp.partial", "tcp.timeout"].map(Code::from_static);
        assert!(hidden.len() < 2 || becomes_another, "{hidden:?}");
    }
}

#[test]
fn what_cannot_exist_says_why() {
    for (one, other, why) in [
        ("install.missing", "service.stopped", "one state"),
        ("install.missing", "config.url", "not there"),
        ("service.masked", "identity.unreadable", "mask"),
        (
            "service.not_installed",
            "tasks.failing",
            "neither settings nor a log",
        ),
        ("token.used", "registration.revoked", "not there"),
        ("token.expired", "identity.expired", "not there"),
        ("identity.unreadable", "identity.exposed", "every user"),
        ("dns.not_found", "dns.timeout", "same thing"),
        ("trust.expired", "trust.not_yet_valid", "same thing"),
        ("tcp.refused", "tls.closed", "same thing"),
    ] {
        let [one, other] = [one, other].map(|name| find(name).unwrap());
        for said in [
            together::impossible(one, other),
            together::impossible(other, one),
        ] {
            assert!(
                said.is_some_and(|said| said.contains(why)),
                "{} {} {said:?}",
                one.code,
                other.code
            );
        }
    }
    for (one, other) in [
        ("token.used", "service.crash_looping"),
        ("trust.expired", "trust.unknown_authority"),
        ("identity.invalid", "identity.key_mismatch"),
        ("config.url", "config.unknown_key"),
    ] {
        let [one, other] = [one, other].map(|name| find(name).unwrap());
        assert_eq!(together::impossible(one, other), None);
    }
}
