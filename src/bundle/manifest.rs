//! `manifest.json`: what a bundle is, what is in it, what is not and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::contents::AT_THE_DOOR;
use super::{BundleError, FORMAT};
use crate::model::{CheckId, Code, excerpt, unread};

/// The manifest's name, and that of the first entry.
pub(super) const MANIFEST: &str = "manifest.json";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`], or an older one.
    pub format: u32,
    /// The program that made it, with its version.
    pub tool: String,
    /// When, by the host's clock.
    pub created_at: DateTime<Utc>,
    /// Whether hostnames, addresses and user names stand for others.
    pub anonymized: bool,
    /// Which checks and findings were asked for; the same are when it is diagnosed again.
    #[serde(default, skip_serializing_if = "Asked::is_all")]
    pub asked: Asked,
    /// Versions of what runs there: the system, its kernel, systemd, OpenSSL.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// What was looked for and could not be seen.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// How many secrets of which kind were left out.
    #[serde(default)]
    pub redacted: BTreeMap<String, u64>,
    /// All other entries.
    pub entries: Vec<Listed>,
}

impl Manifest {
    /// How many secrets were left out, and what kind of thing they are, each a line's worth.
    pub fn left_out(redacted: &BTreeMap<String, u64>) -> impl Iterator<Item = String> {
        redacted.iter().map(|(kind, count)| match kind.as_str() {
            AT_THE_DOOR => format!("{count} when it was seen"),
            kind => format!("{count} {}", excerpt(kind)),
        })
    }
}

/// Which checks and findings were asked for, where not all were.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `--only`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<CheckId>,
    /// `--skip`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<CheckId>,
    /// `--ignore`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Code>,
}

impl Asked {
    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// An entry, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Version {
    format: u64,
    tool: Option<String>,
}

impl Manifest {
    /// Reads a manifest; the format first, for a newer one need not have the rest.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BundleError> {
        let malformed = |error| BundleError::malformed(MANIFEST, unread(&error));
        let version: Version = serde_json::from_slice(text).map_err(malformed)?;
        match version.format {
            0 => Err(BundleError::malformed(MANIFEST, "there is no format 0")),
            format if format > u64::from(FORMAT) => Err(BundleError::Newer {
                found: format,
                by: version.tool,
            }),
            _ => serde_json::from_slice(text).map_err(malformed),
        }
    }

    /// The size of all its entries, in bytes.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|listed| listed.size).sum()
    }

    /// What it says of an entry.
    pub(super) fn listed(&self, name: &str) -> Option<&Listed> {
        self.entries.iter().find(|listed| listed.name == name)
    }
}

/// A hash in the making.
pub(super) struct Hash(Context);

impl Hash {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// In hexadecimal.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for byte in self.0.finish().as_ref() {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// The SHA-256 of a content, in hexadecimal.
pub(super) fn sha256(content: &[u8]) -> String {
    let mut hash = Hash::new();
    hash.update(content);
    hash.finish()
}
