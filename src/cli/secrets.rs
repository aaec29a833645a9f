//! Tokens from the command line, a file or the environment.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::exit::Failure;
use crate::model::Secret;

/// More than any token; a larger file is none.
const LIMIT: u64 = 64 * 1024;

/// How long a pipe has for the token that comes out of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The enrollment token, if one was given: a flag, the variable behind it, or a file (`-` is standard input).
pub(super) fn enrollment_token(
    flag: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, Failure> {
    match file {
        Some(file) => read(file).map(Some),
        None => Ok(flag.cloned()),
    }
}

/// The token for the control plane's API.
pub(super) fn api_token() -> Option<Secret> {
    let token = std::env::var("NEXPLANE_API_TOKEN").ok()?;
    let token = token.trim();
    (!token.is_empty()).then(|| Secret::new(token))
}

fn read(path: &Path) -> Result<Secret, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::usage(format_args!(
            "cannot read the token file {}: {why}",
            path.display()
        ))
    };
    let from = path.to_owned();
    let (done, read) = mpsc::sync_channel(1);
    // A pipe may never be written to: nobody waits for this thread beyond the limit.
    std::thread::spawn(move || done.send(contents(&from)));
    let text = match read.recv_timeout(PATIENCE) {
        Ok(text) => text.map_err(|error| failed(&error))?,
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return Err(failed(&format_args!(
                "nothing came out of it within {seconds} s"
            )));
        }
    };
    if text.len() as u64 > LIMIT {
        return Err(failed(&format_args!("it is larger than {LIMIT} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let token = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(token.strip_suffix('\r').unwrap_or(token)))
}

/// What is in a file, a pipe, or standard input, up to the limit and one byte more.
fn contents(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let source: Box<dyn io::Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(std::fs::File::open(path)?),
    };
    source.take(LIMIT + 1).read_to_string(&mut text)?;
    Ok(text)
}
