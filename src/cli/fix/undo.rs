//! `fix --undo`: the last run taken back.

use owo_colors::Style;

use super::super::args::Format;
use super::super::exit::{Exit, Failure};
use super::super::output;
use super::human::Page;
use super::{Session, json};
use crate::model::{counted, printable};
use crate::repair::{Force, Past, PastStep, Taken, open_steps, undo};

/// What was taken back, or would be.
pub(super) struct Undone {
    pub(super) past: Past,
    pub(super) steps: Vec<(PastStep, Option<Taken>)>,
}

pub(super) async fn run(session: &Session<'_>) -> Result<Exit, Failure> {
    let past = session.last().map_err(failed)?;
    let Some(past) = past else {
        named_place_is_there(session)?;
        session.show(|_| "There is nothing to take back.\n".to_owned())?;
        print_json(session, None)?;
        return Ok(Exit::Healthy);
    };
    let steps: Vec<_> = open_steps(&past)
        .into_iter()
        .map(|step| (step, None))
        .collect();
    let mut undone = Undone { past, steps };
    session.show(|look| plan(&undone, look))?;
    if session.args.dry_run || !agreed(session).await {
        session.show(|_| "\nNothing was changed.\n".to_owned())?;
        print_json(session, Some(&undone))?;
        return Ok(Exit::Found);
    }
    let lock = session.lock().map_err(failed)?;
    // Who had the lock until now may have taken back the same run.
    if session.last().map_err(failed)?.as_ref() != Some(&undone.past) {
        return Err(failed(
            "another `nexplane-doctor fix` has changed what there is to take back meanwhile; look again",
        ));
    }
    let force = match session.args.all {
        true => Force::Yes,
        false => Force::No,
    };
    let interrupted = &session.interrupted;
    let taken = undo(&undone.past, lock, &session.doctor, force, interrupted)
        .await
        .map_err(failed)?;
    // What a damaged line speaks of, nobody can take back.
    let whole = undone.past.damaged == 0 && taken.iter().all(|(_, taken)| taken.is_settled());
    undone.steps = taken
        .into_iter()
        .map(|(step, taken)| (step, Some(taken)))
        .collect();
    session.show(|look| outcomes(&undone, look))?;
    print_json(session, Some(&undone))?;
    Ok(Exit::expected(whole))
}

/// Where a flag says that the journal is, there has to be a place for one.
fn named_place_is_there(session: &Session<'_>) -> Result<(), Failure> {
    match &session.args.journal {
        Some(named) if !named.is_dir() => Err(Failure::usage(format_args!(
            "--journal {}: there is no such directory, and so nothing to take back; without the flag, the usual place is looked at",
            named.display()
        ))),
        _ => Ok(()),
    }
}

/// A journal that cannot be used: nothing was diagnosed, and nothing changed.
fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error)
}

async fn agreed(session: &Session<'_>) -> bool {
    match &session.terminal {
        _ if session.args.yes => true,
        Some(terminal) => terminal.agrees("Take it back?", &session.interrupted).await,
        None => {
            session.tell("Without a terminal, --yes says that it is to be taken back.");
            false
        }
    }
}

fn print_json(session: &Session<'_>, undone: Option<&Undone>) -> Result<(), Failure> {
    match session.args.format {
        Format::Json => output::print(&json::render_undo(undone)?),
        Format::Human => Ok(()),
    }
}

fn plan(undone: &Undone, look: crate::report::human::Look) -> String {
    let mut page = Page::new(look);
    let begun = undone.past.at.format("%Y-%m-%d %H:%M:%S UTC");
    let cut = match undone.past.finished {
        true => "",
        false => ", which did not come to its end",
    };
    page.wrapped(&format!("To take back from the run of {begun}{cut}:"), "");
    if undone.past.damaged > 0 {
        let damaged = counted(
            undone.past.damaged,
            "line of its journal is",
            "lines of its journal are",
        );
        page.wrapped(&format!("{damaged} damaged: what stood there is lost."), "");
    }
    for (step, _) in &undone.steps {
        page.wrapped(&format!("- {}", printable(&step.undo.to_string())), "  ");
    }
    page.text
}

fn outcomes(undone: &Undone, look: crate::report::human::Look) -> String {
    let mut page = Page::new(look);
    page.blank();
    for (step, taken) in &undone.steps {
        let Some(taken) = taken else { continue };
        let style = match taken.is_settled() {
            true => Style::new().green(),
            false => Style::new().red().bold(),
        };
        let word = page.paint(taken.as_str(), style);
        page.wrapped(
            &format!("{word}: {}", printable(&step.undo.to_string())),
            "",
        );
        if let Some(why) = taken.why() {
            page.wrapped(&printable(why), "  ");
        }
    }
    let cut = |(_, taken): &(PastStep, Option<Taken>)| *taken == Some(Taken::Interrupted);
    if undone.steps.iter().any(cut) {
        page.wrapped(
            "Interrupted: `nexplane-doctor fix --undo` goes on with what is left.",
            "",
        );
    }
    page.text
}
