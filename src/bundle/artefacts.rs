//! What an engineer wants to open when a bundle is unpacked with `tar`: files, logs, chains and answers as they are, made from
//! the evidence, which has all of it for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::archive::{LONGEST_NAME, is_plain};
use super::fixture::Evidence;
use super::manifest::Missing;
use super::write::Entry;
use crate::host::{
    Anchors, ApiAnswer, Content, DnsQuestion, DnsReply, Entry as Answered, Exchange, Handshake,
    LogEntry, Pem, ReadQuestion, Seen, Service, Tunnel, TunnelEnding, Unseen, question_in_words,
};
use crate::model::excerpt;

/// The artefacts of a recording.
pub(super) fn of(evidence: &Evidence) -> Vec<Entry> {
    let mut all = Artefacts::default();
    let mut names = String::new();
    for entry in &evidence.recording.entries {
        match entry.ask.as_str() {
            "read" => {
                let question = parsed::<ReadQuestion>(&entry.question);
                if let (Some(question), Some(Ok(content))) =
                    (question, parsed::<Seen<Content>>(&entry.answer))
                {
                    all.add(
                        &format!("files/{}", question.path.path().display()),
                        content.text,
                    );
                }
            }
            "service" => {
                if let Some(Ok(service)) = parsed::<Seen<Service>>(&entry.answer) {
                    all.add(
                        &format!("service/{}.txt", word(entry, "name")),
                        properties(&service),
                    );
                }
            }
            "journal" => {
                if let Some(Ok(mut entries)) = parsed::<Seen<Vec<LogEntry>>>(&entry.answer) {
                    entries.reverse();
                    all.add(
                        &format!("journal/{}.txt", word(entry, "unit")),
                        log(&entries),
                    );
                }
            }
            "handshake" => {
                if let Some(Ok(handshake)) = parsed::<Seen<Handshake>>(&entry.answer) {
                    all.add("certificates/peer.pem", joined(&handshake.chain));
                }
            }
            "anchors" => {
                if let Some(Ok(anchors)) = parsed::<Seen<Anchors>>(&entry.answer) {
                    all.add("certificates/anchors.pem", joined(&anchors.matching));
                }
            }
            "health" | "fetch" => {
                if let Some(Ok(exchange)) = parsed::<Seen<Exchange>>(&entry.answer) {
                    all.add(&format!("answers/{}.http", entry.ask), http(&exchange));
                }
            }
            "api" => {
                if let Some(ApiAnswer::Reply(reply)) = parsed::<ApiAnswer>(&entry.answer) {
                    let call = entry.question["call"]["call"].as_str().unwrap_or("api");
                    all.add(&format!("answers/{call}.http"), http(&reply.exchange));
                }
            }
            "tunnel" => {
                if let Some(Ok(tunnel)) = parsed::<Seen<Tunnel>>(&entry.answer)
                    && let TunnelEnding::Refused {
                        status,
                        reason,
                        headers,
                        body,
                    } = tunnel.ending
                {
                    all.add(
                        "answers/proxy.http",
                        message(&format!("{status} {reason}"), &headers, &body),
                    );
                }
            }
            "dns" => {
                let question = parsed::<DnsQuestion>(&entry.question);
                if let (Some(question), Some(answer)) =
                    (question, parsed::<Seen<DnsReply>>(&entry.answer))
                {
                    names.push_str(&name(&question, &answer));
                }
            }
            _ => {}
        }
    }
    all.add("answers/dns.txt", names);
    all.entries
}

/// What was asked for and could not be seen, each with its reason. That something is not there was seen.
pub(super) fn missing(evidence: &Evidence) -> Vec<Missing> {
    let unseen = |entry: &Answered| {
        let why = parsed::<Unseen>(entry.answer.get("Err")?)?;
        let was_seen = matches!(
            why,
            Unseen::Absent | Unseen::Refused | Unseen::Reset | Unseen::Closed
        );
        (!was_seen).then(|| Missing {
            what: excerpt(&question_in_words(&entry.ask, &entry.question)),
            why: excerpt(&why.to_string()),
        })
    };
    evidence
        .recording
        .entries
        .iter()
        .filter_map(unseen)
        .collect()
}

