//! The report as JSON, schema version 1: a frozen copy, apart from the internal types, that changes only by addition.

mod certificates;
mod timing;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use self::certificates::Certificates;
use self::timing::Timing;
use crate::model;

/// The version that stands in every document.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole diagnosis.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "nexplane-doctor report, schema version 1")]
pub struct Report {
    /// Always 1.
    schema_version: u32,
    /// The program that made the report.
    tool: Tool,
    /// Where the evidence came from.
    source: Source,
    /// When the run began, by the host's clock; RFC 3339, in UTC.
    started_at: String,
    /// How long the run took, in milliseconds.
    duration_ms: f64,
    /// The host that was diagnosed.
    host: Host,
    /// What it was diagnosed against.
    target: Target,
    /// What it comes to.
    verdict: Verdict,
    /// The codes with role `cause`, in the order to fix them.
    root_causes: Vec<String>,
    /// Causes in the order to fix them, then symptoms, then notices.
    findings: Vec<Finding>,
    /// Findings that were not to count (`--ignore`).
    ignored: Vec<Finding>,
    /// Every check that was asked for, in the order of the graph.
    checks: Vec<Check>,
    /// What was asked, in the order in which it was, and how long each answer took.
    timings: Vec<Timing>,
    /// The certificates that were seen; null where none was.
    certificates: Option<Certificates>,
}

/// The program that made the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Where the evidence came from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    Live,
    Bundle,
    Fixture,
    Lab,
}

/// What a diagnosis comes to: nothing found, warnings only, an error, or no error and something undecided.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Healthy,
    Degraded,
    Failed,
    Undetermined,
}

/// The host that was diagnosed.
#[derive(Debug, Serialize, JsonSchema)]
struct Host {
    hostname: String,
    /// `linux`, `windows` or `macos`.
    os: String,
    arch: String,
    /// Whether its files were looked at under another root (`--root`): commands are for that host.
    foreign_root: bool,
}

/// What the host was diagnosed against.
#[derive(Debug, Serialize, JsonSchema)]
struct Target {
    /// The control plane's URL; null when none is known.
    control_plane: Option<String>,
    /// The configuration that was read, or looked for.
    config_path: String,
}

/// A problem that was found.
#[derive(Debug, Serialize, JsonSchema)]
struct Finding {
    /// `<check>.<problem>`; never renamed.
    code: String,
    check: String,
    severity: Severity,
    role: Role,
    /// The causes that make this a symptom; empty otherwise.
    explained_by: Vec<String>,
    title: String,
    detail: String,
    evidence: Vec<Evidence>,
    remedy: Remedy,
    /// The repair that `fix` knows for it, if there is one.
    repair: Option<String>,
    /// The command by which `fix` does that, with the flags that it takes; null where it could do nothing here.
    repair_command: Option<String>,
}

/// `error`: the agent cannot work. `warning`: it will break soon, or is weaker than it should be.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Error,
    Warning,
}

/// An error that nothing explains, an error that `explained_by` explains, or a warning.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Role {
    Cause,
    Symptom,
    Notice,
}

/// One thing that was seen. Data from outside: never trusted to be printable.
#[derive(Debug, Serialize, JsonSchema)]
struct Evidence {
    what: String,
    value: String,
}

/// What to do.
#[derive(Debug, Serialize, JsonSchema)]
struct Remedy {
    text: String,
    steps: Vec<Step>,
    /// The runbook's section, such as `symptom-1/reach`; null where the runbook has none.
    runbook: Option<String>,
}

/// One step of a remedy.
#[derive(Debug, Serialize, JsonSchema)]
struct Step {
    text: String,
    /// A command to paste, quoted for the host's shell; null where the step is not one.
    command: Option<String>,
}

/// How a check ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    id: String,
    title: String,
    status: Status,
    needs: Vec<String>,
    /// What it is judged after, and not blocked by.
    uses: Vec<String>,
    /// The checks that failed or are undecided at the root of its being blocked.
    blocked_by: Vec<String>,
    /// Why it is unknown, blocked or skipped; null otherwise.
    reason: Option<String>,
    duration_ms: f64,
    /// What it saw that is worth a line even when nothing is wrong.
    notes: Vec<Evidence>,
}

/// How a check ended: looked and found nothing, warnings, errors; could not decide; was not judged because something it
/// needs failed; was not asked for or does not apply.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pass,
    Warn,
    Fail,
    Unknown,
    Blocked,
    Skipped,
}

/// What is printed instead of a report when nothing was diagnosed (exit status 2), or the doctor itself failed (70).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "nexplane-doctor error, schema version 1")]
pub struct ErrorDocument {
    schema_version: u32,
    tool: Tool,
    error: ErrorBody,
}

impl ErrorDocument {
    /// Says this.
    pub fn new(message: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(),
            error: ErrorBody {
                message: message.to_owned(),
            },
        }
    }
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
struct ErrorBody {
    message: String,
}

