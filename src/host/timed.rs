//! What is worth telling of a question once it is answered: to whom it was put, what was asked, what came of it, how long that took.
//!
//! A few words of each, so that a report can show where the time went; the answers themselves stay where they are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::contract::token::TokenShape;
use crate::model::{Layer, Reply, Timing, counted};

/// The timings of one question: mostly one; of a race, one for each address.
pub(super) type Timed = Arc<[Timing]>;

/// A question in a few words.
pub(super) trait Asked {
    /// What it is about, without the verb.
    fn about(&self) -> String;
}

/// An answer in a few words.
pub(super) trait Answered {
    /// What came of it.
    fn reply(&self) -> Reply;

    /// What went on meanwhile, where that is worth a line each: what, what came of it, when since the question, how long.
    fn parts(&self) -> Vec<(String, Reply, Duration, Duration)> {
        Vec::new()
    }
}

/// The timings of a question: `began` since the diagnosis began, where that is known.
pub(super) fn timed(
    name: &'static str,
    question: &impl Asked,
    answer: &impl Answered,
    began: Option<Duration>,
    took: Duration,
) -> Timed {
    let (layer, _) = kind(name);
    let of = |about: &str, reply, began, took| Timing {
        layer,
        what: with_verb(name, about),
        reply,
        began,
        took,
        checks: Vec::new(),
    };
    let parts = answer.parts();
    if parts.is_empty() {
        return Arc::new([of(&question.about(), answer.reply(), began, took)]);
    }
    let parts = parts.into_iter().map(|(about, reply, after, took)| {
        let began = began.map(|began| began.saturating_add(after));
        of(&about, reply, began, took)
    });
    parts.collect()
}

/// A question in words.
pub(super) fn said(name: &'static str, question: &impl Asked) -> String {
    with_verb(name, &question.about())
}

fn with_verb(name: &'static str, about: &str) -> String {
    [kind(name).1, about].join(" ").trim().to_owned()
}

/// So many milliseconds, if that is a time.
pub(super) fn millis(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1e3).ok()
}

/// To whom a question is put, and the verb that goes with it, by the name of the method.
fn kind(name: &'static str) -> (Layer, &'static str) {
    match name {
        "dns" => (Layer::Dns, ""),
        "lookup" => (Layer::Dns, "the system's resolver:"),
        "connect" => (Layer::Tcp, "connect to"),
        "tunnel" => (Layer::Proxy, "tunnel through"),
        "handshake" => (Layer::Tls, "handshake with"),
        "health" | "fetch" => (Layer::Http, "GET"),
        "api" => (Layer::Http, ""),
        "ntp" => (Layer::Ntp, "the time at"),
        "service" => (Layer::Command, "the service manager:"),
        "journal" => (Layer::Command, "the log of"),
        "time_sync" => (Layer::Command, "time synchronisation"),
        "processes" => (Layer::Command, "processes named"),
        "inside" => (Layer::Local, "what process"),
        "system" => (Layer::Local, "the machine"),
        "network_settings" => (Layer::Local, "settings of the network"),
        "now" => (Layer::Local, "the clock"),
        "token" => (Layer::Local, "the enrollment token"),
        "environment" => (Layer::Local, "variables"),
        "stat" => (Layer::Local, "look at"),
        "read" => (Layer::Local, "read"),
        "file_variables" => (Layer::Local, "variables of"),
        "private_key" => (Layer::Local, "the key in"),
        "file_system" => (Layer::Local, "the file system of"),
        "find_program" => (Layer::Local, "find"),
        "account" => (Layer::Local, "user"),
        "group" => (Layer::Local, "group"),
        "assignments" => (Layer::Local, "directives of"),
        "anchors" => (Layer::Local, "CA certificates of"),
        name => (Layer::Local, name),
    }
}

impl Asked for () {
    fn about(&self) -> String {
        String::new()
    }
}

impl Asked for String {
    fn about(&self) -> String {
        self.clone()
    }
}

impl Asked for HostPath {
    fn about(&self) -> String {
        self.path().display().to_string()
    }
}

impl Asked for ReadQuestion {
    fn about(&self) -> String {
        self.path.about()
    }
}

impl Asked for FileVariablesQuestion {
    fn about(&self) -> String {
        self.path.about()
    }
}

impl Asked for Vec<PathBuf> {
    fn about(&self) -> String {
        counted(self.len(), "unit file", "unit files")
    }
}

impl Asked for EnvironmentQuestion {
    fn about(&self) -> String {
        "of the environment".to_owned()
    }
}

impl Asked for InsideQuestion {
    fn about(&self) -> String {
        format!("{} sees", self.pid)
    }
}

impl Asked for ServiceQuestion {
    fn about(&self) -> String {
        self.name.clone()
    }
}

