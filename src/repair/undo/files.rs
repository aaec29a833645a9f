//! Files put back, if nobody has changed them since.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::super::hands::{FILE_LIMIT, files};
use super::super::journal::{Attributes, Digest, Left, Undo};
use super::super::reach::{self, Reach, Spot};
use super::super::shared::ACCESS_LIST;
use super::{Force, Taken};
use crate::agent;

/// What stands at a path.
struct Now {
    content: Option<Digest>,
    attributes: Option<Attributes>,
}

pub(super) fn put_back(
    reach: &Reach,
    journal: &Path,
    undo: &Undo,
    told: Option<&Left>,
    force: Force,
) -> Taken {
    let Some(path) = undo.path() else {
        return Taken::Failed("it is about no file".to_owned());
    };
    let taken = reach.spot(path).and_then(|spot| match undo {
        Undo::RestoreFile {
            backup,
            content,
            attributes,
            left,
            ..
        } => {
            let now = Now::at(&spot)?;
            if now.content.as_ref() == Some(content) && now.attributes.as_ref() == Some(attributes)
            {
                files::tidy(&spot)?;
                return Ok(Taken::Already);
            }
            // With the content of before, only the attributes are put back.
            let same = now.content.as_ref() == Some(content);
            if let Some(why) =
                changed_since(&now, told.unwrap_or(left)).filter(|_| !same && force == Force::No)
            {
                return Ok(Taken::Refused(why));
            }
            let copy = agent::files::read(&journal.join(plain(backup)?), FILE_LIMIT)?;
            if Digest::of(&copy) != *content {
                return Ok(Taken::Failed(
                    "the copy beside the journal is damaged".to_owned(),
                ));
            }
            files::put(&spot, &copy, attributes).map(|()| Taken::Back)
        }
        Undo::RemoveFile { left, .. } => {
            let now = Now::at(&spot)?;
            if now.content.is_none() {
                files::tidy(&spot)?;
                return Ok(Taken::Already);
            }
            if let Some(why) =
                changed_since(&now, told.unwrap_or(left)).filter(|_| force == Force::No)
            {
                return Ok(Taken::Refused(why));
            }
            files::take_away(&spot).map(|()| Taken::Back)
        }
        Undo::RemoveDirectory { .. } => {
            let removed = files::remove_directory(&spot);
            match removed.as_ref().map_err(io::Error::kind) {
                Ok(()) => files::sync(&spot).map(|()| Taken::Back),
                Err(io::ErrorKind::NotFound) => Ok(Taken::Already),
                Err(io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                    Ok(Taken::Refused("something else is in it".to_owned()))
                }
                Err(_) => removed.map(|()| Taken::Back),
            }
        }
        Undo::RestoreAttributes { before, left, .. } => {
            attributes(&spot, before, left, told, force)
        }
        Undo::Run { .. }
        | Undo::RestoreService { .. }
        | Undo::RestoreStartType { .. }
        | Undo::RestoreVariables { .. }
        | Undo::Uninstall { .. }
        | Undo::Irreversible { .. } => Ok(Taken::Failed("it is about no file".to_owned())),
    });
    taken.unwrap_or_else(|error| Taken::Failed(error.to_string()))
}

/// Whether nothing is left to put back.
pub(super) fn is_as_before(reach: &Reach, undo: &Undo) -> bool {
    let now = |path: &Path| reach.spot(path).and_then(|spot| Now::at(&spot));
    match undo {
        Undo::RestoreFile {
            path,
            content,
            attributes,
            ..
        } => now(path).is_ok_and(|now| {
            now.content.as_ref() == Some(content) && now.attributes.as_ref() == Some(attributes)
        }),
        Undo::RemoveFile { path, .. } => now(path).is_ok_and(|now| now.content.is_none()),
        _ => false,
    }
}

impl Now {
    fn at(spot: &Spot) -> io::Result<Self> {
        let Some(file) = spot.open()? else {
            return Ok(Self {
                content: None,
                attributes: None,
            });
        };
        Ok(Self {
            attributes: Some(files::attributes(&file)?),
            content: Some(Digest::of(&reach::content(&file, FILE_LIMIT)?)),
        })
    }
}

/// The name of a copy, which is beside the journal and nowhere else.
fn plain(backup: &str) -> io::Result<&str> {
    let is_plain = Path::new(backup).file_name() == Some(OsStr::new(backup));
    is_plain
        .then_some(backup)
        .ok_or_else(|| io::Error::other("the journal names a copy that is not beside it"))
}

/// Why what is there may be somebody else's work.
fn changed_since(now: &Now, left: &Left) -> Option<String> {
    match (left, &now.content) {
        (Left::Content(left), Some(content)) if left == content => None,
        (Left::Absent, None) => None,
        (Left::Untold, _) => Some(
            "the repair ended before it had said what it left there; look at it, then --undo --yes --all takes it back"
                .to_owned(),
        ),
        (_, None) => Some("it was removed since".to_owned()),
        (_, Some(_)) => Some("it was changed since; --undo --yes --all takes it back all the same".to_owned()),
    }
}

/// Whether that is how the system said the list that the change left.
fn is_told(list: &Option<String>, told: Option<&Left>) -> bool {
    let list = list.as_ref().map(|list| Digest::of(list.as_bytes()));
    matches!((list, told), (Some(list), Some(Left::Content(told))) if list == *told)
}

/// Puts owner and mode back. A repair that ended in the middle has changed one of the two.
fn attributes(
    spot: &Spot,
    before: &Attributes,
    left: &Attributes,
    told: Option<&Left>,
    force: Force,
) -> io::Result<Taken> {
    let file = spot.open_any()?.ok_or(io::ErrorKind::NotFound)?;
    if !file.metadata()?.is_dir() && spot.open()?.is_none() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let now = files::attributes(&file)?;
    // An access list of Windows counts where that is what was changed.
    let is_listed = before.extended.contains_key(ACCESS_LIST);
    let list = |it: &Attributes| it.extended.get(ACCESS_LIST).filter(|_| is_listed).cloned();
    let of = |it: &Attributes| (it.mode, it.uid, it.gid, list(it));
    if of(&now) == of(before) {
        return Ok(Taken::Already);
    }
    let known = [before, left].iter().any(|it| now.mode == it.mode)
        && [before, left]
            .iter()
            .any(|it| (now.uid, now.gid) == (it.uid, it.gid))
        && ([before, left].iter().any(|it| list(&now) == list(it)) || is_told(&list(&now), told));
    if !known && force == Force::No {
        return Ok(Taken::Refused(
            "its owner or mode was changed since; --undo --yes --all takes it back all the same"
                .to_owned(),
        ));
    }
    files::give(&file, before).map(|()| Taken::Back)
}
