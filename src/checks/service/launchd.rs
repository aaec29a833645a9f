//! A job of launchd, judged: what `launchctl` and its definition say of it, and what the unified log says of its end.

use super::log::Log;
use super::{
    BROKEN_UNIT, MASKED, NOT_ENABLED, OUTDATED, STOPPED, State, crash_looping, failed, saw_state,
};
use crate::checks::Judgement;
use crate::host::{DAEMONS, End, JobState, LaunchdJob, Service};
use crate::model::{Code, Explained, Finding, Placeholder, excerpt};

/// So many starts, of which the log tells too, are a loop.
const RESTARTS: usize = 3;

pub(super) fn judge(
    unit: &str,
    service: &Service,
    job: LaunchdJob<'_>,
    log: &Log,
) -> (State, Judgement) {
    let state = job.state();
    let found = |code: Code, detail: String| {
        saw_state(Finding::new(code, detail), service).value(Placeholder::Unit, unit)
    };
    if job.is_disabled() {
        let runs = match state {
            Some(JobState::Running) => " It still runs, and will not start again once it is taken out or the host boots.",
            _ => "",
        };
        let detail = format!("`{unit}` is disabled in launchd: it is not loaded at boot, and nothing can load it.{runs}");
        return (State::Unstartable, found(MASKED, detail).into());
    }
    // What is loaded stays so until the next boot, whatever its file says now.
    if let (Some(why), None | Some(JobState::NotLoaded)) = (service.get("DefinitionError"), state) {
        let detail = format!("launchd cannot load the definition of `{unit}`: {}.", excerpt(why));
        return (State::Unstartable, found(BROKEN_UNIT, detail).into());
    }
    let ended_badly = job.end() != End::Clean;
    let often = job.restarts().is_some_and(|count| count >= RESTARTS as u64) && log.runs >= RESTARTS;
    match state {
        Some(JobState::Running) if ended_badly && often => crash_looping(unit, service, log),
        Some(JobState::Running) => (State::Running, running(service, job, found)),
        // It was to be started once more, because it ended with an error.
        Some(JobState::Scheduled) if ended_badly => crash_looping(unit, service, log),
        Some(JobState::Starting | JobState::Scheduled) => {
            (State::Starting, Judgement::pass().note("state", "starting"))
        }
        Some(JobState::Stopped) if ended_badly => failed(unit, service, log),
        Some(JobState::Stopped) => {
            let why = match job.was_started() {
                true => "it ended without an error, or somebody stopped it",
                false => "it was not started since it was loaded",
            };
            stopped(unit, found, why)
        }
        Some(JobState::NotLoaded) => {
            let why = match job.is_loaded_at_boot() {
                true => "launchd has not loaded it since the host booted, or somebody has taken it out (`launchctl bootout`)",
                false => "launchd has not loaded it",
            };
            stopped(unit, found, why)
        }
        None => (State::Unknown, Judgement::unknown(unknown(service))),
    }
}

/// That nobody runs under another root is no news.
fn unknown(service: &Service) -> String {
    match service.get("JobState") {
        Some("unknown") | None => "whether the service runs cannot be known from the files of another root".to_owned(),
        Some(state) => format!(
            "launchd says that the service is `{}`, which the doctor does not know",
            excerpt(state)
        ),
    }
}

fn running(
    service: &Service,
    job: LaunchdJob<'_>,
    found: impl Fn(Code, String) -> Finding,
) -> Judgement {
    let mut judgement = Judgement::pass();
    if !job.starts_at_boot() {
        let why = match job.is_loaded_at_boot() {
            true => "its definition has neither RunAtLoad nor KeepAlive".to_owned(),
            false => format!("its definition is not in {}", DAEMONS.trim_end_matches('/')),
        };
        let detail = format!("The service runs now and will not start at the next boot: {why}.");
        judgement.findings.push(found(NOT_ENABLED, detail));
    }
    if let Some(why) = service.get("DefinitionError") {
        let detail = format!("The service runs now and will not start at the next boot: launchd cannot load its definition any more ({}).", excerpt(why));
        judgement.findings.push(found(NOT_ENABLED, detail));
    }
    if let Some(changed) = service.get("DefinitionChanged") {
        let detail = format!(
            "The definition was changed since launchd loaded it ({}): the service runs with what it said before.",
            excerpt(changed)
        );
        judgement.findings.push(found(OUTDATED, detail).saw("changed", excerpt(changed)));
    }
    match job.restarts() {
        None | Some(0) => judgement,
        Some(count) => judgement.note("starts", format!("started again {count} times since it was loaded")),
    }
}

