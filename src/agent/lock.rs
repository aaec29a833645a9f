//! One at a time: whoever is about to change an agent's files holds the lock of their directory.
//!
//! The lock is on the directory itself, so that it leaves nothing behind, and the system lets go of it when its holder dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::platform;

/// How long the holder of a lock is waited for: longer than two calls to the control plane take.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it is looked whether the lock is free.
const INTERVAL: Duration = Duration::from_millis(50);

/// The lock of a directory, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _directory: File,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error(
        "another installation, rotation or uninstallation is at work on {}; try again when it has ended", .0.display()
    )]
    Busy(PathBuf),
    /// The system did not give it.
    #[error("could not lock {}: {error}", .path.display())]
    System {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Lock {
    /// Waits a while for the lock of `directory`, which must be there.
    pub(super) async fn take(directory: &Path) -> Result<Self, LockError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match Self::attempt(directory) {
                Err(LockError::Busy(_)) if Instant::now() < end => sleep(INTERVAL).await,
                other => return other,
            }
        }
    }

    /// Takes the lock of `directory` if nobody has it.
    pub(super) fn attempt(directory: &Path) -> Result<Self, LockError> {
        let system = |error| LockError::System {
            path: directory.to_owned(),
            error,
        };
        let opened = match platform::lockable(directory) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(LockError::Busy(directory.to_owned()));
            }
            opened => opened.map_err(system)?,
        };
        match opened.try_lock() {
            // Its last holder may have taken the directory away, and somebody made it anew.
            Ok(()) if platform::is_still(&opened, directory).map_err(system)? => {
                Ok(Self { _directory: opened })
            }
            Ok(()) | Err(TryLockError::WouldBlock) => Err(LockError::Busy(directory.to_owned())),
            Err(TryLockError::Error(error)) => Err(system(error)),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn one_at_a_time_and_free_again_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let held = Lock::attempt(directory.path()).unwrap();
        let second = Lock::attempt(directory.path());
        assert!(matches!(second, Err(LockError::Busy(_))));
        drop(held);
        assert!(Lock::attempt(directory.path()).is_ok());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_is_waited_for_and_not_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let held = Lock::attempt(directory.path()).unwrap();
        let waited = Lock::take(directory.path()).await;
        assert!(matches!(waited, Err(LockError::Busy(_))));
        let (waiting, ()) = tokio::join!(Lock::take(directory.path()), async { drop(held) });
        assert!(waiting.is_ok());
    }

    #[test]
    fn a_directory_that_is_not_there_cannot_be_locked() {
        let directory = tempfile::tempdir().unwrap();
        let locked = Lock::attempt(&directory.path().join("none"));
        assert!(matches!(locked, Err(LockError::System { .. })));
    }
}
