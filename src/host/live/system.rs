//! The machine itself: its name and system, its users, its processes, its own resolver.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, UpdateKind};

use super::files::Root;
use super::platform;
use crate::host::{Account, Group, Process, Seen, System, Unseen};
use crate::model::Os;

/// The most that is read of a file of users or groups.
const LIMIT: u64 = 4 << 20;

/// Name, system and user. Under another root, what its files say.
pub(super) fn describe(root: &Root) -> System {
    System {
        hostname: hostname(root),
        os: Os::current(),
        os_version: os_version(root),
        kernel: (!root.is_foreign())
            .then(|| sysinfo::System::kernel_version().ok())
            .flatten(),
        arch: std::env::consts::ARCH.into(),
        user: platform::current_user(),
        foreign_root: root.is_foreign(),
    }
}

/// The machine's name.
pub(super) fn hostname(root: &Root) -> String {
    let name = if root.is_foreign() {
        root.read_text("/etc/hostname", 4096)
            .ok()
            .and_then(|text| first_word(&text))
    } else {
        sysinfo::System::host_name().ok()
    };
    // What systemd names a machine that nobody named.
    name.unwrap_or_else(|| "localhost".into())
}

/// hostname(5): one name; comments are left out.
fn first_word(text: &str) -> Option<String> {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
}

fn os_version(root: &Root) -> Option<String> {
    if let Some(version) = platform::os_version().filter(|_| !root.is_foreign()) {
        return Some(version);
    }
    let text = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| root.read_text(path, 65536).ok())?;
    text.lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim().trim_matches(['"', '\'']).to_owned())
}

/// The name that this machine's files give a user.
#[cfg(unix)]
pub(super) fn user_name(uid: u32) -> Option<String> {
    let users = Root::new(None).read_text("/etc/passwd", LIMIT).ok()?;
    User::find(&users, &uid.to_string()).map(|user| user.name)
}

/// A user by name or number, and its groups, as the files say.
pub(super) fn account(root: &Root, name: &str) -> Seen<Account> {
    let users = root.read_text("/etc/passwd", LIMIT)?;
    let user = User::find(&users, name).ok_or(Unseen::Absent)?;
    let groups = root.read_text("/etc/group", LIMIT).unwrap_or_default();
    Ok(user.with_groups(&groups))
}

/// A group by name or number, as the file says.
pub(super) fn group(root: &Root, name: &str) -> Seen<Group> {
    let groups = root.read_text("/etc/group", LIMIT)?;
    let all = || groups.lines().filter_map(parse_group);
    all()
        .find(|group| group.name == name)
        .or_else(|| all().find(|group| group.gid.to_string() == name))
        .ok_or(Unseen::Absent)
}

/// A group as `getent group` prints it.
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) fn group_from(text: &str) -> Option<Group> {
    text.lines().find_map(parse_group)
}

/// A line of `/etc/group`.
fn parse_group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    match fields[..] {
        [name, _, gid, ..] => Some(Group {
            gid: gid.parse().ok()?,
            name: name.to_owned(),
        }),
        _ => None,
    }
}

/// A user as `getent passwd` prints it and groups as `id -G` does: for users that are not in the files.
#[cfg(all(unix, not(target_os = "macos")))]
pub(super) fn account_from(passwd: &str, gids: &str) -> Option<Account> {
    let user = passwd.lines().find_map(User::parse)?;
    let mut account = user.with_groups("");
    for gid in gids.split_whitespace().filter_map(|gid| gid.parse().ok()) {
        if !account.gids.contains(&gid) {
            account.gids.push(gid);
        }
    }
    Some(account)
}

/// A line of `/etc/passwd`.
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl User {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [name, _, uid, gid, ..] => Some(Self {
                name: name.to_owned(),
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            }),
            _ => None,
        }
    }

    /// By name, or by number where no user has that name.
    fn find(text: &str, wanted: &str) -> Option<Self> {
        let users = || text.lines().filter_map(Self::parse);
        users()
            .find(|user| user.name == wanted)
            .or_else(|| users().find(|user| user.uid.to_string() == wanted))
    }

    fn with_groups(self, groups: &str) -> Account {
        let mut gids = vec![self.gid];
        for line in groups.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, gid, members] = fields[..] else {
                continue;
            };
            let Ok(gid) = gid.parse() else { continue };
            if members.split(',').any(|member| member.trim() == self.name) && !gids.contains(&gid) {
                gids.push(gid);
            }
        }
        Account {
            uid: self.uid,
            name: self.name,
            gids,
            sids: Vec::new(),
        }
    }
}