fn stopped(unit: &str, found: impl Fn(Code, String) -> Finding, why: &str) -> (State, Judgement) {
    let detail = format!("`{unit}` is installed and does not run: {why}.");
    let finding = found(STOPPED, detail).explained(Explained::Never);
    (State::Stopped, finding.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use chrono::{DateTime, TimeDelta, Utc};

    use super::super::{Probe, Standing};
    use super::*;
    use crate::checks::testing::{Evidence, codes, properties};
    use crate::host::{JournalQuestion, LogEntry, ServiceQuestion, Unseen};
    use crate::model::Os;

    const PLIST: (&str, &str) = ("FragmentPath", "/Library/LaunchDaemons/ai.nexplane.agent.plist");
    const KEPT: (&str, &str) = ("KeepAlive", "SuccessfulExit=no");

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_764_000_000, 0).unwrap()
    }

    /// The agent's last words in runs of these processes, the last just now.
    fn fatal(runs: &[&str]) -> Vec<LogEntry> {
        let entries = runs.iter().rev().zip(1..);
        let mut entries: Vec<LogEntry> = entries
            .map(|(run, ago)| LogEntry {
                time: Some(now() - TimeDelta::seconds(10 * ago)),
                message: "FATAL: enrollment failed: token has already been used".into(),
                priority: Some(2),
                identifier: Some("nexplane-agent".into()),
                invocation: Some((*run).into()),
                message_id: None,
            })
            .collect();
        entries.reverse();
        entries
    }

    fn judged(pairs: &[(&str, &str)], log: Vec<LogEntry>) -> (Judgement, State) {
        let service = Service {
            properties: properties(&[&[PLIST, KEPT], pairs].concat()),
            supplied: false,
        };
        let (judgement, facts) = Evidence::of(Os::Macos)
            .answer("service", ServiceQuestion::agent(Os::Macos), Ok::<_, Unseen>(service))
            .answer("journal", JournalQuestion::agent(Os::Macos), Ok::<_, Unseen>(log))
            .answer("now", (), now())
            .judge(&Probe);
        (judgement, facts.get::<Standing>().unwrap().state)
    }

    #[test]
    fn each_state_has_its_finding() {
        let running = ("JobState", "running");
        let idle = ("JobState", "not running");
        let out = ("JobState", "not loaded");
        for (pairs, code, state, words) in [
            (&[running, ("Runs", "1")][..], None, State::Running, ""),
            (&[running, ("KeepAlive", "no")], Some("service.not_enabled"), State::Running, "neither RunAtLoad"),
            (&[running, ("FragmentPath", "/tmp/x.plist")], Some("service.not_enabled"), State::Running, "is not in /Library/LaunchDaemons."),
            (&[running, ("DefinitionError", "it has no Label")], Some("service.not_enabled"), State::Running, "no Label"),
            (&[running, ("DefinitionChanged", "EnvironmentVariables")], Some("service.outdated"), State::Running, "EnvironmentVariables"),
            (&[running, ("Disabled", "yes")], Some("service.masked"), State::Unstartable, "still runs"),
            (&[out, ("Disabled", "yes")], Some("service.masked"), State::Unstartable, "disabled"),
            (&[out], Some("service.stopped"), State::Stopped, "bootout"),
            (&[out, ("DefinitionError", "it has no Label")], Some("service.broken_unit"), State::Unstartable, "it has no Label"),
            (&[idle, ("Runs", "0"), ("LastExitCode", "(never exited)")], Some("service.stopped"), State::Stopped, "since it was loaded"),
            (&[idle, ("Runs", "1"), ("LastExitCode", "0")], Some("service.stopped"), State::Stopped, "somebody stopped it"),
            (&[idle, ("Runs", "1"), ("LastExitCode", "1")], Some("service.failed"), State::Failed, "exit code 1"),
            (&[idle, ("Runs", "1"), ("LastTerminatingSignal", "Killed: 9")], Some("service.failed"), State::Failed, "SIGKILL"),
            (&[("JobState", "spawn scheduled"), ("Runs", "0")], None, State::Starting, ""),
            (&[("JobState", "spawn scheduled"), ("Runs", "54"), ("LastExitCode", "78: EX_CONFIG")], Some("service.crash_looping"), State::CrashLooping, "restarted 53 times: the agent could not be executed (78/EX_CONFIG)"),
            (&[("JobState", "dancing")], None, State::Unknown, ""),
        ] {
            let (judgement, seen) = judged(pairs, Vec::new());
            assert_eq!(codes(&judgement), code.into_iter().collect::<Vec<_>>(), "{pairs:?}");
            assert_eq!(seen, state, "{pairs:?}");
            let detail = judgement.findings.first().map_or("", |it| &it.detail);
            assert!(detail.contains(words), "{detail}");
        }
    }

    #[test]
    fn a_job_between_two_ends_is_in_a_loop() {
        let pairs = [("JobState", "running"), ("Runs", "12"), ("LastExitCode", "1")];
        let (judgement, state) = judged(&pairs, fatal(&["1", "2", "3"]));
        assert_eq!((codes(&judgement), state), (vec!["service.crash_looping"], State::CrashLooping));
        assert!(judgement.findings[0].detail.contains("token has already been used"));
        // That it once was in one is history.
        let (judgement, state) = judged(&pairs, fatal(&["3"]));
        assert_eq!((codes(&judgement), state), (vec![], State::Running));
    }
}
