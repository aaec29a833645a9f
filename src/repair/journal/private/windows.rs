//! Files and directories that only administrators and the system may look into: what stands there is run with their rights.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::host::live::windows;

/// Where administrators' journals are.
pub(super) fn of_superuser() -> Option<PathBuf> {
    windows::is_elevated().then(|| r"C:\ProgramData\nexplane-doctor\undo".into())
}

/// Where this user's programs keep their state.
pub(super) fn of_user() -> Option<PathBuf> {
    let state = std::env::var_os("LOCALAPPDATA").map(PathBuf::from);
    state.filter(|path| path.is_absolute())
}

/// The access list was set when the directory was made, and a directory of users is that user's alone.
pub(super) fn is_own(path: &Path, metadata: &Metadata) -> bool {
    metadata.is_dir() && !metadata.is_symlink() && path.is_absolute()
}

/// Options of a file in a private directory.
pub(super) fn private() -> OpenOptions {
    File::options()
}

/// Makes a directory that only administrators and the system may look into; without their rights, it is this user's.
pub(super) fn make_private(directory: &Path) -> io::Result<()> {
    let there = directory.is_dir();
    fs::create_dir_all(directory)?;
    match there || !windows::is_elevated() {
        true => Ok(()),
        false => windows::close_to_others(directory),
    }
}

/// Windows puts names on disk by itself.
pub(super) fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}
