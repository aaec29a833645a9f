//! Files of Windows replaced in one step, with the access list that they had. A new one has what its directory hands down.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use windows_sys::Win32::Storage::FileSystem::{FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES};

use super::super::journal::Attributes;
use super::super::reach::Spot;
use super::super::shared::{ACCESS_LIST, temporary};
use crate::host::live::windows;

/// A new file's.
pub(in crate::repair) fn fresh() -> Attributes {
    Attributes {
        mode: 0o600,
        uid: 0,
        gid: 0,
        extended: BTreeMap::new(),
    }
}

/// Makes a directory.
pub(in crate::repair) fn make_directory(spot: &Spot) -> io::Result<()> {
    fs::create_dir(spot.path())
}

/// Removes an empty directory.
pub(in crate::repair) fn remove_directory(spot: &Spot) -> io::Result<()> {
    fs::remove_dir(spot.path())
}

/// What of it can be told by permission bits: whether it may be written; and its access list.
pub(in crate::repair) fn attributes(file: &File) -> io::Result<Attributes> {
    let mode = match file.metadata()?.permissions().readonly() {
        true => 0o400,
        false => 0o600,
    };
    let list = STANDARD.encode(windows::list_of(file)?);
    Ok(Attributes {
        mode,
        extended: BTreeMap::from([(ACCESS_LIST.to_owned(), list)]),
        ..fresh()
    })
}

/// Gives an open file these attributes.
pub(in crate::repair) fn give(file: &File, wanted: &Attributes) -> io::Result<()> {
    if let Some(list) = wanted.extended.get(ACCESS_LIST) {
        let list = STANDARD.decode(list).map_err(io::Error::other)?;
        windows::set_list_of(file, &String::from_utf8_lossy(&list))?;
    }
    let mut permissions = file.metadata()?.permissions();
    let readonly = wanted.mode & 0o200 == 0;
    if permissions.readonly() == readonly {
        return Ok(());
    }
    permissions.set_readonly(readonly);
    let file = windows::reopened(file, FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES)?;
    file.set_permissions(permissions)
}

/// Puts a file in its place in one step: a reader, or a crash, finds what was there or this, never a part.
pub(in crate::repair) fn put(spot: &Spot, content: &[u8], wanted: &Attributes) -> io::Result<()> {
    tidy(spot)?;
    let temporary = spot.beside(&temporary(&spot.name));
    let put = (|| {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        file.write_all(content)?;
        give(&file, wanted)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, spot.path())
    })();
    if put.is_err() {
        // What is half-written goes; if even that fails, the next attempt removes it.
        let _ = tidy(spot);
    }
    put
}

/// Takes away what stands there, and what a crash may have left half-written beside it.
pub(in crate::repair) fn take_away(spot: &Spot) -> io::Result<()> {
    tidy(spot)?;
    remove(&spot.path())
}

/// Takes away what a crash may have left half-written.
pub(in crate::repair) fn tidy(spot: &Spot) -> io::Result<()> {
    remove(&spot.beside(&temporary(&spot.name)))
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Windows puts names on disk by itself.
pub(in crate::repair) fn sync(_spot: &Spot) -> io::Result<()> {
    Ok(())
}
