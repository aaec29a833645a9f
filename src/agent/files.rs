//! Files that are replaced in one step, with their permissions from the first moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::model::Code;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    OwnerOnly,
    /// Everybody; only the owner may write.
    Everybody,
}

/// The most that is read of a certificate, a key, a configuration or a definition, in bytes; a real one has a few thousand.
pub(super) const MOST: u64 = 1 << 20;

/// The content of a regular file of at most `limit` bytes. A pipe or a device, which may hold a reader up for ever, is not read.
///
/// # Errors
/// What the system said, or that it is no such file.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // To open a pipe waits for who writes to it, unless it is opened so.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    match u64::try_from(content.len()) {
        Ok(length) if length <= limit => Ok(content),
        _ => Err(io::Error::other(format!("it is larger than {limit} bytes"))),
    }
}

/// Replaces a file in one step: a reader, or a crash, finds the old content or the new, never a part. It keeps its owner.
///
/// # Errors
/// What the system said; then the old content is still there.
pub fn replace(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    replace_as(path, content, readers, path)
}

/// The same for a file that gets the owner of `model`, if that is there: the service's user has to read what root wrote for it.
///
/// # Errors
/// What the system said; then the old content is still there.
pub(super) fn replace_as(
    path: &Path,
    content: &[u8],
    readers: Readers,
    model: &Path,
) -> io::Result<()> {
    let temporary = cleared(path)?;
    let mut file = create(&temporary, readers)?;
    for_readers(&file, readers)?;
    own_like(&file, readers, model)?;
    file.write_all(content)?;
    file.sync_all()?;
    // Where an open file cannot be renamed, it is no more.
    drop(file);
    fs::rename(&temporary, path)?;
    sync_directory(path)
}

/// Replaces a file in one step for every reader, without waiting for the disk: after a crash of the whole machine it may be empty.
///
/// # Errors
/// What the system said; then the old content is still there.
pub fn swap(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let temporary = cleared(path)?;
    let mut file = create(&temporary, readers)?;
    for_readers(&file, readers)?;
    file.write_all(content)?;
    drop(file);
    fs::rename(&temporary, path)
}

/// The name under which a new file is made beside `path`, and nothing there but what somebody put in the way.
///
/// # Errors
/// What the system said.
pub(super) fn cleared(path: &Path) -> io::Result<PathBuf> {
    let temporary = with_suffix(path, ".new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(temporary),
        Err(_) if temporary.is_dir() => {
            let name = temporary.display();
            Err(io::Error::other(format!(
                "{name} is a directory, and in the way"
            )))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(temporary),
    }
}

/// Everybody means everybody, whatever this process would leave others (a service's `UMask=`, a shell's).
#[cfg(unix)]
fn for_readers(file: &File, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match readers {
        Readers::OwnerOnly => Ok(()),
        Readers::Everybody => file.set_permissions(fs::Permissions::from_mode(0o644)),
    }
}

/// The directory's access list says who.
#[cfg(not(unix))]
fn for_readers(_file: &File, _readers: Readers) -> io::Result<()> {
    Ok(())
}

/// Creates a file that was not there, with its permissions from the first moment.
#[cfg(unix)]
fn create(path: &Path, readers: Readers) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mode = match readers {
        Readers::OwnerOnly => 0o600,
        Readers::Everybody => 0o644,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Creates a file that was not there; who may read it, the directory's access list says.
#[cfg(not(unix))]
fn create(path: &Path, readers: Readers) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    match readers {
        // It is empty still.
        Readers::OwnerOnly => super::platform::close_to_others(path)?,
        Readers::Everybody => {}
    }
    Ok(file)
}

#[cfg(unix)]
fn own_like(file: &File, _readers: Readers, model: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let Ok(model) = fs::metadata(model) else {
        return Ok(());
    };
    let ours = file.metadata()?;
    if (ours.uid(), ours.gid()) == (model.uid(), model.gid()) {
        return Ok(());
    }
    fchown(file, Some(model.uid()), Some(model.gid()))
}

/// What is its owner's alone is read by the account that read what was there: that of the service.
#[cfg(not(unix))]
fn own_like(file: &File, readers: Readers, model: &Path) -> io::Result<()> {
    match readers {
        Readers::OwnerOnly => super::platform::let_readers_in(file, model),
        Readers::Everybody => Ok(()),
    }
}

/// Puts on disk what happened to a name: a rename is there only when the directory is.
///
/// # Errors
/// What the system said.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if cfg!(unix) && !directory.as_os_str().is_empty() => {
            File::open(directory)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// The finding that a failed change of a file is, where it is one.
pub(super) fn code_of(error: &io::Error) -> Option<Code> {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "host.disk_full",
        io::ErrorKind::ReadOnlyFilesystem => "host.read_only",
        _ => return None,
    };
    Some(Code::from_static(code))
}

/// What the system said, in lower case and without its number; what this program says of a file stays as it is.
pub(super) fn words(error: &io::Error) -> String {
    let said = error.to_string();
    match error.get_ref() {
        Some(_) => said,
        // Windows says it in its own language, and the log's reader knows these two.
        None if cfg!(windows) && error.kind() == io::ErrorKind::NotFound => {
            "the system cannot find the file specified".to_owned()
        }
        None if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => {
            "access is denied".to_owned()
        }
        None => said
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_lowercase(),
    }
}

/// A path with something added to its last name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nothing_is_read_that_may_never_end() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
            let error = read(path, 10).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file");
        }
        let file = directory.path().join("file");
        fs::write(&file, "0123456789").unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"0123456789");
        let error = read(&file, 9).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 9 bytes");
    }
}
