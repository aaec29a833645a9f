//! What an installation needs to know of Linux and macOS alone.

use std::fs::File;
use std::io;
use std::path::Path;

/// Whether this process may change the host.
pub(in crate::agent) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// What is locked for a directory: the directory itself, so that nothing is left behind.
pub(in crate::agent) fn lockable(directory: &Path) -> io::Result<File> {
    File::open(directory)
}

/// What is locked for a directory that does not have its name yet.
pub(in crate::agent) fn unborn<'a>(unborn: &'a Path, _directory: &'a Path) -> &'a Path {
    unborn
}

/// Whether what was opened is still what stands there.
pub(in crate::agent) fn is_still(opened: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (ours, there) = (opened.metadata()?, std::fs::metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// The directory of programs is there on every system.
pub(in crate::agent) fn make_program_directory(_program: &Path) -> io::Result<()> {
    Ok(())
}

/// A program that runs is replaced like any other file.
pub(in crate::agent) fn make_way(_program: &Path) -> io::Result<()> {
    Ok(())
}
