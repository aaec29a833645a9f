//! The report as a monitoring plugin's output: a line with the state and performance data, long text below it.
//!
//! The form is that of the Monitoring Plugins' guidelines, which Nagios, Icinga, Naemon and Sensu read. Output is cut by
//! those who read it (the first Nagios at 4 KB, later ones at 8), so that what matters stands first.

use super::{Warnings, line, plain, summary};
use crate::model::{Report, Role, Severity, Status, Verdict, printable};

/// As much as Nagios keeps, in bytes, less what its own framing takes.
const LONGEST: usize = 8000;

/// What a monitoring system is told; also the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 0: healthy.
    Ok,
    /// 1: warnings only.
    Warning,
    /// 2: an error, or with `--strict` a warning.
    Critical,
    /// 3: undecided, or nothing could be diagnosed.
    Unknown,
}

impl State {
    /// The state of a report.
    pub fn of(report: &Report, warnings: Warnings) -> Self {
        let mut found = report.findings.iter().map(|finding| finding.severity);
        let strict = warnings == Warnings::Fail && found.any(|s| s == Severity::Warning);
        match report.verdict {
            Verdict::Failed => Self::Critical,
            Verdict::Degraded | Verdict::Undetermined if strict => Self::Critical,
            Verdict::Degraded => Self::Warning,
            Verdict::Undetermined => Self::Unknown,
            Verdict::Healthy => Self::Ok,
        }
    }

    /// The exit status that says it.
    pub const fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A report as a plugin prints it.
pub fn render(report: &Report, warnings: Warnings) -> String {
    let state = State::of(report, warnings).as_str();
    let mut text = format!("NEXPLANE {state} - {}", text(&line::render(report)));
    text.push_str(&format!(" | {}\n", performance(report)));
    for line in long(report) {
        if text.len() + line.len() > LONGEST {
            text.push_str("(more: nexplane-doctor)\n");
            break;
        }
        text.push_str(&self::text(&line));
        text.push('\n');
    }
    text
}

/// Why there is no report, in one line.
pub fn failure(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("NEXPLANE UNKNOWN - {}\n", text(&message))
}

/// First what was found, each in a line; then what there is to know and to do.
fn long(report: &Report) -> Vec<String> {
    let mut lines = vec![plain::subject(report)];
    for finding in plain::of_role(report, Role::Cause) {
        lines.push(format!("cause {}", plain::headline(finding)));
    }
    for finding in plain::of_role(report, Role::Symptom) {
        let because = summary::because(report, finding);
        let headline = plain::headline(finding);
        lines.push(format!("symptom {headline} ({because})"));
    }
    for finding in plain::of_role(report, Role::Notice) {
        lines.push(format!("warning {}", plain::headline(finding)));
    }
    lines.extend(plain::undecided(report).map(|check| format!("not decided {check}")));
    if !report.ignored.is_empty() {
        let ignored = plain::codes(report.ignored.iter().map(|finding| &finding.code));
        lines.push(format!("ignored, as asked: {ignored}"));
    }
    for finding in &report.findings {
        lines.push(format!("{}:", finding.code));
        lines.extend(plain::finding(report, finding));
    }
    lines
}

fn performance(report: &Report) -> String {
    let count = |role| plain::of_role(report, role).count();
    let unknown = report.checks.iter();
    let unknown = unknown.filter(|c| c.status == Status::Unknown).count();
    let seconds = report.duration.as_secs_f64();
    format!(
        "time={seconds:.3}s;;;0 causes={};;;0 symptoms={};;;0 warnings={};;;0 unknown={unknown};;;0",
        count(Role::Cause),
        count(Role::Symptom),
        count(Role::Notice),
    )
}

/// Text where a bar would begin performance data.
fn text(text: &str) -> String {
    printable(text).replace('|', "\u{a6}")
}
