//! What the service manager is told (sd_notify(3)): ready, alive, stopping. Without one, nobody is told.

use std::time::Duration;

/// The service manager, if there is one that wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manager {
    watchdog: Option<Duration>,
}

#[cfg(target_os = "linux")]
impl Manager {
    /// The one that started this process.
    pub(super) fn of_environment() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled(),
        }
    }

    /// All is set up: the service counts as started.
    pub(super) fn ready(self) {
        Self::tell(&[sd_notify::NotifyState::Ready]);
    }

    /// What it is doing, in a line.
    pub(super) fn status(self, text: &str) {
        Self::tell(&[sd_notify::NotifyState::Status(text)]);
    }

    /// It still turns.
    pub(super) fn alive(self) {
        Self::tell(&[sd_notify::NotifyState::Watchdog]);
    }

    /// It ends, because it was asked to.
    pub(super) fn stopping(self) {
        Self::tell(&[sd_notify::NotifyState::Stopping]);
    }

    fn tell(state: &[sd_notify::NotifyState<'_>]) {
        // Nobody listens, or not any more: that is no reason not to work.
        let _untold = sd_notify::notify(state);
    }
}

#[cfg(not(target_os = "linux"))]
impl Manager {
    /// Where there is no systemd.
    pub(super) const fn of_environment() -> Self {
        Self { watchdog: None }
    }

    /// Nobody to tell.
    pub(super) const fn ready(self) {}

    /// Nobody to tell.
    pub(super) const fn status(self, _text: &str) {}

    /// Nobody to tell.
    pub(super) const fn alive(self) {}

    /// Nobody to tell.
    pub(super) const fn stopping(self) {}
}

impl Manager {
    /// How often it has to be told that this still turns: twice in the time after which it would end it.
    pub(super) fn beat(self) -> Option<Duration> {
        let half = self.watchdog? / 2;
        Some(half.max(Duration::from_millis(1)))
    }
}
