//! Every question of the door, asked through a recorder, written down as text, read back and asked again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use futures_util::future::ready;

use super::*;
use crate::contract::token::TokenShape;
use crate::model::{Os, Secret};

/// One value of each kind that goes through the door.
trait Sample {
    fn sample() -> Self;
}

macro_rules! samples {
    ($($kind:ty => $value:expr;)*) => {
        $(impl Sample for $kind { fn sample() -> Self { $value } })*
    };
}

impl<T: Sample> Sample for Seen<T> {
    fn sample() -> Self {
        Ok(T::sample())
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample() -> Self {
        vec![T::sample(), T::sample()]
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample() -> Self {
        Some(T::sample())
    }
}

impl<K: Sample + Ord, V: Sample> Sample for BTreeMap<K, V> {
    fn sample() -> Self {
        Self::from([(K::sample(), V::sample())])
    }
}

fn address() -> SocketAddr {
    "[2001:db8::1]:8000".parse().unwrap()
}

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(1_764_000_000_123_456_789)
}

samples! {
    () => ();
    String => "ünï\n\"code\"".into();
    PathBuf => "/etc/x".into();
    IpAddr => address().ip();
    DateTime<Utc> => time();
    HostPath => HostPath::host("/etc/x");
    Pem => Pem("-----BEGIN".into());
    TokenShape => TokenShape::of(&Secret::new("short"));
    Account => Account { uid: 1, name: "a".into(), gids: vec![2, 3], sids: Vec::new() };
    System => System {
        hostname: "h".into(), os: Os::Macos, os_version: None, kernel: Some("6".into()),
        arch: "x".into(), user: Account::sample(), foreign_root: true,
    };
    EnvironmentQuestion => EnvironmentQuestion { names: Vec::sample() };
    FileVariablesQuestion => FileVariablesQuestion { path: HostPath::sample(), names: Vec::sample() };
    Stat => Stat {
        path: "/a".into(), kind: Kind::Other, size: 1, mode: 0o644, uid: 0, gid: 0,
        modified: Some(time()), acl: None, security: None, ancestors: Vec::new(),
    };
    ReadQuestion => ReadQuestion::new(HostPath::caller("x"));
    Content => Content { text: "\u{fffd}".into(), invalid_utf8_at: Some(0) };
    KeyFacts => KeyFacts { public_key: "AA==".into() };
    FileSystem => FileSystem {
        path: "/".into(), total_bytes: u64::MAX, free_bytes: 1, available_bytes: 2,
        total_inodes: 3, free_inodes: 4, read_only: true,
    };
    Group => Group { gid: 7, name: "g".into() };
    InsideQuestion => InsideQuestion { pid: 1, variables: Vec::sample(), paths: vec!["/a".into()] };
    Inside => Inside {
        network: Ok(InsideNetwork { own: true, interfaces: Vec::sample() }),
        environment: Err(Unseen::Denied),
        paths: vec![Ok(InsidePath { same: true, read_only: false }), Err(Unseen::Absent)],
    };
    Process => Process { pid: 1, executable: None };
    ServiceQuestion => ServiceQuestion::agent(Os::Linux);
    Service => Service { properties: BTreeMap::sample(), supplied: true };
    JournalQuestion => JournalQuestion::agent(Os::Windows);
    LogEntry => LogEntry {
        time: Some(time()), message: String::sample(), priority: Some(3), identifier: None,
        invocation: Some("i".into()), message_id: None,
    };
    TimeSync => TimeSync {
        enabled: Some(true), synchronized: None, properties: BTreeMap::new(), keeper: Some("k".into()),
        servers: Vec::sample(), supplied: false,
    };
    NetworkSettings => NetworkSettings {
        nameservers: vec![address().ip()], search: Vec::sample(),
        domains: vec![DomainServers { domain: "d".into(), nameservers: vec![address().ip()] }],
        system_proxy: Some(SystemProxy { https: Some("p:2".into()), automatic: None }),
        winhttp_proxy: Some(WinHttpProxy { proxy: "p:1".into(), bypass: String::new() }),
    };
    TimeServer => TimeServer { name: "n".into(), named_in: "f".into() };
    NtpQuestion => NtpQuestion { server: address().ip() };
    NtpReply => NtpReply {
        leap: Leap::Unsynchronized, stratum: 16, reference: "r".into(), root_delay_ms: 0.123,
        root_dispersion_ms: 1e-3, sent_at: time(), received: None, transmitted: Some(time()), received_at: time(),
    };
    DnsQuestion => DnsQuestion {
        server: address().ip(), name: "n".into(), record: RecordType::Aaaa,
    };
    DnsReply => DnsReply {
        code: "NOERROR".into(), addresses: Vec::sample(), aliases: Vec::sample(), duration_ms: 0.123,
    };
    ConnectQuestion => ConnectQuestion { addresses: vec![address()] };
    Race => Race {
        attempts: vec![Attempt {
            address: address(), outcome: Err(Unseen::Refused), started_ms: 250.007, duration_ms: 1e-3,
        }],
        winner: None,
    };
    HandshakeQuestion => HandshakeQuestion {
        address: address(), server_name: "n".into(), tunnel: Some(TunnelQuestion::sample()),
    };
    TunnelQuestion => TunnelQuestion {
        address: address(), host: "n".into(), port: 1,
        via: Via {
            proxy: "http://p:1".into(), ca_cert: None, ssl_cert_file: None, ssl_cert_dir: Some("/a".into()),
            credentials: Some(ProxySetting::File { path: HostPath::sample(), variable: "V".into() }),
        },
    };
    Tunnel => Tunnel {
        ending: TunnelEnding::Refused {
            status: 407, reason: "r".into(), headers: vec![("a".into(), "b".into())], body: "b".into(),
        },
        credentials: Login::Given, duration_ms: 1.5,
    };
    Handshake => Handshake {
        ending: Ending::Alert { name: "unknown_ca".into(), before_server_hello: false },
        version: None, cipher_suite: None, chain: Vec::sample(), key_proven: Some(false),
        client_certificate_requested: true, received: 7, first_bytes: "16".into(), duration_ms: 4.5,
        details: Details {
            offered: Offer { versions: vec!["TLSv1.3".into()], cipher_suites: Vec::new(), groups: vec!["X25519".into()] },
            group: Some("X25519".into()), application_protocol: None, hung: Some(Hung::sample()),
        },
    };
    Hung => Hung {
        segment: Some(1448), sent: Some(Sent { unacknowledged: 0, retransmissions: 2 }),
        trials: vec![Trial { segment: Some(536), ended: Ok(Ending::Complete), duration_ms: 3.5 }],
    };
    HealthQuestion => HealthQuestion { address: address(), authority: "n:1".into() };
    FetchQuestion => FetchQuestion { url: "https://n:1/x".into(), via: None };
    Exchange => Exchange {
        status: 200, headers: vec![("a".into(), "b".into())], body: "{}".into(), truncated: false,
        sent_at: time(), received_at: time(), duration_ms: 12.25,
    };
    AnchorsQuestion => AnchorsQuestion { file: None, dir: Some("/a:/b".into()), names: Vec::sample() };
    Anchors => Anchors { source: "s".into(), total: 1, matching: Vec::sample() };
    ApiQuestion => ApiQuestion {
        origin: "https://n:1".into(), addresses: vec![address()], ca_cert: None,
        ssl_cert_file: None, ssl_cert_dir: None,
        identity: Some((HostPath::sample(), HostPath::sample())), via: None,
        call: ApiCall::Heartbeat { agent_id: "a".into(), hostname: "h".into() },
    };
    ApiAnswer => ApiAnswer::Reply(ApiReply { exchange: Exchange::sample() });
}

/// Answers everything with its sample and counts how often it was asked.
#[derive(Default)]
struct Samples {
    asked: AtomicUsize,
}

macro_rules! sample_host {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl Host for Samples {
            $(
                fn $name(&self, _question: $question) -> BoxFuture<'_, $answer> {
                    self.asked.fetch_add(1, Ordering::Relaxed);
                    Box::pin(ready(<$answer>::sample()))
                }
            )*
        }

