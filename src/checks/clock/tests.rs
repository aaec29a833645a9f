#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::*;
use crate::checks::testing::{Evidence as Recording, codes, properties};
use crate::host::{Leap, NtpQuestion, NtpReply, Unseen};
use crate::model::{Case, Repaired};

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
        keeper: None,
        servers: Vec::new(),
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
        "The host's clock is 10 min behind the control plane, ±0.6 s, by the Date header of the answer to GET /health."
    );
    let offset = *facts.get::<Offset>().unwrap();
    assert_eq!(
        (offset.low, offset.high),
        (
            TimeDelta::milliseconds(599_800),
            TimeDelta::milliseconds(601_000)
        )
    );
    let (judgement, _) = judged(Some(answer(-300_000, 1200)), good());
    assert!(judgement.findings[0].detail.contains("3 days 11 h ahead"));
    let (judgement, _) = judged(Some(answer(599, 0)), good());
    assert!(judgement.findings[0].detail.contains("10 min behind"));
    let (judgement, _) = judged(Some(answer(-90_000, 0)), good());
    assert!(
        judgement.findings[0]
            .detail
            .contains("1 day 1 h ahead of the control plane")
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

const SERVER: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

/// What a server says that is `offset` seconds ahead of the host, over 20 ms and with 5 ms of root distance.
fn reply(offset: i64) -> Seen<NtpReply> {
    let sent_at: DateTime<Utc> = "2026-11-23T20:50:00Z".parse().unwrap();
    let there = sent_at + TimeDelta::seconds(offset) + TimeDelta::milliseconds(10);
    Ok(NtpReply {
        leap: Leap::None,
        stratum: 2,
        reference: "GPS".into(),
        root_delay_ms: 4.0,
        root_dispersion_ms: 3.0,
        sent_at,
        received: Some(there),
        transmitted: Some(there),
        received_at: sent_at + TimeDelta::milliseconds(20),
    })
}

fn but(change: fn(&mut NtpReply)) -> Seen<NtpReply> {
    let mut reply = reply(0)?;
    change(&mut reply);
    Ok(reply)
}

/// A host that is told to follow these servers, and is synchronised or not.
fn following(
    answer: Option<health::Answer>,
    synchronized: bool,
    servers: &[(&str, Seen<NtpReply>)],
) -> Judgement {
    let mut sync = sync(Some(true), Some(synchronized), "yes").unwrap();
    sync.keeper = Some("systemd-timesyncd.service".into());
    sync.servers = servers
        .iter()
        .map(|(name, _)| TimeServer {
            name: (*name).into(),
            named_in: "/etc/systemd/timesyncd.conf".into(),
        })
        .collect();
    let mut recording = Recording::default().answer("time_sync", (), Ok::<_, Unseen>(sync));
    for (name, reply) in servers {
        let server: IpAddr = name.parse().unwrap();
        recording = recording.answer("ntp", NtpQuestion { server }, reply);
    }
    match answer {
        Some(answer) => recording.fact(answer).judge(&Probe).0,
        None => recording.judge(&Probe).0,
    }
}

#[test]
fn a_difference_says_on_whose_side_ntp_is() {
    for (servers, said) in [
        (vec![(SERVER, reply(600))], "NTP agrees with the control plane: 192.0.2.1."),
        (vec![(SERVER, reply(1))], "it is the control plane's clock that is off and needs fixing"),
        (vec![(SERVER, reply(-3600))], "NTP agrees with neither"),
        (
            vec![(SERVER, reply(600)), (OTHER, reply(0))],
            "The time servers disagree: 192.0.2.1 agrees with the control plane, 192.0.2.2 agrees with this host.",
        ),
        (vec![(SERVER, Err(Unseen::Refused))], "by the Date header of the answer to GET /health."),
    ] {
        let judgement = following(Some(answer(600, 200)), true, &servers);
        assert_eq!(codes(&judgement), ["clock.skew"]);
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains(said), "{detail}");
        let evidence = &judgement.findings[0].evidence;
        for (name, _) in servers {
            let fact = format!("NTP {name}");
            assert!(evidence.iter().any(|it| it.what == fact), "{evidence:?}");
        }
    }
}

#[test]
fn every_witness_is_told_with_its_bounds() {
    let judgement = following(Some(answer(0, 10)), true, &[(SERVER, reply(2))]);
    assert_eq!(codes(&judgement), [""; 0]);
    let note = |what: &str| judgement.notes.iter().find(|note| note.what == what).unwrap();
    assert!(note("clock").value.contains("the control plane, ±0.5 s"));
    assert_eq!(
        note("NTP 192.0.2.1").value,
        "this host is 2.0 s behind it, ±15.0 ms (stratum 2); named in /etc/systemd/timesyncd.conf"
    );
    let judgement = following(Some(answer(0, 10)), true, &[(SERVER, reply(600))]);
    assert_eq!(codes(&judgement), [""; 0]);
    assert!(judgement.notes.iter().any(|note| note.what == "disagreement"));
}

