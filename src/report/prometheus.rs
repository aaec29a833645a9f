//! The report for Prometheus: the text format that node_exporter's textfile collector reads.
//!
//! Labels hold names of ours alone (codes, ids, statuses), never a text from outside, so that there are only so many series.
//! Names and labels are published: they are added to, never changed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fmt::Write as _;
use std::time::Duration;

use super::ending::{Ending, IGNORED};
use crate::model::{Report, ReportedFinding, Status, Verdict};

/// A report as metrics, all of them gauges.
pub fn render(report: &Report) -> String {
    let mut page = Page(String::new());
    page.metric("info", "The doctor that looked, and at what.");
    let version = env!("CARGO_PKG_VERSION");
    let source = report.source.as_str();
    page.sample("info", &[("version", version), ("source", source)], 1);
    page.metric(
        "last_run_timestamp_seconds",
        "When the last diagnosis began, by the host's clock, in seconds since 1970.",
    );
    let began = report.started_at.timestamp_millis();
    let began = format!("{}.{:03}", began.div_euclid(1000), began.rem_euclid(1000));
    page.sample("last_run_timestamp_seconds", &[], began);
    page.metric("duration_seconds", "How long the last diagnosis took.");
    page.sample("duration_seconds", &[], seconds(report.duration));
    page.verdict(report);
    page.findings(report);
    page.checks(report);
    page.0
}

struct Page(String);

impl Page {
    fn metric(&mut self, name: &str, help: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(
            self.0,
            "# HELP nexplane_doctor_{name} {help}\n# TYPE nexplane_doctor_{name} gauge"
        );
    }

    /// Label values are names of ours, in which nothing has to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "nexplane_doctor_{name}{labels} {value}");
    }

    fn verdict(&mut self, report: &Report) {
        self.metric(
            "verdict",
            "1 for what the last diagnosis came to, 0 for the others.",
        );
        for verdict in [
            Verdict::Healthy,
            Verdict::Degraded,
            Verdict::Failed,
            Verdict::Undetermined,
        ] {
            let is_it = u8::from(report.verdict == verdict);
            self.sample("verdict", &[("verdict", verdict.as_str())], is_it);
        }
    }

    /// A code may be found more than once; a series must not be there twice.
    fn findings(&mut self, report: &Report) {
        self.metric(
            "findings",
            "How often each problem was found by the last diagnosis; no series where it was not.",
        );
        self.count("findings", &report.findings);
        self.metric(
            "ignored_findings",
            "The same of problems that are ignored, as asked.",
        );
        self.count("ignored_findings", &report.ignored);
    }

    fn count(&mut self, name: &str, findings: &[ReportedFinding]) {
        let mut found = BTreeMap::new();
        for finding in findings {
            let labels = [
                ("code", finding.code.as_str()),
                ("severity", finding.severity.as_str()),
                ("role", finding.role.as_str()),
            ];
            *found.entry(labels).or_insert(0) += 1;
        }
        for (labels, count) in found {
            self.sample(name, &labels, count);
        }
    }

    fn checks(&mut self, report: &Report) {
        self.metric(
            "check_status",
            "1 for how each check ended in the last diagnosis (ignored: with nothing but what is ignored), 0 for the others.",
        );
        for check in &report.checks {
            let ending = Ending::of(report, check).as_str();
            let all = Status::ALL.into_iter().map(Status::as_str);
            for status in all.chain([IGNORED]) {
                let labels = [("check", check.id.as_str()), ("status", status)];
                self.sample("check_status", &labels, u8::from(status == ending));
            }
        }
        self.metric("check_duration_seconds", "How long each check took.");
        for check in &report.checks {
            let duration = seconds(check.duration);
            let labels = [("check", check.id.as_str())];
            self.sample("check_duration_seconds", &labels, duration);
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}
