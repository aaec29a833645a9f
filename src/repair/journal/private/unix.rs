//! Files and directories that only this user may look into, and who that is.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Where the superuser's journals are.
pub(super) fn of_superuser() -> Option<PathBuf> {
    let is_root = rustix::process::geteuid().is_root();
    let directory = match cfg!(target_os = "macos") {
        true => "/var/db/nexplane-doctor/undo",
        false => "/var/lib/nexplane-doctor/undo",
    };
    is_root.then(|| directory.into())
}

/// Where this user's programs keep their state.
pub(super) fn of_user() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
}

/// Whether nobody but this user can have written there.
pub(super) fn is_own(_path: &Path, metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Options of a file that only this user may read; a link is not followed.
pub(super) fn private() -> OpenOptions {
    let mut options = File::options();
    options
        .mode(0o600)
        // Nor is a pipe waited for.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Makes a directory that only this user may look into.
pub(super) fn make_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// Puts on disk what happened to names in a directory.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
