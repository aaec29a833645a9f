//! A fixture: a directory with the evidence of one situation (`evidence.json`) and what its diagnosis must be
//! (`situation.yaml`, for people to write).
//!
//! Evidence is JSON, because it is exact; expectations are YAML, because people write them.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::Recording;
use crate::model::{CheckId, Code, Report, Role, Target, Verdict};

/// The version of `evidence.json` that is written, and the only one that is read.
pub const FORMAT: u32 = 1;
/// The name of the file that makes a directory a fixture.
pub const SITUATION: &str = "situation.yaml";
/// The name of the file with the evidence.
pub const EVIDENCE: &str = "evidence.json";
/// The most that is read of one file, in bytes.
const LIMIT: u64 = 16 << 20;

/// A situation, and what its diagnosis must be: `situation.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    /// In one line.
    pub title: String,
    /// Where the evidence is from.
    pub provenance: Provenance,
    /// What the diagnosis must be.
    pub expect: Expect,
}

/// Where evidence is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Recorded from a real run.
    Recorded,
    /// Made from what is publicly documented of a system that was not at hand.
    Documented,
}

/// What a diagnosis must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The verdict.
    pub verdict: Verdict,
    /// The causes, in the order to fix them.
    #[serde(default)]
    pub root_causes: Vec<Code>,
    /// The symptoms, in any order.
    #[serde(default)]
    pub symptoms: Vec<Code>,
    /// The warnings, in any order.
    #[serde(default)]
    pub notices: Vec<Code>,
    /// Codes that must not appear in any role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Code>,
}

/// What came through the door, and what was asked for: `evidence.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`FORMAT`].
    pub format: u32,
    /// The program that recorded it, with its version.
    pub tool: String,
    /// What the user had said.
    pub target: Target,
    /// The checks that there were; a check that came later finds nothing here that it could judge.
    #[serde(default)]
    pub checks: Vec<CheckId>,
    /// What was asked and answered.
    #[serde(flatten)]
    pub recording: Recording,
}

/// A fixture as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixture {
    /// Its directory.
    pub path: PathBuf,
    /// What it is of, and what must come of it.
    pub situation: Situation,
    /// What was seen.
    pub evidence: Evidence,
}

/// A fixture that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The file system says no.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// Read, write or list.
        action: &'static str,
        /// What.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is larger than any fixture.
    #[error("{0}: larger than the {LIMIT} bytes that are read")]
    TooLarge(PathBuf),
    /// `situation.yaml` is not one.
    #[error("{path}: {error}")]
    Situation {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where they are known.
        error: serde_yaml::Error,
    },
    /// `evidence.json` is not one.
    #[error("{path}: {error}")]
    Evidence {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        error: serde_json::Error,
    },
    /// It was made by another version.
    #[error(
        "{path}: format {found} is not known to this version, which reads format {FORMAT}; use a newer nexplane-doctor"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it says it has.
        found: u32,
    },
    /// There is no fixture there.
    #[error("{0}: no fixture there (a directory with {SITUATION}), nor any below it")]
    None(PathBuf),
}

impl Evidence {
    /// Evidence of this program's making.
    pub fn new(target: Target, checks: Vec<CheckId>, recording: Recording) -> Self {
        Self {
            format: FORMAT,
            tool: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            target,
            checks,
            recording,
        }
    }

    /// Those of `checks` that did not exist when this was recorded; none where the recording does not say.
    pub fn newer<'a>(&self, checks: impl IntoIterator<Item = &'a CheckId>) -> Vec<CheckId> {
        let checks = checks.into_iter();
        let unknown = checks.filter(|id| !self.checks.is_empty() && !self.checks.contains(id));
        unknown.cloned().collect()
    }
}

/// The fixtures at `path`: it alone, or those in the directories in it, by name.
///
/// # Errors
/// When there is none, or the directory cannot be listed.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, FixtureError> {
    if path.join(SITUATION).is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let listing = |error| io("list", path, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(listing)? {
        let directory = entry.map_err(listing)?.path();
        if directory.join(SITUATION).is_file() {
            found.push(directory);
        }
    }
    if found.is_empty() {
        return Err(FixtureError::None(path.to_owned()));
    }
    found.sort();
    Ok(found)
}

