//! What of owner and mode has to change so that the agent's user reads its files, and nobody else its key. Pure.
//!
//! The least that is enough: a group's bit before an owner, and never a directory that is not the agent's own.

use std::path::PathBuf;

use super::hands::Wanted;
use crate::checks::again::{Keeping, Kept, What};
use crate::host::{Account, Kind, Powers, Seen, Stat};

/// A file or directory with its owner or mode changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    /// Which.
    pub(super) path: PathBuf,
    /// How it is to be.
    pub(super) wanted: Wanted,
    /// Owner, group and mode before.
    pub(super) before: (u32, u32, u32),
}

/// No file needs more than a few of its own directories opened.
const MOST: usize = 4;

/// What has to change.
///
/// # Errors
/// When a person has to do it; says why.
pub(super) fn openings(keeping: &Keeping) -> Result<Vec<Opening>, String> {
    let mut found: Vec<Opening> = Vec::new();
    for file in &keeping.files {
        if !file.is_closed && file.exposed_to.is_none() {
            continue;
        }
        let shown = file.path.path().display();
        let Ok(stat) = &file.stat else {
            return Err(format!("{shown} could not be looked at"));
        };
        let Some(account) = &keeping.account else {
            return Err(format!(
                "the service's user `{}` is not known on this host before the service starts",
                keeping.name
            ));
        };
        for opening in of_file(file, stat, account, keeping)? {
            match found.iter().any(|it| it.path == opening.path) {
                true => {}
                false => found.push(opening),
            }
        }
    }
    Ok(found)
}

fn of_file(
    file: &Kept,
    stat: &Stat,
    account: &Account,
    keeping: &Keeping,
) -> Result<Vec<Opening>, String> {
    let mut stat = stat.clone();
    let mut openings = Vec::new();
    if file.what == What::Key {
        let owner = match account.uid == stat.uid || file.is_closed {
            true => account.uid,
            // Read by its group until now: closing the group would close it to the agent too.
            false if account.uid != 0 => account.uid,
            false => stat.uid,
        };
        let wanted = Wanted {
            mode: Some(0o600),
            uid: (owner != stat.uid).then_some(owner),
            gid: None,
        };
        openings.extend(change(&mut stat, wanted));
    }
    for _ in 0..MOST {
        let barrier = match stat.barrier(account, keeping.powers) {
            Ok(None) => return Ok(openings),
            Ok(Some(barrier)) => barrier.path.clone(),
            Err(unseen) => {
                return Err(format!(
                    "an access control list could not be read: {unseen}"
                ));
            }
        };
        openings.push(open(&mut stat, &barrier, account, keeping)?);
    }
    Err("too much on the way is closed".to_owned())
}

/// Opens what stands at `barrier`, the file or a directory on the way to it.
fn open(
    stat: &mut Stat,
    barrier: &std::path::Path,
    account: &Account,
    keeping: &Keeping,
) -> Result<Opening, String> {
    let own_directory = stat.path.parent() == Some(barrier);
    let shown = barrier.display();
    let is_file = stat.path == barrier;
    if !is_file && !own_directory {
        return Err(format!(
            "the directory {shown} on the way is not the agent's own: whom it is open to, a person has to say"
        ));
    }
    let current = match is_file {
        true => stat.clone(),
        false => stat
            .ancestors
            .iter()
            .find(|it| it.path == barrier)
            .cloned()
            .ok_or("it was not seen")?,
    };
    let bits = match current.kind {
        Kind::Directory => 0o010,
        _ => 0o040,
    };
    let group = account.gids.first().copied();
    let by_group = Wanted {
        mode: Some(current.mode & 0o7777 | bits),
        uid: None,
        gid: group.filter(|gid| *gid != current.gid),
    };
    let by_owner = Wanted {
        mode: Some(current.mode & 0o7777 | (bits << 3)),
        uid: (current.uid != account.uid).then_some(account.uid),
        gid: None,
    };
    for wanted in [by_group, by_owner] {
        let mut tried = current.clone();
        let Some(opening) = change(&mut tried, wanted) else {
            continue;
        };
        let passes = barrier_of(&tried, account, keeping.powers, is_file);
        if passes {
            put(stat, tried, is_file);
            return Ok(opening);
        }
    }
    Err(format!(
        "an access control list keeps the service's user from {shown}"
    ))
}

fn barrier_of(alone: &Stat, account: &Account, powers: Powers, is_file: bool) -> bool {
    // As the last directory of a way, or as its end.
    let probe = match is_file {
        true => Stat {
            ancestors: Vec::new(),
            ..alone.clone()
        },
        false => Stat {
            path: PathBuf::from("/"),
            mode: 0o777,
            acl: None,
            security: None,
            ancestors: vec![alone.clone()],
            ..alone.clone()
        },
    };
    let seen: Seen<bool> = probe.barrier(account, powers).map(|it| it.is_none());
    seen.unwrap_or(false)
}

fn put(stat: &mut Stat, changed: Stat, is_file: bool) {
    if is_file {
        let ancestors = std::mem::take(&mut stat.ancestors);
        *stat = Stat {
            ancestors,
            ..changed
        };
        return;
    }
    if let Some(place) = stat.ancestors.iter_mut().find(|it| it.path == changed.path) {
        *place = changed;
    }
}

/// Makes the change to what was seen; nothing, if it is none.
fn change(stat: &mut Stat, wanted: Wanted) -> Option<Opening> {
    let before = (stat.uid, stat.gid, stat.mode & 0o7777);
    let after = (
        wanted.uid.unwrap_or(stat.uid),
        wanted.gid.unwrap_or(stat.gid),
        wanted.mode.unwrap_or(before.2),
    );
    if before == after {
        return None;
    }
    (stat.uid, stat.gid) = (after.0, after.1);
    stat.mode = stat.mode & !0o7777 | after.2;
    // The middle digit of a mode is an access control list's mask.
    if let Some(Ok(acl)) = &mut stat.acl {
        acl.mask = (after.2 >> 3 & 7) as u8;
    }
    Some(Opening {
        path: stat.path.clone(),
        wanted,
        before,
    })
}

#[cfg(test)]
mod tests;