impl Asked for JournalQuestion {
    fn about(&self) -> String {
        self.unit.clone()
    }
}

impl Asked for NtpQuestion {
    fn about(&self) -> String {
        self.server.to_string()
    }
}

impl Asked for DnsQuestion {
    fn about(&self) -> String {
        let record = match self.record {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
        };
        format!("{record} of {} at {}", self.name, self.server)
    }
}

impl Asked for ConnectQuestion {
    fn about(&self) -> String {
        counted(self.addresses.len(), "address", "addresses")
    }
}

impl Asked for TunnelQuestion {
    fn about(&self) -> String {
        format!("{} to {}:{}", self.via.proxy, self.host, self.port)
    }
}

impl Asked for HandshakeQuestion {
    fn about(&self) -> String {
        format!("{} at {}", self.server_name, self.address)
    }
}

impl Asked for HealthQuestion {
    fn about(&self) -> String {
        format!("/health of {}", self.authority)
    }
}

impl Asked for FetchQuestion {
    fn about(&self) -> String {
        self.url.clone()
    }
}

impl Asked for AnchorsQuestion {
    fn about(&self) -> String {
        match (&self.file, &self.dir) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(dir)) => dir.clone(),
            (None, None) => "the system".to_owned(),
        }
    }
}

impl Asked for ApiQuestion {
    fn about(&self) -> String {
        let call = match &self.call {
            ApiCall::Health => "GET /health".to_owned(),
            ApiCall::Heartbeat { .. } => "POST /agent/heartbeat".to_owned(),
            ApiCall::InspectToken => "POST /agent/enrollment-tokens/inspect".to_owned(),
            ApiCall::ChangeRequest { id } => format!("GET /change-requests/{id}"),
        };
        format!("{call} over a connection of its own")
    }
}

fn given(words: impl Into<String>) -> Reply {
    Reply::Given(words.into())
}

/// What says nothing beside that it is there.
macro_rules! without_words {
    ($($answer:ty),* $(,)?) => {
        $(impl Answered for $answer {
            fn reply(&self) -> Reply {
                given("")
            }
        })*
    };
}
without_words!(
    System,
    DateTime<Utc>,
    BTreeMap<String, String>,
    BTreeMap<String, PathBuf>,
    Stat,
    Content,
    KeyFacts,
    FileSystem,
    PathBuf,
    Account,
    Group,
    Inside,
    Service,
    NetworkSettings,
    TimeSync,
    NtpReply,
    Option<TokenShape>,
);

impl<T: Answered> Answered for Seen<T> {
    fn reply(&self) -> Reply {
        match self {
            Ok(answer) => answer.reply(),
            // That something is not there, or that a host has no such thing, is an answer.
            Err(unseen @ (Unseen::Absent | Unseen::Unsupported { .. })) => {
                given(unseen.to_string())
            }
            Err(unseen) => Reply::Failed(unseen.to_string()),
        }
    }
}

impl Answered for Vec<Process> {
    fn reply(&self) -> Reply {
        given(self.len().to_string())
    }
}

impl Answered for Vec<LogEntry> {
    fn reply(&self) -> Reply {
        given(counted(self.len(), "entry", "entries"))
    }
}

impl Answered for Vec<IpAddr> {
    fn reply(&self) -> Reply {
        given(counted(self.len(), "address", "addresses"))
    }
}

impl Answered for DnsReply {
    fn reply(&self) -> Reply {
        match self.code == "NOERROR" {
            true => self.addresses.reply(),
            false => Reply::Failed(self.code.clone()),
        }
    }
}

impl Answered for Race {
    fn reply(&self) -> Reply {
        match self.winner {
            Some(winner) => given(format!("{winner} first")),
            None => Reply::Failed("none opened".to_owned()),
        }
    }

    fn parts(&self) -> Vec<(String, Reply, Duration, Duration)> {
        let part = |attempt: &Attempt| {
            let reply = match &attempt.outcome {
                Ok(()) if self.winner == Some(attempt.address) => given("open, and used"),
                Ok(()) => given("open"),
                Err(unseen) => Reply::Failed(unseen.to_string()),
            };
            let (after, took) = (millis(attempt.started_ms), millis(attempt.duration_ms));
            let about = attempt.address.to_string();
            (
                about,
                reply,
                after.unwrap_or_default(),
                took.unwrap_or_default(),
            )
        };
        self.attempts.iter().map(part).collect()
    }
}

