//! What `fix` says to people: what is wrong, the plan, what became of each action, and how it stands now.

use owo_colors::{OwoColorize as _, Style};

use super::super::args::FixArgs;
use super::{Fixed, is_well};
use crate::model::{Report, Role, Verdict, printable};
use crate::repair::{Ask, Description, ForPerson, Outcome, Plan, Safety};
use crate::report::human::Look;

/// What is wrong, in a line each.
pub(super) fn heading(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    let word = verdict(report.verdict);
    page.line(&format!(
        "{}  {}",
        printable(&report.host.hostname),
        page.paint(word, style(report.verdict))
    ));
    for finding in report
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Symptom)
    {
        let code = page.paint(finding.code.as_str(), Style::new().bold());
        page.wrapped(&format!("{code}: {}", printable(&finding.detail)), "  ");
    }
    page.text
}

/// What would be done, in this order, and what is left to a person.
pub(super) fn plan(plan: &Plan, report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    if plan.items.is_empty() && plan.for_person.is_empty() {
        page.section(match is_well(report) {
            true => "Nothing to repair",
            false => "Nothing that the doctor could repair",
        });
        return page.text;
    }
    if !plan.items.is_empty() {
        page.section("Plan");
    }
    for (at, item) in plan.items.iter().enumerate() {
        page.action(at + 1, &item.description);
    }
    if !plan.for_person.is_empty() {
        page.section("For a person");
    }
    for finding in &plan.for_person {
        page.for_person(finding);
    }
    page.text
}

/// What became of an action.
pub(super) fn outcome(description: &Description, outcome: &Outcome, look: Look) -> String {
    let mut page = Page::new(look);
    let (word, style) = match outcome {
        Outcome::Verified => ("verified", Style::new().green().bold()),
        Outcome::Unverified(_) => ("done, not verified", Style::new().yellow().bold()),
        Outcome::Failed { left, .. } if left.is_empty() => {
            ("failed, and taken back", Style::new().red().bold())
        }
        Outcome::Failed { .. } => (
            "failed, and not taken back whole",
            Style::new().red().bold(),
        ),
        Outcome::Refused(_) => ("refused", Style::new().yellow()),
        Outcome::NotDone(_) => ("not done", Style::new().dimmed()),
        Outcome::Interrupted => (
            "interrupted: `nexplane-doctor fix --undo` takes it back",
            Style::new().red(),
        ),
    };
    page.blank();
    page.wrapped(
        &format!(
            "{}: {}",
            printable(&description.title),
            page.paint(word, style)
        ),
        "",
    );
    if let Some(why) = outcome.why() {
        page.wrapped(&printable(why), "  ");
    }
    if let Outcome::Failed { left, .. } = outcome {
        for line in left {
            page.wrapped(&format!("left as it is: {}", printable(line)), "  ");
        }
    }
    page.text
}

/// How it stands now, and what can be done next.
pub(super) fn end(fixed: &Fixed, args: &FixArgs, look: Look) -> String {
    let mut page = Page::new(look);
    let acted = fixed.actions.iter().any(|done| done.outcome.is_some());
    page.blank();
    if !acted {
        if !fixed.actions.is_empty() {
            page.wrapped(
                match args.dry_run {
                    true => "Nothing was changed (--dry-run).",
                    false => "Nothing was changed: --yes does what is safe, --yes --all all of it.",
                },
                "",
            );
        }
        return page.text;
    }
    if let Some(after) = &fixed.after {
        let word = page.paint(verdict(after.verdict), style(after.verdict));
        page.line(&format!("Now: {word}"));
        for finding in after
            .findings
            .iter()
            .filter(|finding| finding.role == Role::Cause)
        {
            page.wrapped(
                &format!("{}: {}", finding.code, printable(&finding.detail)),
                "  ",
            );
        }
    }
    if let Some(journal) = &fixed.journal {
        page.wrapped(
            &format!(
                "`nexplane-doctor fix --undo` takes it back; the journal is in {}.",
                printable(&journal.display().to_string())
            ),
            "",
        );
    }
    page.text
}

/// What is still to be given, and how.
fn wanted(ask: &Ask) -> &'static str {
    match ask {
        Ask::Token => "a new enrollment token: --token-file FILE, or asked for on a terminal",
        Ask::Fingerprint { .. } => {
            "the CA's certificate, --ca-cert FILE, or its fingerprint, --ca-fingerprint SHA256, or asked for on a terminal"
        }
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "HEALTHY",
        Verdict::Degraded => "DEGRADED",
        Verdict::Failed => "FAILED",
        Verdict::Undetermined => "UNDETERMINED",
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Healthy => Style::new().green().bold(),
        Verdict::Degraded | Verdict::Undetermined => Style::new().yellow().bold(),
        Verdict::Failed => Style::new().red().bold(),
    }
}

/// Text with line breaks, colours if they can be shown.
pub(super) struct Page {
    look: Look,
    pub(super) text: String,
}

impl Page {
    pub(super) const fn new(look: Look) -> Self {
        Self {
            look,
            text: String::new(),
        }
    }

    fn action(&mut self, number: usize, action: &Description) {
        let word = match action.safety {
            Safety::Safe => "safe",
            Safety::Confirm => "to be confirmed",
            Safety::Person => "for a person",
        };
        let root = if action.needs_root { ", as root" } else { "" };
        let title = self.paint(&printable(&action.title), Style::new().bold());
        self.wrapped(&format!("{number}. {title} ({word}{root})"), "  ");
        let codes: Vec<&str> = action.codes.iter().map(|code| code.as_str()).collect();
        if !codes.is_empty() {
            self.wrapped(&format!("for: {}", codes.join(", ")), "     ");
        }
        self.wrapped(&format!("why: {}", printable(&action.why)), "     ");
        for change in &action.changes {
            self.wrapped(&format!("changes: {}", printable(change)), "     ");
        }
        if let Some(ask) = &action.ask {
            self.wrapped(&format!("takes: {}", wanted(ask)), "     ");
        }
        let undo = action.undo.as_deref().unwrap_or("nothing takes it back");
        self.wrapped(&format!("undone by: {}", printable(undo)), "     ");
    }

    fn for_person(&mut self, finding: &ForPerson) {
        let code = self.paint(finding.code.as_str(), Style::new().bold());
        self.wrapped(&format!("{code}: {}", finding.title), "  ");
        if let Some(why) = &finding.why {
            self.wrapped(&format!("not by the doctor: {}", printable(why)), "     ");
        }
        self.wrapped(&finding.remedy.text, "     ");
        for step in &finding.remedy.steps {
            self.wrapped(&format!("- {}", step.text), "     ");
            // Commands are to be pasted: they are never wrapped.
            for line in step.command.iter().flat_map(|command| command.lines()) {
                let command = self.paint(&printable(line), Style::new().cyan());
                self.line(&format!("         {command}"));
            }
        }
    }

    pub(super) fn section(&mut self, title: &str) {
        self.blank();
        let title = self.paint(title, Style::new().bold());
        self.line(&title);
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(super) fn wrapped(&mut self, text: &str, indent: &str) {
        let rest = format!("{indent}  ");
        let options = textwrap::Options::new(self.look.width)
            .initial_indent(indent)
            .subsequent_indent(&rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false);
        for line in textwrap::wrap(text, options) {
            self.line(line.trim_end());
        }
    }

    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        match self.look.color && !text.is_empty() {
            true => text.style(style).to_string(),
            false => text.to_owned(),
        }
    }
}
