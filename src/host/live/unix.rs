//! What Linux and macOS have in common: what the kernel keeps of a file, users and groups, processes, network errors.

use std::fs::{File, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::commands::Lines;
use super::deadline::Deadline;
use super::files::Links;
use super::history::HistoryQuestion;
use super::{acl, linux, system};
use crate::host::{Account, JournalQuestion, LogEntry, Seen, Service, Stat, TimeSync, Unseen};
use crate::model::Os;

pub(super) use super::accounts::{listed as listed_account, listed_group};
pub(super) use super::inside::look as inside;

/// Where programs are when the search path is short, as in a service or a cron job.
pub(super) const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Programs whose versions an engineer asks for first: what it is, the program, and what it is asked with.
pub(super) const VERSIONED: [(&str, &str, &str); 2] = [
    ("systemd", "systemctl", "--version"),
    ("openssl", "openssl", "version"),
];

/// The first line of what a program says of its version.
pub(super) async fn version(deadline: Deadline, program: &str, argument: &str) -> Seen<String> {
    linux::version(deadline, program, argument).await
}

/// The one place that says which operating systems have their service manager, log and time service here.
pub(super) fn known_system(what: &str) -> Seen<()> {
    if cfg!(target_os = "linux") {
        Ok(())
    } else {
        Err(Unseen::unsupported(format!(
            "{what} of {} cannot be asked for yet: look with the commands of the runbook",
            Os::current()
        )))
    }
}

/// Whether what defines a service is in files, which another root has too.
pub(super) fn units_are_files() -> Seen<()> {
    Ok(())
}

/// What the service manager says of a service.
pub(super) async fn service(deadline: Deadline, unit: &str) -> Seen<Service> {
    linux::service(deadline, unit).await
}

/// The last entries of a service's log.
pub(super) async fn journal(deadline: Deadline, question: &JournalQuestion) -> Seen<Vec<LogEntry>> {
    linux::journal(deadline, question).await
}

/// Hands on entries of a service's log, the newest first.
pub(super) async fn history(
    deadline: Deadline,
    question: &HistoryQuestion,
    each: &mut (dyn FnMut(LogEntry) -> ControlFlow<()> + Send),
) -> Seen<Lines> {
    linux::history(deadline, question, each).await
}

/// What files and the kernel tell of time synchronisation; where they do not (systemd before 236), what `timedatectl` does.
pub(super) async fn time_sync(deadline: Deadline) -> Seen<TimeSync> {
    #[cfg(target_os = "linux")]
    if let Some(seen) = super::time_sync::ask(deadline).await? {
        return Ok(seen);
    }
    linux::time_sync(deadline).await
}

/// They are in files, which are read as such.
pub(super) fn network_settings() -> Seen<crate::host::NetworkSettings> {
    Err(Unseen::unsupported("this system keeps them in files"))
}

/// Where a path of this machine begins.
pub(super) fn volume(_path: &Path) -> PathBuf {
    "/".into()
}

/// What the kernel keeps of who may do what, and when it was changed.
pub(super) fn fill(stat: &mut Stat, metadata: &Metadata) {
    stat.mode = metadata.mode() & 0o7777;
    stat.uid = metadata.uid();
    stat.gid = metadata.gid();
    // A moment that no calendar has is none.
    stat.modified = DateTime::<Utc>::from_timestamp(metadata.mtime(), 0);
}

/// Adds the access control list of what is at `real`.
pub(super) fn fill_list(stat: &mut Stat, real: &Path) {
    stat.acl = acl::of(real);
}

/// What tells a file from every other: its device, and its number there.
pub(super) fn identity(_real: &Path, metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether somebody may execute it.
pub(super) fn is_executable(_path: &Path, metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

/// A file system's numbers.
pub(super) fn room(real: &Path) -> io::Result<crate::host::FileSystem> {
    let numbers = rustix::fs::statvfs(real)?;
    Ok(crate::host::FileSystem {
        path: PathBuf::new(),
        total_bytes: numbers.f_blocks.saturating_mul(numbers.f_frsize),
        free_bytes: numbers.f_bfree.saturating_mul(numbers.f_frsize),
        available_bytes: numbers.f_bavail.saturating_mul(numbers.f_frsize),
        total_inodes: numbers.f_files,
        free_inodes: numbers.f_ffree,
        read_only: numbers.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

/// Opens what was found and nothing that took its place since: no link, and never waiting for a writer of a pipe.
pub(super) fn open(real: &Path, links: Links, found: &Metadata) -> io::Result<Option<File>> {
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if links == Links::Resolved {
        flags |= OFlags::NOFOLLOW;
    }
    let file = File::from(rustix::fs::open(real, flags, Mode::empty())?);
    let opened = file.metadata()?;
    let same = (opened.dev(), opened.ino()) == (found.dev(), found.ino());
    Ok(same.then_some(file))
}

/// The name of a network error, as errno(3) has it.
pub(super) fn network_error(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::CONNREFUSED => "ECONNREFUSED",
        Errno::CONNRESET => "ECONNRESET",
        Errno::PIPE => "EPIPE",
        Errno::TIMEDOUT => "ETIMEDOUT",
        Errno::ACCESS => "EACCES",
        Errno::PERM => "EPERM",
        Errno::INVAL => "EINVAL",
        Errno::HOSTUNREACH => "EHOSTUNREACH",
        Errno::NETUNREACH => "ENETUNREACH",
        Errno::NETDOWN => "ENETDOWN",
        Errno::NOPROTOOPT => "ENOPROTOOPT",
        Errno::HOSTDOWN => "EHOSTDOWN",
        Errno::ADDRNOTAVAIL => "EADDRNOTAVAIL",
        Errno::AFNOSUPPORT => "EAFNOSUPPORT",
        _ => "",
    })
}

/// The processes that a program started: killed when dropped, unless the program ended by itself.
pub(super) struct Family(Option<Pid>);

impl Family {
    /// Has the program begin one of its own.
    pub(super) fn prepare(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        )
    }

    /// It ended by itself.
    pub(super) fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // They may be gone already, which is as well.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Name and version of the system where no file says them.
pub(super) fn os_version() -> Option<String> {
    None
}

/// Who the doctor runs as, on this machine and not under another root.
pub(super) fn current_user() -> Account {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let mut gids = vec![gid];
    for group in rustix::process::getgroups().unwrap_or_default() {
        if !gids.contains(&group.as_raw()) {
            gids.push(group.as_raw());
        }
    }
    let name = system::user_name(uid).unwrap_or_else(|| uid.to_string());
    Account {
        uid,
        name,
        gids,
        sids: Vec::new(),
    }
}
