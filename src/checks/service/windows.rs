//! A service of Windows, judged: what the service control manager says of it, and what the Event Log says of its end.

use super::log::Log;
use super::{MASKED, NOT_ENABLED, STOPPED, State, crash_looping, failed, saw_state};
use crate::checks::Judgement;
use crate::host::{Activity, End, Service, StartType, WindowsService};
use crate::model::{Explained, Finding, Placeholder};

/// `ERROR_SERVICE_NEVER_STARTED`.
const NEVER_STARTED: &str = "1077";

pub(super) fn judge(
    unit: &str,
    service: &Service,
    windows: WindowsService<'_>,
    log: &Log,
) -> (State, Judgement) {
    let activity = windows.activity();
    if windows.start_type() == Some(StartType::Disabled) {
        return (State::Unstartable, disabled(unit, service, activity).into());
    }
    match activity {
        Some(Activity::Running) if log.looping("active", service) => crash_looping(unit, service, log),
        Some(Activity::Running) => (State::Running, running(unit, service, windows)),
        Some(Activity::Starting) => {
            let note = "starting; it has not told the service control manager yet that it runs";
            (State::Starting, Judgement::pass().note("state", note))
        }
        Some(Activity::Stopping) => stopped(unit, service, "it is being stopped"),
        Some(Activity::Paused) => stopped(unit, service, "it is paused, and does nothing until somebody continues it"),
        Some(Activity::Stopped) if windows.end() == End::Clean => {
            let why = match service.get("Win32ExitCode") {
                Some(NEVER_STARTED) => "it was not started since the host booted",
                _ => "it ended without an error, or somebody stopped it",
            };
            stopped(unit, service, why)
        }
        Some(Activity::Stopped) if log.looping("failed", service) => crash_looping(unit, service, log),
        Some(Activity::Stopped) => failed(unit, service, log),
        None => {
            let state = service.get("CurrentState").unwrap_or("nothing");
            let reason = format!("Windows says that the service is `{state}`, which the doctor does not know");
            (State::Unknown, Judgement::unknown(reason))
        }
    }
}

fn disabled(unit: &str, service: &Service, activity: Option<Activity>) -> Finding {
    let runs = match activity {
        Some(Activity::Running) => " It still runs, and will not start again once it ends.",
        _ => "",
    };
    let detail = format!("The start type of `{unit}` is Disabled: nothing can start it.{runs}");
    saw_state(Finding::new(MASKED, detail), service).value(Placeholder::Unit, unit)
}

fn running(unit: &str, service: &Service, windows: WindowsService<'_>) -> Judgement {
    let judgement = match windows.start_type() {
        Some(StartType::Demand) => {
            let detail = format!(
                "`{unit}` runs now and will not start at the next boot: its start type is Manual."
            );
            saw_state(Finding::new(NOT_ENABLED, detail), service)
                .value(Placeholder::Unit, unit)
                .into()
        }
        _ => Judgement::pass(),
    };
    match service.get("FailureActions") {
        None => judgement.note("when it fails", "Windows does nothing: it has no recovery actions"),
        Some(actions) => judgement.note("when it fails", actions.to_owned()),
    }
}

