//! The JSON document of `logs`: matches as they come, then what they come to, and what could not be read.

use std::io::{self, BufWriter, Write as _};

use serde::Serialize;

use super::gaps::{BrokenOff, Overlong, Unread};
use super::summary::Line;
use crate::cli::exit::Failure;
use crate::cli::standard::{ReaderGone, StandardOutput};
use crate::logs::Found;
use crate::report::json_v1::ErrorDocument;

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
pub(super) struct Matches {
    out: BufWriter<StandardOutput>,
    files: Option<Vec<String>>,
    any: bool,
    failed: Option<io::Error>,
}

impl Matches {
    pub(super) fn new(several: bool, names: &[String]) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, StandardOutput(ReaderGone::Told)),
            files: several.then(|| names.to_vec()),
            any: false,
            failed: None,
        }
    }

    /// Whether nobody reads what is written.
    pub(super) const fn is_unread(&self) -> bool {
        self.failed.is_some()
    }

    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<StandardOutput>) -> io::Result<()>) {
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

    pub(super) fn write(&mut self, found: &Found) {
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

    pub(super) fn flush(&mut self) {
        self.attempt(io::Write::flush);
    }

    /// What comes after the matches.
    pub(super) fn end(mut self, end: &End<'_>) -> Result<(), Failure> {
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
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::usage(error)),
            _ => Ok(()),
        }
    }
}

/// The JSON document's other fields.
#[derive(Serialize)]
pub(super) struct End<'a> {
    pub(super) summary: &'a [Line],
    pub(super) lines: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) broken_off: &'a [BrokenOff],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) overlong: &'a [Overlong],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) unread: &'a [Unread],
    /// What every document has that goes with exit status 2.
    #[serde(flatten)]
    pub(super) error: Option<ErrorDocument>,
}
