//! What must not leave a host with its evidence, taken out at the moment of writing, and counted.
//!
//! The door lets no secret through that it knows of ([`crate::model::redact`] says what one looks like, encoded ones too).
//! Here everything is looked through once more, with the secrets that the doctor was given, in every string of the evidence and of the report: questions
//! and answers alike, so that what was asked is still what will be asked.

mod anonymize;

use std::collections::BTreeMap;

use serde_json::Value;

use self::anonymize::Anonymizer;
use super::BundleError;
use super::fixture::Evidence;
use crate::model::{Secret, SecretKind, names_a_secret, redact_with};

/// What stands where a secret stood.
const MARK: &str = "…";
/// Shorter ones would tear text apart, and are no secrets that anybody issues.
const SHORTEST: usize = 4;
/// Headers whose value is a secret, in lower case.
const HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

/// What is to be taken out.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    /// Secrets that the doctor was given: wherever they occur.
    pub secrets: Vec<Secret>,
    /// What becomes of the names of hosts and users, and of addresses.
    pub names: Identities,
}

/// What becomes of the names of hosts and users, and of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identities {
    /// They stay: whoever reads the bundle may know them.
    #[default]
    Kept,
    /// Others stand for them, the same for the same.
    Anonymized,
}

/// How many secrets of each kind were taken out.
pub(super) type Redacted = BTreeMap<SecretKind, u64>;

/// Takes secrets out, and counts them.
pub(super) struct Redactor {
    secrets: Vec<Secret>,
    counts: Redacted,
    anonymizer: Option<Anonymizer>,
}

impl Redactor {
    /// For what goes with this evidence.
    pub(super) fn new(redaction: &Redaction, evidence: &Evidence) -> Result<Self, BundleError> {
        let long = |secret: &&Secret| secret.expose().trim().len() >= SHORTEST;
        Ok(Self {
            secrets: redaction.secrets.iter().filter(long).cloned().collect(),
            counts: Redacted::new(),
            anonymizer: match redaction.names {
                Identities::Kept => None,
                Identities::Anonymized => Some(Anonymizer::of(evidence)?),
            },
        })
    }

    /// Takes out of the evidence what is no text.
    pub(super) fn prepare(&self, evidence: &mut Evidence) {
        if let Some(anonymizer) = &self.anonymizer {
            anonymizer.prepare(evidence);
        }
    }

    /// How many there were.
    pub(super) const fn counts(&self) -> &Redacted {
        &self.counts
    }

    /// A text without them.
    pub(super) fn text(&mut self, text: &str) -> String {
        let (secrets, counts) = (&self.secrets, &mut self.counts);
        let given = |text: &str, found: &mut dyn FnMut(SecretKind)| {
            secrets.iter().fold(text.to_owned(), |text, secret| {
                let secret = secret.expose().trim();
                let parts: Vec<&str> = text.split(secret).collect();
                (1..parts.len()).for_each(|_| found(SecretKind::Given));
                parts.join(MARK)
            })
        };
        let mut found = |kind| *counts.entry(kind).or_default() += 1;
        let text = redact_with(text, &given, &mut found);
        match &mut self.anonymizer {
            None => text,
            Some(anonymizer) => anonymizer.text(&text),
        }
    }

    /// A document without them: every string, and the names of what it holds.
    pub(super) fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => {
                if let [Value::String(name), Value::String(secret)] = items.as_mut_slice()
                    && is_secret_header(name)
                    && secret != MARK
                {
                    MARK.clone_into(secret);
                    *self.counts.entry(SecretKind::HttpCredentials).or_default() += 1;
                }
                items.iter_mut().for_each(|item| self.value(item));
            }
            Value::Object(fields) => {
                let before = std::mem::take(fields);
                for (name, mut value) in before {
                    self.value(&mut value);
                    fields.insert(self.text(&name), value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether a header of this name proves an identity. A word alone may be a name of ours, in a list of two.
fn is_secret_header(name: &str) -> bool {
    HEADERS
        .iter()
        .any(|header| name.eq_ignore_ascii_case(header))
        || (name.contains('-') && names_a_secret(name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::host::Recording;
    use crate::model::Target;

    #[test]
    fn every_string_of_a_document_is_looked_through_and_what_is_found_is_counted() {
        let redaction = Redaction {
            secrets: vec![Secret::new("opaque-1234"), Secret::new("abc")],
            names: Identities::Kept,
        };
        let target = Target::unspecified(Duration::from_secs(1));
        let evidence = Evidence::new(target, Vec::new(), Recording::default());
        let mut redactor = Redactor::new(&redaction, &evidence).unwrap();
        let mut value = json!({
            "a": ["password=x1", {"b opaque-1234": "abc b3BhcXVlLTEyMzQgYW5kIG1vcmU="}],
            "headers": [["set-cookie", "s=1"], ["date", "now"], ["x-api-key", "y"], ["token", "tasks"]],
            "n": [1, null, true],
        });
        redactor.value(&mut value);
        let expected = json!({
            "a": ["password=…", {"b …": "abc …"}],
            "headers": [["set-cookie", "…"], ["date", "now"], ["x-api-key", "…"], ["token", "tasks"]],
            "n": [1, null, true],
        });
        assert_eq!(value, expected);
        let counts = Redacted::from([
            (SecretKind::Named, 1),
            (SecretKind::Given, 2),
            (SecretKind::HttpCredentials, 2),
        ]);
        assert_eq!(redactor.counts(), &counts);
    }
}