impl Answered for Tunnel {
    fn reply(&self) -> Reply {
        Reply::Failed(match &self.ending {
            TunnelEnding::Open => return given("open"),
            TunnelEnding::Refused { status, .. } => format!("HTTP {status}"),
            TunnelEnding::LoginWanted => "wants a login".to_owned(),
            TunnelEnding::LoginRefused => "refuses the login".to_owned(),
            TunnelEnding::Socks { reply, .. } => reply.clone(),
            TunnelEnding::NotAProxy { why }
            | TunnelEnding::Tls { why }
            | TunnelEnding::CannotAsk { why } => why.clone(),
            TunnelEnding::TimedOut { .. } => "no answer in time".to_owned(),
            TunnelEnding::Closed => "hung up".to_owned(),
            TunnelEnding::Reset => "reset".to_owned(),
        })
    }
}

impl Answered for Handshake {
    fn reply(&self) -> Reply {
        Reply::Failed(match &self.ending {
            Ending::Complete => return given(self.version.clone().unwrap_or_default()),
            Ending::Alert { name, .. } => format!("alert {name}"),
            Ending::Incompatible { why } | Ending::Failed { why } => why.clone(),
            Ending::NotTls => "not TLS".to_owned(),
            Ending::TimedOut { .. } => "no answer in time".to_owned(),
            Ending::Closed => "hung up".to_owned(),
            Ending::Reset => "reset".to_owned(),
        })
    }
}

impl Answered for Exchange {
    fn reply(&self) -> Reply {
        match self.status {
            status @ 200..=299 => given(format!("HTTP {status}")),
            status => Reply::Failed(format!("HTTP {status}")),
        }
    }
}

impl Answered for Anchors {
    fn reply(&self) -> Reply {
        given(counted(self.total, "certificate", "certificates"))
    }
}

impl Answered for ApiAnswer {
    fn reply(&self) -> Reply {
        match self {
            Self::Reply(reply) => reply.exchange.reply(),
            Self::NotAsked { why } => given(format!("not asked: {why}")),
            Self::PeerNotAccepted { why } => Reply::Failed(format!("peer not accepted: {why}")),
            Self::Alert { name } => Reply::Failed(format!("alert {name}")),
            Self::Failed(unseen) => Reply::Failed(unseen.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_question_is_told_in_a_few_words_with_what_came_of_it() {
        let question = DnsQuestion {
            server: IpAddr::from([127, 0, 0, 53]),
            name: "nexplane.corp".into(),
            record: RecordType::Aaaa,
        };
        let silent: Seen<DnsReply> = Err(Unseen::TimedOut { after_ms: 5000 });
        let timings = timed("dns", &question, &silent, Some(2 * MS), 5000 * MS);
        let [timing] = &*timings else {
            panic!("{timings:?}")
        };
        assert_eq!(timing.what, "AAAA of nexplane.corp at 127.0.0.53");
        assert_eq!(timing.layer, Layer::Dns);
        assert_eq!(timing.reply, Reply::Failed("no answer within 5 s".into()));
        assert_eq!((timing.began, timing.took), (Some(2 * MS), 5000 * MS));
    }

    #[test]
    fn what_is_not_there_is_an_answer() {
        let path = HostPath::host("/etc/hosts");
        let timings = timed("stat", &path, &Seen::<Stat>::Err(Unseen::Absent), None, MS);
        assert_eq!(timings[0].what, "look at /etc/hosts");
        assert_eq!(timings[0].reply, Reply::Given("not there".into()));
        let denied = timed("stat", &path, &Seen::<Stat>::Err(Unseen::Denied), None, MS);
        assert_eq!(denied[0].reply, Reply::Failed("permission denied".into()));
    }

    #[test]
    fn a_race_is_told_by_its_attempts() {
        let addresses = [([127, 0, 0, 2], 1).into(), ([127, 0, 0, 1], 1).into()];
        let attempt = |address, outcome, started_ms| Attempt {
            address,
            outcome,
            started_ms,
            duration_ms: 3.0,
        };
        let race = Race {
            attempts: vec![
                attempt(addresses[0], Err(Unseen::Refused), 0.0),
                attempt(addresses[1], Ok(()), 2.0),
            ],
            winner: Some(addresses[1]),
        };
        let question = ConnectQuestion {
            addresses: addresses.to_vec(),
        };
        let timings = timed("connect", &question, &race, Some(10 * MS), 5 * MS);
        let told: Vec<_> = timings
            .iter()
            .map(|it| (it.what.as_str(), &it.reply, it.began, it.took))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "connect to 127.0.0.2:1",
                    &Reply::Failed("connection refused".into()),
                    Some(10 * MS),
                    3 * MS
                ),
                (
                    "connect to 127.0.0.1:1",
                    &Reply::Given("open, and used".into()),
                    Some(12 * MS),
                    3 * MS
                ),
            ]
        );
    }

    #[test]
    fn a_time_that_is_none_is_not_taken_for_one() {
        assert_eq!(millis(1.5), Some(Duration::from_micros(1500)));
        for ms in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(millis(ms), None, "{ms}");
        }
    }
}
