//! Every fault that the lab can inject is diagnosed as what it is, over real sockets; the healthy control has no finding.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use nexplane_doctor::bundle::fixture;
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::Graph;
use nexplane_doctor::lab::{Outcome, Scenario};
use nexplane_doctor::report::{human, json_v1};
use tokio_util::sync::CancellationToken;

/// Combinations: what is injected together, and what the diagnosis must make of it where that is not all of it.
const COMBINATIONS: [&str; 12] = [
    "trust.expired+health.unhealthy",
    "clock.skew+service.not_enabled",
    "token.used+config.unknown_key",
    "service.stopped+registration.revoked",
    "service.stopped+tcp.refused",
    "identity.expiring+identity.exposed",
    "dns.not_found+service.not_enabled",
    "health.unhealthy+identity.expired",
    "registration.hostname_mismatch+tasks.failing",
    "clock.drift+clock.unsynchronized",
    "config.insecure+identity.exposed",
    "service.masked+trust.unknown_authority",
];

async fn run(names: &[String]) -> Vec<Outcome> {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let graph = Arc::new(Graph::new(&catalog).unwrap());
    let mut outcomes = Vec::new();
    for name in names {
        let scenario = Scenario::parse(name).unwrap();
        outcomes.push(
            scenario
                .run(&catalog, &graph, &CancellationToken::new())
                .await
                .unwrap(),
        );
    }
    outcomes
}

/// The poorest terminal: 80 columns, no colours, ASCII.
const PLAIN: human::Look = human::Look {
    color: false,
    unicode: false,
    width: 80,
    checks: true,
    verbose: true,
};

/// Nothing but printable ASCII, and no line is too long but commands, which are never wrapped, and fingerprints.
fn assert_readable(page: &str, name: &str) {
    for line in page.lines() {
        assert!(
            line.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "{name}: {line}"
        );
        let is_whole = line.starts_with("       ") || !line.trim().contains(' ');
        assert!(line.len() <= 80 || is_whole, "{name}: {line}");
    }
}

fn assert_as_injected(outcomes: &[Outcome]) {
    let mut wrong = String::new();
    let schema = serde_json::from_str(&json_v1::schema().unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for outcome in outcomes {
        for difference in outcome.expected.differences(&outcome.report) {
            wrong.push_str(&format!("{}: {difference}\n", outcome.name));
        }
        // A diagnosis never asks for work.
        assert_eq!(outcome.polls, 0, "{}", outcome.name);
        let document = serde_json::from_str(&json_v1::render(&outcome.report).unwrap()).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&document)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", outcome.name);
        assert_readable(&human::render(&outcome.report, PLAIN), &outcome.name);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_diagnosed_as_what_it_is() {
    let names: Vec<String> = Scenario::all().iter().map(Scenario::name).collect();
    assert_as_injected(&run(&names).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_come_together_are_told_apart() {
    assert_as_injected(&run(&COMBINATIONS.map(str::to_owned)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_verifies_is_said_where_that_is_found() {
    let outcomes = run(&["config.insecure+trust.expired".to_owned()]).await;
    assert_as_injected(&outcomes);
    let insecure = &outcomes[0].report.findings[0];
    assert_eq!(insecure.code, "config.insecure");
    let would = |what: &str| what == "verification would find trust.expired";
    assert!(
        insecure.evidence.iter().any(|fact| would(&fact.what)),
        "{insecure:?}"
    );
}

/// Behind a proxy that lets the agent through, every layer is seen through the tunnel.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_a_proxy_is_diagnosed_through_it() {
    let behind = [
        "healthy.http_proxy+tls.plaintext",
        "healthy.socks5_proxy+tls.alert",
        "healthy.http_proxy+trust.unknown_authority",
        "healthy.socks5_proxy+trust.expired",
        "healthy.http_proxy+clock.drift",
        "healthy.http_proxy+health.unhealthy",
        "healthy.http_proxy+registration.revoked",
        "healthy.socks5_proxy+registration.certificate_refused",
        "healthy.socks5_proxy+token.invalid",
        "healthy.http_proxy+dns.not_found",
        "healthy.http_proxy+tasks.not_approved",
    ];
    assert_as_injected(&run(&behind.map(str::to_owned)).await);
}

/// Codes that no server and no file of an unprivileged host can show: `tests/real` does.
const ELSEWHERE: [&str; 2] = ["host.disk_full", "host.read_only"];

#[test]
fn every_finding_has_a_fault_of_the_lab_or_a_recorded_situation() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let mut shown: BTreeSet<String> = Scenario::all().iter().map(Scenario::name).collect();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for path in fixture::find(&fixtures).unwrap() {
        let expect = fixture::read(&path).unwrap().situation.expect;
        let codes = expect.root_causes.iter().chain(&expect.notices);
        shown.extend(codes.map(ToString::to_string));
    }
    let missing: Vec<&str> = catalog
        .findings()
        .map(|finding| finding.code.as_str())
        .filter(|code| !shown.contains(*code) && !ELSEWHERE.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
