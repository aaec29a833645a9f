//! A report as it was written: what a comparison reads of [`crate::report::json_v1`], by this version or another.
//!
//! What is not known here is passed over, and what older versions did not write is empty.

use serde::Deserialize;

use crate::model::{CheckId, Code, Role, Severity, Status, Verdict, unread};
use crate::report::json_v1::SCHEMA_VERSION;

/// A report that was written earlier.
#[derive(Debug, Clone, Deserialize)]
pub struct Document {
    pub(super) source: String,
    pub(super) started_at: String,
    #[serde(default)]
    pub(super) duration_ms: f64,
    pub(super) host: Host,
    pub(super) target: Target,
    pub(super) verdict: Verdict,
    #[serde(default)]
    pub(super) root_causes: Vec<Code>,
    pub(super) findings: Vec<Finding>,
    #[serde(default)]
    pub(super) ignored: Vec<Finding>,
    pub(super) checks: Vec<Check>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Host {
    pub(super) hostname: String,
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) arch: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    pub(super) control_plane: Option<String>,
    #[serde(default)]
    pub(super) config_path: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Finding {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) role: Role,
    #[serde(default)]
    pub(super) explained_by: Vec<Code>,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) detail: String,
    #[serde(default)]
    pub(super) evidence: Vec<Fact>,
    #[serde(default)]
    pub(super) remedy: Remedy,
    #[serde(default)]
    pub(super) repair: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Fact {
    pub(super) what: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Remedy {
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Step {
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) command: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Check {
    pub(super) id: CheckId,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) blocked_by: Vec<CheckId>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) duration_ms: f64,
    #[serde(default)]
    pub(super) notes: Vec<Fact>,
}

/// Text that is no report.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// Not JSON, or not of this form.
    #[error("it is no report in JSON, as --format json makes one: {}", unread(.0))]
    Malformed(#[from] serde_json::Error),
    /// Of a later form.
    #[error(
        "it has schema version {0}, and this nexplane-doctor knows {SCHEMA_VERSION}; use a newer one"
    )]
    Version(u32),
    /// What is printed where there is no report.
    #[error("it is no report, and says why there is none: {0}")]
    Failure(String),
    /// What `fix` prints.
    #[error("it is what `fix` printed; the reports in it are its `before` and its `after`")]
    Fix,
}

/// What tells one document from another.
#[derive(Deserialize)]
struct Kind {
    schema_version: u32,
    error: Option<ErrorBody>,
    before: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Document {
    /// Reads a document of JSON.
    ///
    /// # Errors
    /// When it is no report of a version that is known.
    pub fn parse(text: &[u8]) -> Result<Self, NoReport> {
        let kind: Kind = serde_json::from_slice(text)?;
        if kind.schema_version != SCHEMA_VERSION {
            return Err(NoReport::Version(kind.schema_version));
        }
        if let Some(error) = kind.error {
            return Err(NoReport::Failure(crate::model::excerpt(&error.message)));
        }
        if kind.before.is_some() {
            return Err(NoReport::Fix);
        }
        Ok(serde_json::from_slice(text)?)
    }
}
