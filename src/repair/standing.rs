//! The agent's service as a plan sees it: the same words, whichever service manager has it. Pure.

use crate::host::{Activity, End, JobState, LaunchdJob, Service, StartType, WindowsService};

/// Whether the service manager could start it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Definition {
    /// It could.
    Whole,
    /// It has none.
    Gone,
    /// It has one that it cannot use.
    Broken,
    /// It was told not to: masked, or of the start type Disabled.
    Off,
}

/// Whether it starts at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AtBoot {
    /// It does.
    Starts,
    /// It does not.
    StartsNot,
    /// At no boot but the last one.
    UntilReboot,
    /// Something else, in the manager's word.
    Other(String),
}

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) definition: Definition,
    pub(super) at_boot: AtBoot,
    /// What it is doing, in systemd's words (`ActiveState`): `active`, `activating`, `deactivating`, `inactive`, `failed`; and
    /// `paused`, which systemd does not know.
    pub(super) active: String,
    /// Whether it only waits to be started once more by its manager.
    pub(super) waits: bool,
}

impl Standing {
    /// Of a service that its manager has told of.
    pub(super) fn of(service: &Service) -> Self {
        match (service.windows(), service.launchd()) {
            (Some(windows), _) => of_windows(service, windows),
            (None, Some(job)) => of_launchd(service, job),
            (None, None) => of_systemd(service),
        }
    }

    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.active == "active"
    }

    /// Whether it is about to run.
    pub(super) fn comes_up(&self) -> bool {
        self.active == "activating" && !self.waits
    }
}

fn of_systemd(service: &Service) -> Standing {
    let state = service.get("UnitFileState").unwrap_or_default();
    let definition = match service.get("LoadState") {
        Some("not-found") => Definition::Gone,
        Some("bad-setting" | "error") => Definition::Broken,
        Some("masked") => Definition::Off,
        _ if state.starts_with("masked") => Definition::Off,
        _ => Definition::Whole,
    };
    let sub = service.get("SubState").unwrap_or_default();
    Standing {
        definition,
        at_boot: match state {
            "enabled" => AtBoot::Starts,
            "disabled" => AtBoot::StartsNot,
            "enabled-runtime" => AtBoot::UntilReboot,
            other => AtBoot::Other(other.to_owned()),
        },
        active: service.get("ActiveState").unwrap_or("unknown").to_owned(),
        waits: sub.starts_with("auto-restart"),
    }
}

fn of_launchd(service: &Service, job: LaunchdJob<'_>) -> Standing {
    let active = match job.state() {
        Some(JobState::Running) => "active",
        Some(JobState::Starting | JobState::Scheduled) => "activating",
        Some(JobState::Stopped | JobState::NotLoaded) => "inactive",
        None => "unknown",
    };
    Standing {
        definition: match (job.is_disabled(), service.get("DefinitionError")) {
            (true, _) => Definition::Off,
            (false, Some(_)) => Definition::Broken,
            (false, None) => Definition::Whole,
        },
        at_boot: match job.starts_at_boot() {
            true => AtBoot::Starts,
            false => AtBoot::StartsNot,
        },
        active: active.to_owned(),
        waits: job.state() == Some(JobState::Scheduled),
    }
}

fn of_windows(service: &Service, windows: WindowsService<'_>) -> Standing {
    let start = windows.start_type();
    let active = match windows.activity() {
        Some(Activity::Running) => "active",
        Some(Activity::Starting) => "activating",
        Some(Activity::Stopping) => "deactivating",
        Some(Activity::Paused) => "paused",
        Some(Activity::Stopped) if windows.end() == End::Clean => "inactive",
        Some(Activity::Stopped) => "failed",
        None => "unknown",
    };
    Standing {
        definition: match start {
            Some(StartType::Disabled) => Definition::Off,
            _ => Definition::Whole,
        },
        at_boot: match start {
            Some(StartType::Automatic) => AtBoot::Starts,
            Some(StartType::Demand) => AtBoot::StartsNot,
            _ => AtBoot::Other(service.get("StartType").unwrap_or_default().to_owned()),
        },
        active: active.to_owned(),
        waits: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(pairs: &[(&str, &str)]) -> Standing {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Standing::of(&Service {
            properties: pairs.collect(),
            supplied: false,
        })
    }

    fn expected(definition: Definition, at_boot: AtBoot, active: &str) -> Standing {
        Standing {
            definition,
            at_boot,
            active: active.to_owned(),
            waits: false,
        }
    }

    #[test]
    fn two_managers_tell_of_the_same_standing() {
        let of_systemd = |load, file, active| {
            standing(&[
                ("LoadState", load),
                ("UnitFileState", file),
                ("ActiveState", active),
            ])
        };
        let of_windows = |start, state, code| {
            standing(&[
                ("StartType", start),
                ("CurrentState", state),
                ("Win32ExitCode", code),
            ])
        };
        for (systemd, windows, standing) in [
            (
                of_systemd("loaded", "enabled", "active"),
                of_windows("automatic", "running", "0"),
                expected(Definition::Whole, AtBoot::Starts, "active"),
            ),
            (
                of_systemd("loaded", "disabled", "inactive"),
                of_windows("demand", "stopped", "1077"),
                expected(Definition::Whole, AtBoot::StartsNot, "inactive"),
            ),
            (
                of_systemd("loaded", "enabled", "failed"),
                of_windows("automatic", "stopped", "1067"),
                expected(Definition::Whole, AtBoot::Starts, "failed"),
            ),
        ] {
            assert_eq!((&systemd, &windows), (&standing, &standing));
        }
        let masked = of_systemd("masked", "masked", "inactive").definition;
        let disabled = of_windows("disabled", "stopped", "1058");
        assert_eq!(
            (masked, disabled.definition),
            (Definition::Off, Definition::Off)
        );
        assert_eq!(of_windows("automatic", "paused", "0").active, "paused");
    }

    #[test]
    fn a_job_of_launchd_is_told_of_in_the_same_words() {
        let path = (
            "FragmentPath",
            "/Library/LaunchDaemons/ai.nexplane.agent.plist",
        );
        let running = standing(&[("JobState", "running"), ("RunAtLoad", "yes"), path]);
        let expected_running = expected(Definition::Whole, AtBoot::Starts, "active");
        assert_eq!(running, expected_running);
        let disabled = standing(&[("JobState", "not loaded"), ("Disabled", "yes"), path]);
        let expected_disabled = expected(Definition::Off, AtBoot::StartsNot, "inactive");
        assert_eq!(disabled, expected_disabled);
        let throttled = standing(&[("JobState", "spawn scheduled"), path]);
        assert!(!throttled.runs() && !throttled.comes_up());
    }

    #[test]
    fn one_that_systemd_starts_again_later_does_not_come_up() {
        let waiting = standing(&[
            ("ActiveState", "activating"),
            ("SubState", "auto-restart-queued"),
        ]);
        assert!(!waiting.comes_up() && !waiting.runs());
        let starting = standing(&[("ActiveState", "activating"), ("SubState", "start")]);
        assert!(starting.comes_up());
        assert_eq!(starting.at_boot, AtBoot::Other(String::new()));
    }
}
