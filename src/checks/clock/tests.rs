#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::checks::testing::{Evidence as Recording, codes, properties};
use crate::host::Unseen;

/// An answer that took `ms`, whose Date is `offset` seconds ahead of the host's clock when it was asked.
fn answer(offset: i64, ms: i64) -> health::Answer {
    let sent_at: DateTime<Utc> = "2026-11-23T20:50:00Z".parse().unwrap();
    let date = sent_at + TimeDelta::seconds(offset);
    health::Answer {
        exchange: Exchange {
            status: 503,
            headers: vec![(
                "date".into(),
                date.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            )],
            body: String::new(),
            truncated: false,
            sent_at,
            received_at: sent_at + TimeDelta::milliseconds(ms),
            duration_ms: 1.0,
        },
        peer_verified: false,
    }
}

fn sync(enabled: Option<bool>, synchronized: Option<bool>, can: &str) -> Seen<TimeSync> {
    Ok(TimeSync {
        enabled,
        synchronized,
        properties: properties(&[("CanNTP", can)]),
        supplied: false,
    })
}

fn good() -> Seen<TimeSync> {
    sync(Some(true), Some(true), "yes")
}

fn judged(answer: Option<health::Answer>, sync: Seen<TimeSync>) -> (Judgement, Facts) {
    let recording = Recording::default().answer("time_sync", (), sync);
    match answer {
        Some(answer) => recording.fact(answer).judge(&Probe),
        None => recording.judge(&Probe),
    }
}

#[test]
fn the_offset_decides_with_its_nearest_bound() {
    for (offset, ms, expected) in [
        (0, 10, None),
        (30, 10, None),
        (31, 10, Some("clock.drift")),
        (-32, 10, Some("clock.drift")),
        (300, 10, Some("clock.drift")),
        (301, 10, Some("clock.skew")),
        (-301, 10, Some("clock.drift")),
        (-302, 10, Some("clock.skew")),
        // A slow answer is not skew: four minutes of latency leave only what is certain.
        (303, 240_000, Some("clock.drift")),
    ] {
        let (judgement, facts) = judged(Some(answer(offset, ms)), good());
        assert_eq!(codes(&judgement).first().copied(), expected, "{offset} s");
        assert!(facts.get::<Offset>().is_some());
    }
}

#[test]
fn the_detail_says_offset_and_uncertainty() {
    let (judgement, facts) = judged(Some(answer(600, 200)), good());
    assert_eq!(
        judgement.findings[0].detail,
        "The host's clock is 10 min 0 s behind the control plane, ±0.6 s, by the Date header of the answer to GET /health."
    );
    let offset = *facts.get::<Offset>().unwrap();
    assert_eq!(
        (offset.low, offset.high),
        (
            TimeDelta::milliseconds(599_800),
            TimeDelta::milliseconds(601_000)
        )
    );
    let (judgement, _) = judged(Some(answer(-90_000, 0)), good());
    assert!(
        judgement.findings[0]
            .detail
            .contains("1 d 0 h ahead of the control plane")
    );
}

#[test]
fn a_cached_answer_is_older_by_its_age() {
    let mut cached = answer(-600, 10);
    cached.exchange.headers.push(("age".into(), "600".into()));
    assert_eq!(codes(&judged(Some(cached), good()).0), [""; 0]);
}

#[test]
fn without_a_date_only_ntp_can_tell() {
    let mut undated = answer(0, 10);
    undated.exchange.headers.clear();
    let mut nonsense = answer(0, 10);
    nonsense.exchange.headers[0].1 = "yesterday".into();
    let mut set_back = answer(0, 10);
    set_back.exchange.received_at = set_back.exchange.sent_at - TimeDelta::hours(1);
    for answer in [None, Some(undated), Some(nonsense), Some(set_back)] {
        let (judgement, facts) = judged(answer.clone(), Err(Unseen::unsupported("no timedatectl")));
        assert!(matches!(judgement.decision, Decision::Unknown(_)));
        assert!(facts.get::<Offset>().is_none());
        let (judgement, _) = judged(answer, good());
        assert_eq!(judgement.decision, Decision::Decided);
    }
}

#[test]
fn synchronisation_is_judged_all_the_same() {
    for (sync, expected) in [
        (sync(Some(false), Some(false), "yes"), true),
        (sync(Some(false), None, "yes"), true),
        (sync(Some(false), Some(true), "yes"), true),
        (sync(Some(false), Some(true), "no"), false),
        (sync(Some(true), Some(false), "yes"), true),
        (sync(None, None, "yes"), false),
        (good(), false),
    ] {
        let (judgement, _) = judged(None, sync.clone());
        assert_eq!(
            codes(&judgement) == ["clock.unsynchronized"],
            expected,
            "{sync:?}"
        );
        let (judgement, _) = judged(Some(answer(0, 10)), sync);
        assert_eq!(judgement.decision, Decision::Decided);
        assert_eq!(codes(&judgement).len(), usize::from(expected));
    }
}

#[test]
fn an_absurd_date_is_no_panic() {
    let mut odd = answer(0, 10);
    odd.exchange.headers[0].1 = "Fri, 31 Dec 9999 23:59:59 GMT".into();
    odd.exchange
        .headers
        .push(("age".into(), "4294967295".into()));
    let (judgement, facts) = judged(Some(odd), good());
    assert_eq!(codes(&judgement), ["clock.skew"]);
    let offset = facts.get::<Offset>().unwrap();
    assert!(offset.true_time(DateTime::<Utc>::MAX_UTC).0 >= DateTime::UNIX_EPOCH);
}
