//! What must not come through the door with a text that is otherwise evidence: keys, passwords, tokens.
//!
//! [`crate::model::redact`] knows what a secret looks like; here are those that the doctor itself was given, and the
//! places where a name says that a secret follows: variables of files and services.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::host::LogEntry;
use crate::model::{Secret, redact};

/// What stands where a secret stood.
const MARK: &str = "…";

/// Replaces secrets in text.
#[derive(Clone)]
pub(super) struct Scrubber {
    known: Vec<Secret>,
}

impl Scrubber {
    /// Replaces what looks like a secret, and these wherever they occur.
    pub(super) fn new(known: impl IntoIterator<Item = Secret>) -> Self {
        // A very short one would tear text apart, and is no secret that anybody issues.
        let known = known
            .into_iter()
            .filter(|secret| secret.expose().trim().len() >= 4)
            .collect();
        Self { known }
    }

    /// Only the secrets that the doctor was given: for answers of those whom they were sent to.
    pub(super) fn known(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose().trim(), MARK)
        })
    }

    /// Any text.
    pub(super) fn text(&self, text: &str) -> String {
        redact(&self.known(text))
    }

    /// The text of a file, in which a line may be a variable and its value.
    pub(super) fn file(&self, text: &str) -> String {
        self.text(&hide_values(&LINE, text, ""))
    }

    /// A variable's value.
    pub(super) fn variable(&self, name: &str, value: &str) -> String {
        if is_secret(name) {
            MARK.to_owned()
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
                *value = hide_values(&QUOTED, value, "\"");
            }
            // What follows is a password in plain text, or one encrypted.
            *value = match name.starts_with("SetCredential") {
                true => MARK.to_owned(),
                false => self.text(value),
            };
        }
    }

    /// The messages of a log.
    pub(super) fn log(&self, entries: &mut [LogEntry]) {
        for entry in entries {
            entry.message = self.text(&entry.message);
        }
    }
}

/// Whether a variable of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let assignment = format!("{name}=x");
    redact(&assignment) != assignment
}

/// Hides the values that follow secret names; `pattern` finds what precedes a value, with the name, and the value.
fn hide_values(pattern: &Regex, text: &str, after: &str) -> String {
    let hidden = |found: &Captures<'_>| {
        if is_secret(&found["name"]) {
            format!("{}{MARK}{after}", &found["before"])
        } else {
            found[0].to_owned()
        }
    };
    pattern.replace_all(text, hidden).into_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("a pattern of our own: {error}"))
}

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^(?<before>[ \t]*(?:export[ \t]+)?(?<name>[A-Za-z0-9_.-]+)=)(?<value>\S.*)$")
});
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?<before>"(?<name>[A-Za-z0-9_.-]+)=)(?<value>(?:[^"\\]|\\.)*)""#));

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
            r#"A=b "NP_SECRET=x \" y" "C=d e" API_TOKEN=z"#.to_owned(),
        )]);
        scrubber().properties(&mut properties);
        assert_eq!(
            properties["Environment"],
            r#"A=b "NP_SECRET=…" "C=d e" API_TOKEN=…"#
        );
        let mut properties = BTreeMap::from([("SetCredential".to_owned(), "id:abc".to_owned())]);
        scrubber().properties(&mut properties);
        assert_eq!(properties["SetCredential"], MARK);
        assert_eq!(scrubber().variable("NEXPLANE_API_TOKEN", "abc"), MARK);
        assert_eq!(scrubber().variable("NO_PROXY", "a,b"), "a,b");
    }
}
