//! Whether files can be written where an installation writes them, asked before anything is.

use std::path::Path;

use super::super::surroundings::Places;
use super::error::InstallError;

/// What a directory of small files needs: more than all of the agent's together, in bytes.
const SMALL: u64 = 256 * 1024;

/// That every file system which is going to be written to can be, with a program of `program` bytes.
pub(super) fn check(places: &Places, program: u64) -> Result<(), InstallError> {
    for (path, needed) in [
        (places.config_dir.as_path(), SMALL),
        (&places.binary, program.saturating_add(SMALL)),
        (&places.definition, SMALL),
        (&places.state_dir, SMALL),
    ] {
        look(path, needed)?;
    }
    runs_programs(&places.binary)
}

/// The file system that something at `path` is on, or will be.
#[cfg(unix)]
fn of(path: &Path) -> Option<(&Path, rustix::fs::StatVfs)> {
    path.ancestors()
        .find_map(|there| Some((there, rustix::fs::statvfs(there).ok()?)))
}

#[cfg(unix)]
fn look(path: &Path, needed: u64) -> Result<(), InstallError> {
    use rustix::fs::StatVfsMountFlags;
    let Some((there, system)) = of(path) else {
        return Ok(());
    };
    if system.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(InstallError::ReadOnly(there.to_owned()));
    }
    let free = system.f_bfree.saturating_mul(system.f_frsize);
    // Some file systems do not count their blocks, some not their inodes.
    let blocks_out = system.f_blocks > 0 && free < needed;
    let inodes_out = system.f_files > 0 && system.f_ffree < 16;
    if blocks_out || inodes_out {
        return Err(InstallError::NoRoom {
            path: there.to_owned(),
            free: if blocks_out { free } else { 0 },
            needed,
        });
    }
    Ok(())
}

#[cfg(all(unix, not(target_os = "macos")))]
fn runs_programs(binary: &Path) -> Result<(), InstallError> {
    use rustix::fs::StatVfsMountFlags;
    match of(binary) {
        Some((there, system)) if system.f_flag.contains(StatVfsMountFlags::NOEXEC) => {
            Err(InstallError::NoExec(there.to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn look(_path: &Path, _needed: u64) -> Result<(), InstallError> {
    Ok(())
}

/// What a Mac mounts so that no program runs from it is not where programs are.
#[cfg(any(not(unix), target_os = "macos"))]
fn runs_programs(_binary: &Path) -> Result<(), InstallError> {
    Ok(())
}
