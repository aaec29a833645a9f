//! Files of the host, looked at within its root: links are followed as `chroot` would, and nothing is ever written.
//!
//! Each step of a path is looked at by itself, because the answer needs every directory on the way (who may pass it),
//! and because a link under another root means a place under that root. Devices and pipes are never opened.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::platform;
use crate::host::{Base, Content, FileSystem, HostPath, Kind, ReadQuestion, Seen, Stat, Unseen};
use crate::model::Encoding;

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// Where the host's paths begin.
#[derive(Debug, Clone)]
pub(super) struct Root {
    dir: PathBuf,
    foreign: bool,
}

/// What stands at a path.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is, as a path of the host.
    pub(super) path: PathBuf,
    /// The same for the doctor.
    pub(super) real: PathBuf,
    /// Where the root is that it was looked up in.
    root: PathBuf,
    metadata: Metadata,
    ancestors: Vec<Stat>,
    links: Links,
}

/// Whether the path still has links in it. What is opened is compared with what was found, whichever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Resolved,
    Followed,
}

impl Root {
    /// The host's own root, or that of another one at `dir`.
    pub(super) fn new(dir: Option<PathBuf>) -> Self {
        match dir {
            Some(dir) if dir != Path::new("/") => Self { dir, foreign: true },
            _ => Self::own(),
        }
    }

    fn own() -> Self {
        Self {
            dir: "/".into(),
            foreign: false,
        }
    }

    /// Whether it is another host's.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Looks a path up, links followed.
    pub(super) fn find(&self, path: &HostPath) -> Seen<Found> {
        match path.base {
            Base::Host => self.walk(&path.path),
            Base::Caller => {
                let absolute = std::path::absolute(&path.path)
                    .map_err(|error| io_unseen("look up", &path.path, &error))?;
                Self::own().walk(&absolute)
            }
        }
    }

    /// Looks a path of the host up.
    pub(super) fn find_host(&self, path: impl AsRef<Path>) -> Seen<Found> {
        self.walk(path.as_ref())
    }

    /// The same where nobody asks for the directories on the way: on this machine's own root the kernel follows the links.
    pub(super) fn find_followed(&self, path: &Path) -> Seen<Found> {
        if self.foreign {
            return self.walk(path);
        }
        let metadata = fs::metadata(path).map_err(|error| io_unseen("look up", path, &error))?;
        Ok(Found {
            path: path.to_owned(),
            real: path.to_owned(),
            root: self.dir.clone(),
            metadata,
            ancestors: Vec::new(),
            links: Links::Followed,
        })
    }

    fn walk(&self, path: &Path) -> Seen<Found> {
        self.steps(path)
            .map_err(|error| io_unseen("look up", path, &error))
    }

    fn steps(&self, path: &Path) -> io::Result<Found> {
        // Most of what is looked for is not there, which the kernel says at once of this machine's own root.
        if !self.foreign
            && let Err(error) = fs::metadata(self.dir.join(path))
            && error.kind() == io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut ahead: VecDeque<Step> = steps_of(path).collect();
        // Where the walk stands, without links; relative to the root.
        let mut at = PathBuf::new();
        // Where paths begin: on Windows, on a volume, of which another root has but one.
        let mut volume = platform::volume(path);
        let dir = |volume: &Path| match self.foreign {
            true => self.dir.clone(),
            false => volume.to_owned(),
        };
        // The root itself may be reached by a link, which the caller made and which is followed.
        let mut root = fs::metadata(dir(&volume))?;
        let mut metadata = root.clone();
        let mut ancestors: Vec<Stat> = Vec::new();
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if !metadata.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            let here = stat(volume.join(&at), &metadata);
            if ancestors.iter().all(|passed| passed.path != here.path) {
                ancestors.push(here);
            }
            let next = match step {
                Step::Volume(other) => {
                    if other != volume {
                        root = fs::metadata(dir(&other))?;
                        volume = other;
                    }
                    PathBuf::new()
                }
                Step::Root => PathBuf::new(),
                Step::Up => at.parent().map(Path::to_owned).unwrap_or_default(),
                Step::Into(name) => at.join(name),
            };
            let seen = match next.as_os_str().is_empty() {
                true => root.clone(),
                false => fs::symlink_metadata(dir(&volume).join(&next))?,
            };
            if seen.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many symbolic links"));
                }
                let target = fs::read_link(dir(&volume).join(&next))?;
                for step in steps_of(&target).rev() {
                    ahead.push_front(step);
                }
            } else {
                at = next;
                metadata = seen;
            }
        }
        Ok(Found {
            path: volume.join(&at),
            real: dir(&volume).join(&at),
            root: dir(&volume),
            metadata,
            ancestors,
            links: Links::Resolved,
        })
    }

    /// Where a link of the host leads, as it is written.
    pub(super) fn link_target(&self, path: &Path) -> Seen<PathBuf> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Unseen::Absent);
        };
        let parent = self.find_host(parent)?;
        fs::read_link(parent.real.join(name))
            .map_err(|error| io_unseen("read the link", path, &error))
    }

    /// A file's bytes, at most `limit`.
    pub(super) fn read_bytes(&self, path: &HostPath, limit: u64) -> Seen<Vec<u8>> {
        self.find(path)?.read(limit)
    }

    /// A file of the host as text, at most `limit` bytes of it.
    pub(super) fn read_text(&self, path: impl AsRef<Path>, limit: u64) -> Seen<String> {
        let bytes = self.find_host(path)?.read(limit)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The file system that holds a path, or would if it were there.
    pub(super) fn file_system(&self, path: &HostPath) -> Seen<FileSystem> {
        let mut asked = path.clone();
        let found = loop {
            match self.find(&asked) {
                Ok(found) if found.metadata.is_dir() => break found,
                Ok(_) | Err(Unseen::Absent) if asked.path.pop() => {}
                Ok(_) => return Err(Unseen::Absent),
                Err(unseen) => return Err(unseen),
            }
        };
        Ok(FileSystem {
            path: found.path.clone(),
            ..found.room()?
        })
    }
}

