//! The file that a report goes to: proven writable before anything is diagnosed, and never left half written.
//!
//! An ordinary file is replaced as a whole. Everything else that may stand at a path (a device such as `/dev/null`, a
//! pipe, a link) is written to and stays what it is: replacing it would take it from everybody else.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// Where a report will go.
#[derive(Debug)]
pub(super) struct ReportFile {
    /// What it is to a reader of errors.
    what: &'static str,
    path: PathBuf,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// A successor, begun beside the file, and who may read it in the end.
    Replace(tempfile::NamedTempFile, Option<fs::Permissions>),
    /// The thing itself.
    Into(File),
}

impl ReportFile {
    /// Makes sure that the file can be written.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        Self::create_for("the report", path)
    }

    fn create_for(what: &'static str, path: &Path) -> Result<Self, Failure> {
        let way = match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => Err(io::Error::other("it is a directory")),
            Ok(there) if !there.is_file() => open(path).map(Way::Into),
            there => successor(path, there.ok()),
        };
        let way = way.map_err(|error| write_failure(what, path, &error))?;
        Ok(Self {
            what,
            path: path.to_owned(),
            way,
        })
    }

    /// The same, for what nobody but its owner may read, whatever stood there.
    pub(super) fn create_private(path: &Path, what: &'static str) -> Result<Self, Failure> {
        let mut file = Self::create_for(what, path)?;
        if let Way::Replace(_, permissions) = &mut file.way {
            // A temporary file has that already.
            *permissions = None;
        }
        Ok(file)
    }

    /// Writes the report; a file is put in place only when all of it is on disk.
    pub(super) fn write(self, content: impl AsRef<[u8]>) -> Result<(), Failure> {
        let content = content.as_ref();
        let written = match self.way {
            Way::Replace(temporary, permissions) => {
                replace(temporary, permissions, &self.path, content)
            }
            Way::Into(mut file) => file.write_all(content),
        };
        written.map_err(|error| write_failure(self.what, &self.path, &error))
    }
}

fn successor(path: &Path, there: Option<Metadata>) -> io::Result<Way> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".nexplane-doctor-")
        .tempfile_in(directory)
        // Without the name of the temporary file, which nobody asked for.
        .map_err(|error| io::Error::new(error.kind(), kind_of(&error)))?;
    let permissions = there.map(|there| there.permissions()).or_else(readable);
    Ok(Way::Replace(temporary, permissions))
}

fn kind_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        kind => kind.to_string(),
    }
}

fn replace(
    temporary: tempfile::NamedTempFile,
    permissions: Option<fs::Permissions>,
    path: &Path,
    content: &[u8],
) -> io::Result<()> {
    let mut file = temporary.as_file();
    file.write_all(content)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opens what is no ordinary file, without waiting for somebody to read from a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{OFlags, fcntl_setfl};
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .custom_flags(no_wait)
        .open(path)?;
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).truncate(true).open(path)
}

/// A report is for others to read; temporary files are not.
#[cfg(unix)]
fn readable() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable() -> Option<fs::Permissions> {
    None
}

fn write_failure(what: &str, path: &Path, why: &io::Error) -> Failure {
    Failure::usage(format_args!(
        "cannot write {what} to {}: {why}",
        path.display()
    ))
}
