//! What goes into a bundle, without what must not leave the host.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::archive::REPORT;
use super::fixture::{EVIDENCE, Evidence};
use super::manifest::{Manifest, Missing};
use super::redact::{Redaction, Redactor};
use super::write::{Entry, pack};
use super::{BundleError, FORMAT, artefacts};

/// What stands in the manifest for secrets that the door had left out already.
const AT_THE_DOOR: &str = "left out when it was seen";
/// What is kept for the manifest and the archive's own form.
const MARGIN: u64 = 256 << 10;

/// What is collected beside the evidence that a diagnosis asks for.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// When, by the host's clock.
    pub created_at: DateTime<Utc>,
    /// Versions of what runs there.
    pub versions: BTreeMap<String, String>,
    /// Texts for people, by the names of their entries. What has no room is cut off at the end of each.
    pub texts: Vec<(String, String)>,
    /// What of this could not be collected.
    pub missing: Vec<Missing>,
}

/// What goes into a bundle.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The manifest, whose list of entries is made when they are packed.
    manifest: Manifest,
    /// What was seen.
    evidence: Evidence,
    /// The report of it, as a document of JSON.
    report: Value,
    texts: Vec<(String, String)>,
}

impl Contents {
    /// Takes out of all of it what must not leave the host.
    ///
    /// # Errors
    /// When something cannot be written down.
    pub fn new(
        evidence: Evidence,
        report: &str,
        extra: Extra,
        redaction: &Redaction,
    ) -> Result<Self, BundleError> {
        let mut redactor = Redactor::new(redaction);
        let Extra {
            created_at,
            versions,
            texts,
            missing,
        } = extra;
        let tool = evidence.tool.clone();
        let evidence = without(&mut redactor, EVIDENCE, &evidence)?;
        let report = serde_json::from_str::<Value>(report)
            .map_err(|error| BundleError::malformed(REPORT, error))?;
        let report = without(&mut redactor, REPORT, &report)?;
        let versions = without(&mut redactor, "versions", &versions)?;
        let mut missing: Vec<Missing> = without(&mut redactor, "missing", &missing)?;
        let texts = texts.into_iter().map(|(name, text)| {
            let lines = text.lines().map(|line| redactor.text(line) + "\n");
            let text = lines.collect::<String>();
            (name, text)
        });
        let texts = texts.collect();
        missing.extend(artefacts::missing(&evidence));
        let mut redacted: BTreeMap<String, u64> = BTreeMap::new();
        for (kind, count) in redactor.counts() {
            redacted.insert(kind.as_str().to_owned(), count);
        }
        let at_the_door = artefacts::marks(&evidence);
        if at_the_door > 0 {
            redacted.insert(AT_THE_DOOR.to_owned(), at_the_door);
        }
        Ok(Self {
            manifest: Manifest {
                format: FORMAT,
                tool,
                created_at,
                anonymized: false,
                versions,
                missing,
                redacted,
                entries: Vec::new(),
            },
            evidence,
            report,
            texts,
        })
    }

    /// What was seen, as it leaves the host.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// How much room there is for texts in a bundle that unpacks to at most `most` bytes.
    ///
    /// # Errors
    /// When there is not even room for the evidence.
    pub fn room(&self, most: u64) -> Result<u64, BundleError> {
        let size: u64 = self
            .entries()?
            .iter()
            .map(|(_, content)| content.len() as u64)
            .sum();
        let left = most.checked_sub(size + MARGIN);
        left.ok_or(BundleError::NoRoom {
            size: size + MARGIN,
            limit: most,
        })
    }

    /// The bundle's bytes; it unpacks to at most `most`.
    ///
    /// # Errors
    /// When there is no room for the evidence.
    pub fn pack(mut self, most: u64) -> Result<Vec<u8>, BundleError> {
        let mut room = usize::try_from(self.room(most)?).unwrap_or(usize::MAX);
        let mut entries = self.entries()?;
        for (name, mut text) in std::mem::take(&mut self.texts) {
            if text.len() > room {
                let whole_lines = text.as_bytes()[..room]
                    .iter()
                    .rposition(|byte| *byte == b'\n');
                text.truncate(whole_lines.map_or(0, |at| at + 1));
                self.manifest.missing.push(Missing {
                    what: name.clone(),
                    why: "the bundle has no room for the rest of it (--max-size)".into(),
                });
            }
            room -= text.len();
            entries.push((name, text.into_bytes()));
        }
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
