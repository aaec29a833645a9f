//! An installation taken back: that one, and no other that is there by now.

use std::fs;
use std::io;
use std::path::Path;

use super::super::installation::{digest, program_digest, trace};
use super::super::journal::{Digest, Left};
use super::super::reach::Reach;
use super::service::LIMIT;
use super::{Force, Taken};
use crate::agent::{Surroundings, take_back, uninstall};

pub(super) async fn take_away(
    reach: &Reach,
    config_dir: &Path,
    program: Option<&Digest>,
    told: Option<&Left>,
    force: Force,
) -> Taken {
    if reach.foreign_root().is_some() {
        return Taken::Refused("that would be this machine's, not the one under --root".to_owned());
    }
    let away = uninstalled(config_dir, program, told, force);
    match tokio::time::timeout(LIMIT, away).await {
        Ok(Ok(taken)) => taken,
        Ok(Err(why)) => Taken::Failed(why),
        Err(_) => Taken::Failed(format!("it did not end within {} s", LIMIT.as_secs())),
    }
}

async fn uninstalled(
    config_dir: &Path,
    program: Option<&Digest>,
    told: Option<&Left>,
    force: Force,
) -> Result<Taken, String> {
    let around = Surroundings::of_this_host(config_dir).map_err(|error| error.to_string())?;
    // One that was cut short takes itself back; one that failed has.
    take_back(&around)
        .await
        .map_err(|error| error.to_string())?;
    let places = &around.places;
    if trace(places).is_none() {
        let gone = program.map(|program| without_program(&places.binary, program));
        return match gone.transpose()? {
            Some(true) => Ok(Taken::Back),
            Some(false) | None => Ok(Taken::Already),
        };
    }
    let is_left = digest(places).map(Left::Content);
    let why = match told {
        Some(left) if is_left.as_ref() == Some(left) => None,
        Some(_) => Some("the installation was changed since"),
        None => Some("the repair ended before it had said which installation it left"),
    };
    if let (Some(why), Force::No) = (why, force) {
        return Ok(Taken::Refused(format!(
            "{why}; --undo --yes --all uninstalls it all the same"
        )));
    }
    uninstall(&around)
        .await
        .map_err(|error| error.to_string())?;
    if let Some(program) = program {
        without_program(&places.binary, program)?;
    }
    Ok(Taken::Back)
}

/// Takes the program away that was put there; another one stays. Whether there was something to do.
fn without_program(path: &Path, put_there: &Digest) -> Result<bool, String> {
    let failed = |error: io::Error| format!("could not remove {}: {error}", path.display());
    match program_digest(path) {
        Ok(there) if there == *put_there => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    }
    fs::remove_file(path).map_err(failed)?;
    Ok(true)
}
