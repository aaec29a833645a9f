//! What an installation needs to know of Windows alone.

use std::fs::{self, File};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use super::files::with_suffix;
use crate::host::Security;
use crate::host::live::windows;

/// `FILE_FLAG_DELETE_ON_CLOSE`.
const GOES_WITH_ITS_HOLDER: u32 = 0x0400_0000;
/// `ERROR_SHARING_VIOLATION`, and `ERROR_ACCESS_DENIED` of a file that is about to go.
const IN_USE: [i32; 2] = [32, 5];

/// Whether this process may change the host.
pub(in crate::agent) fn is_superuser() -> bool {
    windows::is_elevated()
}

/// What is locked for a directory: a file beside it, because a directory cannot be locked, nor renamed while something in it is
/// open. The system takes it away with its holder.
pub(in crate::agent) fn lockable(directory: &Path) -> io::Result<File> {
    let opened = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(0)
        .custom_flags(GOES_WITH_ITS_HOLDER)
        .open(with_suffix(directory, ".lock"));
    opened.map_err(|error| match error.raw_os_error() {
        Some(code) if IN_USE.contains(&code) && directory.parent().is_some_and(Path::is_dir) => {
            io::ErrorKind::WouldBlock.into()
        }
        _ => error,
    })
}

/// What is locked for a directory that does not have its name yet: that name.
pub(in crate::agent) fn unborn<'a>(_unborn: &'a Path, directory: &'a Path) -> &'a Path {
    directory
}

/// Whoever has the file has the lock.
pub(in crate::agent) fn is_still(_opened: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Programs have directories of their own here.
pub(in crate::agent) fn make_program_directory(program: &Path) -> io::Result<()> {
    program.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Leaves a file to the system and its administrators.
pub(in crate::agent) fn close_to_others(path: &Path) -> io::Result<()> {
    windows::close_to_others(path)
}

/// Lets those accounts read a closed file that may read `model`, if that is there. Groups of people are not among them.
pub(in crate::agent) fn let_readers_in(file: &File, model: &Path) -> io::Result<()> {
    let Ok(like) = windows::security(model) else {
        return Ok(());
    };
    let readers = like.named_readers();
    match readers.is_empty() {
        true => Ok(()),
        false => windows::set_list_of(
            file,
            &Security::closed_but_for(&like.owner, readers).written(),
        ),
    }
}

/// Lets every user look into a directory, and nobody but the system and its administrators change anything in it.
pub(in crate::agent) fn open_to_readers(directory: &Path) -> io::Result<()> {
    windows::open_to_readers(directory)
}

/// A program that runs keeps its file, and may be given another name: it goes with the next installation.
pub(in crate::agent) fn make_way(program: &Path) -> io::Result<()> {
    let old = with_suffix(program, ".old");
    match fs::remove_file(&old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match fs::rename(program, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
