//! The report for people: the cause first, what shows it, what it explains, and what to do, in numbered steps.
//!
//! Good at 80 columns, without colours, and without UTF-8: what a terminal can do comes in as [`Look`].

mod facts;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use owo_colors::{OwoColorize as _, Style};
use textwrap::WordSeparator;

use super::table;
use crate::model::{
    CheckId, CheckReport, Fact, Report, ReportedFinding, Role, Status, Verdict, format_duration,
    printable,
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

/// One line for a check that is settled: mark, id, title or reason, time.
pub fn check_line(check: &CheckReport, codes: &[String], look: Look) -> String {
    let page = Page::new(look);
    let what = match (&check.reason, codes.is_empty()) {
        (_, false) => codes.join(", "),
        (Some(reason), true) => printable(reason).into_owned(),
        (None, true) => check.title.clone(),
    };
    let time = match check.duration.is_zero() {
        true => String::new(),
        false => format!("  {}", format_duration(check.duration)),
    };
    let mark = page.mark(check.status);
    let room = look.width.saturating_sub(16 + time.len()).max(20);
    let what = shorten(&page.plain(&what), room);
    format!(
        "{mark} {:<13}{what}{}",
        check.id.as_str(),
        page.paint(&time, Style::new().dimmed())
    )
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
        let count = |role| report.findings.iter().filter(|f| f.role == role).count();
        let mut parts = Vec::new();
        for (role, one, many) in [
            (Role::Cause, "cause", "causes"),
            (Role::Symptom, "symptom", "symptoms"),
            (Role::Notice, "warning", "warnings"),
        ] {
            match count(role) {
                0 => {}
                1 => parts.push(format!("1 {one}")),
                n => parts.push(format!("{n} {many}")),
            }
        }
        let summary = match (report.verdict, parts.is_empty()) {
            (Verdict::Undetermined, _) => {
                parts.push("something that matters could not be decided".to_owned());
                parts.join(", ")
            }
            (_, true) if !report.ignored.is_empty() => "nothing else wrong was found".to_owned(),
            (_, true) => "nothing wrong was found".to_owned(),
            (_, false) => parts.join(", "),
        };
        let verdict = self.paint(word, style);
        self.line(&format!("{verdict}  {summary}"));
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
            let explains: Vec<&str> = report
                .findings
                .iter()
                .filter(|finding| finding.explained_by.contains(&cause.code))
                .map(|finding| finding.code.as_str())
                .collect();
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
            let because = finding
                .explained_by
                .iter()
                .map(|code| code.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            let code = self.paint(finding.code.as_str(), Style::new().bold());
            let text = format!(
                "{code}  {} (because of {because})",
                self.plain(&finding.title)
            );
            self.wrapped(&text, "  ", "    ");
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
        let codes: Vec<&str> = report.ignored.iter().map(|f| f.code.as_str()).collect();
        self.blank();
        self.wrapped(
            &format!("Ignored, as asked: {}", codes.join(", ")),
            "",
            "  ",
        );
    }

    fn finding(&mut self, finding: &ReportedFinding, name: &str, style: Style) {
        self.blank();
        let name = self.paint(name, style);
        let title = self.paint(&self.plain(&finding.title), Style::new().bold());
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
        let lines = groups.iter().flat_map(|group| facts::labelled(group));
        let widest = lines.map(|(label, _)| label.chars().count()).max();
        let column = widest.unwrap_or(0).min(30);
        for group in groups {
            let again = group.len() > 1 && self.shown.iter().any(|shown| shown == group);
            let few = if again { &group[..1] } else { group };
            for (label, value) in facts::labelled(few) {
                let bar = self.pick("\u{2502}", "|");
                let label = self.outside(&label);
                let first = format!("{indent}{bar} {label:<column$}  ");
                let rest = format!("{indent}{bar} {:column$}  ", "");
                let again = if again { " (as shown above)" } else { "" };
                self.wrap(&(self.outside(value) + again), &first, &rest, true);
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
        self.line(&format!("  {what}{runbook}"));
        self.wrapped(&self.plain(&remedy.text), "  ", "  ");
        for (i, step) in remedy.steps.iter().enumerate() {
            let number = format!("  {}. ", i + 1);
            let indent = " ".repeat(number.len());
            self.wrapped(&self.plain(&step.text), &number, &indent);
            // Commands are to be pasted: they are never wrapped, and shown as they are.
            for line in step.command.iter().flat_map(|command| command.lines()) {
                let command = self.paint(&printable(line), Style::new().cyan());
                self.line(&format!("{indent}  {command}"));
            }
        }
        if let Some(repair) = &finding.repair {
            let hint = format!("nexplane-doctor fix knows a repair ({repair}), shows it, and asks");
            self.wrapped(&self.plain(&hint), "  Or: ", "      ");
        }
    }

    fn checks(&mut self, report: &Report) {
        self.section("Checks");
        let row = |check: &CheckReport| {
            let said = match &check.reason {
                Some(reason) => self.outside(reason),
                None => self.plain(&check.title),
            };
            let time = match check.duration.is_zero() {
                true => String::new(),
                false => format_duration(check.duration),
            };
            let mark = self.word(check.status).to_owned();
            vec![mark, check.id.to_string(), said, time]
        };
        let (blocked, settled): (Vec<_>, Vec<_>) = report
            .checks
            .iter()
            .partition(|check| check.status == Status::Blocked);
        let rows = settled.into_iter().map(row).collect();
        for line in table::lines(&[], rows, self.look.width) {
            self.line(&line);
        }
        self.blocked(&blocked);
        if self.look.verbose {
            for check in report.checks.iter().filter(|check| !check.notes.is_empty()) {
                self.blank();
                self.line(&format!("{}:", check.id));
                self.facts(&check.notes, "  ");
            }
        }
    }

    /// Those that were not judged, together where the same is in the way.
    fn blocked(&mut self, blocked: &[&CheckReport]) {
        let mut told: Vec<&[CheckId]> = Vec::new();
        for check in blocked {
            let roots = check.blocked_by.as_slice();
            if told.contains(&roots) {
                continue;
            }
            told.push(roots);
            let ids = blocked.iter().filter(|other| other.blocked_by == roots);
            let ids: Vec<&str> = ids.map(|other| other.id.as_str()).collect();
            let roots: Vec<&str> = roots.iter().map(CheckId::as_str).collect();
            let mark = self.word(Status::Blocked);
            let text = format!("blocked by {}: {}", roots.join(", "), ids.join(", "));
            self.wrapped(&text, &format!(" {mark}  "), "    ");
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
        if let Some(code) = report.findings.first().map(|finding| &finding.code) {
            self.blank();
            self.wrapped(
                &format!("More about a finding: nexplane-doctor explain {code}"),
                "",
                "  ",
            );
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

    fn word(&self, status: Status) -> &'static str {
        match (status, self.look.unicode) {
            (Status::Pass, true) => "\u{2713}",
            (Status::Warn, true) => "!",
            (Status::Fail, true) => "\u{2717}",
            (Status::Unknown, true) => "?",
            (Status::Blocked, true) => "\u{00b7}",
            (Status::Skipped, true) => "-",
            (_, false) => status.as_str(),
        }
    }

    fn mark(&self, status: Status) -> String {
        let style = match status {
            Status::Pass => Style::new().green(),
            Status::Warn | Status::Unknown => Style::new().yellow(),
            Status::Fail => Style::new().red().bold(),
            Status::Blocked | Status::Skipped => Style::new().dimmed(),
        };
        let word = self.word(status);
        let width = if self.look.unicode { 1 } else { 7 };
        self.paint(&format!("{word:<width$}"), style)
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