/// Running processes whose program has this name. The kernel cuts a process's own name short; its program's path is whole.
pub(super) fn processes(name: &str) -> Seen<Vec<Process>> {
    let mut system =
        sysinfo::System::new_with_specifics(RefreshKind::nothing()).map_err(Unseen::failed)?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::All,
        true,
        ProcessRefreshKind::nothing()
            .with_exe(UpdateKind::Always)
            .without_tasks(),
    );
    let mut found: Vec<Process> = system
        .processes()
        .values()
        .filter(|process| is_named(process, name))
        .map(|process| Process {
            pid: process.pid().as_u32(),
            executable: process.exe().map(Path::to_owned),
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

/// Linux keeps 15 bytes of a process's name, and ` (deleted)` behind the path of a program that was replaced.
fn is_named(process: &sysinfo::Process, name: &str) -> bool {
    let program = process.exe().and_then(Path::file_name).map(PathBuf::from);
    match program.as_deref().and_then(Path::to_str) {
        Some(program) => program.strip_suffix(" (deleted)").unwrap_or(program) == name,
        None => {
            let short: String = name.chars().take(15).collect();
            process.name().to_str() == Some(&short)
        }
    }
}

/// getaddrinfo; may block for as long as the system's resolver likes.
pub(super) fn lookup(name: &str) -> Seen<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs().map_err(Unseen::failed)?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    fn other_root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("etc/hostname", "# the name\n web-server-01\n");
        write("etc/os-release", "ID=x\nPRETTY_NAME=\"Example Linux 9\"\n");
        write(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nbroken\nagent:x:990:991::/:/bin/false\n",
        );
        write(
            "etc/group",
            "ssl-cert:x:105:agent,www\nagent:x:991:\nadm:x:4:root\n",
        );
        let root = Root::new(Some(dir.path().to_owned()));
        (dir, root)
    }

    #[test]
    fn another_root_is_described_by_its_files() {
        let (_dir, root) = other_root();
        let system = describe(&root);
        assert_eq!(system.hostname, "web-server-01");
        assert_eq!(system.os_version.as_deref(), Some("Example Linux 9"));
        assert!(system.foreign_root && system.kernel.is_none());
    }

    #[test]
    fn this_machine_has_a_name_and_this_process_a_program() {
        let system = describe(&Root::new(None));
        assert!(!system.hostname.is_empty() && system.kernel.is_some());
        let program = std::env::current_exe().unwrap();
        let name = program.file_name().unwrap().to_str().unwrap();
        let pids: Vec<u32> = processes(name).unwrap().iter().map(|p| p.pid).collect();
        assert!(pids.contains(&std::process::id()), "{pids:?}");
    }

    #[test]
    fn a_user_has_its_groups() {
        let (_dir, root) = other_root();
        let agent = Account {
            uid: 990,
            name: "agent".into(),
            gids: vec![991, 105],
            sids: Vec::new(),
        };
        assert_eq!(account(&root, "agent"), Ok(agent.clone()));
        assert_eq!(account(&root, "990"), Ok(agent));
        assert_eq!(account(&root, "nobody"), Err(Unseen::Absent));
        let listed = account_from("dyn:x:61000:61000::/:/x\n", "61000 7\n").unwrap();
        assert_eq!(listed.gids, [61000, 7]);
        assert_eq!(account_from("", ""), None);
    }

    #[test]
    fn a_group_has_its_number() {
        let (_dir, root) = other_root();
        let certificates = Group {
            gid: 105,
            name: "ssl-cert".into(),
        };
        assert_eq!(group(&root, "ssl-cert"), Ok(certificates.clone()));
        assert_eq!(group(&root, "105"), Ok(certificates));
        assert_eq!(group(&root, "wheel"), Err(Unseen::Absent));
        assert_eq!(group_from("dyn:x:61000:\n").map(|it| it.gid), Some(61000));
    }
}
