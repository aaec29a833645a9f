//! `--anonymize`: other names stand for hosts and users, other addresses for addresses, facts for certificates. Always the same
//! for the same, in questions and answers alike, so that the diagnosis stays what it is.
//!
//! A name is recognised where the door says that it is one (a DNS question, a URL, a certificate, a hosts file), and then
//! wherever it stands; besides, in any text, where its last label is one that names end in.

mod addresses;
mod certificates;
mod names;

use std::net::IpAddr;

use ring::hmac::{HMAC_SHA256, Key};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use self::certificates::Certificates;
use self::names::Names;
use crate::bundle::BundleError;
use crate::bundle::fixture::Evidence;
use crate::host::Entry;

/// What stands for what.
pub(super) struct Anonymizer {
    secret: Key,
    names: Names,
    certificates: Certificates,
}

impl Anonymizer {
    /// Takes note of all names in some evidence.
    pub(super) fn of(evidence: &Evidence) -> Result<Self, BundleError> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            BundleError::Io(std::io::Error::other("the system gives no random numbers"))
        })?;
        let secret = Key::new(HMAC_SHA256, &bytes);
        let mut names = Names::default();
        let mut hosts = Vec::new();
        let target = serde_json::to_value(&evidence.target).unwrap_or_default();
        hosts_of_urls(&target, &mut hosts);
        for entry in &evidence.recording.entries {
            note(entry, &mut hosts, &mut names);
            hosts_of_urls(&entry.question, &mut hosts);
            hosts_of_urls(&entry.answer, &mut hosts);
        }
        hosts.iter().for_each(|host| names.add_host(host));
        let certificates = Certificates::of(evidence, secret.clone(), hosts, &mut names);
        Ok(Self {
            secret,
            names,
            certificates,
        })
    }

    /// What is no text and tells a name all the same.
    pub(super) fn prepare(&self, evidence: &mut Evidence) {
        for entry in &mut evidence.recording.entries {
            match entry.ask.as_str() {
                "anchors" => self.certificates.question(&mut entry.question),
                "private_key" => self.certificates.public_key(&mut entry.answer),
                _ => {}
            }
        }
    }

    /// A text in which others stand for all names.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = self.certificates.text(text, &mut self.names);
        let text = self.names.without_phrases(&text);
        let mut told = String::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            if end == 0 {
                let next = rest.find(is_of_word).unwrap_or(rest.len());
                told.push_str(&rest[..next]);
                rest = &rest[next..];
                continue;
            }
            let alone = stands_alone(told.chars().next_back(), &rest[end..]);
            let length = self.token(&rest[..end], &rest[end..], alone, &mut told);
            rest = &rest[length..];
        }
        told
    }

    /// One run of letters, digits, points, colons; says how much was told.
    fn token(&mut self, token: &str, after: &str, alone: bool, told: &mut String) -> usize {
        let bare = token.trim_end_matches(['.', ':', '-']);
        let address = bare
            .parse::<IpAddr>()
            .ok()
            .filter(|_| bare.contains('.') || bare.matches(':').count() > 1);
        if let Some(address) = address {
            let digits = after
                .strip_prefix('/')
                .map_or(0, |it| it.bytes().take_while(u8::is_ascii_digit).count());
            let prefix = after.get(1..=digits).and_then(|digits| digits.parse().ok());
            let stand_in = match (prefix, bare == token) {
                (Some(prefix), true) => addresses::network(address, prefix, &self.secret),
                _ => addresses::stand_in(address, &self.secret),
            };
            told.push_str(&stand_in.to_string());
            return bare.len();
        }
        // Host and port, key and value: only addresses have colons.
        let end = token.find(':').unwrap_or(token.len());
        if end == 0 {
            told.push(':');
            return 1;
        }
        let word = &token[..end];
        match word.parse::<IpAddr>() {
            Ok(address) => told.push_str(&addresses::stand_in(address, &self.secret).to_string()),
            Err(_) => match self.names.word(word, alone && end == token.len()) {
                Some(stand_in) => told.push_str(&stand_in),
                None => told.push_str(word),
            },
        }
        end
    }
}

/// Whether a word is all that there is, or all within quotes that is not the name of a field.
fn stands_alone(before: Option<char>, after: &str) -> bool {
    let Some(quote) = before else {
        return after.is_empty();
    };
    let Some(behind) = after.strip_prefix(quote) else {
        return false;
    };
    matches!(quote, '"' | '\'' | '`') && !behind.trim_start().starts_with(':')
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')
}

/// Takes note of the names that one question or answer is about.
fn note(entry: &Entry, hosts: &mut Vec<String>, names: &mut Names) {
    let mut text = |value: &Value| {
        if let Some(text) = value.as_str() {
            hosts.push(text.to_owned());
        }
    };
    let answer = &entry.answer;
    let answered = answer.get("Ok").unwrap_or(answer);
    match entry.ask.as_str() {
        "system" => {
            text(&answer["hostname"]);
            names.add_user(answer["user"]["name"].as_str().unwrap_or_default());
        }
        "dns" => {
            text(&entry.question["name"]);
            let aliases = answered["aliases"].as_array();
            aliases.into_iter().flatten().for_each(text);
        }
        "lookup" => text(&entry.question),
        "handshake" => text(&entry.question["server_name"]),
        "tunnel" => text(&entry.question["host"]),
        "time_sync" => {
            let servers = answered["servers"].as_array();
            servers
                .into_iter()
                .flatten()
                .for_each(|server| text(&server["name"]));
        }
        "api" => {
            text(&entry.question["call"]["hostname"]);
            let body = answered["exchange"]["body"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            for field in ["registered_as", "used_by_hostname"] {
                text(&body[field]);
            }
            text(&body["target"]["hostname"]);
        }
        "account" | "group" => names.add_user(entry.question.as_str().unwrap_or_default()),
        "read" => {
            let path = entry.question["path"]["path"].as_str().unwrap_or_default();
            let content = answered["text"].as_str().unwrap_or_default();
            if path.ends_with("/hosts") || path.ends_with("/resolv.conf") {
                let lines = content.lines().filter_map(|line| line.split('#').next());
                let words = lines.flat_map(|line| line.split_whitespace().skip(1));
                hosts.extend(words.map(str::to_owned));
            }
        }
        _ => {}
    }
    if let Some(home) = home(&entry.question).or_else(|| home(answer)) {
        names.add_user(&home);
    }
}

/// Whose home a path leads to.
fn home(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let (_, rest) = text
                .split_once("/home/")
                .or_else(|| text.split_once("/Users/"))?;
            let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            Some(rest[..end].to_owned())
        }
        Value::Array(items) => items.iter().find_map(home),
        Value::Object(fields) => fields.values().find_map(home),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The hosts of all URLs.
fn hosts_of_urls(value: &Value, hosts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices("://") {
                let rest = &text[at + 3..];
                let end = rest.find(['/', '"', '\'', ' ', '\n', '?', '#', '<', '>', ')', ',']);
                let authority = &rest[..end.unwrap_or(rest.len())];
                let host = authority.rsplit('@').next().unwrap_or_default();
                let host = host.split(':').next().unwrap_or_default();
                hosts.push(host.to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| hosts_of_urls(item, hosts)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| hosts_of_urls(field, hosts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
