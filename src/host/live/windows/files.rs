//! Files of Windows: volumes, attributes, room.
#![expect(
    unsafe_code,
    reason = "how much room a volume has, Windows tells through pointers alone"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::ptr;

use chrono::{DateTime, Utc};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_READONLY, FILE_FLAG_OPEN_REPARSE_POINT, GetDiskFreeSpaceExW,
    GetVolumeInformationW,
};
use windows_sys::Win32::System::SystemServices::FILE_READ_ONLY_VOLUME;

use super::security;
use super::text::wide;
use crate::host::live::files::Links;
use crate::host::{FileSystem, Stat};

/// Where a path begins: its drive, or the current one.
pub(in crate::host::live) fn volume(path: &Path) -> PathBuf {
    match path.components().next() {
        Some(Component::Prefix(prefix)) => Path::new(prefix.as_os_str()).join("\\"),
        _ => "\\".into(),
    }
}

/// What there is of permission bits is whether the owner may write: who else may do what, the access control list says, and what
/// is a program, its name.
pub(in crate::host::live) fn fill(stat: &mut Stat, metadata: &Metadata) {
    let write = match metadata.file_attributes() & FILE_ATTRIBUTE_READONLY {
        0 => 0o200,
        _ => 0,
    };
    stat.mode = write | 0o500;
    let modified = metadata.modified().ok().map(DateTime::<Utc>::from);
    stat.modified = modified.and_then(|at| DateTime::from_timestamp(at.timestamp(), 0));
}

/// Adds the access control list of what is at `real`.
pub(in crate::host::live) fn fill_list(stat: &mut Stat, real: &Path) {
    stat.security = Some(security::of(real));
}

/// What tells a file from every other: its path without links.
pub(in crate::host::live) fn identity(real: &Path, _: &Metadata) -> (u64, u64) {
    let mut hasher = DefaultHasher::new();
    let path = fs::canonicalize(real).unwrap_or_else(|_| real.to_owned());
    path.hash(&mut hasher);
    (0, hasher.finish())
}

/// Whether it is a program, by its name.
pub(in crate::host::live) fn is_executable(path: &Path, _: &Metadata) -> bool {
    let is = |end: &str| {
        path.extension()
            .is_some_and(|it| it.eq_ignore_ascii_case(end))
    };
    ["exe", "com", "bat", "cmd"].into_iter().any(is)
}

/// A volume's numbers.
pub(in crate::host::live) fn room(real: &Path) -> io::Result<FileSystem> {
    let (mut available, mut total, mut free) = (0_u64, 0_u64, 0_u64);
    let path = wide(real.join("").as_os_str());
    // SAFETY: the path ends in a zero; the three numbers outlive the call.
    let told = unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &mut available, &mut total, &mut free) };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut flags = 0_u32;
    let root = wide(volume(&std::path::absolute(real)?).as_os_str());
    // SAFETY: the path ends in a zero; what is null is not asked for; the flags outlive the call.
    let told = unsafe {
        GetVolumeInformationW(
            root.as_ptr(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            &mut flags,
            ptr::null_mut(),
            0,
        )
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(FileSystem {
        path: PathBuf::new(),
        total_bytes: total,
        free_bytes: free,
        available_bytes: available,
        total_inodes: 0,
        free_inodes: 0,
        read_only: flags & FILE_READ_ONLY_VOLUME != 0,
    })
}

/// Opens what was found and nothing that took its place since, and no link.
pub(in crate::host::live) fn open(
    real: &Path,
    links: Links,
    found: &Metadata,
) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true);
    if links == Links::Resolved {
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
    let file = options.open(real)?;
    let opened = file.metadata()?;
    let told = |it: &Metadata| {
        (
            it.file_type(),
            it.creation_time(),
            it.last_write_time(),
            it.len(),
        )
    };
    Ok((told(&opened) == told(found)).then_some(file))
}
