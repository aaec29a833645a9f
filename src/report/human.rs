//! The report for people: the cause first, what shows it, what it explains, and what to do, in numbered steps.
//!
//! Good at 80 columns, without colours, and without UTF-8: what a terminal can do comes in as [`Look`].

mod checks;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use owo_colors::{OwoColorize as _, Style};
use textwrap::WordSeparator;

pub use self::checks::check_line;
use super::ending::is_ignored;
use super::plain::OR_REPAIR;
use super::{facts, summary};
use crate::model::{
    CheckReport, Code, Fact, Report, ReportedFinding, Role, Status, Verdict, printable,
};

/// What the reader's terminal can do, and how much they want to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours and bold type.
    pub color: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
    /// Whether the list of checks is wanted (it is not where progress has just shown it).
    pub checks: bool,
    /// What the checks saw, and the remedies of symptoms too.
    pub verbose: bool,
}

/// A report as text that ends in a line break.
pub fn render(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(report);
    page.causes(report);
    page.briefly(report, Role::Symptom, "Symptoms");
    page.notices(report);
    page.ignored(report);
    if look.checks || look.verbose {
        page.checks(report);
    }
    page.closing(report);
    page.text
}

struct Page {
    look: Look,
    text: String,
    /// Groups of facts that are on the page: several findings may show the same certificates.
    shown: Vec<Vec<Fact>>,
}

impl Page {
    fn new(look: Look) -> Self {
        Self {
            look,
            text: String::new(),
            shown: Vec::new(),
        }
    }

    fn heading(&mut self, report: &Report) {
        let host = self.outside(&report.host.hostname);
        let whom = match &report.target.control_plane {
            Some(url) => self.outside(url),
            None => "no control plane known".to_owned(),
        };
        let (word, style) = match report.verdict {
            Verdict::Healthy => ("HEALTHY", Style::new().green().bold()),
            Verdict::Degraded => ("DEGRADED", Style::new().yellow().bold()),
            Verdict::Failed => ("FAILED", Style::new().red().bold()),
            Verdict::Undetermined => ("UNDETERMINED", Style::new().yellow().bold()),
        };
        let summary = summary::summary(report);
        let verdict = self.paint(word, style);
        self.wrapped(&format!("{verdict}  {summary}"), "", "  ");
        let dash = self.pick("\u{2192}", "->");
        let source = match report.source {
            crate::model::Source::Live if report.host.foreign_root => {
                " (its files alone: the commands are for that host)"
            }
            crate::model::Source::Live => "",
            crate::model::Source::Bundle => " (from a bundle)",
            crate::model::Source::Fixture => " (from a fixture)",
            crate::model::Source::Lab => {
                " (lab: its service manager and log are supplied, all else is real)"
            }
        };
        self.wrapped(&format!("{host} {dash} {whom}{source}"), "", "");
    }

    fn causes(&mut self, report: &Report) {
        let causes: Vec<&ReportedFinding> = of_role(report, Role::Cause).collect();
        for (i, cause) in causes.iter().enumerate() {
            let name = match causes.len() {
                1 => "Cause".to_owned(),
                _ => format!("Cause {}", i + 1),
            };
            self.finding(cause, &name, Style::new().red().bold());
            let explains = summary::explained_by(report, &cause.code);
            let explains: Vec<&str> = explains.iter().map(Code::as_str).collect();
            if !explains.is_empty() {
                self.wrapped(&format!("It explains: {}", explains.join(", ")), "  ", "  ");
            }
            self.remedy(cause);
        }
    }

    fn briefly(&mut self, report: &Report, role: Role, title: &str) {
        let findings: Vec<&ReportedFinding> = of_role(report, role).collect();
        if findings.is_empty() {
            return;
        }
        self.section(title);
        for finding in findings {
            let code = self.paint(finding.code.as_str(), Style::new().bold());
            let text = format!("{code}  {}", self.outside(&finding.title));
            self.wrapped(&text, "  ", "    ");
            let text = summary::because(report, finding);
            self.wrapped(&text, "    ", "    ");
            if self.look.verbose {
                self.detail(finding, "    ");
            }
        }
    }

