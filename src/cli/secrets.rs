//! Tokens from the command line, a file or the environment.

use std::io::Read as _;
use std::path::Path;

use super::exit::Failure;
use crate::model::Secret;

/// More than any token; a larger file is none.
const LIMIT: u64 = 64 * 1024;

/// The enrollment token, if one was given: a flag, the variable behind it, or a file.
pub(super) fn enrollment_token(
    flag: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, Failure> {
    match file {
        Some(file) => read(file).map(Some),
        // An empty variable is how scripts say that there is none; an empty --token cannot be told from it.
        None => Ok(flag.filter(|token| !token.expose().is_empty()).cloned()),
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
    let is_file = std::fs::metadata(path)
        .map_err(|error| failed(&error))?
        .is_file();
    if !is_file {
        return Err(failed(&"it is not a file"));
    }
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    let mut text = String::new();
    file.take(LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(&error))?;
    if text.len() as u64 > LIMIT {
        return Err(failed(&format_args!("it is larger than {LIMIT} bytes")));
    }
    let token = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(token.strip_suffix('\r').unwrap_or(token)))
}
