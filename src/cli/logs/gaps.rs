//! What of the logs was not read, and where: a log that breaks off is not silently whole.

use std::fmt;
use std::io;

use serde::Serialize;

use super::called;
use crate::logs::{Ended, LINE_BOUND};
use crate::model::{printable, redact};

/// A log that could not be read at all.
#[derive(Debug, Serialize)]
pub(super) struct Unread {
    file: String,
    error: String,
}

/// A log that could not be read to its end.
#[derive(Debug, Serialize)]
pub(super) struct BrokenOff {
    file: String,
    after_line: u64,
    error: String,
}

/// Lines of a log of which only the beginning was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Overlong {
    file: String,
    /// The first of them.
    line: u64,
    count: u64,
    /// How much of each was looked at.
    bytes: usize,
}

/// Everything that was not read.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    pub(super) unread: Vec<Unread>,
    pub(super) broken_off: Vec<BrokenOff>,
    pub(super) overlong: Vec<Overlong>,
}

impl Gaps {
    /// A log that cannot be read.
    pub(super) fn cannot_read(&mut self, file: &str, error: &io::Error) {
        self.unread.push(Unread {
            // What is no file may be a token in the wrong place.
            file: redact(file),
            error: error.to_string(),
        });
    }

    /// How reading a log ended.
    pub(super) fn ended(&mut self, file: &str, ended: &Ended) {
        match &ended.broken_off {
            // Nothing of it is as good as no file.
            Some(error) if ended.lines == 0 => self.cannot_read(file, error),
            Some(error) => self.broken_off.push(BrokenOff {
                file: file.to_owned(),
                after_line: ended.lines,
                error: error.to_string(),
            }),
            None => {}
        }
        if let Some(overlong) = ended.overlong {
            self.overlong.push(Overlong {
                file: file.to_owned(),
                line: overlong.first,
                count: overlong.count,
                bytes: LINE_BOUND,
            });
        }
    }

    /// Whether a log was read, and not all of it.
    pub(super) const fn in_part(&self) -> bool {
        !self.broken_off.is_empty() || !self.overlong.is_empty()
    }

    /// For people, a gap each.
    pub(super) fn lines(&self) -> Vec<String> {
        let unread = self.unread.iter().map(ToString::to_string);
        unread.chain(self.lines_in_part()).collect()
    }

    /// The same of logs that were read in part.
    pub(super) fn lines_in_part(&self) -> impl Iterator<Item = String> {
        let broken_off = self.broken_off.iter().map(ToString::to_string);
        broken_off.chain(self.overlong.iter().map(ToString::to_string))
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, error } = self;
        write!(
            f,
            "cannot read the log {}: {}",
            called(file),
            printable(error)
        )
    }
}

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            after_line,
            error,
        } = self;
        let (file, error) = (called(file), printable(error));
        write!(f, "{file} breaks off after line {after_line}: {error}")
    }
}

impl fmt::Display for Overlong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            count,
            bytes,
        } = self;
        let file = called(file);
        let which = match count {
            1 => format!("line {line} of {file} is"),
            count => format!("{count} lines of {file}, the first of them line {line}, are"),
        };
        write!(
            f,
            "{which} longer than {} KiB; what is beyond was not looked at",
            bytes / 1024
        )
    }
}