    fn notices(&mut self, report: &Report) {
        for notice in of_role(report, Role::Notice) {
            self.finding(notice, "Warning", Style::new().yellow().bold());
            self.remedy(notice);
        }
    }

    fn ignored(&mut self, report: &Report) {
        if report.ignored.is_empty() {
            return;
        }
        let goes_with = |finding: &&ReportedFinding| {
            finding.role == Role::Symptom
                && finding
                    .explained_by
                    .iter()
                    .all(|code| is_ignored(report, code))
        };
        let (with, asked): (Vec<_>, Vec<_>) = report.ignored.iter().partition(goes_with);
        let codes = |findings: &[&ReportedFinding]| {
            let codes: Vec<&str> = findings.iter().map(|found| found.code.as_str()).collect();
            codes.join(", ")
        };
        let mut text = format!("Ignored, as asked: {}", codes(&asked));
        if !with.is_empty() {
            text = format!("{text}; and what that explains: {}", codes(&with));
        }
        self.blank();
        self.wrapped(&text, "", "  ");
    }

    fn finding(&mut self, finding: &ReportedFinding, name: &str, style: Style) {
        self.blank();
        let name = self.paint(name, style);
        let title = self.paint(&self.outside(&finding.title), Style::new().bold());
        let code = self.paint(finding.code.as_str(), Style::new().dimmed());
        self.wrapped(&format!("{name}: {title} [{code}]"), "", "  ");
        self.detail(finding, "  ");
    }

    fn detail(&mut self, finding: &ReportedFinding, indent: &str) {
        self.wrapped(&self.outside(&finding.detail), indent, indent);
        self.facts(&finding.evidence, indent);
    }

    /// Facts below one another; those of one thing (`certificate 1`, `certificate 1: valid`, …) as a group, whose details
    /// are on a page once.
    fn facts(&mut self, facts: &[Fact], indent: &str) {
        let groups = facts::groups(facts);
        // A label that would leave its value no room stands on a line of its own.
        let most = (self.look.width * 2 / 5).min(30);
        let lines = groups.iter().flat_map(|group| facts::labelled(group));
        let widths = lines.map(|(label, _)| label.chars().count());
        let column = widths.filter(|width| *width <= most).max().unwrap_or(0);
        for group in groups {
            let again = group.len() > 1 && self.shown.iter().any(|shown| shown == group);
            let few = if again { &group[..1] } else { group };
            for (label, value) in facts::labelled(few) {
                let bar = self.pick("\u{2502}", "|");
                let label = self.outside(&label);
                let again = if again { " (as shown above)" } else { "" };
                let value = self.outside(value) + again;
                if label.chars().count() > most {
                    let indent = format!("{indent}{bar} ");
                    self.wrap(&label, &indent, &format!("{indent}  "), true);
                    let indent = format!("{indent}    ");
                    self.wrap(&value, &indent, &indent, true);
                    continue;
                }
                let first = format!("{indent}{bar} {label:<column$}  ");
                let rest = format!("{indent}{bar} {:column$}  ", "");
                self.wrap(&value, &first, &rest, true);
            }
            self.shown.push(group.to_vec());
        }
    }

