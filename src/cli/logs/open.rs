//! The logs that the command line names, opened.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::cli::args::Common;
use crate::cli::output;
use crate::logs::{self, Log, Source};

/// Opens a log by its name; `-` is standard input.
pub(super) fn open(name: &str, common: &Common) -> io::Result<Log> {
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
    let (source, newest) = opened?;
    let source = logs::decoded(source)?;
    Ok(Log { source, newest })
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
