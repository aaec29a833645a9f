//! Ways to files that somebody else may have laid traps on: a path is walked step by step, each step held open.
//!
//! A link is followed only where nobody but root and this user can have put it; anywhere else it is refused. What is then done is
//! done by name in a directory that is held open, so that exchanging a directory on the way leads nowhere.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;

pub(super) use super::shared::content;

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// Where paths begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    root: Option<PathBuf>,
}

/// A name in a directory that is held open. What stands there is no link.
#[derive(Debug)]
pub(super) struct Spot {
    directory: OwnedFd,
    /// The name in it.
    pub(super) name: OsString,
}

enum Step {
    Root,
    Up,
    Into(OsString),
}

impl Reach {
    /// From `/`, or from another root.
    pub(super) fn new(root: Option<&Path>) -> Self {
        let root = root.filter(|root| *root != Path::new("/"));
        Self {
            root: root.map(Path::to_owned),
        }
    }

    /// The root that is not `/`.
    pub(super) fn foreign_root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Walks to a path of the host. Its directory has to be there, it itself need not.
    pub(super) fn spot(&self, path: &Path) -> io::Result<Spot> {
        if !path.is_absolute() {
            return Err(io::Error::other("it is no absolute path"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(
            self.root.as_deref().unwrap_or(Path::new("/")),
            flags,
            Mode::empty(),
        )?;
        let mut held = vec![root];
        let mut ahead: VecDeque<Step> = steps(path).collect();
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            let here = held.last().map(|fd| fd.as_fd()).ok_or(Errno::NOENT)?;
            match step {
                Step::Root => held.truncate(1),
                Step::Up => held.truncate(held.len().saturating_sub(1).max(1)),
                Step::Into(name) => {
                    let found = match statat(here, &name, AtFlags::SYMLINK_NOFOLLOW) {
                        Err(Errno::NOENT) if ahead.is_empty() => None,
                        found => Some(found?),
                    };
                    let kind = found.map(|stat| FileType::from_raw_mode(stat.st_mode));
                    if kind == Some(FileType::Symlink) {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::LOOP.into());
                        }
                        for step in steps(&link(here, &name)?).rev() {
                            ahead.push_front(step);
                        }
                    } else if ahead.is_empty() {
                        let directory = held.pop().ok_or(Errno::NOENT)?;
                        return Ok(Spot { directory, name });
                    } else {
                        held.push(openat(
                            here,
                            &name,
                            flags | OFlags::NOFOLLOW,
                            Mode::empty(),
                        )?);
                    }
                }
            }
        }
        Err(io::Error::other(
            "it names a directory, not something in one",
        ))
    }
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = Step> {
    path.components().filter_map(|component| match component {
        Component::Prefix(_) | Component::CurDir => None,
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Into(name.to_owned())),
    })
}

/// Where a link leads, if it may be followed.
fn link(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<PathBuf> {
    if !is_private(&fstat(directory)?) {
        let name = name.display();
        return Err(io::Error::other(format!(
            "`{name}` is a symbolic link in a directory that other users can write to, and is not followed"
        )));
    }
    let target = readlinkat(directory, name, Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

/// Whether nobody but root and this user can put anything there.
fn is_private(directory: &Stat) -> bool {
    let own = rustix::process::geteuid().as_raw();
    (directory.st_uid == 0 || directory.st_uid == own) && directory.st_mode & 0o022 == 0
}

impl Spot {
    /// The directory.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Whether something stands there.
    pub(super) fn exists(&self) -> io::Result<bool> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the file there to read it and its attributes; `None`: nothing is there. Anything but a file with one name is refused.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        let Some(file) = self.open_any()? else {
            return Ok(None);
        };
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is no regular file"));
        }
        if stat.st_nlink > 1 {
            return Err(io::Error::other(
                "it has further names (hard links), which would change with it or be left behind",
            ));
        }
        Ok(Some(file))
    }

    /// The same for a directory too.
    pub(super) fn open_any(&self) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(fd.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