    fn remedy(&mut self, finding: &ReportedFinding) {
        let remedy = &finding.remedy;
        self.blank();
        let what = self.paint("What to do", Style::new().bold());
        let runbook = match &remedy.runbook {
            Some(section) => self.paint(&format!("  (runbook: {section})"), Style::new().dimmed()),
            None => String::new(),
        };
        self.wrapped(&format!("{what}{runbook}"), "  ", "    ");
        self.wrapped(&self.outside(&remedy.text), "  ", "  ");
        for (i, step) in remedy.steps.iter().enumerate() {
            let number = format!("  {}. ", i + 1);
            let indent = " ".repeat(number.len());
            self.wrapped(&self.outside(&step.text), &number, &indent);
            // Commands are to be pasted: they are never wrapped, and shown as they are.
            for line in step.command.iter().flat_map(|command| command.lines()) {
                let command = self.paint(&printable(line), Style::new().cyan());
                self.line(&format!("{indent}  {command}"));
            }
        }
        if let Some(fix) = &finding.fix {
            self.wrapped(OR_REPAIR, "  ", "  ");
            let command = self.paint(&printable(fix), Style::new().cyan());
            self.line(&format!("       {command}"));
        }
    }

    fn closing(&mut self, report: &Report) {
        let undecided: Vec<&CheckReport> = report
            .checks
            .iter()
            .filter(|check| check.status == Status::Unknown)
            .collect();
        // The list of checks has the reasons already.
        if !undecided.is_empty() && !self.look.checks {
            self.section("Could not be decided");
            for check in undecided {
                let reason = check.reason.as_deref().unwrap_or("for no known reason");
                let text = format!("{}: {}", check.id, self.outside(reason));
                self.wrapped(&text, "  ", "    ");
            }
        }
        let commands = [
            ("More about a finding:", &report.commands.explain),
            ("To look again:", &report.commands.again),
        ];
        if commands.iter().any(|(_, command)| command.is_some()) {
            self.blank();
        }
        for (what, command) in commands {
            let Some(command) = command else { continue };
            let (command, room) = (printable(command), self.look.width);
            if what.len() + 1 + command.chars().count() <= room {
                self.line(&format!("{what} {command}"));
            } else {
                self.line(what);
                self.line(&format!("  {command}"));
            }
        }
    }

    fn section(&mut self, title: &str) {
        self.blank();
        let title = self.paint(title, Style::new().bold());
        self.line(&title);
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn line(&mut self, line: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        self.wrap(text, first, rest, false);
    }

    /// Wraps a paragraph; long words are broken only where nobody would paste them.
    fn wrap(&mut self, text: &str, first: &str, rest: &str, break_words: bool) {
        let options = textwrap::Options::new(self.look.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(WordSeparator::Custom(facts::words))
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(break_words);
        for line in textwrap::wrap(text, options) {
            self.line(line.trim_end());
        }
    }

    /// Our own text, in the characters that the terminal has.
    fn plain(&self, text: &str) -> String {
        match self.look.unicode {
            true => text.to_owned(),
            false => to_ascii(text),
        }
    }

    /// Text from outside.
    fn outside(&self, text: &str) -> String {
        self.plain(&printable(text))
    }

    fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.look.unicode { unicode } else { ascii }
    }

    fn paint(&self, text: &str, style: Style) -> String {
        match self.look.color && !text.is_empty() {
            true => text.style(style).to_string(),
            false => text.to_owned(),
        }
    }
}

fn of_role(report: &Report, role: Role) -> impl Iterator<Item = &ReportedFinding> {
    report.findings.iter().filter(move |f| f.role == role)
}

/// The same text in ASCII: our own punctuation by its likes, everything else by a question mark.
fn to_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2014}' | '\u{2013}' => ascii.push('-'),
            '\u{2026}' => ascii.push_str("..."),
            '\u{2190}' => ascii.push_str("<-"),
            '\u{2192}' => ascii.push_str("->"),
            '\u{2018}' | '\u{2019}' => ascii.push('\''),
            '\u{201c}' | '\u{201d}' => ascii.push('"'),
            '\u{00b1}' => ascii.push_str("+/-"),
            '\u{2265}' => ascii.push_str(">="),
            '\u{2264}' => ascii.push_str("<="),
            '\u{00b7}' => ascii.push('*'),
            c if c.is_ascii() => ascii.push(c),
            _ => ascii.push('?'),
        }
    }
    ascii
}

/// `text` cut to `room` columns.
fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(3)).collect();
    short.push_str("...");
    short
}
