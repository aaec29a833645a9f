//! Files that flags and arguments name: read whole, as far as a limit, and not waited for without end.

use std::fmt::Display;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// What is in a file, a pipe, or standard input (`-`). The error is for who named it.
pub(super) fn read(path: &Path, limit: u64, patience: Duration) -> Result<Vec<u8>, String> {
    let text = |why: &dyn Display| why.to_string();
    let from = path.to_owned();
    let (done, read) = mpsc::sync_channel(1);
    // A pipe may never be written to: nobody waits for this thread beyond the limit.
    std::thread::spawn(move || done.send(contents(&from, limit)));
    let bytes = match read.recv_timeout(patience) {
        Ok(bytes) => bytes.map_err(|error| text(&error))?,
        Err(_) => {
            let seconds = patience.as_secs();
            return Err(format!("nothing came out of it within {seconds} s"));
        }
    };
    match bytes.len() as u64 > limit {
        true => Err(format!("it is larger than {limit} bytes")),
        false => Ok(bytes),
    }
}

/// Up to the limit and one byte more.
fn contents(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn io::Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(std::fs::File::open(path)?),
    };
    source.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