/// Reads the fixture in a directory.
///
/// # Errors
/// When a file is missing, too large, or not what it should be.
pub fn read(directory: &Path) -> Result<Fixture, FixtureError> {
    let path = directory.join(SITUATION);
    let situation = serde_yaml::from_str(&read_text(&path)?)
        .map_err(|error| FixtureError::Situation { path, error })?;
    let path = directory.join(EVIDENCE);
    let text = read_text(&path)?;
    let malformed = |error| FixtureError::Evidence {
        path: path.clone(),
        error,
    };
    // The format first: another one need not have the rest.
    let Format { format } = serde_json::from_str(&text).map_err(malformed)?;
    if format != FORMAT {
        let found = format;
        return Err(FixtureError::Format { path, found });
    }
    Ok(Fixture {
        path: directory.to_owned(),
        situation,
        evidence: serde_json::from_str(&text).map_err(malformed)?,
    })
}

/// Writes a fixture into a directory, which is made if need be.
///
/// # Errors
/// When the file system says no.
pub fn write(
    directory: &Path,
    situation: &Situation,
    evidence: &Evidence,
) -> Result<(), FixtureError> {
    std::fs::create_dir_all(directory).map_err(|error| io("make", directory, error))?;
    let path = directory.join(SITUATION);
    let text = serde_yaml::to_string(situation).map_err(|error| FixtureError::Situation {
        path: path.clone(),
        error,
    })?;
    put(&path, &text)?;
    let path = directory.join(EVIDENCE);
    let text = serde_json::to_string_pretty(evidence).map_err(|error| FixtureError::Evidence {
        path: path.clone(),
        error,
    })?;
    put(&path, &(text + "\n"))
}

impl Expect {
    /// What a report has otherwise than expected; empty when it is as expected.
    pub fn differences(&self, report: &Report) -> Vec<Difference> {
        let of_role = |role| {
            let findings = report.findings.iter().filter(move |f| f.role == role);
            findings.map(|f| f.code.clone()).collect::<Vec<_>>()
        };
        let mut differences = Vec::new();
        let mut compare = |what, expected: String, found: String| {
            if expected != found {
                differences.push(Difference {
                    what,
                    expected,
                    found,
                });
            }
        };
        compare(
            "verdict",
            self.verdict.as_str().into(),
            report.verdict.as_str().into(),
        );
        compare(
            "root causes",
            list(&self.root_causes),
            list(&of_role(Role::Cause)),
        );
        compare(
            "symptoms",
            set(&self.symptoms),
            set(&of_role(Role::Symptom)),
        );
        compare("notices", set(&self.notices), set(&of_role(Role::Notice)));
        for code in &self.never {
            if report.findings.iter().any(|finding| finding.code == *code) {
                compare("never", format!("no {code}"), code.to_string());
            }
        }
        differences
    }
}

/// One thing that is otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub what: &'static str,
    /// As it should be.
    pub expected: String,
    /// As it is.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}",
            self.what, self.expected, self.found
        )
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn list(codes: &[Code]) -> String {
    let codes: Vec<&str> = codes.iter().map(Code::as_str).collect();
    if codes.is_empty() {
        "none".to_owned()
    } else {
        codes.join(", ")
    }
}

fn set(codes: &[Code]) -> String {
    let codes: BTreeSet<&Code> = codes.iter().collect();
    list(&codes.into_iter().cloned().collect::<Vec<_>>())
}

fn io(action: &'static str, path: &Path, error: std::io::Error) -> FixtureError {
    let path = path.to_owned();
    FixtureError::Io {
        action,
        path,
        error,
    }
}

fn read_text(path: &Path) -> Result<String, FixtureError> {
    let failed = |error| io("read", path, error);
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("not a file")));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LIMIT {
        return Err(FixtureError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

fn put(path: &Path, text: &str) -> Result<(), FixtureError> {
    std::fs::write(path, text).map_err(|error| io("write", path, error))
}
