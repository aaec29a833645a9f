//! `nexplane-doctor logs`: what an agent's log tells, as finding codes.
//!
//! Matches are written as they come, so that memory does not grow with the log; whatever ends the reading, the JSON is whole.
//! What cannot be read is said, and keeps nothing else from being read.

mod document;
mod gaps;
mod open;
mod summary;

use tokio_util::sync::CancellationToken;

use self::document::{End, Matches};
use self::gaps::Gaps;
use self::summary::Summary;
use super::args::{Common, Format, LogsArgs};
use super::exit::{Exit, Failure};
use super::{diagnose, output, sources};
use crate::logs::{self, Ended, Found};
use crate::model::printable;
use crate::report::json_v1;

pub(super) fn run(args: &LogsArgs, common: &Common) -> Result<Exit, Failure> {
    let mut gaps = Gaps::default();
    let (mut names, mut logs) = (Vec::new(), Vec::new());
    let asked = asked(args);
    let several = asked.len() > 1;
    for name in asked {
        match open::open(&name, common) {
            Ok(log) => {
                names.push(name);
                logs.push(log);
            }
            Err(error) => gaps.cannot_read(&name, &error),
        }
    }
    let runtime = diagnose::runtime()?;
    let interrupted = {
        let _within = runtime.enter();
        diagnose::interruption()
    };
    let matches = (args.format == Format::Json).then(|| Matches::new(several, &names));
    let mut reader = Reading {
        summary: Summary::default(),
        matches,
        interrupted,
    };
    let ended = logs::read(logs, &mut reader).map_err(Failure::defect)?;
    runtime.shutdown_background();
    for (name, ended) in names.iter().zip(&ended) {
        gaps.ended(name, ended);
    }
    let names = if several { names } else { Vec::new() };
    finish(reader, &names, &ended, &gaps, common)
}

fn asked(args: &LogsArgs) -> Vec<String> {
    match args.files.as_slice() {
        [] => vec!["-".to_owned()],
        files => files
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect(),
    }
}

/// How a log is called where it is spoken of.
fn called(name: &str) -> String {
    match name {
        "-" => "standard input".to_owned(),
        name => printable(name).into_owned(),
    }
}

/// What is done with the lines that were found.
struct Reading {
    summary: Summary,
    matches: Option<Matches>,
    interrupted: CancellationToken,
}

impl logs::Reader for Reading {
    fn found(&mut self, found: Found) {
        if let Some(matches) = &mut self.matches {
            matches.write(&found);
        }
        self.summary.count(found);
    }

    fn waiting(&mut self) {
        if let Some(matches) = &mut self.matches {
            matches.flush();
        }
    }

    fn has_enough(&self) -> bool {
        let unread = self.matches.as_ref().is_some_and(Matches::is_unread);
        unread || self.interrupted.is_cancelled()
    }
}

fn finish(
    reading: Reading,
    names: &[String],
    ended: &[Ended],
    gaps: &Gaps,
    common: &Common,
) -> Result<Exit, Failure> {
    let lines = ended.iter().map(|log| log.lines).sum();
    let unread: Vec<String> = gaps.unread.iter().map(ToString::to_string).collect();
    let error = (!unread.is_empty()).then(|| unread.join("; "));
    if let Some(error) = &error
        && ended
            .iter()
            .all(|log| log.lines == 0 && log.broken_off.is_some())
    {
        return Err(Failure::usage(error));
    }
    let shows_summary = reading.matches.is_none() && common.quiet < 2;
    let told = if shows_summary { unread } else { gaps.lines() };
    for gap in told {
        output::tell(&format!("warning: {gap}"));
    }
    let catalog = sources::catalog(None)?;
    let interrupted = reading.interrupted.is_cancelled();
    let summary = reading.summary.lines(&catalog, names);
    let exit = match (&error, summary.is_empty()) {
        (Some(_), _) => Exit::Usage,
        (None, false) => Exit::Found,
        (None, true) if gaps.in_part() || interrupted => Exit::Undecided,
        (None, true) => Exit::Healthy,
    };
    match reading.matches {
        Some(matches) => matches.end(&End {
            summary: &summary,
            lines,
            broken_off: &gaps.broken_off,
            overlong: &gaps.overlong,
            unread: &gaps.unread,
            error: error.map(|message| json_v1::ErrorDocument::new(&message)),
        })?,
        None if !shows_summary => {}
        None => {
            let look = output::look(common, false);
            output::print(&summary::render(&summary, lines, gaps, look))?;
        }
    }
    Ok(exit)
}
