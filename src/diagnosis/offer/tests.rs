//! What a report offers of `fix`, and with which flags.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use super::super::tests::{Walked, code, finding, outcome};
use super::*;
use crate::checks::Facts;
use crate::host::HostPath;
use crate::model::{Given, Target};

/// What a diagnosis with these findings offers for the one with this code.
fn offered(codes: &[&str], of: &str, target: impl FnOnce(&mut Target)) -> Option<String> {
    offered_after(Walked::of(codes.iter().map(|it| finding(it))), of, target)
}

fn offered_after(walked: Walked, of: &str, target: impl FnOnce(&mut Target)) -> Option<String> {
    let mut asked = Target::unspecified(Duration::from_secs(5));
    target(&mut asked);
    let report = walked.report_of(asked, Facts::default(), &[], &[]);
    let mut findings = report.findings.into_iter();
    findings.find(|it| it.code == code(of)).unwrap().fix
}

fn nothing_given(_: &mut Target) {}

#[test]
fn a_command_has_the_flags_that_its_repair_takes() {
    for (codes, of, command) in [
        (&["config.url"][..], "config.url", "nexplane-doctor fix"),
        (
            &["registration.revoked"],
            "registration.revoked",
            "nexplane-doctor fix --token-file NEW_TOKEN_FILE",
        ),
        (
            &["identity.expiring"],
            "identity.expiring",
            "nexplane-doctor fix",
        ),
        (
            &["trust.unknown_authority"],
            "trust.unknown_authority",
            "nexplane-doctor fix --ca-cert /path/to/ca.crt",
        ),
        (
            &["install.missing"],
            "install.missing",
            "nexplane-doctor fix --control-plane https://nexplane.example.com:8000 --token-file NEW_TOKEN_FILE",
        ),
        (
            &["install.missing", "trust.self_signed"],
            "trust.self_signed",
            "nexplane-doctor fix --control-plane https://nexplane.example.com:8000 --token-file NEW_TOKEN_FILE --ca-cert /path/to/ca.crt",
        ),
    ] {
        let offered = offered(codes, of, nothing_given);
        assert_eq!(offered.as_deref(), Some(command), "{codes:?}");
    }
}

#[test]
fn what_was_given_is_given_again_and_quoted() {
    let given = |target: &mut Target| {
        target.config = Some(PathBuf::from("/srv/our agent.yaml"));
        target.ca_cert = Some(PathBuf::from("ours.crt"));
        target.given = Given {
            timeout: Some("2s".into()),
            deadline: Some("1m".into()),
            ..Given::default()
        };
    };
    assert_eq!(
        offered(&["trust.unconfigured_ca"], "trust.unconfigured_ca", given).unwrap(),
        "nexplane-doctor fix --config '/srv/our agent.yaml' --ca-cert ours.crt --timeout 2s --deadline 1m"
    );
    // A file that does not vouch for the control plane is not what it takes.
    assert_eq!(
        offered(&["trust.self_signed"], "trust.self_signed", given).unwrap(),
        "nexplane-doctor fix --config '/srv/our agent.yaml' --ca-cert /path/to/ca.crt --timeout 2s --deadline 1m"
    );
}

#[test]
fn a_token_that_is_good_is_named_and_no_other() {
    let given = |target: &mut Target| {
        target.token_given = true;
        target.given.token_file = Some(PathBuf::from("token.txt"));
    };
    assert_eq!(
        offered(&["registration.revoked"], "registration.revoked", given).unwrap(),
        "nexplane-doctor fix --token-file token.txt"
    );
    assert_eq!(
        offered(&["token.used"], "token.used", given).unwrap(),
        "nexplane-doctor fix --token-file NEW_TOKEN_FILE"
    );
}

#[test]
fn what_fix_would_refuse_is_not_offered() {
    let root = |target: &mut Target| target.given.root = Some(PathBuf::from("/mnt"));
    for (codes, of) in [
        // No identity is replaced while the way is not whole.
        (
            &["registration.revoked", "health.server_error"][..],
            "registration.revoked",
        ),
        (
            &["identity.expiring", "trust.weak", "tcp.timeout"],
            "identity.expiring",
        ),
        (
            &["registration.revoked", "trust.unconfigured_ca"],
            "registration.revoked",
        ),
        // Nothing is mended in a configuration that cannot be read.
        (
            &["trust.unknown_authority", "config.missing"],
            "trust.unknown_authority",
        ),
        (
            &["trust.unknown_authority", "config.syntax"],
            "trust.unknown_authority",
        ),
        (
            &["registration.revoked", "config.invalid"],
            "registration.revoked",
        ),
        // Something of an agent is there, or the way is not whole, or somebody said that it shall not run.
        (&["service.not_installed"], "service.not_installed"),
        (&["install.missing", "dns.not_found"], "install.missing"),
        // Without a repair.
        (&["tcp.timeout"], "tcp.timeout"),
        // Symptoms go with their causes.
        (
            &["trust.ca_file", "trust.unknown_authority"],
            "trust.unknown_authority",
        ),
    ] {
        assert_eq!(offered(codes, of, nothing_given), None, "{codes:?}");
    }
    for of in [
        "service.stopped",
        "clock.skew",
        "install.missing",
        "registration.revoked",
    ] {
        assert_eq!(offered(&[of], of, root), None, "{of}");
    }
    assert_eq!(
        offered(&["config.unknown_key"], "config.unknown_key", root).unwrap(),
        "nexplane-doctor fix --root /mnt"
    );
}

#[test]
fn an_installation_is_offered_where_no_control_plane_is_known_yet() {
    let mut walked = Walked::of([finding("install.missing")]);
    for id in ["dns", "tcp", "tls", "trust", "health"] {
        walked = walked.with(outcome(id, Status::Blocked, &["install"]));
    }
    assert!(offered_after(walked, "install.missing", nothing_given).is_some());
}

#[test]
fn where_verification_is_off_no_identity_is_made() {
    let mut facts = Facts::default();
    let file = |name: &str| HostPath::host(format!("/etc/nexplane-agent/{name}"));
    facts.publish(config::Told {
        control_plane: None,
        ca_cert: None,
        own_ca: None,
        insecure: true,
        cert: file("client.crt"),
        key: file("client.key"),
        path: file("config.yaml"),
        proxy: None,
    });
    let report = Walked::of([finding("registration.revoked")]).report_with(facts, &[], &[]);
    assert_eq!(report.findings[0].fix, None);
}
