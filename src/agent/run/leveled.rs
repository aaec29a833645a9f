//! What becomes of a line of the log: left out below the configured level, and with its priority where the journal reads it.
//!
//! A line's level is its first word (`ERROR: …`). The journal takes a priority in angle brackets off again (sd-daemon(3)),
//! so that the words of a line stay what they are.

use std::io::{self, Write};

use crate::contract::config::LogLevel;

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// systemd's journal.
    Journal,
    /// Anybody else: a terminal, a file.
    Plain,
}

impl Reader {
    /// Whoever reads standard error.
    pub(super) fn of_stderr() -> Self {
        match Self::is_journal() {
            true => Self::Journal,
            false => Self::Plain,
        }
    }

    /// Whether the journal does: it says in `JOURNAL_STREAM` which file that would be (systemd.exec(5)).
    #[cfg(unix)]
    fn is_journal() -> bool {
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let named = stream
            .split_once(':')
            .and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
        let stat = rustix::fs::fstat(std::io::stderr()).ok();
        let is = stat.map(|stat| (stat.st_dev, stat.st_ino));
        named.is_some() && named == is
    }

    /// Where there is no journal.
    #[cfg(not(unix))]
    fn is_journal() -> bool {
        false
    }
}

/// Passes whole lines on to `out`.
#[derive(Debug)]
pub(super) struct Leveled<W> {
    out: W,
    level: LogLevel,
    reader: Reader,
    line: Vec<u8>,
}

/// The most that is kept of a line that does not end, in bytes.
const LONGEST: usize = 16 * 1024;

impl<W: Write> Leveled<W> {
    /// Lines of this level and above, for this reader.
    pub(super) const fn new(out: W, level: LogLevel, reader: Reader) -> Self {
        Self {
            out,
            level,
            reader,
            line: Vec::new(),
        }
    }

    fn pass(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let (level, priority) = level_of(&line);
        if level < self.level {
            return Ok(());
        }
        let mut whole = match self.reader {
            Reader::Journal => format!("<{priority}>").into_bytes(),
            Reader::Plain => Vec::new(),
        };
        whole.extend_from_slice(&line);
        whole.push(b'\n');
        self.out.write_all(&whole)?;
        self.out.flush()
    }
}

impl<W: Write> Write for Leveled<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            match byte {
                b'\n' => self.pass()?,
                byte if self.line.len() < LONGEST => self.line.push(*byte),
                _ => {}
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Level and syslog priority. What ends the agent is above every level that could leave it out.
fn level_of(line: &[u8]) -> (LogLevel, u8) {
    let begins = |word: &str| line.starts_with(word.as_bytes());
    match () {
        () if begins("FATAL:") => (LogLevel::Error, 2),
        () if begins("ERROR:") => (LogLevel::Error, 3),
        () if begins("WARNING:") => (LogLevel::Warning, 4),
        () if begins("DEBUG:") => (LogLevel::Debug, 7),
        () => (LogLevel::Info, 6),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn written(level: LogLevel, reader: Reader) -> String {
        let mut log = Leveled::new(Vec::new(), level, reader);
        for line in ["DEBUG: a", "INFO: b", "WARNING: c", "ERROR: d", "FATAL: e"] {
            writeln!(log, "{line}").unwrap();
        }
        String::from_utf8(log.out).unwrap()
    }

    #[test]
    fn what_is_below_the_level_is_left_out() {
        let plain = |level| written(level, Reader::Plain);
        assert_eq!(plain(LogLevel::Debug).lines().count(), 5);
        assert_eq!(
            plain(LogLevel::Info),
            "INFO: b\nWARNING: c\nERROR: d\nFATAL: e\n"
        );
        assert_eq!(plain(LogLevel::Error), "ERROR: d\nFATAL: e\n");
    }

    #[test]
    fn the_journal_is_told_the_priority() {
        assert_eq!(
            written(LogLevel::Debug, Reader::Journal),
            "<7>DEBUG: a\n<6>INFO: b\n<4>WARNING: c\n<3>ERROR: d\n<2>FATAL: e\n"
        );
    }

    #[test]
    fn a_line_that_does_not_end_is_bounded() {
        let mut log = Leveled::new(Vec::new(), LogLevel::Info, Reader::Plain);
        log.write_all(&vec![b'x'; 3 * LONGEST]).unwrap();
        log.write_all(b"\n").unwrap();
        assert_eq!(log.out.len(), LONGEST + 1);
    }
}
