//! What Linux and macOS have in common: what the kernel keeps of a file, users and groups, processes, network errors.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::files::Links;
use super::{acl, system};
use crate::host::{Account, Stat};

/// What the two have otherwise: programs, services, logs, directories of users, time, processes.
#[cfg(not(target_os = "macos"))]
pub(super) use super::linux::{
    PROGRAMS, VERSIONED, defined, history, inside, journal, known_system, listed_account,
    listed_group, network_settings, service, time_sync, version,
};
#[cfg(target_os = "macos")]
pub(super) use super::macos::{
    PROGRAMS, VERSIONED, defined, history, inside, journal, known_system, listed_account,
    listed_group, network_settings, service, time_sync, version,
};

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
    match cfg!(target_os = "macos") {
        true => sysinfo::System::long_os_version().ok(),
        false => None,
    }
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
