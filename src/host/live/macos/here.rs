//! The conversations of this room, with the programs of this Mac.

use std::ops::ControlFlow;
use std::path::PathBuf;

use chrono::Utc;
use futures_util::future::BoxFuture;

use super::{Programs, Said, accounts, job, log, network, time};
use crate::host::live::commands::{self, Lines};
use crate::host::live::deadline::Deadline;
use crate::host::live::files::Root;
use crate::host::live::history::HistoryQuestion;
use crate::host::live::proxy::Proxies;
use crate::host::live::scrub::Scrubber;
use crate::host::{
    Account, Group, Inside, InsideQuestion, JournalQuestion, LogEntry, NetworkSettings, Seen,
    Service, TimeSync, Unseen,
};

/// Where programs are when the search path is short, as in a service.
pub(in crate::host::live) const PROGRAMS: &str =
    "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// Programs whose versions an engineer asks for first: what it is, the program, and what it is asked with.
pub(in crate::host::live) const VERSIONED: [(&str, &str, &str); 2] = [
    ("launchd", "launchctl", "version"),
    ("openssl", "openssl", "version"),
];

/// The first line of what a program says of its version.
pub(in crate::host::live) async fn version(
    deadline: Deadline,
    program: &str,
    argument: &str,
) -> Seen<String> {
    let said = Here(deadline).ask(program, &[argument]).await?;
    said.out
        .lines()
        .next()
        .map(str::to_owned)
        .ok_or(Unseen::Absent)
}

/// What there is to ask on this system: everything.
pub(in crate::host::live) fn known_system(_what: &str) -> Seen<()> {
    Ok(())
}

/// What another process sees is what this one sees, but for its environment, which is its own.
pub(in crate::host::live) fn inside(_: &InsideQuestion, _: &Scrubber, _: &Proxies) -> Seen<Inside> {
    Err(Unseen::unsupported(
        "what a running process was started with is not told by macOS",
    ))
}

/// The programs of this Mac, within one answer's time.
struct Here(Deadline);

impl Programs for Here {
    fn ask<'a>(&'a self, program: &'a str, args: &'a [&'a str]) -> BoxFuture<'a, Seen<Said>> {
        Box::pin(async move {
            let path = find(self.0, program).await?;
            let output = commands::run(self.0, &path, args).await?;
            Ok(Said {
                code: output.status.code(),
                out: String::from_utf8_lossy(&output.stdout).into_owned(),
                err: output.stderr,
            })
        })
    }
}

async fn find(deadline: Deadline, program: &str) -> Seen<PathBuf> {
    let name = program.to_owned();
    let found = deadline.blocking(move || commands::find(&Root::new(None), &name));
    found.await?.map_err(|_| {
        Unseen::unsupported(format!("{program} is not here, which is a part of macOS"))
    })
}

/// What launchd says of a job.
pub(in crate::host::live) async fn service(deadline: Deadline, label: &str) -> Seen<Service> {
    let of = label.to_owned();
    let read = async |path: String| {
        deadline
            .blocking(move || job::read(&Root::new(None), &of, &path))
            .await
    };
    job::service(&Here(deadline), label, read).await
}

/// What a definition under another root says of a job.
pub(in crate::host::live) fn defined(root: &Root, label: &str) -> Seen<Service> {
    job::check_label(label)?;
    job::written(job::read(root, label, &job::usual_path(label)))
}

fn arguments<'a>(predicate: &'a str, back: &'a str) -> [&'a str; 8] {
    [
        "show",
        "--style",
        "ndjson",
        "--info",
        "--predicate",
        predicate,
        "--last",
        back,
    ]
}

/// How far back is looked for the end of a service's log: what is older takes `log` longer to find than a diagnosis may take.
const BACK: &str = "30m";
/// What kept `log` from answering: it speaks only to administrators, and to none that is in a sandbox.
fn refused(unseen: Unseen) -> Unseen {
    match unseen {
        Unseen::Unsupported { why } => {
            Unseen::unsupported(format!("the unified log was not shown: {why}"))
        }
        other => other,
    }
}

/// The last entries of a job's log.
pub(in crate::host::live) async fn journal(
    deadline: Deadline,
    question: &JournalQuestion,
) -> Seen<Vec<LogEntry>> {
    let predicate = log::predicate(&question.unit)?;
    let program = find(deadline, "log").await?;
    let mut last = log::Last::of(question.lines as usize);
    let mut each = |line: &[u8]| {
        last.add(line);
        ControlFlow::Continue(())
    };
    let ended = commands::lines(deadline, &program, &arguments(&predicate, BACK), &mut each).await;
    match ended.map_err(refused)? {
        // The newest would be missing.
        Lines::Late => Err(deadline.timed_out()),
        Lines::All | Lines::Enough => Ok(last.into_entries()),
    }
}

/// The most entries that are handed on.
const HISTORY: usize = 20_000;

/// Hands on entries of a job's log, the newest first.
pub(in crate::host::live) async fn history(
    deadline: Deadline,
    question: &HistoryQuestion,
    each: &mut (dyn FnMut(LogEntry) -> ControlFlow<()> + Send),
) -> Seen<Lines> {
    let predicate = log::predicate(&question.unit)?;
    let program = find(deadline, "log").await?;
    let back = log::back(question.since, Utc::now());
    let mut last = log::Last::of(HISTORY);
    let mut add = |line: &[u8]| {
        last.add(line);
        ControlFlow::Continue(())
    };
    let ended = commands::lines(deadline, &program, &arguments(&predicate, &back), &mut add).await;
    if ended.map_err(refused)? == Lines::Late {
        return Ok(Lines::Late);
    }
    for entry in last.into_entries().into_iter().rev() {
        if question.wants(&entry) && each(entry).is_break() {
            return Ok(Lines::Enough);
        }
    }
    Ok(Lines::All)
}

/// What keeps the time.
pub(in crate::host::live) async fn time_sync(deadline: Deadline) -> Seen<TimeSync> {
    let ntp_conf = deadline
        .blocking(|| Root::new(None).read_text(time::SERVERS, 64 << 10))
        .await?;
    time::sync(&Here(deadline), ntp_conf).await
}

/// What the network is told of names and proxies.
pub(in crate::host::live) async fn network_settings(deadline: Deadline) -> Seen<NetworkSettings> {
    network::settings(&Here(deadline)).await
}

/// A user that is in no file.
pub(in crate::host::live) async fn listed_account(deadline: Deadline, name: &str) -> Seen<Account> {
    accounts::account(&Here(deadline), name).await
}

/// A group that is in no file.
pub(in crate::host::live) async fn listed_group(deadline: Deadline, name: &str) -> Seen<Group> {
    accounts::group(&Here(deadline), name).await
}
