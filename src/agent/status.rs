//! `nexplane-agent status`: does the agent run, who is it, when was it last heard of.
//!
//! Looks only: asks the service manager within a bound, and reads what the running agent keeps. What this user may not read is
//! said to be so, and never guessed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::enroll::HostFacts;
use super::setting::Setting;
use super::state::{AgentState, StateDirectory, boot_id};
use super::{IdentityFiles, VERSION, files};
use crate::host::live::{LiveHost, Settings};
use crate::host::{Activity, Host as _, Process, Seen, Service, ServiceQuestion, Unseen};
use crate::model::{Os, excerpt, printable};

/// What is said of a host without an agent.
const NOT_INSTALLED: &str =
    "not installed (`nexplane-agent install --control-plane URL --token-file FILE` installs it)";
/// How long the service manager may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// That could not be found out.
    Unknown,
}

/// Says how the agent stands that the configuration at `config` describes.
///
/// # Errors
/// When `out` cannot be written to.
pub async fn status(
    config: &Path,
    kept: &StateDirectory,
    hostname: &str,
    environment: &BTreeMap<String, String>,
    now: DateTime<Utc>,
    out: &mut (dyn Write + Send),
) -> io::Result<Running> {
    let host = LiveHost::new(Settings::new(PATIENCE));
    let (service, processes) = tokio::join!(
        host.service(ServiceQuestion::agent(Os::current())),
        host.processes("nexplane-agent".to_owned()),
    );
    let state = kept.read_state();
    let alive = state.as_ref().ok().and_then(Option::as_ref).map(|state| {
        let there = processes
            .as_ref()
            .map(|all| all.iter().any(|p| p.pid == state.pid));
        there.map(|there| there && state.boot_id == boot_id())
    });
    let (running, words) = match nowhere(&service, &state, &processes) {
        true => (Running::No, NOT_INSTALLED.to_owned()),
        false => standing(&service, alive),
    };
    let setting = Setting::read(config, environment);
    let plane = match &setting {
        Ok(setting) => setting.plane.to_string(),
        Err(why) => format!("unknown ({why})"),
    };
    let facts = HostFacts::named(hostname);
    let lines = [
        ("Agent status", words),
        ("Control plane", plane),
        (
            "Agent ID",
            agent_id(setting.as_ref().ok().map(|s| &s.files), &state),
        ),
        ("Hostname", facts.hostname),
        ("OS", format!("{}/{}", facts.os, facts.arch)),
        ("Agent version", VERSION.to_owned()),
        ("Last heartbeat", last_heartbeat(kept, &state, now)),
        ("Pending tasks", pending(&state)),
    ];
    for (what, value) in lines {
        write_line(out, what, &value)?;
    }
    if let Some(diagnosis) = last_diagnosis(kept, now) {
        write_line(out, "Last diagnosis", &diagnosis)?;
    }
    Ok(running)
}

fn write_line(out: &mut dyn Write, what: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{:<16}{}", format!("{what}:"), printable(value))
}

/// Whether no agent is here: no service of its name, none that ran by itself and kept a state, and no process but this one.
fn nowhere(
    service: &Seen<Service>,
    state: &io::Result<Option<AgentState>>,
    processes: &Seen<Vec<Process>>,
) -> bool {
    let no_service = match service {
        Ok(service) => service.get("LoadState") == Some("not-found"),
        Err(unseen) => *unseen == Unseen::Absent,
    };
    let alone = |all: &Vec<Process>| all.iter().all(|it| it.pid == std::process::id());
    no_service && matches!(state, Ok(None)) && processes.as_ref().is_ok_and(alone)
}

