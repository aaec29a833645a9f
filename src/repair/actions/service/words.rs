//! What is done to a service in the words of its manager. Pure.

use super::Change;
use crate::model::Os;
use crate::repair::standing::{AtBoot, Standing};

/// A change in words.
pub(super) struct Words {
    pub(super) title: String,
    pub(super) why: &'static str,
    pub(super) changes: Vec<String>,
    pub(super) undo: String,
}

/// What the service manager is called.
pub(super) const fn manager(os: Os) -> &'static str {
    match os {
        Os::Windows => "Windows",
        Os::Macos => "launchd",
        Os::Linux => "systemd",
    }
}

/// Why one that may be started is not allowed to be once more.
pub(super) const fn is_allowed(os: Os) -> &'static str {
    match os {
        Os::Windows => "it is not disabled any more",
        Os::Linux | Os::Macos => "it is not masked any more",
    }
}

/// Why one that must not be started is left so.
pub(super) const fn is_off(os: Os) -> &'static str {
    match os {
        Os::Windows => "it is disabled: whoever did that did not want it to start",
        Os::Linux | Os::Macos => "it is masked: whoever did that did not want it to start",
    }
}

/// A change to `unit`, which stands so.
pub(super) fn of(os: Os, unit: &str, change: Change, standing: &Standing) -> Words {
    let on_windows = os == Os::Windows;
    let stop = match on_windows {
        true => format!("Stop-Service {unit}"),
        false => format!("systemctl stop {unit}"),
    };
    let runs = format!("{unit} runs");
    let at_boot = match on_windows {
        true => format!("{unit} starts automatically"),
        false => format!("{unit} is enabled"),
    };
    let manual = || format!("Set-Service {unit} -StartupType Manual");
    let (title, why, changes, undo) = match change {
        Change::Start if standing.at_boot == AtBoot::StartsNot => (
            format!("Start {unit}, now and at boot"),
            "It is installed and does not run; nothing says that it failed.",
            vec![runs, at_boot],
            match on_windows {
                true => format!("{stop}, {}", manual()),
                false => format!("systemctl disable --now {unit}"),
            },
        ),
        Change::Start => (
            format!("Start {unit}"),
            "It is installed and does not run; nothing says that it failed.",
            vec![runs],
            stop,
        ),
        Change::Revive if standing.runs() => (
            format!("Restart {unit}"),
            "It read its settings when it was started, and has to read them again.",
            vec![format!("{unit} is restarted")],
            "it is restarted once more, with what it read before".to_owned(),
        ),
        Change::Revive => (
            match on_windows {
                true => format!("Start {unit} again"),
                false => format!("Clear the failed state of {unit} and start it"),
            },
            "It has ended with an error, and the service manager does not start it again by itself, or not soon.",
            vec![runs],
            stop,
        ),
        Change::Enable => (
            format!("Have {unit} start at boot"),
            "It runs now, and would be gone after the next boot.",
            vec![at_boot],
            match on_windows {
                true => manual(),
                false => format!("systemctl disable {unit}"),
            },
        ),
        Change::Unmask if on_windows => (
            format!("Have {unit} start automatically, and start it"),
            "Nothing can start it as long as its start type is Disabled. Somebody did that on purpose: find out who.",
            vec![format!("{unit} is no longer disabled"), runs],
            format!("{stop}, Set-Service {unit} -StartupType Disabled"),
        ),
        Change::Unmask => (
            format!("Unmask {unit} and start it"),
            "Nothing can start it as long as it is masked. Somebody did that on purpose: find out who.",
            vec![format!("{unit} is no longer masked"), runs],
            format!("systemctl stop {unit}, systemctl mask {unit}"),
        ),
    };
    Words {
        title,
        why,
        changes,
        undo,
    }
}
