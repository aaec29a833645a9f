//! Ways to files of Windows. No link is followed: one that leads elsewhere is refused, wherever it stands.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

pub(super) use super::shared::content;

/// `FILE_FLAG_OPEN_REPARSE_POINT`: a link itself, not what it leads to; and `FILE_FLAG_BACKUP_SEMANTICS`: directories too.
const ITSELF: u32 = 0x0020_0000 | 0x0200_0000;

/// Where paths begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    root: Option<PathBuf>,
}

/// A name in a directory. Neither of them was a link when it was looked at.
#[derive(Debug)]
pub(super) struct Spot {
    directory: PathBuf,
    /// The name in it.
    pub(super) name: OsString,
}

impl Reach {
    /// From this machine's volumes, or from another root.
    pub(super) fn new(root: Option<&Path>) -> Self {
        Self {
            root: root.map(Path::to_owned),
        }
    }

    /// The root that is not this machine's.
    pub(super) fn foreign_root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Walks to a path of the host. Its directory has to be there, it itself need not.
    pub(super) fn spot(&self, path: &Path) -> io::Result<Spot> {
        if !path.is_absolute() {
            return Err(io::Error::other("it is no absolute path"));
        }
        let mut at = self.root.clone().unwrap_or_default();
        let mut ahead = path.components().peekable();
        while let Some(step) = ahead.next() {
            match step {
                Component::Prefix(_) | Component::RootDir if self.root.is_some() => {}
                Component::Prefix(_) | Component::RootDir => at.push(step),
                Component::CurDir => {}
                Component::ParentDir => return Err(io::Error::other("it leads upwards")),
                Component::Normal(name) => {
                    let directory = at.clone();
                    at.push(name);
                    let last = ahead.peek().is_none();
                    match fs::symlink_metadata(&at) {
                        Ok(there) if there.is_symlink() => {
                            let shown = at.display();
                            return Err(io::Error::other(format!(
                                "{shown} is a link, and is not followed"
                            )));
                        }
                        Err(error) if !(last && error.kind() == io::ErrorKind::NotFound) => {
                            return Err(error);
                        }
                        _ if last => {
                            let name = name.to_owned();
                            return Ok(Spot { directory, name });
                        }
                        _ => {}
                    }
                }
            }
        }
        Err(io::Error::other(
            "it names a directory, not something in one",
        ))
    }
}

impl Spot {
    /// Another name in the same directory.
    pub(super) fn beside(&self, name: &std::ffi::OsStr) -> PathBuf {
        self.directory.join(name)
    }

    /// The whole path.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Whether something stands there.
    pub(super) fn exists(&self) -> io::Result<bool> {
        match fs::symlink_metadata(self.path()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens the file there to read it; `None`: nothing is there.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        match self.open_any()? {
            Some(file) if !file.metadata()?.is_file() => {
                Err(io::Error::other("it is no regular file"))
            }
            file => Ok(file),
        }
    }

    /// The same for a directory too.
    pub(super) fn open_any(&self) -> io::Result<Option<File>> {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(ITSELF)
            .open(self.path());
        match opened {
            Ok(file) if file.metadata()?.is_symlink() => {
                Err(io::Error::other("it is a link, and is not followed"))
            }
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::repair::hands::files;
    use crate::repair::journal::Attributes;
    use crate::repair::shared::ACCESS_LIST;

    #[test]
    fn a_path_is_walked_in_every_form_that_leads_somewhere() {
        let directory = tempfile::tempdir().unwrap();
        let plain = directory.path().join("ein ä datei's");
        fs::write(&plain, "x").unwrap();
        let verbatim = Path::new(r"\\?\").join(&plain);
        for path in [&plain, &verbatim] {
            let spot = Reach::new(None).spot(path).unwrap();
            assert!(
                spot.exists().unwrap() && spot.open().unwrap().is_some(),
                "{path:?}"
            );
        }
        let upwards = directory.path().join("a").join("..").join("b");
        for path in [Path::new("C:x"), Path::new(r"\x"), Path::new("x"), &upwards] {
            assert!(Reach::new(None).spot(path).is_err(), "{path:?}");
        }
        let missing = directory.path().join("none");
        let spot = Reach::new(None).spot(&missing).unwrap();
        assert!(spot.open().unwrap().is_none() && !spot.exists().unwrap());
        let inside = Reach::new(Some(directory.path()));
        assert!(
            inside
                .spot(Path::new(r"D:\ein ä datei's"))
                .unwrap()
                .exists()
                .unwrap()
        );
    }

    #[test]
    fn what_takes_a_file_s_place_has_its_readers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client.key");
        fs::write(&path, "old").unwrap();
        crate::host::live::windows::close_to_others(&path).unwrap();
        let spot = Reach::new(None).spot(&path).unwrap();
        let of = |spot: &Spot| files::attributes(&spot.open().unwrap().unwrap()).unwrap();
        let before: Attributes = of(&spot);
        assert!(before.extended.contains_key(ACCESS_LIST));
        files::put(&spot, b"new", &before).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), of(&spot)),
            (b"new".to_vec(), before.clone())
        );
        let closed = Attributes {
            mode: 0o400,
            ..before.clone()
        };
        files::give(&spot.open().unwrap().unwrap(), &closed).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        files::give(&spot.open().unwrap().unwrap(), &before).unwrap();
        files::take_away(&spot).unwrap();
        assert!(!spot.exists().unwrap());
    }
}
