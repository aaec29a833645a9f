//! Whole logs, of any size, to the lines that name a problem, as they come.

use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use super::family::{Automaton, Pattern};
use super::input::{Piece, Pieces, Source};
use super::scan::{Lines, Overlong, Record, Scanner};
use super::stamp::{self, Stamp};
use super::unwrap::{Unwrapped, unwrap};
use super::{continues_at, excerpt_of, starts_anew, wraps};
use crate::model::Code;

/// A log to read.
pub struct Log {
    /// Its bytes, as [`super::decoded`] gives them.
    pub source: Source,
    /// When it was written to at the latest: what a time without a year cannot be after.
    pub newest: DateTime<Utc>,
}

/// A line that names a problem.
#[derive(Debug)]
pub struct Found {
    /// Which log, from 0.
    pub log: usize,
    /// Which line of it, from 1; of an entry of a journal, the line of its message.
    pub line: u64,
    /// The words.
    pub pattern: &'static Pattern,
    /// When it was written, if it says so.
    pub time: Option<Stamp>,
    text: String,
    at: Range<usize>,
}

impl Found {
    /// The problem that the words speak of.
    pub const fn code(&self) -> &Code {
        &self.pattern.code
    }

    /// The line, fit to be shown, with the words that were found.
    pub fn excerpt(&self) -> String {
        excerpt_of(&self.text, &self.at)
    }
}

/// What is told of logs while they are read.
pub trait Reader {
    /// A line that names a problem.
    fn found(&mut self, found: Found);
    /// Nothing more is there for now.
    fn waiting(&mut self);
    /// Whether nobody wants to know any more.
    fn has_enough(&self) -> bool;
}

/// How reading a log ended.
#[derive(Debug)]
pub struct Ended {
    /// How many lines were read.
    pub lines: u64,
    /// Why no more of them.
    pub broken_off: Option<io::Error>,
    /// Lines of which only the beginning was looked at.
    pub overlong: Option<Overlong>,
}

/// For more than a few lines; a diagnosis never builds it.
static THOROUGH: LazyLock<Automaton> = LazyLock::new(Automaton::new);

/// Reads all logs, one after the other, and says of each how it ended.
///
/// # Errors
/// When the system has no thread to spare.
pub fn read(logs: Vec<Log>, reader: &mut impl Reader) -> io::Result<Vec<Ended>> {
    let newest: Vec<_> = logs.iter().map(|log| log.newest).collect();
    let pieces = Pieces::of(logs.into_iter().map(|log| log.source).collect())?;
    let mut ended = Vec::new();
    for (log, newest) in newest.into_iter().enumerate() {
        let mut scanner = Scanner::new();
        let mut lines = Classifier {
            automaton: &THOROUGH,
            reader,
            log,
            newest,
            held: None,
        };
        let broken_off = loop {
            if lines.reader.has_enough() {
                break None;
            }
            let goes_on = || {
                lines.reader.waiting();
                !lines.reader.has_enough()
            };
            match pieces.next(goes_on) {
                Some(Piece::Bytes(bytes)) => {
                    scanner.feed(&bytes, &mut lines);
                    pieces.recycle(bytes);
                }
                Some(Piece::End(end)) => break end.err(),
                None => break Some(io::Error::other("its reader ended without a word")),
            }
        };
        let within = scanner.finish(&mut lines);
        lines.let_go();
        let enough = reader.has_enough();
        let cut = within.filter(|_| !enough).map(|within| {
            let message = format!("it ends within {within}");
            io::Error::new(io::ErrorKind::UnexpectedEof, message)
        });
        ended.push(Ended {
            lines: scanner.lines(),
            broken_off: broken_off.or(cut),
            overlong: scanner.overlong(),
        });
        if enough {
            break;
        }
    }
    Ok(ended)
}

/// A line whose next one may belong to it.
struct Held {
    line: u64,
    unwrapped: Unwrapped,
    time: Option<Stamp>,
    found: Option<(&'static Pattern, Range<usize>)>,
}

struct Classifier<'a, R> {
    automaton: &'a Automaton,
    reader: &'a mut R,
    log: usize,
    newest: DateTime<Utc>,
    held: Option<Held>,
}

impl<R: Reader> Classifier<'_, R> {
    fn tell(&mut self, held: Held) {
        let Some((pattern, at)) = held.found else {
            return;
        };
        let time = held
            .time
            .or_else(|| held.unwrapped.time(at.start, self.newest));
        self.reader.found(Found {
            log: self.log,
            line: held.line,
            pattern,
            time,
            text: held.unwrapped.text,
            at,
        });
    }

    fn let_go(&mut self) {
        if let Some(held) = self.held.take() {
            self.tell(held);
        }
    }

    /// The line before this one and this one are one.
    fn join(&mut self, mut held: Held, next: &Unwrapped, line: u64) {
        let seam = held.unwrapped.text.len();
        held.unwrapped.text.push(' ');
        held.unwrapped.text.push_str(&next.text);
        // Whether it is harmless is for both to say.
        held.found = self.automaton.first_match(&held.unwrapped.text);
        if held.found.as_ref().is_some_and(|(_, at)| at.start > seam) {
            held.line = line;
        }
        self.tell(held);
    }
}

impl<R: Reader> Lines for Classifier<'_, R> {
    fn matters(&self, bytes: &[u8]) -> bool {
        self.held.is_some() || is_open(bytes) || self.automaton.is_candidate(bytes)
    }

    fn line(&mut self, record: Record<'_>) {
        let unwrapped = unwrap(record.bytes);
        if let Some(held) = self.held.take() {
            let indented = record.bytes.first().is_some_and(u8::is_ascii_whitespace);
            let open = continues_at(&held.unwrapped.text);
            let joins = (open || indented)
                && !unwrapped.text.is_empty()
                && !starts_anew(&unwrapped.text)
                && stamp::find(&unwrapped.text, self.newest).is_none();
            if joins {
                return self.join(held, &unwrapped, record.line);
            }
            self.tell(held);
        }
        let found = self.automaton.first_match(&unwrapped.text);
        let holds = match &found {
            Some((pattern, _)) => wraps(pattern) || continues_at(&unwrapped.text),
            None => continues_at(&unwrapped.text),
        };
        let held = Held {
            line: record.line,
            unwrapped,
            time: record.time,
            found,
        };
        if holds {
            self.held = Some(held);
        } else {
            self.tell(held);
        }
    }
}

/// Whether the line ends with a colon: what follows it may be on the next one.
fn is_open(bytes: &[u8]) -> bool {
    bytes.trim_ascii_end().ends_with(b":")
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
