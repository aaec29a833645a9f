//! A line for each check as it is settled, and a spinner for those under way: on a terminal only.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Common;
use super::output;
use crate::catalog::Catalog;
use crate::engine::{Event, Outcome};
use crate::model::{CheckReport, Code};
use crate::report::human::{self, Look};

/// Shows what happens, if anybody looks.
pub(super) struct Progress {
    shown: Option<(ProgressBar, Look)>,
    ignore: Vec<Code>,
    under_way: Vec<String>,
}

impl Progress {
    /// Progress on standard error, when it is a terminal and nobody asked for quiet. What is to be ignored is marked so.
    pub(super) fn new(common: &Common, ignore: &[Code]) -> Self {
        Self {
            shown: spinner(common).map(|bar| (bar, output::progress_look(common))),
            ignore: ignore.to_vec(),
            under_way: Vec::new(),
        }
    }

    /// Whether the checks are shown as they are settled.
    pub(super) fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// Shows an event of the engine.
    pub(super) fn event(&mut self, event: &Event<'_>, catalog: &Catalog) {
        let Some((bar, look)) = &self.shown else {
            return;
        };
        match event {
            Event::Started(id) => self.under_way.push(id.to_string()),
            Event::Settled(outcome) => {
                self.under_way.retain(|id| outcome.id != id.as_str());
                bar.println(line(outcome, catalog, &self.ignore, *look));
            }
        }
        bar.set_message(self.under_way.join(", "));
    }

    /// Takes the spinner away.
    pub(super) fn finish(&self) {
        if let Some((bar, _)) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// A spinner with a line of text.
pub(super) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// On standard error, when it is a terminal and nobody asked for quiet.
    pub(super) fn new(common: &Common) -> Self {
        Self(spinner(common))
    }

    /// Says what is being done.
    pub(super) fn say(&self, what: String) {
        if let Some(bar) = &self.0 {
            bar.set_message(what);
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn spinner(common: &Common) -> Option<ProgressBar> {
    if common.quiet > 0 || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style.tick_strings(&["-", "\\", "|", "/", " "]));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

fn line(outcome: &Outcome, catalog: &Catalog, ignore: &[Code], look: Look) -> String {
    let title = catalog.check(&outcome.id).map(|doc| doc.title.to_string());
    let codes: Vec<Code> = outcome.findings.iter().map(|f| f.code.clone()).collect();
    let check = CheckReport {
        id: outcome.id.clone(),
        title: title.unwrap_or_default(),
        status: outcome.status,
        needs: Vec::new(),
        uses: Vec::new(),
        blocked_by: outcome.blocked_by.clone(),
        reason: outcome.reason.clone(),
        notes: Vec::new(),
        duration: outcome.duration,
    };
    human::check_line(&check, &codes, ignore, look)
}
