use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::host::Seen;
use crate::model::Target;

fn race(attempts: &[(&str, Seen<()>)]) -> (Judgement, Facts) {
    let addresses: Vec<SocketAddr> = attempts.iter().map(|(text, _)| address(text)).collect();
    let winner = attempts
        .iter()
        .find(|(_, outcome)| outcome.is_ok())
        .map(|(text, _)| address(text));
    let answer = Race {
        attempts: attempts
            .iter()
            .map(|(text, outcome)| Attempt {
                address: address(text),
                outcome: outcome.clone(),
                started_ms: 0.0,
                duration_ms: 12.5,
            })
            .collect(),
        winner,
    };
    let mut target = Target::unspecified(std::time::Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    Recording::default()
        .target(target)
        .fact(dns::Resolved {
            addresses: addresses.iter().map(SocketAddr::ip).collect(),
            scope: 0,
        })
        .answer("connect", ConnectQuestion { addresses }, answer)
        .judge(&Probe)
}

fn address(text: &str) -> SocketAddr {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("{text}: {error}"),
    }
}

const A: &str = "10.0.0.5:8000";
const B: &str = "10.0.0.6:8000";
const SIX: &str = "[2001:db8::5]:8000";

fn timeout() -> Seen<()> {
    Err(Unseen::TimedOut { after_ms: 5000 })
}

fn unreachable(error: &str) -> Seen<()> {
    Err(Unseen::Unreachable {
        error: error.into(),
    })
}

#[test]
fn an_open_port_is_fine() {
    let (judgement, facts) = race(&[(A, Ok(()))]);
    assert_eq!(judgement.findings, []);
    let connected = facts.get::<Connected>();
    assert_eq!(connected.map(|it| it.winner), Some(address(A)));
}

#[test]
fn reset_beats_refused_beats_timeout_beats_unreachable() {
    for (first, second, code) in [
        (Err(Unseen::Refused), timeout(), "tcp.refused"),
        (
            unreachable("EHOSTUNREACH"),
            Err(Unseen::Refused),
            "tcp.refused",
        ),
        (Err(Unseen::Refused), Err(Unseen::Reset), "tcp.reset"),
        (timeout(), unreachable("EHOSTUNREACH"), "tcp.timeout"),
        (
            unreachable("EHOSTUNREACH"),
            unreachable("EACCES"),
            "tcp.unreachable",
        ),
        (
            unreachable("EINVAL"),
            unreachable("EPERM"),
            "tcp.unreachable",
        ),
    ] {
        let (judgement, facts) = race(&[(A, first), (B, second)]);
        assert_eq!(codes(&judgement), [code]);
        assert!(facts.get::<Connected>().is_none());
    }
}

#[test]
fn the_remedy_knows_the_address_to_look_for_a_route_to() {
    let (judgement, _) = race(&[(A, unreachable("EHOSTUNREACH"))]);
    let address = address(A).ip().to_string();
    assert_eq!(judgement.findings[0].values[&Placeholder::Address], address);
}

#[test]
fn some_that_work_and_some_that_do_not_are_named() {
    let (judgement, facts) = race(&[(SIX, timeout()), (A, Ok(())), (B, Ok(()))]);
    assert_eq!(codes(&judgement), ["tcp.partial"]);
    let detail = &judgement.findings[0].detail;
    assert!(
        detail.starts_with(
            "Of the 3 addresses of `nexplane.corp`, 2 work; [2001:db8::5]:8000 did not answer within 5 s."
        ),
        "{detail}"
    );
    assert!(detail.contains("300 ms"));
    let working = facts.get::<Connected>().map(|it| it.working.clone());
    assert_eq!(working, Some(vec![address(A), address(B)]));
}

#[test]
fn families_that_fail_differently_are_told_apart() {
    let (judgement, _) = race(&[(SIX, Err(Unseen::Refused)), (A, timeout())]);
    assert_eq!(codes(&judgement), ["tcp.refused"]);
    let detail = &judgement.findings[0].detail;
    let differ = "over IPv6 [2001:db8::5]:8000 refuses, over IPv4 10.0.0.5:8000 did not answer within 5 s.";
    assert!(detail.ends_with(differ), "{detail}");
    let (judgement, _) = race(&[(SIX, timeout()), (A, timeout())]);
    assert!(!judgement.findings[0].detail.contains("families"));
}

#[test]
fn a_silent_ipv4_beside_good_ipv6_is_noticed_as_a_rule_by_nobody() {
    let (judgement, _) = race(&[(SIX, Ok(())), (A, timeout())]);
    assert_eq!(codes(&judgement), ["tcp.partial"]);
    assert!(judgement.findings[0].detail.contains("does not notice"));
}

#[test]
fn the_same_familys_dead_address_hangs_the_agent() {
    let (judgement, _) = race(&[(A, timeout()), (B, Ok(()))]);
    assert!(judgement.findings[0].detail.contains("one after the other"));
    let (judgement, _) = race(&[(A, Err(Unseen::Refused)), (B, Ok(()))]);
    assert!(judgement.findings[0].detail.contains("at once"));
    let (judgement, _) = race(&[(A, Err(Unseen::Reset)), (B, Ok(()))]);
    assert!(judgement.findings[0].detail.contains("whenever it begins"));
}

#[test]
fn a_family_without_a_route_does_not_count() {
    for error in ["ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"] {
        let (judgement, _) = race(&[(SIX, unreachable(error)), (A, Ok(()))]);
        assert_eq!(judgement.findings, []);
        let (judgement, _) = race(&[(SIX, unreachable(error)), (A, timeout())]);
        assert_eq!(codes(&judgement), ["tcp.timeout"]);
        let (judgement, _) = race(&[(SIX, unreachable(error)), (A, unreachable("ENETUNREACH"))]);
        assert_eq!(codes(&judgement), ["tcp.unreachable"]);
    }
}

#[test]
fn a_family_whose_router_has_no_route_counts() {
    let from_a_router = || unreachable("ENETUNREACH from a router");
    let (judgement, _) = race(&[(SIX, from_a_router()), (A, Ok(()))]);
    assert_eq!(codes(&judgement), ["tcp.partial"]);
    let (judgement, _) = race(&[(SIX, from_a_router())]);
    assert_eq!(codes(&judgement), ["tcp.unreachable"]);
    assert!(judgement.findings[0].detail.contains("a router on the way"));
}

#[test]
fn what_was_not_tried_is_neither_failure_nor_health() {
    let (judgement, _) = race(&[(A, Ok(())), (B, Err(Unseen::unsupported("not tried")))]);
    assert_eq!(judgement.findings, []);
    let (judgement, _) = race(&[(A, Err(Unseen::NotRecorded))]);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}