        const QUESTIONS: usize = [$(stringify!($name)),*].len();

        /// Asks everything, and compares with the samples.
        async fn ask_everything(host: &dyn Host) {
            $(
                let answer = host.$name(<$question>::sample()).await;
                assert_eq!(answer, <$answer>::sample(), stringify!($name));
            )*
        }
    };
}
questions!(sample_host);

#[tokio::test]
async fn what_was_recorded_is_played_back() {
    let recorder = Recorder::new(Samples::default());
    ask_everything(&recorder).await;
    ask_everything(&recorder).await;
    assert_eq!(recorder.host.asked.load(Ordering::Relaxed), QUESTIONS);
    let recording = recorder.recording();
    assert_eq!(recording.entries.len(), QUESTIONS);
    let text = serde_json::to_string_pretty(&recording).unwrap();
    let read: Recording = serde_json::from_str(&text).unwrap();
    assert_eq!(read, recording);
    ask_everything(&Recorded::new(read)).await;
}

#[test]
fn every_way_of_not_seeing_reads_back() {
    let why = || "w".to_owned();
    let name = why;
    let unseen = [
        Unseen::Absent,
        Unseen::Denied,
        Unseen::Refused,
        Unseen::TimedOut { after_ms: 5 },
        Unseen::Unreachable { error: why() },
        Unseen::Reset,
        Unseen::Closed,
        Unseen::Alert { name: name() },
        Unseen::TooLarge { limit: 9 },
        Unseen::Unsupported { why: why() },
        Unseen::Malformed { why: why() },
        Unseen::Failed { why: why() },
        Unseen::NotRecorded,
    ];
    for unseen in unseen {
        let answers = [
            ApiAnswer::Failed(unseen),
            ApiAnswer::PeerNotAccepted { why: why() },
            ApiAnswer::Alert { name: name() },
            ApiAnswer::NotAsked { why: why() },
        ];
        for answer in answers {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(
                serde_json::from_str::<ApiAnswer>(&text).unwrap(),
                answer,
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_from_memory_took_as_long_as_it_did_the_first_time() {
    let recorder = Recorder::new(Samples::default());
    let ask = async || {
        let meter = Meter::default();
        meter.measure(ask_everything(&recorder)).await;
        meter.took()
    };
    let first = ask().await;
    assert!(first.is_some());
    assert_eq!(ask().await, first);
    assert_eq!(recorder.host.asked.load(Ordering::Relaxed), QUESTIONS);
}

/// What a host was asked, by who asked everything of it.
async fn timings(host: &impl Host) -> Vec<crate::model::Timing> {
    let meter = Meter::default();
    meter.measure(ask_everything(host)).await;
    meter.timings()
}

#[tokio::test]
async fn a_recording_tells_when_what_was_asked_as_the_host_did() {
    let recorder = Recorder::new(Samples::default());
    let to_micros = |mut all: Vec<crate::model::Timing>| {
        for timing in &mut all {
            let micros =
                |time: Duration| Duration::from_micros((time.as_secs_f64() * 1e6).round() as u64);
            timing.began = timing.began.map(micros);
            timing.took = micros(timing.took);
        }
        all
    };
    let live = to_micros(timings(&recorder).await);
    assert!(live.len() >= QUESTIONS && live.iter().all(|timing| timing.began.is_some()));
    let mut recording = recorder.recording();
    let played = timings(&Recorded::new(recording.clone())).await;
    assert_eq!(to_micros(played), live);
    let meter = Meter::default();
    let recorded = Recorded::new(recording.clone());
    meter.measure(ask_everything(&recorded)).await;
    let (began, ended) = (
        live.iter().filter_map(|it| it.began).min(),
        live.iter().filter_map(|it| Some(it.began? + it.took)).max(),
    );
    let took = meter.took().unwrap();
    assert!(
        !took.is_zero() && took <= ended.unwrap() - began.unwrap(),
        "{took:?}"
    );

    for entry in &mut recording.entries {
        entry.began_ms = None;
    }
    let text = serde_json::to_string(&recording).unwrap();
    assert!(!text.contains("began_ms"));
    let older = timings(&Recorded::new(serde_json::from_str(&text).unwrap())).await;
    assert_eq!(older.len(), live.len());
    assert!(older.iter().all(|timing| timing.began.is_none()));
}