fn stopped(unit: &str, service: &Service, why: &str) -> (State, Judgement) {
    let detail = format!("`{unit}` is installed and does not run: {why}.");
    let finding = saw_state(Finding::new(STOPPED, detail), service)
        .value(Placeholder::Unit, unit)
        .explained(Explained::Never);
    (State::Stopped, finding.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use chrono::{DateTime, TimeDelta, Utc};

    use super::super::{Probe, Standing};
    use super::*;
    use crate::checks::testing::{Evidence, codes, properties};
    use crate::host::{JournalQuestion, LogEntry, Seen, ServiceQuestion, Unseen};
    use crate::model::Os;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_764_000_000, 0).unwrap()
    }

    fn entry(seconds_ago: i64, identifier: &str, id: Option<&str>, run: &str, message: &str) -> LogEntry {
        LogEntry {
            time: Some(now() - TimeDelta::seconds(seconds_ago)),
            message: message.into(),
            priority: None,
            identifier: Some(identifier.into()),
            invocation: Some(run.into()),
            message_id: id.map(Into::into),
        }
    }

    fn judged(service: Seen<&[(&str, &str)]>, log: Vec<LogEntry>) -> (Judgement, State) {
        let service: Seen<Service> = service.map(|pairs| Service {
            properties: properties(pairs),
            supplied: false,
        });
        let (judgement, facts) = Evidence::of(Os::Windows)
            .answer("service", ServiceQuestion::agent(Os::Windows), service)
            .answer("journal", JournalQuestion::agent(Os::Windows), Ok::<_, Unseen>(log))
            .answer("now", (), now())
            .judge(&Probe);
        (judgement, facts.get::<Standing>().unwrap().state)
    }

    const AUTOMATIC: (&str, &str) = ("StartType", "automatic");

    #[test]
    fn each_state_has_its_finding() {
        let stopped = ("CurrentState", "stopped");
        for (pairs, code, state, words) in [
            (&[("CurrentState", "running"), AUTOMATIC][..], None, State::Running, ""),
            (&[("CurrentState", "running"), ("StartType", "demand")], Some("service.not_enabled"), State::Running, "Manual"),
            (&[("CurrentState", "running"), ("StartType", "disabled")], Some("service.masked"), State::Unstartable, "still runs"),
            (&[stopped, ("StartType", "disabled")], Some("service.masked"), State::Unstartable, "Disabled"),
            (&[stopped, AUTOMATIC, ("Win32ExitCode", "0")], Some("service.stopped"), State::Stopped, "somebody stopped it"),
            (&[stopped, AUTOMATIC, ("Win32ExitCode", "1077")], Some("service.stopped"), State::Stopped, "since the host booted"),
            (&[("CurrentState", "paused"), AUTOMATIC], Some("service.stopped"), State::Stopped, "paused"),
            (&[("CurrentState", "stop_pending"), AUTOMATIC], Some("service.stopped"), State::Stopped, "being stopped"),
            (&[("CurrentState", "start_pending"), AUTOMATIC], None, State::Starting, ""),
            (&[stopped, AUTOMATIC, ("Win32ExitCode", "1066"), ("ServiceSpecificExitCode", "3")], Some("service.failed"), State::Failed, "exit code 3"),
            (&[stopped, AUTOMATIC, ("Win32ExitCode", "1069")], Some("service.failed"), State::Failed, "could not log on"),
            (&[("CurrentState", "dancing"), AUTOMATIC], None, State::Unknown, ""),
        ] {
            let (judgement, seen) = judged(Ok(pairs), Vec::new());
            assert_eq!(codes(&judgement), code.into_iter().collect::<Vec<_>>(), "{pairs:?}");
            assert_eq!(seen, state, "{pairs:?}");
            let detail = judgement.findings.first().map_or("", |it| &it.detail);
            assert!(detail.contains(words), "{detail}");
        }
        let (judgement, state) = judged(Err(Unseen::Absent), Vec::new());
        assert_eq!((codes(&judgement), state), (vec!["service.not_installed"], State::Unstartable));
    }

    #[test]
    fn a_service_that_windows_starts_again_and_again_is_in_a_loop() {
        let restarted = "The Nexplane Agent service terminated unexpectedly. It has done this 3 time(s). The following corrective action will be taken in 5000 milliseconds: Restart the service.";
        let fatal = "FATAL: enrollment failed: token has already been used";
        let log: Vec<LogEntry> = (1..=3)
            .flat_map(|run| {
                let ago = 40 - run * 10;
                let run = run.to_string();
                [
                    entry(ago + 1, "NexplaneAgent", None, &run, fatal),
                    entry(ago, "Service Control Manager", Some("7031"), &run, restarted),
                ]
            })
            .collect();
        let pairs = [("CurrentState", "stopped"), AUTOMATIC, ("Win32ExitCode", "1067")];
        let (judgement, state) = judged(Ok(&pairs), log.clone());
        assert_eq!((codes(&judgement), state), (vec!["service.crash_looping"], State::CrashLooping));
        assert!(judgement.findings[0].detail.contains("restarted 3 times"), "{:?}", judgement.findings[0]);
        assert!(judgement.findings[0].detail.contains(fatal));
        let mut once = log[4..].to_vec();
        once[1].message = once[1].message.replace("3 time(s)", "1 time(s)");
        let (judgement, state) = judged(Ok(&pairs), once);
        assert_eq!((codes(&judgement), state), (vec!["service.failed"], State::Failed));
    }
}
