//! `nexplane-doctor logs`: what an agent's log tells, as finding codes.
//!
//! Matches are written as they come, so that memory does not grow with the log; whatever ends the reading, the JSON is whole.

mod summary;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::summary::{Line, Summary};
use super::args::{Common, Format, LogsArgs};
use super::exit::{Exit, Failure};
use super::{diagnose, output, sources};
use crate::logs::{self, Ended, Found, Log, Source};
use crate::model::printable;

pub(super) fn run(args: &LogsArgs, common: &Common) -> Result<Exit, Failure> {
    let names = names(args);
    // All of them first: nothing is read if one cannot be.
    let logs = names
        .iter()
        .map(|name| open(name, common))
        .collect::<Result<Vec<Log>, Failure>>()?;
    let runtime = diagnose::runtime()?;
    let interrupted = {
        let _within = runtime.enter();
        diagnose::interruption()
    };
    let matches = (args.format == Format::Json).then(|| Matches::new(names.len() > 1, &names));
    let mut reader = Reading {
        summary: Summary::default(),
        matches,
        interrupted,
    };
    let ended = logs::read(logs, &mut reader).map_err(Failure::defect)?;
    runtime.shutdown_background();
    finish(reader, &names, &ended, common)
}

fn names(args: &LogsArgs) -> Vec<String> {
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

fn open(name: &str, common: &Common) -> Result<Log, Failure> {
    let now = Utc::now();
    let opened = match name {
        "-" => {
            if io::stdin().is_terminal() && common.quiet == 0 {
                output::tell("reading the log from standard input; Ctrl-D ends it");
            }
            Ok((Box::new(io::stdin()) as Source, now))
        }
        name => file(Path::new(name), now),
    };
    opened
        .and_then(|(source, newest)| {
            let source = logs::decoded(source)?;
            Ok(Log { source, newest })
        })
        .map_err(|error| {
            Failure::usage(format_args!(
                "cannot read the log {}: {error}",
                called(name)
            ))
        })
}

fn file(path: &Path, now: DateTime<Utc>) -> io::Result<(Source, DateTime<Utc>)> {
    let file = File::open(path)?;
    let what = file.metadata()?;
    if what.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    // A pipe or a device was not written at any time.
    let changed = what.modified().ok().filter(|_| what.is_file());
    let newest = changed.and_then(moment).map_or(now, |time| now.min(time));
    Ok((Box::new(file), newest))
}

/// The same as a date; nothing for one that no calendar has.
fn moment(time: std::time::SystemTime) -> Option<DateTime<Utc>> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
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
        let unread = self.matches.as_ref().is_some_and(|m| m.failed.is_some());
        unread || self.interrupted.is_cancelled()
    }
}

/// A match, as it is written.
#[derive(Serialize)]
struct Match<'a> {
    line: u64,
    code: &'a str,
    time: Option<String>,
    excerpt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

/// The JSON document, as far as it is written.
struct Matches {
    out: BufWriter<StdoutLock<'static>>,
    files: Option<Vec<String>>,
    any: bool,
    failed: Option<io::Error>,
}

impl Matches {
    fn new(several: bool, names: &[String]) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
            files: several.then(|| names.to_vec()),
            any: false,
            failed: None,
        }
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>,
    ) {
        if self.failed.is_none() {
            self.failed = write(&mut self.out).err();
        }
    }

    fn begin(&mut self) {
        let before: &[u8] = if self.any {
            b",\n"
        } else {
            b"{\"matches\": [\n"
        };
        self.any = true;
        self.attempt(|out| out.write_all(before));
    }

    fn write(&mut self, found: &Found) {
        self.begin();
        let files = self.files.take();
        let match_ = Match {
            line: found.line,
            code: found.code().as_str(),
            time: found.time.map(|time| time.to_string()),
            excerpt: found.excerpt(),
            file: files
                .as_ref()
                .and_then(|files| files.get(found.log))
                .map(String::as_str),
        };
        self.attempt(|out| Ok(serde_json::to_writer(out, &match_)?));
        self.files = files;
    }

    fn flush(&mut self) {
        self.attempt(io::Write::flush);
    }

    /// What comes after the matches.
    fn end(mut self, end: &End<'_>) -> Result<(), Failure> {
        let before: &[u8] = if self.any {
            b"\n],\n"
        } else {
            b"{\"matches\": [],\n"
        };
        let rest = serde_json::to_string(end)?;
        self.attempt(|out| {
            out.write_all(before)?;
            // The object's own brace is open already.
            out.write_all(&rest.as_bytes()[1..])?;
            out.write_all(b"\n")?;
            out.flush()
        });
        match self.failed {
            // A reader that has gone has what it wanted.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure {
                exit: Exit::Defect,
                message: format!("cannot write to standard output: {error}"),
            }),
            _ => Ok(()),
        }
    }
}

/// The JSON document's other fields.
#[derive(Serialize)]
struct End<'a> {
    summary: Vec<Line>,
    lines: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken_off: Vec<BrokenOff<'a>>,
}

/// A log that could not be read to its end.
#[derive(Serialize)]
struct BrokenOff<'a> {
    file: &'a str,
    after_line: u64,
    error: String,
}

fn finish(
    reading: Reading,
    names: &[String],
    ended: &[Ended],
    common: &Common,
) -> Result<Exit, Failure> {
    let lines = ended.iter().map(|log| log.lines).sum();
    let broken_off: Vec<BrokenOff<'_>> = names
        .iter()
        .zip(ended)
        .filter_map(|(file, log)| {
            let error = log.broken_off.as_ref()?.to_string();
            Some(BrokenOff {
                file,
                after_line: log.lines,
                error,
            })
        })
        .collect();
    for BrokenOff {
        file,
        after_line,
        error,
    } in &broken_off
    {
        let message = format!(
            "{} breaks off after line {after_line}: {error}",
            called(file)
        );
        if lines == 0 {
            return Err(Failure::usage(message));
        }
        output::tell(&format!("warning: {message}"));
    }
    let catalog = sources::catalog(None)?;
    let summary = reading.summary.lines(&catalog, names);
    let exit = match (summary.is_empty(), broken_off.is_empty()) {
        (false, _) => Exit::Found,
        (true, true) => Exit::Healthy,
        (true, false) => Exit::Undecided,
    };
    match reading.matches {
        Some(matches) => matches.end(&End {
            summary,
            lines,
            broken_off,
        })?,
        None if common.quiet > 1 => {}
        None => output::print(&summary::render(
            &summary,
            lines,
            output::look(common, false),
        ))?,
    }
    Ok(exit)
}
