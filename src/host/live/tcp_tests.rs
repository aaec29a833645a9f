//! Races on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::host::live::testing::{black_hole, closed_port, listener};

const TIMEOUT: Duration = Duration::from_millis(600);

fn outcomes(race: &Race) -> Vec<&Seen<()>> {
    race.attempts.iter().map(|a| &a.outcome).collect()
}

#[tokio::test]
async fn all_that_work_are_told_and_the_first_one_wins() {
    let ((_a, first), (_b, second)) = (listener().await, listener().await);
    let (race, kept) = race(TIMEOUT, &[first, second]).await;
    assert_eq!(race.winner, Some(first));
    assert_eq!(outcomes(&race), [&Ok(()), &Ok(())]);
    assert_eq!(kept[0].1.peer_addr().unwrap(), first);
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn the_first_of_the_other_family_is_kept_too() {
    let Ok(listening) = tokio::net::TcpListener::bind("[::1]:0").await else {
        return; // A host without IPv6.
    };
    let six = listening.local_addr().unwrap();
    let ((_a, four), (_b, another)) = (listener().await, listener().await);
    let (race, kept) = race(TIMEOUT, &[four, another, six]).await;
    assert_eq!(race.winner, Some(four));
    let kept: Vec<SocketAddr> = kept.iter().map(|(address, _)| *address).collect();
    assert_eq!(kept, [four, six]);
}

#[tokio::test]
async fn a_refusal_starts_the_next_at_once() {
    let (_listener, good) = listener().await;
    let (race, _) = race(TIMEOUT, &[closed_port(), good]).await;
    assert_eq!(outcomes(&race), [&Err(Unseen::Refused), &Ok(())]);
    assert_eq!(race.winner, Some(good));
    let first = &race.attempts[0];
    let refused = first.started_ms + first.duration_ms;
    // A machine with other work may take longer to refuse than the next one waits at most.
    assert!(race.attempts[1].started_ms - refused < 100.0, "{race:?}");
}

#[tokio::test]
async fn a_dead_first_address_costs_no_more_than_the_stagger() {
    let (_listener, good) = listener().await;
    let (_hole, dead) = black_hole();
    let began = Instant::now();
    let (race, _) = race(TIMEOUT, &[dead, good]).await;
    assert!(began.elapsed() < TIMEOUT + Duration::from_millis(200));
    assert_eq!(race.winner, Some(good));
    let first = &race.attempts[0];
    assert!(
        matches!(first.outcome, Err(Unseen::TimedOut { .. })),
        "{race:?}"
    );
    let started = race.attempts[1].started_ms;
    assert!((100.0..400.0).contains(&started), "{started}");
}

#[tokio::test]
async fn a_black_hole_takes_the_whole_time_and_no_more() {
    let (_hole, dead) = black_hole();
    let (race, kept) = race(Duration::from_millis(300), &[dead]).await;
    assert!(kept.is_empty() && race.winner.is_none());
    let Err(Unseen::TimedOut { after_ms }) = race.attempts[0].outcome else {
        panic!("{race:?}");
    };
    assert!((290..450).contains(&after_ms), "{after_ms}");
}

#[tokio::test]
async fn hostile_numbers_of_addresses_are_told_and_not_tried() {
    let addresses = vec![closed_port(); MOST + 2];
    let (race, _) = race(Duration::from_secs(30), &addresses).await;
    assert_eq!(race.attempts.len(), MOST + 2);
    assert_eq!(race.attempts[MOST - 1].outcome, Err(Unseen::Refused));
    assert!(matches!(
        race.attempts[MOST].outcome,
        Err(Unseen::Unsupported { .. })
    ));
    let (none, _) = super::race(TIMEOUT, &[]).await;
    assert!(none.attempts.is_empty());
}

#[cfg(unix)]
#[test]
fn errors_are_sorted_by_number() {
    let deadline = Deadline::after(TIMEOUT);
    use rustix::io::Errno;
    let of = |number: Errno| unseen(&number.into(), deadline);
    for (number, name) in [
        (Errno::ACCESS, "EACCES"),
        (Errno::PERM, "EPERM"),
        (Errno::INVAL, "EINVAL"),
        (Errno::HOSTUNREACH, "EHOSTUNREACH"),
        (Errno::NETUNREACH, "ENETUNREACH"),
        (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    ] {
        assert_eq!(of(number), Unseen::Unreachable { error: name.into() });
    }
    assert_eq!(of(Errno::CONNREFUSED), Unseen::Refused);
    assert_eq!(of(Errno::CONNRESET), Unseen::Reset);
    assert_eq!(of(Errno::TIMEDOUT), Unseen::TimedOut { after_ms: 600 });
}
