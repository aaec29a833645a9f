//! An agent that is installed where there was none: what of one is there, which it is, and the program that it is made of.

use std::io;
use std::path::{Path, PathBuf};

use super::hands::FILE_LIMIT;
use super::journal::Digest;
use crate::agent::drop_in::must_be_the_superusers;
use crate::agent::{IdentityFiles, Places, Surroundings, files};
use crate::host::live::programs;

/// The program's name.
const PROGRAM: &str = match cfg!(windows) {
    true => "nexplane-agent.exe",
    false => "nexplane-agent",
};
/// Whose it has to be.
const OWNED: &str = match cfg!(windows) {
    true => "in a directory that only administrators can write to",
    false => "owned by root, in a directory that only root can write to",
};
/// The most that a program holds, in bytes.
const PROGRAM_LIMIT: u64 = 1 << 30;

/// What of an agent is here besides its program, whoever put it there.
pub(super) fn trace(places: &Places) -> Option<PathBuf> {
    let files = [
        places.definition.clone(),
        places.config(),
        places.cert(),
        places.key(),
    ];
    // What cannot be looked at may be there.
    let is_there = |path: &PathBuf| !matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound);
    files.into_iter().find(is_there)
}

/// Which installation it is that is here: the agent's id, its configuration and its definition. A certificate that was renewed
/// makes it no other; `None`: there is none that is whole.
pub(super) fn digest(places: &Places) -> Option<Digest> {
    let identity = IdentityFiles::new(places.cert(), places.key());
    let mut whole = identity.load().ok()?.agent_id.into_bytes();
    for path in [places.config(), places.definition.clone()] {
        let content = files::read(&path, FILE_LIMIT).ok()?;
        whole.push(0);
        whole.extend(Digest::of(&content).to_string().into_bytes());
    }
    Some(Digest::of(&whole))
}

/// Which program it is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn program_digest(path: &Path) -> io::Result<Digest> {
    Digest::of_file(path, PROGRAM_LIMIT)
}

/// The agent's program: the one that is in its place already, else the one beside this doctor, else one of the search path. Never
/// one that another than root could have put there.
///
/// # Errors
/// When there is none; says why, and what to do.
pub(super) fn program(around: &Surroundings) -> Result<PathBuf, String> {
    let in_place = &around.places.binary;
    let candidates = match in_place.symlink_metadata() {
        // Another one would be put over it.
        Ok(_) => vec![in_place.clone()],
        Err(_) => beside(&around.program)
            .into_iter()
            .chain(programs::find(PROGRAM))
            .collect(),
    };
    let mut reasons = Vec::new();
    for candidate in candidates.iter().filter(|path| path.is_file()) {
        match is_safe(candidate) {
            Ok(()) => return Ok(candidate.clone()),
            Err(why) => reasons.push(why),
        }
    }
    let why = match reasons.is_empty() {
        true => "it is neither beside nexplane-doctor nor in the search path".to_owned(),
        false => reasons.join("; "),
    };
    Err(format!(
        "there is no {PROGRAM} to install ({why}): put it beside nexplane-doctor, {OWNED}"
    ))
}

fn beside(doctor: &Path) -> Option<PathBuf> {
    Some(doctor.parent()?.join(PROGRAM))
}

/// By the name that it was found under, and by where it really is.
fn is_safe(program: &Path) -> Result<(), String> {
    must_be_the_superusers(program)?;
    let real = program
        .canonicalize()
        .map_err(|error| format!("cannot look at {}: {error}", program.display()))?;
    must_be_the_superusers(&real)
}

#[cfg(all(test, unix))]
mod tests;
