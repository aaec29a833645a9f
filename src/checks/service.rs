//! Is the agent running? What the service manager says of its service, and what the log says of its end.
//!
//! What ended the agent is often another check's finding. Whose, the last fatal line of the log since the last start
//! says; an end that no line of the agent's could cause (a signal, no memory) is explained by nothing.

mod directive;
mod eyes;
mod launchd;
mod log;
mod needs;
mod network;
mod obstructed;
mod own_diagnosis;
mod paths;
#[cfg(test)]
mod tests;
mod windows;

use chrono::{DateTime, Utc};
use futures_util::future::join5;

use self::log::Log;
use self::needs::Needs;
use super::{Check, Decision, Facts, Judgement, Known};
use crate::contract::paths::AgentPaths;
use crate::host::{
    Content,
    End, Host, JournalQuestion, LogEntry, Process, Seen, Service, ServiceQuestion, Unseen,
};
use crate::logs::{self, History, LastFatal};
use crate::model::{Code, Explained, Finding, Placeholder, excerpt};

const NOT_INSTALLED: Code = Code::from_static("service.not_installed");
const STOPPED: Code = Code::from_static("service.stopped");
const FAILED: Code = Code::from_static("service.failed");
const CRASH_LOOPING: Code = Code::from_static("service.crash_looping");
const MASKED: Code = Code::from_static("service.masked");
const BROKEN_UNIT: Code = Code::from_static("service.broken_unit");
const NOT_ENABLED: Code = Code::from_static("service.not_enabled");
const SANDBOXED: Code = Code::from_static("service.sandboxed");
const READ_ONLY: Code = Code::from_static("service.read_only");
const OUTDATED: Code = Code::from_static("service.outdated");
const INSTALL_INCOMPLETE: Code = Code::from_static("install.incomplete");

/// What the service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It is being started, and has not said yet that it is ready.
    Starting,
    /// It does not run, and not because it failed.
    Stopped,
    /// It ended with an error.
    Failed,
    /// It is being restarted over and over.
    CrashLooping,
    /// It cannot be started: masked, its definition broken, or there is none.
    Unstartable,
    /// That cannot be known here.
    Unknown,
}

/// What is known of the agent's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it is doing.
    pub state: State,
    /// The user that it runs as; none for the superuser.
    pub user: Option<String>,
    /// The last fatal line of the agent's since its last start.
    pub last_fatal: Option<LastFatal>,
}

/// What the service's log tells of, known or not whether it still is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// A problem each, the last one that was told of last.
    pub histories: Vec<History>,
    /// When the log was read, by the host's clock.
    pub now: DateTime<Utc>,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    service: Seen<Service>,
    journal: Seen<Vec<LogEntry>>,
    processes: Seen<Vec<Process>>,
    now: DateTime<Utc>,
    /// What it, or a doctor at its start, last diagnosed.
    diagnosis: Seen<Content>,
    /// What its sandbox may be in the way of, if there is a unit.
    needs: Option<Needs>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "service";
    /// The programs that it asks take longest of all that is asked here: they start first.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&[]);
    const CODES: &'static [Code] = &[
        NOT_INSTALLED,
        STOPPED,
        FAILED,
        CRASH_LOOPING,
        MASKED,
        BROKEN_UNIT,
        SANDBOXED,
        NOT_ENABLED,
        READ_ONLY,
        OUTDATED,
    ];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let os = known.system.os;
        let service_and_needs = async {
            let service = host.service(ServiceQuestion::agent(os)).await;
            let needs = match service.as_ref().ok().filter(|service| is_loaded(service) && is_of_systemd(service)) {
                Some(service) => Some(Needs::collect(host, known, service).await),
                None => None,
            };
            (service, needs)
        };
        let ((service, needs), journal, processes, now, diagnosis) = join5(
            service_and_needs,
            host.journal(JournalQuestion::agent(os)),
            host.processes("nexplane-agent".to_owned()),
            host.now(()),
            host.read(own_diagnosis::question(os)),
        )
        .await;
        Evidence {
            diagnosis,
            needs,
            service,
            journal,
            processes,
            now,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let unit = AgentPaths::of(known.system.os).service;
        let log = Log::read(&evidence);
        let (state, judgement) = match &evidence.service {
            Ok(service) => judge_service(unit, service, &log),
            Err(Unseen::Absent) => (State::Unstartable, not_installed(unit).into()),
            Err(unseen) => (State::Unknown, Judgement::unknown(no_manager(unseen))),
        };
        facts.publish(Logged {
            histories: logs::histories(evidence.journal.as_deref().unwrap_or_default()),
            now: evidence.now,
        });
        facts.publish(Standing {
            state,
            user: evidence
                .service
                .as_ref()
                .ok()
                .and_then(|service| service.user().map(str::to_owned)),
            last_fatal: log.last_fatal.clone(),
        });
        let judgement = with_processes(judgement, &evidence);
        let judgement = own_diagnosis::note(judgement, &evidence.diagnosis, evidence.now);
        match (&evidence.service, &evidence.needs) {
            (Ok(service), Some(needs)) => eyes::judge(judgement, unit, service, needs, &log),
            _ => judgement,
        }
    }
}

