//! Tokens from the command line, a file or the environment.

use std::path::Path;
use std::time::Duration;

use super::exit::Failure;
use super::input;
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
    let bytes = input::read(path, LIMIT, PATIENCE).map_err(|why| failed(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let token = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(token.strip_suffix('\r').unwrap_or(token)))
}