/// One step of a path.
enum Step {
    Volume(PathBuf),
    Root,
    Up,
    Into(OsString),
}

fn steps_of(path: &Path) -> impl DoubleEndedIterator<Item = Step> {
    path.components().filter_map(|part| match part {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Into(name.to_owned())),
        Component::Prefix(_) => Some(Step::Volume(platform::volume(path))),
        Component::CurDir => None,
    })
}

impl Found {
    /// What it is, with the directories on the way, and the access control lists of all of them.
    pub(super) fn into_stat(mut self) -> Stat {
        for directory in &mut self.ancestors {
            let volume = platform::volume(&directory.path);
            let beneath = directory.path.strip_prefix(volume);
            let real = self.root.join(beneath.unwrap_or(&directory.path));
            platform::fill_list(directory, &real);
        }
        let mut stat = Stat {
            ancestors: self.ancestors,
            ..stat(self.path, &self.metadata)
        };
        platform::fill_list(&mut stat, &self.real);
        stat
    }

    /// What tells a file from every other: its device, and its number there.
    pub(super) fn identity(&self) -> (u64, u64) {
        platform::identity(&self.real, &self.metadata)
    }

    /// The file system that it is on.
    pub(super) fn room(&self) -> Seen<FileSystem> {
        platform::room(&self.real)
            .map_err(|error| io_unseen("look at the file system of", &self.path, &error))
    }

    /// Whether it is a regular file.
    pub(super) fn is_file(&self) -> bool {
        self.metadata.is_file()
    }

    /// Whether it is a file that somebody may execute.
    pub(super) fn is_program(&self) -> bool {
        self.metadata.is_file() && platform::is_executable(&self.path, &self.metadata)
    }

    /// Names of the entries of a directory, sorted, at most `limit`.
    pub(super) fn entries(&self, limit: usize) -> Seen<Vec<OsString>> {
        let unseen = |error: io::Error| io_unseen("list", &self.path, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.real).map_err(unseen)?.take(limit) {
            names.push(entry.map_err(unseen)?.file_name());
        }
        names.sort();
        Ok(names)
    }

    /// Its bytes; a file with more than `limit` is too large.
    pub(super) fn read(&self, limit: u64) -> Seen<Vec<u8>> {
        if !self.metadata.is_file() {
            return Err(Unseen::malformed(format!(
                "{} is {} and not a file",
                self.path.display(),
                if self.metadata.is_dir() {
                    "a directory"
                } else {
                    "a device, a socket or a pipe"
                }
            )));
        }
        let unseen = |error: io::Error| io_unseen("read", &self.path, &error);
        let file = self.open().map_err(unseen)?;
        // As large as it says that it is, so that it is read at once; a file that grows, or says nothing, is read on.
        let expected = self.metadata.len().min(limit).saturating_add(1);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(unseen)?;
        if bytes.len() as u64 > limit {
            return Err(Unseen::TooLarge { limit });
        }
        Ok(bytes)
    }

    fn open(&self) -> io::Result<File> {
        let opened = platform::open(&self.real, self.links, &self.metadata)?;
        opened.ok_or_else(|| io::Error::other("the file was replaced while it was read; run again"))
    }
}

fn stat(path: PathBuf, metadata: &Metadata) -> Stat {
    let mut stat = Stat {
        path,
        kind: if metadata.is_file() {
            Kind::File
        } else if metadata.is_dir() {
            Kind::Directory
        } else {
            Kind::Other
        },
        size: metadata.len(),
        mode: 0,
        uid: 0,
        gid: 0,
        modified: None,
        acl: None,
        security: None,
        ancestors: Vec::new(),
    };
    platform::fill(&mut stat, metadata);
    stat
}

fn io_unseen(operation: &str, path: &Path, error: &io::Error) -> Unseen {
    match Unseen::from_io(error) {
        Unseen::Failed { why } => {
            Unseen::failed(format!("cannot {operation} {}: {why}", path.display()))
        }
        unseen => unseen,
    }
}

/// The answer to `read`: text, and where it stops being UTF-8. What Windows' editors write as UTF-16, the agent's library reads too.
pub(super) fn content(root: &Root, question: &ReadQuestion) -> Seen<Content> {
    let bytes = root.read_bytes(&question.path, question.limit)?;
    let utf16 = match Encoding::of(&bytes) {
        Encoding::Utf8 => None,
        utf16 => utf16.decode(&bytes),
    };
    if let Some(text) = utf16 {
        return Ok(Content {
            text,
            invalid_utf8_at: None,
        });
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Content {
            text,
            invalid_utf8_at: None,
        },
        Err(error) => Content {
            invalid_utf8_at: Some(error.utf8_error().valid_up_to()),
            text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
        },
    })
}

#[cfg(all(test, unix))]
#[path = "files_tests.rs"]
mod tests;