/// Whether there is a definition that says how the service would run.
fn is_loaded(service: &Service) -> bool {
    !matches!(
        service.get("LoadState"),
        Some("not-found" | "masked" | "bad-setting" | "error")
    )
}

/// Only of its units a sandbox can be in the way.
fn is_of_systemd(service: &Service) -> bool {
    service.windows().is_none() && service.launchd().is_none()
}

fn no_manager(unseen: &Unseen) -> String {
    match unseen {
        Unseen::Denied => {
            "the service manager did not let this user ask it; run the doctor as root".to_owned()
        }
        unseen => format!("whether the agent's service runs could not be asked: {unseen}"),
    }
}

/// Where no manager can be asked, that the process runs is at least worth a line.
fn with_processes(judgement: Judgement, evidence: &Evidence) -> Judgement {
    let judgement = match &evidence.service {
        Ok(service) if service.supplied => judgement.note(
            "service manager",
            "supplied by the lab, not this host's own",
        ),
        _ => judgement,
    };
    match (&evidence.processes, &judgement.decision) {
        (Ok(processes), Decision::Unknown(_)) if !processes.is_empty() => {
            let pids: Vec<_> = processes.iter().map(|p| p.pid.to_string()).collect();
            judgement.note(
                "process nexplane-agent runs",
                format!("pid {}", pids.join(", ")),
            )
        }
        _ => judgement,
    }
}

fn judge_service(unit: &str, service: &Service, log: &Log) -> (State, Judgement) {
    if let Some(of_windows) = service.windows() {
        return windows::judge(unit, service, of_windows, log);
    }
    if let Some(job) = service.launchd() {
        return launchd::judge(unit, service, job, log);
    }
    let masked = |property| {
        service
            .get(property)
            .is_some_and(|v| v.starts_with("masked"))
    };
    match service.get("LoadState") {
        Some("not-found") => return (State::Unstartable, not_installed(unit).into()),
        Some("masked") => return (State::Unstartable, masked_finding(unit, service).into()),
        Some(broken @ ("bad-setting" | "error")) => {
            return (
                State::Unstartable,
                broken_unit(unit, broken, service).into(),
            );
        }
        _ if masked("UnitFileState") => {
            return (State::Unstartable, masked_finding(unit, service).into());
        }
        _ => {}
    }
    let Some(active) = service.get("ActiveState") else {
        let reason = "whether the service runs cannot be known from the files of another root";
        return (State::Unknown, Judgement::unknown(reason));
    };
    let sub = service.get("SubState").unwrap_or_default();
    match (active, sub) {
        _ if sub.starts_with("auto-restart") => crash_looping(unit, service, log),
        _ if log.looping(active, service) => crash_looping(unit, service, log),
        ("active", "exited") => stopped(unit, service),
        ("active" | "reloading" | "refreshing", _) => running(unit, service),
        ("activating", _) => {
            let note = format!("starting ({sub}); it has not said yet that it is ready");
            (State::Starting, Judgement::pass().note("state", note))
        }
        ("inactive" | "deactivating" | "maintenance", _) if service.end() == End::Clean => {
            stopped(unit, service)
        }
        ("inactive" | "deactivating" | "maintenance" | "failed", _) => failed(unit, service, log),
        _ => {
            let reason = format!(
                "systemd says that the service is `{active}`, which the doctor does not know"
            );
            (State::Unknown, Judgement::unknown(reason))
        }
    }
}

fn not_installed(unit: &str) -> Finding {
    let detail = format!("The service manager knows no service `{unit}`.");
    Finding::new(NOT_INSTALLED, detail).value(Placeholder::Unit, unit)
}

fn masked_finding(unit: &str, service: &Service) -> Finding {
    let runs = match service.get("ActiveState") {
        Some("active") => " It still runs, and will not start again once it ends.",
        _ => "",
    };
    let runtime = match service.get("UnitFileState") {
        Some("masked-runtime") => " until the next boot",
        _ => "",
    };
    let detail = format!("`{unit}` is masked{runtime}: nothing can start it.{runs}");
    saw_state(Finding::new(MASKED, detail), service).value(Placeholder::Unit, unit)
}

