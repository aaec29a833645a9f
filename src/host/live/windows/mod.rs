//! Windows: what it keeps of files, services, logs, accounts, time and the network, asked through its own interfaces.
//!
//! Each module that has to call Windows itself says so; none of them starts a shell.

mod account;
mod changes;
mod events;
mod files;
mod network;
mod registry;
mod security;
mod services;
mod text;
mod time;

pub(crate) use changes::{Order, look, send, set_start, set_variables, variables};
pub(crate) use events::EventSource;
pub(crate) use security::{
    close_to_others, is_elevated, list_of, of as security, open_to_readers, other_writers,
    reopened, set_list_of,
};

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::commands::Lines;
use super::deadline::Deadline;
use super::files::Root;
use super::history::HistoryQuestion;
use super::proxy::Proxies;
use super::scrub::Scrubber;
use crate::host::{
    Account, Group, Inside, InsideQuestion, JournalQuestion, LogEntry, NetworkSettings, Seen,
    Service, Unseen,
};

pub(super) use account::current_user;
pub(super) use files::{fill, fill_list, identity, is_executable, open, room, volume};
pub(super) use network::network_error;
pub(super) use time::time_sync;

/// Where programs are when the search path is short, as in a service.
pub(super) const PROGRAMS: &str = r"C:\Windows\System32;C:\Windows;C:\Program Files\NexplaneAgent";

/// Programs whose versions an engineer asks for first: none, because the system's own says it all.
pub(super) const VERSIONED: [(&str, &str, &str); 0] = [];

/// The first line of what a program says of its version.
pub(super) async fn version(_: Deadline, program: &str, _: &str) -> Seen<String> {
    Err(Unseen::unsupported(format!(
        "{program} is not asked for its version here"
    )))
}

/// What there is to ask on this system: everything.
pub(super) fn known_system(_what: &str) -> Seen<()> {
    Ok(())
}

/// Services are defined in the registry, which is in no file that can be read under another root.
pub(super) fn defined(_root: &Root, _name: &str) -> Seen<Service> {
    Err(Unseen::unsupported(
        "the services of another Windows are in its registry, which is not read under another root",
    ))
}

/// What the service control manager says of a service.
pub(super) async fn service(deadline: Deadline, name: &str) -> Seen<Service> {
    let name = name.to_owned();
    deadline.blocking(move || services::service(&name)).await?
}

/// The last entries of a service's log.
pub(super) async fn journal(deadline: Deadline, question: &JournalQuestion) -> Seen<Vec<LogEntry>> {
    let question = question.clone();
    deadline
        .blocking(move || events::journal(&question))
        .await?
}

/// The most entries that are handed on.
const HISTORY: u32 = 20_000;

/// Hands on entries of a service's log, the newest first.
pub(super) async fn history(
    deadline: Deadline,
    question: &HistoryQuestion,
    each: &mut (dyn FnMut(LogEntry) -> ControlFlow<()> + Send),
) -> Seen<Lines> {
    let asked = JournalQuestion {
        unit: question.unit.clone(),
        lines: HISTORY,
    };
    let entries = match journal(deadline, &asked).await {
        Err(Unseen::TimedOut { .. }) => return Ok(Lines::Late),
        entries => entries?,
    };
    for entry in entries.into_iter().rev() {
        if question.wants(&entry) && each(entry).is_break() {
            return Ok(Lines::Enough);
        }
    }
    Ok(Lines::All)
}

/// What every service of this machine goes by.
pub(super) async fn network_settings(deadline: Deadline) -> Seen<NetworkSettings> {
    deadline.blocking(network::settings).await?
}

/// Name and version of the system.
pub(super) fn os_version() -> Option<String> {
    sysinfo::System::long_os_version().ok()
}

/// What another process sees is what this one sees, but for its environment, which is not to be had.
pub(super) fn inside(_: &InsideQuestion, _: &Scrubber, _: &Proxies) -> Seen<Inside> {
    Err(Unseen::unsupported(
        "what a running process was started with is not told by Windows",
    ))
}

/// A user of this machine, or of its domain.
pub(super) async fn listed_account(deadline: Deadline, name: &str) -> Seen<Account> {
    let name = name.to_owned();
    deadline.blocking(move || account::named(&name)).await?
}

/// Groups have no numbers here.
pub(super) async fn listed_group(_deadline: Deadline, _name: &str) -> Seen<Group> {
    Err(Unseen::Absent)
}

/// A program that was started: it is killed when nobody waits for it any more, and has nothing that outlives it.
pub(super) struct Family;

impl Family {
    /// Has the program open no window, and hear nothing of Ctrl-C.
    pub(super) fn prepare(command: &mut tokio::process::Command) {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    }

    pub(super) fn of(_: &tokio::process::Child) -> Self {
        Self
    }

    pub(super) fn leave(self) {}
}

/// Properties of a service, as they are told.
type Properties = BTreeMap<String, String>;
