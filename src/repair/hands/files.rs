//! Files replaced in one step, with everything that the file system keeps of them.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fsetxattr, fstat,
    fsync, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::super::journal::Attributes;
use super::super::reach::Spot;
use super::super::shared::temporary;

/// The most that is kept of all extended attributes of a file, or of one.
const XATTR_LIMIT: usize = 64 * 1024;

/// A new file's: this user's, and only for this user.
pub(in crate::repair) fn fresh() -> Attributes {
    Attributes {
        mode: 0o600,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        extended: BTreeMap::new(),
    }
}

/// Makes a directory that only this user may look into.
pub(in crate::repair) fn make_directory(spot: &Spot) -> io::Result<()> {
    Ok(mkdirat(spot.directory(), &spot.name, Mode::RWXU)?)
}

/// Removes an empty directory.
pub(in crate::repair) fn remove_directory(spot: &Spot) -> io::Result<()> {
    Ok(unlinkat(spot.directory(), &spot.name, AtFlags::REMOVEDIR)?)
}

/// What the file system keeps of an open file.
pub(in crate::repair) fn attributes(file: &File) -> io::Result<Attributes> {
    let stat = fstat(file)?;
    Ok(Attributes {
        mode: file.metadata()?.mode() & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        extended: extended(file)?,
    })
}

fn extended(file: &File) -> io::Result<BTreeMap<String, String>> {
    let mut names = vec![0_u8; XATTR_LIMIT];
    let length = match flistxattr(file, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        if name.is_empty() {
            continue;
        }
        let mut value = vec![0_u8; XATTR_LIMIT];
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => found.insert(name.to_owned(), STANDARD.encode(&value[..length])),
            // Gone, or not for this user to see.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => None,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(found)
}

/// Gives an open file or directory these attributes.
pub(in crate::repair) fn give(file: &File, wanted: &Attributes) -> io::Result<()> {
    let stat = fstat(file)?;
    if (stat.st_uid, stat.st_gid) != (wanted.uid, wanted.gid) {
        let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
        fchown(file, Some(uid), Some(gid))?;
    }
    file.set_permissions(Permissions::from_mode(wanted.mode))?;
    for (name, value) in &wanted.extended {
        let value = STANDARD.decode(value).map_err(io::Error::other)?;
        match fsetxattr(file, name.as_str(), &value, XattrFlags::empty()) {
            // Who may read the file hangs on these.
            Err(error) if name.starts_with("system.posix_acl") => return Err(error.into()),
            // A label that this user may not set, or that this file system does not keep, is the system's own to give.
            _ => {}
        }
    }
    Ok(())
}

/// Puts a file in its place in one step: a reader, or a crash, finds what was there or this, never a part.
pub(in crate::repair) fn put(spot: &Spot, content: &[u8], wanted: &Attributes) -> io::Result<()> {
    let temporary = temporary(&spot.name);
    remove(spot, &temporary)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(spot.directory(), &temporary, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(fd);
    let put = (|| {
        file.write_all(content)?;
        give(&file, wanted)?;
        fsync(&file)?;
        renameat(spot.directory(), &temporary, spot.directory(), &spot.name)?;
        sync(spot)
    })();
    if put.is_err() {
        // What is half-written goes; if even that fails, the next attempt removes it.
        let _ = remove(spot, &temporary);
    }
    put
}

/// Takes away what stands there, and what a crash may have left half-written beside it.
pub(in crate::repair) fn take_away(spot: &Spot) -> io::Result<()> {
    remove(spot, &temporary(&spot.name))?;
    remove(spot, &spot.name)?;
    sync(spot)
}

/// Takes away what a crash may have left half-written.
pub(in crate::repair) fn tidy(spot: &Spot) -> io::Result<()> {
    remove(spot, &temporary(&spot.name))
}

fn remove(spot: &Spot, name: &std::ffi::OsStr) -> io::Result<()> {
    match unlinkat(spot.directory(), name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // Where nothing can be removed it is said even of what is not there.
        Err(Errno::ROFS) if is_absent(spot, name) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_absent(spot: &Spot, name: &std::ffi::OsStr) -> bool {
    let stat = statat(spot.directory(), name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_err_and(|error| error == Errno::NOENT)
}

/// Puts on disk what happened to a name.
pub(in crate::repair) fn sync(spot: &Spot) -> io::Result<()> {
    Ok(fsync(spot.directory().as_fd())?)
}