/// What the service manager says; without one, whether the process that keeps the state is there.
fn standing(service: &Seen<Service>, alive: Option<Result<bool, &Unseen>>) -> (Running, String) {
    let by_process = |why: &str| match alive {
        Some(Ok(true)) => (Running::Yes, format!("running ({why})")),
        Some(Ok(false)) => (Running::No, format!("not running ({why})")),
        Some(Err(_)) | None => (Running::Unknown, format!("unknown ({why})")),
    };
    if let Some(windows) = service.as_ref().ok().and_then(Service::windows) {
        return match windows.activity() {
            Some(Activity::Running) => (Running::Yes, "running".into()),
            Some(_) => {
                let state = service.as_ref().ok().and_then(|it| it.get("CurrentState"));
                (Running::No, excerpt(state.unwrap_or_default()))
            }
            None => by_process("the service manager does not say"),
        };
    }
    match service {
        Ok(service) => match (service.get("ActiveState"), service.get("SubState")) {
            (Some("active" | "reloading" | "refreshing"), _) => (Running::Yes, "running".into()),
            _ if service.get("LoadState") == Some("not-found") => {
                by_process("no such service is installed")
            }
            (Some(state), sub) => {
                let sub = sub
                    .map(|sub| format!(" ({})", excerpt(sub)))
                    .unwrap_or_default();
                (Running::No, format!("{}{sub}", excerpt(state)))
            }
            (None, _) => by_process("the service manager does not say"),
        },
        Err(Unseen::Absent) => by_process("no such service is installed"),
        Err(unseen) => by_process(&format!("the service manager could not be asked: {unseen}")),
    }
}

/// The certificate's, or else what the running agent said.
fn agent_id(files: Option<&IdentityFiles>, state: &io::Result<Option<AgentState>>) -> String {
    let why = match files.map(IdentityFiles::agent_id) {
        Some(Ok(id)) => return excerpt(&id),
        Some(Err(error)) => error.to_string(),
        None => "the configuration does not say where its certificate is".to_owned(),
    };
    match state {
        Ok(Some(AgentState {
            agent_id: Some(id), ..
        })) => excerpt(id),
        _ => format!("unknown ({why})"),
    }
}

fn last_heartbeat(
    kept: &StateDirectory,
    state: &io::Result<Option<AgentState>>,
    now: DateTime<Utc>,
) -> String {
    let state = match state {
        Ok(Some(state)) => state,
        Ok(None) => return "never".to_owned(),
        Err(error) => return unreadable(&kept.state(), error),
    };
    let last = state
        .last_heartbeat
        .map_or("never".to_owned(), |at| ago(now - at));
    match &state.last_failure {
        Some(why) => format!("{last} (now: {})", excerpt(why)),
        None => last,
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("unknown ({}: {})", path.display(), files::words(error))
}

fn pending(state: &io::Result<Option<AgentState>>) -> String {
    match state {
        Ok(Some(state)) => state
            .pending_tasks
            .map_or("unknown".to_owned(), |count| count.to_string()),
        _ => "unknown".to_owned(),
    }
}

/// `3s ago`, in the largest unit of which there is one.
fn ago(age: TimeDelta) -> String {
    match age.num_seconds() {
        ..0 => "in the future, by this host's clock".to_owned(),
        seconds @ ..120 => format!("{seconds}s ago"),
        seconds @ ..7_200 => format!("{}m ago", seconds / 60),
        seconds @ ..172_800 => format!("{}h ago", seconds / 3_600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

/// The last diagnosis, if it is there and says that something is not well.
fn last_diagnosis(kept: &StateDirectory, now: DateTime<Utc>) -> Option<String> {
    let text = match kept.read_diagnosis() {
        Ok(text) => text?,
        Err(error) => return Some(unreadable(&kept.diagnosis(), &error)),
    };
    let report = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
    let Some(verdict) = report["verdict"].as_str() else {
        let path = kept.diagnosis();
        return Some(format!("unknown ({} is no report)", path.display()));
    };
    if verdict == "healthy" {
        return None;
    }
    let when = report["started_at"]
        .as_str()
        .and_then(|at| DateTime::parse_from_rfc3339(at).ok())
        .map_or("at an unknown time".to_owned(), |at| ago(now - at.to_utc()));
    let findings = report["findings"].as_array().into_iter().flatten();
    let mut told = findings
        .filter(|f| f["role"] != "symptom")
        .filter_map(|f| Some(format!("{}: {}", f["code"].as_str()?, f["title"].as_str()?)));
    let first = told
        .next()
        .map(|first| format!(": {first}"))
        .unwrap_or_default();
    let more = match told.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    Some(excerpt(&format!("{verdict} {when}{first}{more}")))
}

#[cfg(test)]
mod tests;