/// A report as a JSON document that ends in a line break.
///
/// # Errors
/// When a value has no place in JSON; there is none such in a report.
pub fn render(report: &model::Report) -> serde_json::Result<String> {
    line(&Report::from(report))
}

/// An error as a JSON document that ends in a line break.
///
/// # Errors
/// As [`render`].
pub fn render_error(message: &str) -> serde_json::Result<String> {
    line(&ErrorDocument::new(message))
}

/// The JSON Schema of whatever is printed: a report, or why there is none.
///
/// # Errors
/// As [`render`].
pub fn schema() -> serde_json::Result<String> {
    line(&schemars::schema_for!(Document))
}

/// Either of the two documents that a diagnosis can end with.
#[derive(JsonSchema)]
#[schemars(untagged, title = "nexplane-doctor document, schema version 1")]
#[expect(dead_code, reason = "the schema is made of the type, no value ever is")]
enum Document {
    Report(Box<Report>),
    Error(Box<ErrorDocument>),
}

pub(super) fn line(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}

fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn texts<T: ToString>(names: &[T]) -> Vec<String> {
    names.iter().map(T::to_string).collect()
}

impl Tool {
    /// This one.
    pub const fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl From<&model::Report> for Report {
    fn from(report: &model::Report) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(),
            source: match report.source {
                model::Source::Live => Source::Live,
                model::Source::Bundle => Source::Bundle,
                model::Source::Fixture => Source::Fixture,
                model::Source::Lab => Source::Lab,
            },
            started_at: time(report.started_at),
            duration_ms: millis(report.duration),
            host: Host {
                hostname: report.host.hostname.clone(),
                os: report.host.os.to_string(),
                arch: report.host.arch.clone(),
                foreign_root: report.host.foreign_root,
            },
            target: Target {
                control_plane: report.target.control_plane.clone(),
                config_path: report.target.config_path.clone(),
            },
            verdict: match report.verdict {
                model::Verdict::Healthy => Verdict::Healthy,
                model::Verdict::Degraded => Verdict::Degraded,
                model::Verdict::Failed => Verdict::Failed,
                model::Verdict::Undetermined => Verdict::Undetermined,
            },
            root_causes: report.root_causes().map(ToString::to_string).collect(),
            findings: report.findings.iter().map(Finding::from).collect(),
            ignored: report.ignored.iter().map(Finding::from).collect(),
            checks: report.checks.iter().map(Check::from).collect(),
            timings: report.timings.iter().map(Timing::from).collect(),
            certificates: report.certificates.as_ref().map(Certificates::from),
        }
    }
}

impl From<&model::ReportedFinding> for Finding {
    fn from(finding: &model::ReportedFinding) -> Self {
        Self {
            code: finding.code.to_string(),
            check: finding.check.to_string(),
            severity: match finding.severity {
                model::Severity::Error => Severity::Error,
                model::Severity::Warning => Severity::Warning,
            },
            role: match finding.role {
                model::Role::Cause => Role::Cause,
                model::Role::Symptom => Role::Symptom,
                model::Role::Notice => Role::Notice,
            },
            explained_by: texts(&finding.explained_by),
            title: finding.title.clone(),
            detail: finding.detail.clone(),
            evidence: finding.evidence.iter().map(Evidence::from).collect(),
            remedy: Remedy {
                text: finding.remedy.text.clone(),
                steps: finding.remedy.steps.iter().map(Step::from).collect(),
                runbook: finding.remedy.runbook.as_ref().map(ToString::to_string),
            },
            repair: finding.repair.clone(),
            repair_command: finding.fix.clone(),
        }
    }
}

impl From<&model::Step> for Step {
    fn from(step: &model::Step) -> Self {
        Self {
            text: step.text.clone(),
            command: step.command.clone(),
        }
    }
}

impl From<&model::Fact> for Evidence {
    fn from(fact: &model::Fact) -> Self {
        Self {
            what: fact.what.clone(),
            value: fact.value.clone(),
        }
    }
}

impl From<&model::CheckReport> for Check {
    fn from(check: &model::CheckReport) -> Self {
        Self {
            id: check.id.to_string(),
            title: check.title.clone(),
            status: match check.status {
                model::Status::Pass => Status::Pass,
                model::Status::Warn => Status::Warn,
                model::Status::Fail => Status::Fail,
                model::Status::Unknown => Status::Unknown,
                model::Status::Blocked => Status::Blocked,
                model::Status::Skipped => Status::Skipped,
            },
            needs: texts(&check.needs),
            uses: texts(&check.uses),
            blocked_by: texts(&check.blocked_by),
            reason: check.reason.clone(),
            duration_ms: millis(check.duration),
            notes: check.notes.iter().map(Evidence::from).collect(),
        }
    }
}