#[test]
fn without_a_date_the_time_servers_tell() {
    for (servers, expected) in [
        (vec![(SERVER, reply(1))], Ok(None)),
        (vec![(SERVER, reply(600))], Ok(Some("clock.skew"))),
        (vec![(SERVER, reply(-90)), (OTHER, reply(-91))], Ok(Some("clock.drift"))),
        (vec![(SERVER, reply(0)), (OTHER, reply(600))], Err(())),
        (vec![(SERVER, but(|reply| reply.stratum = 16))], Err(())),
        (vec![(SERVER, but(|reply| reply.root_dispersion_ms = 20_000.0))], Err(())),
        (vec![(SERVER, but(|reply| reply.transmitted = None))], Err(())),
        (vec![(SERVER, but(|reply| reply.received_at = DateTime::UNIX_EPOCH))], Err(())),
    ] {
        let mut judgement = following(None, false, &servers);
        judgement.findings.retain(|finding| finding.code != UNSYNCHRONIZED);
        let found = codes(&judgement).first().copied();
        match expected {
            Ok(code) => assert_eq!((found, &judgement.decision), (code, &Decision::Decided)),
            Err(()) => assert!(
                matches!(judgement.decision, Decision::Unknown(_)) && found.is_none(),
                "{servers:?}"
            ),
        }
    }
}

#[test]
fn what_is_wrong_with_the_sources_is_said() {
    for (servers, said) in [
        (vec![], "no time server is configured on this host"),
        (vec![(SERVER, Err(Unseen::TimedOut { after_ms: 1500 }))], "192.0.2.1 does not answer"),
        (vec![(SERVER, Err(Unseen::Refused))], "192.0.2.1 has no time service on UDP port 123"),
        (vec![(SERVER, but(|reply| reply.leap = Leap::Unsynchronized))], "it is not synchronized itself"),
        (
            vec![(SERVER, but(|reply| (reply.stratum, reply.reference) = (0, "RATE".into())))],
            "192.0.2.1 refuses this host (kiss-of-death RATE)",
        ),
        (
            vec![(
                SERVER,
                but(|reply| (reply.stratum, reply.reference) = (0, String::new())),
            )],
            "it is not synchronized itself",
        ),
        (vec![(SERVER, reply(0))], "192.0.2.1 answers here, and is not followed yet"),
    ] {
        let judgement = following(Some(answer(0, 10)), false, &servers);
        assert_eq!(codes(&judgement), ["clock.unsynchronized"]);
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains("(systemd-timesyncd.service) and has no source: "), "{detail}");
        assert!(detail.contains(said), "{detail}");
    }
}

#[test]
fn a_server_that_was_not_waited_for_is_neither_silent_nor_a_witness() {
    let judgement = following(Some(answer(600, 10)), true, &[(SERVER, Err(Unseen::NotRecorded))]);
    assert!(!judgement.findings[0].detail.contains("NTP"));
    let note = judgement.notes.iter().find(|note| note.what == "NTP 192.0.2.1");
    assert!(note.unwrap().value.contains("was not waited for"));
}

#[test]
fn chrony_says_what_it_follows() {
    let told = "C0000201,192.0.2.1,3,1764000000.123456789,0.000012345,-0.000001,0.00002,1.5,0.001,0.02,0.010,0.0005,64.2,Normal\n\
                ^,*,192.0.2.1,2,6,377,21,0.000011,0.000012,0.000400\n^,?,192.0.2.2,0,6,0,4294967295,0.0,0.0,0.0\n";
    let mut tracked = good().unwrap();
    tracked.properties.insert("chronyc".into(), told.into());
    let facts = keeping::chrony(&tracked);
    let shown: Vec<_> = facts.iter().map(|fact| fact.value.as_str()).collect();
    assert_eq!(
        shown,
        [
            "follows 192.0.2.1 (stratum 3); this host's clock is corrected by 0.000012345 s, root dispersion 0.0005 s",
            "followed, 8 of the last 8 questions answered, stratum 2",
            "not usable, 0 of the last 8 questions answered, stratum 0",
        ]
    );
    assert!(!keeping::is_slewed(&tracked));
    tracked.properties.insert("chronyc".into(), "506 Cannot talk to daemon".into());
    assert_eq!(keeping::chrony(&tracked)[0].value, "506 Cannot talk to daemon");
    for hostile in ["", ",,,,,,,,,,,,,", "\u{1b}[2J,a", "^,^,^,^,^,^,^,^,^,^"] {
        tracked.properties.insert("chronyc".into(), hostile.into());
        assert!(keeping::chrony(&tracked).len() <= 1);
        assert!(!keeping::is_slewed(&tracked));
    }
}

#[test]
fn a_clock_that_chrony_is_slow_to_set_has_a_source() {
    let mut sync = good().unwrap();
    sync.synchronized = Some(false);
    for (correction, leap, slewed) in [
        ("1199.978271484", "Normal", true),
        ("-1199.978271484", "Insert second", true),
        ("0.000021987", "Normal", false),
        ("1199.978271484", "Not synchronised", false),
    ] {
        let told = format!("0A620001,192.0.2.1,4,1795531581.2,{correction},-1200.0,379.4,7.5,-9.7,62.6,0.0,0.0,1.0,{leap}");
        sync.properties.insert("chronyc".into(), told);
        assert_eq!(keeping::is_slewed(&sync), slewed, "{correction} {leap}");
        assert_eq!(keeping::judge(&sync, &[]).is_none(), slewed, "{correction} {leap}");
    }
}

#[test]
fn only_a_service_that_is_off_is_switched_on() {
    for (enabled, case, repaired) in [
        (false, Case::Off, Repaired::AsCatalogued),
        (true, Case::NoSource, Repaired::ByNobody),
    ] {
        let mut sync = good().unwrap();
        (sync.enabled, sync.synchronized) = (Some(enabled), Some(false));
        let finding = keeping::judge(&sync, &[]).unwrap();
        assert_eq!((finding.case, finding.repaired), (Some(case), repaired));
    }
}
