//! What must not come through the door with a text that is otherwise evidence: keys, passwords, tokens.
//!
//! [`crate::model::redact`] knows what a secret looks like; here are those that the doctor itself was given, and the
//! places where a name says that a secret follows: variables of files and services.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use regex::{Captures, Regex};

use crate::contract::chain::facts::LABEL;
use crate::contract::proxy::{self, Reading};
use crate::contract::variables::is_known;
use crate::host::LogEntry;
use crate::host::unit::words;
use crate::model::{Secret, names_a_secret, redact};

/// What stands where a secret stood.
const MARK: &str = "…";

/// Replaces secrets in text.
#[derive(Clone)]
pub(super) struct Scrubber {
    known: Arc<Vec<Secret>>,
    /// What a proxy was told. It may be any word, and is looked for in a proxy's own words alone.
    learnt: Arc<RwLock<Vec<Secret>>>,
}

impl Scrubber {
    /// Replaces what looks like a secret, and these wherever they occur.
    pub(super) fn new(known: impl IntoIterator<Item = Secret>) -> Self {
        // A very short one would tear text apart, and is no secret that anybody issues.
        let known = known
            .into_iter()
            .filter(|secret| secret.expose().trim().len() >= 4);
        Self {
            known: Arc::new(known.collect()),
            learnt: Arc::default(),
        }
    }

    /// What a proxy is told; see [`Self::of_proxy`].
    pub(super) fn learn(&self, secrets: impl IntoIterator<Item = Secret>) {
        let mut learnt = self.learnt.write().unwrap_or_else(PoisonError::into_inner);
        let secrets = secrets.into_iter();
        learnt.extend(secrets.filter(|secret| !secret.expose().trim().is_empty()));
    }

    /// What a proxy says, which may repeat what it was told.
    pub(super) fn of_proxy(&self, text: &str) -> String {
        let learnt = self.learnt.read().unwrap_or_else(PoisonError::into_inner);
        without(&learnt, &self.known(text))
    }

    /// Only the secrets that the doctor was given: for answers of those whom they were sent to.
    pub(super) fn known(&self, text: &str) -> String {
        without(&self.known, text)
    }

    /// Any text.
    pub(super) fn text(&self, text: &str) -> String {
        // Facts stand for certificates in recorded evidence alone: on a host nobody takes them for any.
        redact(&self.known(text)).replace(LABEL, MARK)
    }

    /// The text of a file, in which a line may be a variable and its value.
    pub(super) fn file(&self, text: &str) -> String {
        self.text(&hide_logins_in_lines(&hide_values(text)))
    }

    /// A variable's value.
    pub(super) fn variable(&self, name: &str, value: &str) -> String {
        if names_a_secret(name) {
            MARK.to_owned()
        } else if is_proxy(name) {
            self.text(&hide_login(value))
        } else {
            self.text(value)
        }
    }

    /// A service's properties, of which some hold variables, those with blanks between quotation marks.
    pub(super) fn properties(&self, properties: &mut BTreeMap<String, String>) {
        for (name, value) in properties {
            if matches!(
                name.as_str(),
                "Environment" | "DefaultEnvironment" | "UnsetEnvironment"
            ) {
                *value = self.variables(value);
            }
            // What follows is a password in plain text, or one encrypted.
            *value = match name.starts_with("SetCredential") {
                true => MARK.to_owned(),
                false => self.text(value),
            };
        }
    }

    /// The variables of a service, as systemd writes them: the names of all, the values of those that are known.
    fn variables(&self, list: &str) -> String {
        let told = words(list)
            .into_iter()
            .map(|word| match word.split_once('=') {
                Some((name, value)) if is_known(name) => {
                    quoted(&format!("{name}={}", self.variable(name, value)))
                }
                Some((name, _)) => quoted(&format!("{name}={MARK}")),
                None if word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => word,
                // No name of a variable: it may be the rest of a value that was quoted in some other way.
                None => MARK.to_owned(),
            });
        told.collect::<Vec<_>>().join(" ")
    }

    /// The messages of a log, the oldest first.
    pub(super) fn log(&self, entries: &mut [LogEntry]) {
        let mut within_key = 0;
        for entry in entries {
            let begins =
                entry.message.contains("-----BEGIN ") && entry.message.contains("PRIVATE KEY-----");
            let ends = entry.message.contains("-----END ");
            // A private key that was logged line by line has lines that look like nothing.
            entry.message = match within_key > 0 && !begins {
                true => MARK.to_owned(),
                false => self.text(&entry.message),
            };
            within_key = match (begins, ends) {
                (_, true) => 0,
                (true, false) => KEY,
                (false, false) => within_key.saturating_sub(1),
            };
        }
    }
}

/// The most lines that a private key is logged in.
const KEY: usize = 200;

