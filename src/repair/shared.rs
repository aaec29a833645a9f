//! What the ways to files of all systems share.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};

/// Under which name an access control list of Windows is kept among the extended attributes, in the words of SDDL.
pub(super) const ACCESS_LIST: &str = "windows.access_list";

/// What a file holds, up to a bound.
pub(super) fn content(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = file;
    (&mut file).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// The name under which a file is made before it takes the place of `name`.
pub(super) fn temporary(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".nexplane-doctor");
    temporary
}
