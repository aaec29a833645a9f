//! Questions to the person at the terminal. No answer, and the end of the input, are a no.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::args::{FixArgs, Format};
use super::silent::Silent;
use crate::model::{Secret, printable};

/// Somebody who can be asked.
pub(super) struct Terminal(());

impl Terminal {
    /// Where standard input and standard error are a terminal, and the output is for people.
    pub(super) fn of(args: &FixArgs) -> Option<Self> {
        let there = io::stdin().is_terminal() && io::stderr().is_terminal();
        (there && args.format == Format::Human && !args.dry_run).then_some(Self(()))
    }

    /// Whether the answer is yes.
    pub(super) async fn agrees(&self, question: &str, interrupted: &CancellationToken) -> bool {
        let answer = self.line(&format!("{question} [y/N] "), interrupted).await;
        let answer = answer.unwrap_or_default().to_ascii_lowercase();
        matches!(answer.as_str(), "y" | "yes")
    }

    /// A line that is typed; `None`: an empty one, or none.
    pub(super) async fn line(
        &self,
        question: &str,
        interrupted: &CancellationToken,
    ) -> Option<String> {
        prompt(question);
        let (sender, answer) = oneshot::channel();
        // It may never be answered: nobody waits for this thread once the run is interrupted.
        let started = std::thread::Builder::new().spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = sender.send(read.is_ok_and(|length| length > 0).then_some(line));
        });
        started.ok()?;
        let line = tokio::select! {
            line = answer => line.ok().flatten(),
            () = interrupted.cancelled() => None,
        };
        let line = line.map(|line| line.trim().to_owned());
        line.filter(|line| !line.is_empty())
    }

    /// A line that is typed and not shown.
    pub(super) async fn secret(
        &self,
        question: &str,
        interrupted: &CancellationToken,
    ) -> Option<Secret> {
        let silent = Silent::begin();
        // What cannot be hidden is not asked for.
        silent.as_ref()?;
        let typed = self.line(question, interrupted).await;
        drop(silent);
        prompt("\n");
        typed.map(Secret::new)
    }
}

fn prompt(text: &str) {
    let mut err = io::stderr().lock();
    // If this cannot be shown, there is nobody to answer.
    let _ = err.write_all(printable_prompt(text).as_bytes());
    let _ = err.flush();
}

fn printable_prompt(text: &str) -> String {
    match text {
        "\n" => text.to_owned(),
        text => printable(text).into_owned(),
    }
}