/// A word, in quotes where it takes them to stay one.
pub(super) fn quoted(word: &str) -> String {
    if !word.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\')) {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Hides the values that follow secret names, each in a line.
fn hide_values(text: &str) -> String {
    // Most texts assign nothing, and the expression takes longer to build than they to search.
    if !text.contains('=') {
        return text.to_owned();
    }
    let hidden = |found: &Captures<'_>| {
        if names_a_secret(&found["name"]) {
            format!("{}{MARK}", &found["before"])
        } else {
            found[0].to_owned()
        }
    };
    LINE.replace_all(text, hidden).into_owned()
}

/// A text without these secrets.
fn without(secrets: &[Secret], text: &str) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.expose().trim(), MARK)
    })
}

/// Whether a variable of this name holds a proxy's URL.
pub(super) fn is_proxy(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy")
}

/// A proxy's URL without user and password, whatever is in them: one with a `/` or `#` is no good URL, and still a secret.
///
/// Where the agent cannot read the URL because of them, neither can it read what is left (see [`proxy::read`]): what comes
/// through the door is judged as what is set would be.
fn hide_login(url: &str) -> String {
    let Some((login, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let scheme = login.find("://").map_or("", |at| &login[..at + 3]);
    let hidden = format!("{scheme}{MARK}@{host}");
    let is_as_set = |left: &String| match (proxy::read(url), proxy::read(left)) {
        (Reading::Proxy(set), Reading::Proxy(left)) => set.is_same(&left),
        (set, left) => set == left,
    };
    // No host has a `^`, and a `%` stands before two digits.
    let others = ["^", "%"].map(|stranger| format!("{scheme}{stranger}{MARK}"));
    match is_as_set(&hidden) {
        true => hidden,
        false => others.into_iter().find(is_as_set).unwrap_or(hidden),
    }
}

/// Whether the text may name a proxy; where it does not, there is no login to hide.
fn names_a_proxy(text: &str) -> bool {
    text.to_ascii_lowercase().contains("proxy")
}

/// The same in a file: to the end of the line or of the quotes. In YAML, what follows ` #` is said by a person to people.
fn hide_logins_in_lines(text: &str) -> String {
    if !names_a_proxy(text) {
        return text.to_owned();
    }
    let hidden = |found: &Captures<'_>| {
        let (before, value) = (&found["before"], &found["value"]);
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map(|at| at + 1),
            _ if before.trim_end().ends_with(':') => value.find(" #"),
            _ => None,
        };
        let (url, rest) = value.split_at(end.unwrap_or(value.len()));
        let (quote, url) = url.split_at(url.len() - url.trim_start_matches(['"', '\'']).len());
        format!("{before}{quote}{}{rest}", hide_login(url))
    };
    PROXY_LINE.replace_all(text, hidden).into_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("a pattern of our own: {error}"))
}

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^(?<before>[ \t]*(?:export[ \t]+)?(?<name>[A-Za-z0-9_.-]+)=)(?<value>\S.*)$")
});
/// `HTTPS_PROXY=…`, also exported, and `proxy: …`.
static PROXY_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?im)^(?<before>[ \t]*(?:(?:export[ \t]+)?[a-z0-9_]*_proxy=|["']?proxy["']?[ \t]*:[ \t]*))(?<value>[^\r\n]+)"#,
    )
});
#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber() -> Scrubber {
        Scrubber::new([Secret::new("opaque-1234567890\n")])
    }

    #[test]
    fn secrets_leave_texts_and_files() {
        for (text, expected) in [
            ("it was opaque-1234567890.", "it was …."),
            (
                "A=1\nexport NP_SECRET=x y\nHTTPS_PROXY=http://u:p@h:1\n",
                "A=1\nexport NP_SECRET=…\nHTTPS_PROXY=http://…@h:1\n",
            ),
            ("a\n-----BEGIN PRIVATE KEY-----\nAAAA\n", "a\n…"),
            (
                "HTTPS_PROXY=u:p/w#d@h:1\nexport no_proxy='a@b'\n",
                "HTTPS_PROXY=^…\nexport no_proxy='…@b'\n",
            ),
            (
                "log_level: info\nproxy: 'http://u:p/w@h:1'\n",
                "log_level: info\nproxy: 'http://^…'\n",
            ),
            (
                "proxy: http://u:p w@h:1 # ask x@y\n",
                "proxy: http://^… # ask x@y\n",
            ),
            (
                "proxy: http://h:1 # ask x@y\n",
                "proxy: http://h:1 # ask x@y\n",
            ),
            (
                "A=b\nhttps_proxy=\"http://u:p w@h:1\"\n",
                "A=b\nhttps_proxy=\"http://^…\"\n",
            ),
        ] {
            assert_eq!(scrubber().file(text), expected);
        }
    }

    #[test]
    fn text_without_secrets_stays_as_it_is() {
        for text in [
            "FATAL: enrollment failed: token has already been used",
            "control_plane: https://nexplane.example.com:8000\npoll_interval: 5s\n",
            "-----BEGIN CERTIFICATE-----\nMIIB==\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(scrubber().file(text), text);
        }
    }

    #[test]
    fn a_service_keeps_its_names() {
        let mut properties = BTreeMap::from([(
            "Environment".to_owned(),
            r#"A=b "NP_SECRET=x \" y" "C=d e" API_TOKEN=z,y;x 'MY_SECRET=a b' DB_PASS=a\ b X_TOKEN="p q""#.to_owned(),
        )]);
        scrubber().properties(&mut properties);
        assert_eq!(
            properties["Environment"],
            "A=… NP_SECRET=… C=… API_TOKEN=… MY_SECRET=… DB_PASS=… X_TOKEN=…"
        );
        let mut properties = BTreeMap::from([("SetCredential".to_owned(), "id:abc".to_owned())]);
        scrubber().properties(&mut properties);
        assert_eq!(properties["SetCredential"], MARK);
        assert_eq!(scrubber().variable("NEXPLANE_API_TOKEN", "abc"), MARK);
        assert_eq!(scrubber().variable("NO_PROXY", "a,b"), "a,b");
        let mut properties = BTreeMap::from([(
            "Environment".to_owned(),
            r#"A=b HTTPS_PROXY=u:p@h:1 "https_proxy=socks5://u:p q\"@h:2" 'HTTP_PROXY=u:p w@h:3' ALL_PROXY="u:p w@h:4" MAIL=a@b"#.to_owned(),
        )]);
        scrubber().properties(&mut properties);
        assert_eq!(
            properties["Environment"],
            r#"A=… HTTPS_PROXY=…@h:1 https_proxy=socks5://^… HTTP_PROXY=^… ALL_PROXY=^… MAIL=…"#
        );
        // What stays reads back as it was.
        let list = r#"NO_PROXY="a, b" "SSL_CERT_FILE=/a \" b\\c" GODEBUG=x509ignoreCN=0"#;
        let mut properties = BTreeMap::from([("Environment".to_owned(), list.to_owned())]);
        scrubber().properties(&mut properties);
        assert_eq!(words(&properties["Environment"]), words(list));
        let unset = "HTTPS_PROXY NO_PROXY=a DB=x not*a*name";
        let mut properties = BTreeMap::from([("UnsetEnvironment".to_owned(), unset.to_owned())]);
        scrubber().properties(&mut properties);
        assert_eq!(
            properties["UnsetEnvironment"],
            "HTTPS_PROXY NO_PROXY=a DB=… …"
        );
        let variable = scrubber().variable("https_proxy", "http://u:p w@x@h:1");
        assert_eq!(variable, "http://^…");
    }

    #[test]
    fn a_proxy_is_read_without_its_login_as_it_is_with_it() {
        for (set, left) in [
            ("http://u:p@h:1", "http://…@h:1"),
            ("u:p@h:1", "…@h:1"),
            ("http://u:p w@x@h:1", "http://^…"),
            ("http://u:p%@h:1", "http://%…"),
            ("u:p#w@h:1", "^…"),
            (" u:p@h:1", "%…"),
            ("ftp://u:p@h", "ftp://…@h"),
        ] {
            let told = scrubber().variable("HTTPS_PROXY", set);
            assert_eq!(told, left, "{set}");
            let (set, told) = (proxy::read(set), proxy::read(&told));
            match (&set, &told) {
                (Reading::Proxy(set), Reading::Proxy(told)) => assert!(set.is_same(told)),
                _ => assert_eq!(set, told),
            }
        }
    }

    #[test]
    fn a_key_that_is_logged_line_by_line_is_left_out_to_its_end() {
        let mut entries: Vec<LogEntry> = [
            "a",
            "-----BEGIN PRIVATE KEY-----",
            "MHc",
            "AoG",
            "-----END PRIVATE KEY-----",
            "b",
        ]
        .map(|message| LogEntry {
            time: None,
            message: message.to_owned(),
            priority: None,
            identifier: None,
            invocation: None,
            message_id: None,
        })
        .into();
        scrubber().log(&mut entries);
        let told: Vec<&str> = entries.iter().map(|entry| entry.message.as_str()).collect();
        assert_eq!(told, ["a", MARK, MARK, MARK, MARK, "b"]);
    }

    #[test]
    fn what_is_learnt_later_is_scrubbed_too() {
        let scrubber = scrubber();
        scrubber.clone().learn([Secret::new("hunter2")]);
        assert_eq!(scrubber.of_proxy("it was hunter2"), "it was …");
        // Any word may be somebody's password: elsewhere it stays what it is.
        assert_eq!(scrubber.file("/etc/hunter2"), "/etc/hunter2");
    }
}
