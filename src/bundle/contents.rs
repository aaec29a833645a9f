//! What goes into a bundle, without what must not leave the host.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::archive::REPORT;
use super::fixture::{EVIDENCE, Evidence};
use super::manifest::{Asked, Manifest, Missing};
use super::redact::{Identities, Redaction, Redactor};
use super::write::{Entry, pack};
use super::{BundleError, FORMAT, artefacts};
use crate::host::LogEntry;
use crate::model::unread;

/// What stands in the manifest for secrets that the door had left out already.
pub(super) const AT_THE_DOOR: &str = "left out when it was seen";
/// What is kept for the manifest and the archive's own form.
const MARGIN: u64 = 256 << 10;

/// What is told beside the evidence that a diagnosis asks for.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// When, by the host's clock.
    pub created_at: DateTime<Utc>,
    /// Versions of what runs there.
    pub versions: BTreeMap<String, String>,
    /// Which checks and findings were asked for.
    pub asked: Asked,
}

/// What goes into a bundle, without what must not leave the host.
pub struct Contents {
    redactor: Redactor,
    /// The manifest, whose list of entries is made when they are packed.
    manifest: Manifest,
    /// What was seen.
    evidence: Evidence,
    /// The report of it, as a document of JSON.
    report: Value,
    logs: Vec<Log>,
    /// How many bytes there is still room for.
    room: u64,
}

/// A log for people, the newest entries first.
struct Log {
    name: String,
    text: String,
    /// How many entries may still belong to a private key, of which the end was seen.
    within_key: usize,
}

impl Contents {
    /// Takes out of all of it what must not leave the host. It will unpack to at most `most` bytes.
    ///
    /// # Errors
    /// When there is no room for it, or something cannot be written down.
    pub fn new(
        evidence: &Evidence,
        report: &str,
        extra: Extra,
        redaction: &Redaction,
        most: u64,
    ) -> Result<Self, BundleError> {
        let mut redactor = Redactor::new(redaction, evidence)?;
        let tool = evidence.tool.clone();
        let mut evidence = evidence.clone();
        redactor.prepare(&mut evidence);
        let evidence = without(&mut redactor, EVIDENCE, &evidence)?;
        let report: Value = serde_json::from_str(report)
            .map_err(|error| BundleError::malformed(REPORT, unread(&error)))?;
        let report = without(&mut redactor, REPORT, &report)?;
        let versions = without(&mut redactor, "versions", &extra.versions)?;
        let manifest = Manifest {
            format: FORMAT,
            tool,
            created_at: extra.created_at,
            anonymized: redaction.names == Identities::Anonymized,
            asked: extra.asked,
            versions,
            missing: artefacts::missing(&evidence),
            redacted: BTreeMap::new(),
            entries: Vec::new(),
        };
        let mut contents = Self {
            redactor,
            manifest,
            evidence,
            report,
            logs: Vec::new(),
            room: 0,
        };
        let entries = contents.entries()?;
        let size: u64 = entries
            .iter()
            .map(|(_, content)| content.len() as u64)
            .sum();
        let size = size + MARGIN;
        let left = most.checked_sub(size);
        contents.room = left.ok_or(BundleError::NoRoom { size, limit: most })?;
        Ok(contents)
    }

    /// What was seen, as it leaves the host.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// How many secrets of which kind were left out so far.
    pub fn redacted(&self) -> BTreeMap<String, u64> {
        let counts = self.redactor.counts().iter();
        let mut redacted: BTreeMap<_, _> = counts
            .map(|(kind, count)| (kind.as_str().to_owned(), *count))
            .collect();
        let at_the_door = artefacts::marks(&self.evidence);
        if at_the_door > 0 {
            redacted.insert(AT_THE_DOOR.to_owned(), at_the_door);
        }
        redacted
    }

    /// Says that something could not be collected.
    pub fn missing(&mut self, what: &str, why: &str) {
        let (what, why) = (self.redactor.text(what), self.redactor.text(why));
        self.manifest.missing.push(Missing { what, why });
    }

    /// What could not be collected so far.
    pub fn not_collected(&self) -> &[Missing] {
        &self.manifest.missing
    }

    /// How much room there is left, in bytes.
    pub const fn room(&self) -> u64 {
        self.room
    }

    /// Adds an entry to a log for people, each older than the one before, while there is more room than `reserve`.
    pub fn add_to_log(&mut self, name: &str, entry: &LogEntry, reserve: u64) -> ControlFlow<()> {
        let at = self
            .logs
            .iter()
            .position(|log| log.name == name)
            .unwrap_or_else(|| {
                self.logs.push(Log {
                    name: name.to_owned(),
                    text: String::new(),
                    within_key: 0,
                });
                self.logs.len() - 1
            });
        let log = &mut self.logs[at];
        let line = match log.is_of_a_key(&entry.message) {
            true => artefacts::line(&LogEntry {
                message: "…".to_owned(),
                ..entry.clone()
            }),
            false => self.redactor.text(&artefacts::line(entry)),
        };
        match self.room.checked_sub(line.len() as u64) {
            Some(left) if left >= reserve => {
                self.room = left;
                log.text.push_str(&line);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }

    /// The bundle's bytes.
    ///
    /// # Errors
    /// When something cannot be written down.
    pub fn pack(mut self) -> Result<Vec<u8>, BundleError> {
        self.manifest.redacted = self.redacted();
        let mut entries = self.entries()?;
        entries.extend(
            self.logs
                .into_iter()
                .map(|log| (log.name, log.text.into_bytes())),
        );
        pack(self.manifest, &entries)
    }

    fn entries(&self) -> Result<Vec<Entry>, BundleError> {
        let mut entries = vec![
            document(EVIDENCE, &self.evidence)?,
            document(REPORT, &self.report)?,
        ];
        entries.extend(artefacts::of(&self.evidence));
        Ok(entries)
    }
}

fn document(name: &str, value: &impl Serialize) -> Result<Entry, BundleError> {
    let text = serde_json::to_vec_pretty(value);
    let text = text.map_err(|error| BundleError::malformed(name, error))?;
    Ok((name.to_owned(), text))
}

/// The same without what must not leave the host.
fn without<T: Serialize + DeserializeOwned>(
    redactor: &mut Redactor,
    name: &str,
    value: &T,
) -> Result<T, BundleError> {
    let malformed = |error| BundleError::malformed(name, error);
    let mut value = serde_json::to_value(value).map_err(malformed)?;
    redactor.value(&mut value);
    serde_json::from_value(value).map_err(malformed)
}

/// The most entries that a private key is logged as, a line each.
const KEY: usize = 200;

impl Log {
    /// Whether an entry is a line of a private key that was logged line by line; its end comes first here.
    fn is_of_a_key(&mut self, message: &str) -> bool {
        let (begins, ends) = (
            message.contains("-----BEGIN "),
            message.contains("-----END "),
        );
        if message.contains("PRIVATE KEY-----") && ends && !begins {
            self.within_key = KEY;
            return true;
        }
        let is_of_it = self.within_key > 0;
        self.within_key = match begins {
            true => 0,
            false => self.within_key.saturating_sub(1),
        };
        is_of_it
    }
}

#[cfg(test)]
mod tests;