/// How often a mark stands for what was left out.
pub(super) fn marks(evidence: &Evidence) -> u64 {
    fn of(value: &Value) -> u64 {
        match value {
            Value::String(text) => text.matches('…').count() as u64,
            Value::Array(items) => items.iter().map(of).sum(),
            Value::Object(fields) => fields.values().map(of).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }
    evidence
        .recording
        .entries
        .iter()
        .map(|entry| of(&entry.answer))
        .sum()
}

/// A log for people, in the order of its entries.
pub(super) fn log(entries: &[LogEntry]) -> String {
    entries.iter().map(line).collect()
}

/// One entry: when, who, how bad, what. What it has of lines stays one, for who searches it.
pub(super) fn line(entry: &LogEntry) -> String {
    let time = entry
        .time
        .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ ").to_string());
    let who = entry.identifier.as_deref().unwrap_or("-");
    let priority = entry
        .priority
        .map_or(String::new(), |priority| format!("<{priority}>"));
    let message = entry.message.trim_end().replace('\n', "\n    ");
    format!("{}{who}{priority}: {message}\n", time.unwrap_or_default())
}

#[derive(Default)]
struct Artefacts {
    names: BTreeSet<String>,
    entries: Vec<Entry>,
}

impl Artefacts {
    /// Under this name, or one like it where it is taken or is no name of an entry. Nothing is no artefact.
    fn add(&mut self, name: &str, content: String) {
        if content.is_empty() {
            return;
        }
        let name = plain(name);
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !extension.contains('/') => (stem, format!(".{extension}")),
            _ => (name.as_str(), String::new()),
        };
        let numbered = (2..).map(|number| format!("{stem}-{number}{extension}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !self.names.contains(name));
        if let Some(free) = free {
            self.names.insert(free.clone());
            self.entries.push((free, content.into_bytes()));
        }
    }
}

/// A name that an entry may have, like this one.
fn plain(name: &str) -> String {
    let words = name.split('/').filter(|word| !word.is_empty()).map(|word| {
        let letters = word
            .chars()
            .map(|c| match c.is_ascii() && is_plain(&[b'x', c as u8]) {
                true => c,
                false => '_',
            });
        let word: String = letters.collect();
        match word.strip_prefix('.') {
            Some(rest) => format!("_{rest}"),
            None => word,
        }
    });
    let name = words.collect::<Vec<_>>().join("/");
    // With room for a number.
    let most = LONGEST_NAME - 8;
    match name.len() > most {
        true => format!("long{}", name[name.len() - most + 4..].replace('/', "_")),
        false => name,
    }
}

fn parsed<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn word<'a>(entry: &'a Answered, field: &str) -> &'a str {
    entry.question[field].as_str().unwrap_or("unnamed")
}

fn joined(chain: &[Pem]) -> String {
    chain.iter().map(|pem| pem.0.as_str()).collect()
}

fn properties(service: &Service) -> String {
    let lines = service.properties.iter();
    lines
        .map(|(name, value)| format!("{name}={}\n", value.replace('\n', &format!("\n{name}="))))
        .collect()
}

fn http(exchange: &Exchange) -> String {
    message(
        &exchange.status.to_string(),
        &exchange.headers,
        &exchange.body,
    )
}

fn message(status: &str, headers: &[(String, String)], body: &str) -> String {
    let mut text = format!("HTTP {status}\n");
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text + "\n" + body
}

fn name(question: &DnsQuestion, answer: &Seen<DnsReply>) -> String {
    let said = match answer {
        Ok(reply) => {
            let addresses: Vec<String> = reply.addresses.iter().map(ToString::to_string).collect();
            format!("{} {}", reply.code, addresses.join(" "))
        }
        Err(unseen) => unseen.to_string(),
    };
    let record = serde_json::to_value(question.record).unwrap_or_default();
    format!(
        "{} {} {}: {}\n",
        question.server,
        question.name,
        record.as_str().unwrap_or_default(),
        said.trim_end()
    )
}
