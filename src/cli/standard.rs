//! Standard output, where reports and answers go: what becomes of one that cannot be written to.
//!
//! A reader that has gone has what it wanted: that is no failure, and how a command ends does not change by it. A full disk is one,
//! and not the program's: whoever gave it this output gave it something that cannot be used, as with a file that a flag names.

use std::io::{self, ErrorKind, Write};

use super::exit::Failure;

/// That it cannot be written to, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(super) struct Unwritable(io::Error);

impl Unwritable {
    /// Whether this is what an error says that came through other hands.
    pub(super) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// What somebody does who writes much, once nobody reads it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReaderGone {
    /// Goes on, and does all that there is to do beside writing.
    Unnoticed,
    /// Is told, by an error of the kind `BrokenPipe`, and has no more to do.
    Told,
}

/// A writer that says of its errors what could not be written to.
#[derive(Debug)]
pub(super) struct StandardOutput(pub(super) ReaderGone);

impl StandardOutput {
    fn told<T>(&self, written: io::Result<T>, all: T) -> io::Result<T> {
        match (written, self.0) {
            (Err(error), ReaderGone::Unnoticed) if error.kind() == ErrorKind::BrokenPipe => Ok(all),
            // Of the same kind: one that was only interrupted is tried again.
            (Err(error), _) => Err(io::Error::new(error.kind(), Unwritable(error))),
            (Ok(written), _) => Ok(written),
        }
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.told(io::stdout().flush(), ())
    }
}

/// Prints all of it.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = StandardOutput(ReaderGone::Unnoticed);
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(Failure::usage)
}