fn broken_unit(unit: &str, load_state: &str, service: &Service) -> Finding {
    // The property reads: name of a D-Bus error, then its message in quotes.
    let error = service.get("LoadError").unwrap_or_default();
    let message = error.split_once(' ').map_or(error, |(_, message)| message);
    let message = excerpt(message.trim_matches('"'));
    let why = if message.is_empty() {
        String::new()
    } else {
        format!(" systemd says: {message}")
    };
    let detail = format!("The definition of `{unit}` does not load ({load_state}).{why}");
    saw_state(Finding::new(BROKEN_UNIT, detail), service).value(Placeholder::Unit, unit)
}

fn running(unit: &str, service: &Service) -> (State, Judgement) {
    let enabled = service.get("UnitFileState").unwrap_or_default();
    let judgement = match enabled {
        "disabled" | "linked" | "linked-runtime" | "enabled-runtime" => {
            let detail = format!(
                "`{unit}` runs now and will not start at the next boot: systemd calls it `{enabled}`."
            );
            saw_state(Finding::new(NOT_ENABLED, detail), service)
                .value(Placeholder::Unit, unit)
                .into()
        }
        _ => Judgement::pass(),
    };
    let restarts = service.get("NRestarts").filter(|count| *count != "0");
    let judgement = match restarts {
        Some(count) => judgement.note("automatic restarts", format!("{count} since it was started")),
        None => judgement,
    };
    (State::Running, judgement)
}

fn stopped(unit: &str, service: &Service) -> (State, Judgement) {
    let condition = service.get("ConditionResult") == Some("no")
        && service
            .get("ConditionTimestampMonotonic")
            .is_some_and(|at| at != "0");
    let why = if condition {
        "it was to be started, and a condition of its definition was not met"
    } else if service.get("ActiveState") == Some("deactivating") {
        "it is being stopped"
    } else if service.get("ExecMainCode").is_none_or(|code| code == "0") {
        "it was not started since the host booted"
    } else {
        "it ended without an error, or somebody stopped it"
    };
    let detail = format!("`{unit}` is installed and does not run: {why}.");
    let finding = saw_state(Finding::new(STOPPED, detail), service)
        .value(Placeholder::Unit, unit)
        .explained(Explained::Never);
    (State::Stopped, finding.into())
}

fn failed(unit: &str, service: &Service, log: &Log) -> (State, Judgement) {
    let end = service.end();
    let detail = format!("`{unit}` does not run: the agent {end}.{}", log.says());
    let finding = log.quote(saw_state(Finding::new(FAILED, detail), service));
    let finding = finding.explained(log.explain(&end)).value(Placeholder::Unit, unit);
    (State::Failed, finding.into())
}

fn crash_looping(unit: &str, service: &Service, log: &Log) -> (State, Judgement) {
    let end = service.end();
    let limit = if log.limit_hit || hit_limit(service) {
        ", and systemd has given up (start limit)"
    } else {
        ""
    };
    let of_launchd = service.launchd().and_then(|job| job.restarts()).map(|count| count.to_string());
    let counted = service.get("NRestarts").or(of_launchd.as_deref()).filter(|count| *count != "0");
    let often = match (log.restarts.len(), log.restarts.first(), counted) {
        (times @ 2.., Some(since), _) => {
            let since = since.format("%Y-%m-%d %H:%M:%S UTC");
            format!("was restarted {times} times since {since}")
        }
        (_, _, Some("1")) => "was restarted once".to_owned(),
        (_, _, Some(count)) => format!("was restarted {count} times"),
        _ => "is started again and again".to_owned(),
    };
    let detail = format!("`{unit}` {often}{limit}: the agent {end}.{}", log.says());
    let finding = log.quote(saw_state(Finding::new(CRASH_LOOPING, detail), service));
    let finding = finding.explained(log.explain(&end)).value(Placeholder::Unit, unit);
    (State::CrashLooping, finding.into())
}

fn hit_limit(service: &Service) -> bool {
    service
        .get("Result")
        .is_some_and(|r| r.starts_with("start-limit"))
}

/// The properties that a person would look at first.
fn saw_state(finding: Finding, service: &Service) -> Finding {
    const SHOWN: [&str; 25] = [
        "JobState",
        "Disabled",
        "Runs",
        "LastExitCode",
        "LastExitReason",
        "LastTerminatingSignal",
        "KeepAlive",
        "RunAtLoad",
        "DefinitionError",
        "CurrentState",
        "StartType",
        "Win32ExitCode",
        "ServiceSpecificExitCode",
        "FailureActions",
        "ServiceStartName",
        "BinaryPathName",
        "LoadState",
        "ActiveState",
        "SubState",
        "Result",
        "ExecMainStatus",
        "NRestarts",
        "UnitFileState",
        "FragmentPath",
        "StateChangeTimestamp",
    ];
    SHOWN
        .iter()
        .fold(finding, |finding, property| match service.get(property) {
            Some(value) => finding.saw(*property, excerpt(value)),
            None => finding,
        })
}
