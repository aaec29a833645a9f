//! The checks of a report: a line for each, with what it found, and what was not judged because of others.

use owo_colors::Style;

use super::{Look, Page, shorten};
use crate::model::{
    CheckId, CheckReport, Code, Report, ReportedFinding, Status, format_duration, printable,
};
use crate::report::ending::{Ending, named};
use crate::report::table;

/// One line for a check that is settled: mark, id, title or reason, time.
pub fn check_line(check: &CheckReport, found: &[Code], ignore: &[Code], look: Look) -> String {
    let page = Page::new(look);
    let what = match (&check.reason, found.is_empty()) {
        (_, false) => {
            let name = |code: &Code| named(code.as_str(), ignore.contains(code));
            found.iter().map(name).collect::<Vec<_>>().join(", ")
        }
        (Some(reason), true) => printable(reason).into_owned(),
        (None, true) => check.title.clone(),
    };
    let time = match check.duration.is_zero() {
        true => String::new(),
        false => format!("  {}", format_duration(check.duration)),
    };
    let counts = found.iter().any(|code| !ignore.contains(code));
    let mark = page.mark(Ending::with(check.status, counts, !found.is_empty()));
    let room = look.width.saturating_sub(16 + time.len()).max(20);
    let what = shorten(&page.plain(&what), room);
    format!(
        "{mark} {:<13}{what}{}",
        check.id.as_str(),
        page.paint(&time, Style::new().dimmed())
    )
}

const fn mark(ending: Ending, unicode: bool) -> &'static str {
    match (ending, unicode) {
        (Ending::Ended(Status::Pass), true) => "\u{2713}",
        (Ending::Ended(Status::Warn), true) => "!",
        (Ending::Ended(Status::Fail), true) => "\u{2717}",
        (Ending::Ended(Status::Unknown), true) => "?",
        (Ending::Ended(Status::Blocked), true) => "\u{00b7}",
        (Ending::Ended(Status::Skipped), true) => "-",
        (Ending::Ignored, true) => "~",
        (ending, false) => ending.as_str(),
    }
}

impl Page {
    pub(super) fn checks(&mut self, report: &Report) {
        self.section("Checks");
        let (blocked, settled): (Vec<_>, Vec<_>) = report
            .checks
            .iter()
            .partition(|check| check.status == Status::Blocked);
        let rows = settled.into_iter().map(|check| self.row(check, report));
        for line in table::lines(&[], rows.collect(), self.look.width) {
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

    /// Mark, id, what there is to say, time. What was found says more than the title of what should be.
    fn row(&self, check: &CheckReport, report: &Report) -> Vec<String> {
        let of_check = |finding: &&ReportedFinding| finding.check == check.id;
        let mut found: Vec<String> = Vec::new();
        for finding in report.findings.iter().filter(of_check) {
            found.push(self.outside(&finding.title));
        }
        for finding in report.ignored.iter().filter(of_check) {
            found.push(named(&self.outside(&finding.title), true));
        }
        let mark = mark(Ending::of(report, check), self.look.unicode);
        let said = match &check.reason {
            Some(reason) => self.outside(reason),
            None if found.is_empty() => self.plain(&check.title),
            None => found.join("; "),
        };
        let time = match check.duration.is_zero() {
            true => String::new(),
            false => format_duration(check.duration),
        };
        vec![mark.to_owned(), check.id.to_string(), said, time]
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
            let mark = mark(Ending::Ended(Status::Blocked), self.look.unicode);
            // In words the mark is the beginning of the sentence.
            let (first, rest) = match self.look.unicode {
                true => (format!(" {mark}  blocked "), "    "),
                false => (format!(" {mark}  "), "          "),
            };
            let text = format!("by {}: {}", roots.join(", "), ids.join(", "));
            self.wrapped(&text, &first, rest);
        }
    }

    fn mark(&self, ending: Ending) -> String {
        let style = match ending {
            Ending::Ended(Status::Pass) => Style::new().green(),
            Ending::Ended(Status::Warn | Status::Unknown) => Style::new().yellow(),
            Ending::Ended(Status::Fail) => Style::new().red().bold(),
            Ending::Ended(Status::Blocked | Status::Skipped) | Ending::Ignored => {
                Style::new().dimmed()
            }
        };
        let word = mark(ending, self.look.unicode);
        let width = if self.look.unicode { 1 } else { 7 };
        self.paint(&format!("{word:<width$}"), style)
    }
}
