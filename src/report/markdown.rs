//! The report in Markdown, to paste into a ticket.
//!
//! It reads the same wherever Markdown is rendered (CommonMark alone: no tables, no HTML), and as plain text. What came from
//! outside stands in code, where it is neither markup, nor a link, nor the name of somebody who would be notified.

use std::fmt::Write as _;

use super::ending::{Ending, IGNORED, is_ignored};
use super::plain;
use super::plain::OR_REPAIR;
use crate::model::{Fact, Report, ReportedFinding, Role, Source, printable, spoken_duration};

/// A report as a part of a page: its highest heading is of the second level.
pub fn render(report: &Report) -> String {
    let mut page = Page(String::new());
    page.heading(report);
    let causes = plain::of_role(report, Role::Cause).count();
    for (i, cause) in plain::of_role(report, Role::Cause).enumerate() {
        let name = match causes {
            1 => "Cause".to_owned(),
            _ => format!("Cause {}", i + 1),
        };
        page.finding(report, &name, cause);
    }
    for symptom in plain::of_role(report, Role::Symptom) {
        page.finding(report, "Symptom", symptom);
    }
    for notice in plain::of_role(report, Role::Notice) {
        page.finding(report, "Warning", notice);
    }
    page.checks(report);
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// One blank line, whatever came before.
    fn blank(&mut self) {
        if !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    fn heading(&mut self, report: &Report) {
        let verdict = report.verdict.as_str().to_uppercase();
        self.line(&format!("## Nexplane agent: {verdict}\n"));
        self.line(&format!("- Host: {}", code(&report.host.hostname)));
        let whom = match &report.target.control_plane {
            Some(url) => code(url),
            None => "none known".to_owned(),
        };
        self.line(&format!("- Control plane: {whom}"));
        self.line(&format!(
            "- Configuration: {}",
            code(&report.target.config_path)
        ));
        let causes: Vec<String> = report.root_causes().map(|c| code(c.as_str())).collect();
        if !causes.is_empty() {
            self.line(&format!("- Root causes: {}", causes.join(", ")));
        }
        if !report.ignored.is_empty() {
            let ignored = report.ignored.iter().map(|found| code(found.code.as_str()));
            let ignored = ignored.collect::<Vec<_>>().join(", ");
            self.line(&format!("- Ignored, as asked: {ignored}"));
        }
        let when = report.started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let took = spoken_duration(report.duration);
        let source = match report.source {
            Source::Live => "on the host".to_owned(),
            other => format!("from a {}", other.as_str()),
        };
        self.line(&format!(
            "- Diagnosed: {when}, {source}, in {took}, by nexplane-doctor {}",
            env!("CARGO_PKG_VERSION")
        ));
    }

    fn finding(&mut self, report: &Report, name: &str, finding: &ReportedFinding) {
        let (title, at) = (prose(&finding.title), code(finding.code.as_str()));
        self.blank();
        self.line(&format!("### {name}: {title} ({at})\n"));
        if finding.role == Role::Symptom {
            let causes = finding.explained_by.iter().map(|it| {
                let cause = code(it.as_str());
                match is_ignored(report, it) {
                    true => format!("{cause} ({IGNORED})"),
                    false => cause,
                }
            });
            let causes = causes.collect::<Vec<_>>().join(", ");
            self.line(&format!("Because of {causes}.\n"));
        }
        self.line(&prose(&finding.detail));
        self.facts(&finding.evidence);
        self.remedy(finding);
    }

    fn facts(&mut self, facts: &[Fact]) {
        self.blank();
        for Fact { what, value } in facts {
            self.line(&format!("- {}: {}", prose(what), code(value)));
        }
    }

    fn remedy(&mut self, finding: &ReportedFinding) {
        let remedy = &finding.remedy;
        let runbook = match &remedy.runbook {
            Some(section) => format!(" (runbook: {})", code(section.as_str())),
            None => String::new(),
        };
        self.blank();
        self.line(&format!(
            "**What to do**{runbook}: {}\n",
            prose(&remedy.text)
        ));
        for (i, step) in remedy.steps.iter().enumerate() {
            let number = format!("{}. ", i + 1);
            self.line(&format!("{number}{}", prose(&step.text)));
            if let Some(command) = &step.command {
                self.command(command, number.len());
            }
        }
        if let Some(fix) = &finding.fix {
            self.blank();
            self.line(OR_REPAIR);
            self.command(fix, 0);
        }
    }

    /// A command within a list; the fence is longer than anything in it that could end it.
    fn command(&mut self, command: &str, indent: usize) {
        let fence = "`".repeat(longest_run(command).max(2) + 1);
        let indent = " ".repeat(indent);
        self.blank();
        self.line(&format!("{indent}{fence}sh"));
        for line in command.lines() {
            self.line(&format!("{indent}{}", printable(line)));
        }
        self.line(&format!("{indent}{fence}\n"));
    }

    fn checks(&mut self, report: &Report) {
        if report.checks.is_empty() {
            return;
        }
        self.blank();
        self.line("### Checks\n");
        for check in &report.checks {
            let ending = Ending::of(report, check);
            let mut line = format!("- {}: {}", code(check.id.as_str()), ending.as_str());
            let by = check.blocked_by.iter().map(|id| code(id.as_str()));
            let by = by.collect::<Vec<_>>().join(", ");
            match (&check.reason, by.is_empty()) {
                (_, false) => line.push_str(&format!(" by {by}")),
                (Some(reason), true) => line.push_str(&format!(", {}", prose(reason))),
                (None, true) => {}
            }
            self.line(&line);
        }
    }
}

/// What stands where nothing does.
const EMPTY: &str = "(empty)";

/// A code span: nothing in it is markup. It takes more backticks than there are in a row in the text.
fn code(text: &str) -> String {
    let text = printable(text);
    let text = text.trim();
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    match text.starts_with('`') || text.ends_with('`') {
        true => format!("{ticks} {text} {ticks}"),
        false => format!("{ticks}{text}{ticks}"),
    }
}

/// A sentence, in which every word that could be more than a word is code, and so is what stands between backticks.
fn prose(text: &str) -> String {
    let text = printable(text);
    let parts: Vec<&str> = text.split('`').collect();
    let mut prose = String::new();
    for (i, part) in parts.iter().enumerate() {
        // A backtick without its like encloses nothing.
        let enclosed = i % 2 == 1 && i + 1 < parts.len();
        let written = match enclosed {
            true => code(part),
            false => words(part, prose.trim().is_empty()),
        };
        // Two runs of backticks side by side would be one.
        if prose.ends_with('`') && written.starts_with('`') {
            prose.push(' ');
        }
        prose.push_str(&written);
    }
    match prose.trim() {
        "" => EMPTY.to_owned(),
        prose => prose.to_owned(),
    }
}

/// Words, with the blanks around them.
fn words(text: &str, begins: bool) -> String {
    let mut written = String::new();
    for (i, word) in text.split_whitespace().enumerate() {
        if i > 0 || text.starts_with(' ') {
            written.push(' ');
        }
        match begins && i == 0 && begins_list(word) {
            true => written.push_str(&code(word)),
            false => written.push_str(&self::word(word)),
        }
    }
    if text.ends_with(' ') && !written.is_empty() {
        written.push(' ');
    }
    written
}

/// Punctuation that stands around a word stays outside its code span.
fn word(word: &str) -> String {
    if !acts(word) {
        return word.to_owned();
    }
    let core = word.trim_start_matches(['"', '\'', '(']);
    let before = &word[..word.len() - core.len()];
    let inner = core.trim_end_matches(['"', '\'', ')', '.', ',', ';', ':', '?']);
    let after = &core[inner.len()..];
    match inner.is_empty() {
        true => code(word),
        false => format!("{before}{}{after}", code(inner)),
    }
}

/// Whether a word could be read as markup, as a link, as somebody's name, or as the number of something.
fn acts(word: &str) -> bool {
    let lowered = word.to_ascii_lowercase();
    let colon = word.find(':').is_some_and(|at| at + 1 < word.len());
    word.contains(ACTIVE)
        || word.contains("--")
        || colon
        || lowered.contains("www.")
        || lowered.contains("gh-")
}

/// What means something somewhere in some Markdown.
const ACTIVE: [char; 18] = [
    '\\', '*', '_', '{', '}', '[', ']', '<', '>', '#', '|', '~', '@', '&', '$', '=', '^', '+',
];

/// Whether a line that begins with this word could be a list's.
fn begins_list(word: &str) -> bool {
    let after = word.trim_start_matches(|c: char| c.is_ascii_digit());
    word == "-" || after.len() < word.len() && after.starts_with(['.', ')'])
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}
