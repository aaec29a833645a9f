//! The time servers that this host is told to follow: systemd-timesyncd's, chrony's and ntpd's configuration, and what
//! the network gave. Servers that are compiled into a program are not among them: nobody here asked for those.
//!
//! Only names leave this file: a configuration may hold keys and passwords.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::conf_files::{self, DropIns};
use super::files::Root;
use crate::host::TimeServer;

/// The largest file that is read, the most entries of a directory, the most servers, and how deep files may include others.
const FILE_LIMIT: u64 = 256 << 10;
const DIR_LIMIT: usize = 256;
const MOST: usize = 16;
const DEPTH: u8 = 4;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    /// systemd-timesyncd.
    Timesyncd,
    /// chronyd.
    Chrony,
    /// ntpd: of the reference implementation, NTPsec or OpenBSD.
    Ntpd,
}

/// The servers that a daemon is told to follow; of no daemon, those of all.
pub(super) fn of(root: &Root, daemon: Option<Daemon>) -> Vec<TimeServer> {
    let mut found = Servers {
        root,
        servers: Vec::new(),
        read: BTreeSet::new(),
    };
    let wanted = |which| daemon.is_none_or(|daemon| daemon == which);
    if wanted(Daemon::Timesyncd) {
        found.timesyncd();
    }
    if wanted(Daemon::Chrony) {
        for file in ["/etc/chrony/chrony.conf", "/etc/chrony.conf"] {
            found.directives(Path::new(file), DEPTH);
        }
        found.sources(Path::new("/run/chrony-dhcp"));
    }
    if wanted(Daemon::Ntpd) {
        for file in [
            "/etc/ntpsec/ntp.conf",
            "/etc/ntp.conf",
            "/etc/openntpd/ntpd.conf",
            "/etc/ntpd.conf",
        ] {
            found.directives(Path::new(file), DEPTH);
        }
    }
    found.servers
}

struct Servers<'a> {
    root: &'a Root,
    servers: Vec<TimeServer>,
    /// Files whose directives were read: each counts once, however many include it.
    read: BTreeSet<PathBuf>,
}

impl Servers<'_> {
    /// timesyncd.conf(5): servers of links go with `NTP=`, `FallbackNTP=` counts where neither names one.
    fn timesyncd(&mut self) {
        let (mut main, mut fallback) = (Vec::new(), Vec::new());
        for file in self.configurations("systemd/timesyncd.conf") {
            for (key, value) in self.assignments(&file) {
                let list = match key.as_str() {
                    "NTP" => &mut main,
                    "FallbackNTP" => &mut fallback,
                    _ => continue,
                };
                if value.is_empty() {
                    list.clear();
                }
                let named = |name: &str| (name.to_owned(), file.clone());
                list.extend(value.split_whitespace().map(named));
            }
        }
        for link in self.entries(Path::new("/run/systemd/netif/links")) {
            let told = self.assignments(&link);
            let told = told.into_iter().filter(|(key, _)| key == "NTP");
            main.extend(told.flat_map(|(_, value)| {
                let named = |name: &str| (name.to_owned(), link.clone());
                value.split_whitespace().map(named).collect::<Vec<_>>()
            }));
        }
        for (name, file) in if main.is_empty() { fallback } else { main } {
            self.add(&name, &file);
        }
    }

    /// A file and its drop-ins, in the order in which they count. What cannot be looked at names no servers.
    fn configurations(&self, name: &str) -> Vec<PathBuf> {
        let mut drop_ins = DropIns::new(self.root);
        for dir in conf_files::DIRS {
            let _unseen = drop_ins.add(&Path::new(dir).join(format!("{name}.d")));
        }
        let main = conf_files::main_file(self.root, name).unwrap_or_default();
        main.into_iter().chain(drop_ins.in_order()).collect()
    }

    fn assignments(&self, file: &Path) -> Vec<(String, String)> {
        let lines = self.text(file);
        let lines = lines.lines().map(str::trim);
        lines
            .filter(|line| !line.starts_with(['#', ';']))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect()
    }

    /// chrony.conf(5), ntp.conf(5), ntpd.conf(5): a directive a line.
    fn directives(&mut self, file: &Path, depth: u8) {
        if !self.read.insert(file.to_owned()) {
            return;
        }
        for line in self.text(file).lines() {
            let mut words = line.split_whitespace();
            let Some(directive) = words.next() else {
                continue;
            };
            let Some(argument) = words.next() else {
                continue;
            };
            match directive.to_ascii_lowercase().as_str() {
                "server" | "servers" | "pool" | "peer" => self.add(argument, file),
                "include" | "includefile" if depth > 0 => {
                    for path in self.matching(argument) {
                        self.directives(&path, depth - 1);
                    }
                }
                "confdir" if depth > 0 => {
                    let dirs = std::iter::once(argument).chain(words);
                    for path in dirs
                        .flat_map(|dir| self.entries(Path::new(dir)))
                        .collect::<Vec<_>>()
                    {
                        if path
                            .extension()
                            .is_some_and(|extension| extension == "conf")
                        {
                            self.directives(&path, depth - 1);
                        }
                    }
                }
                "sourcedir" => {
                    for dir in std::iter::once(argument).chain(words) {
                        self.sources(Path::new(dir));
                    }
                }
                _ => {}
            }
        }
    }

    fn sources(&mut self, dir: &Path) {
        for path in self.entries(dir) {
            if path
                .extension()
                .is_some_and(|extension| extension == "sources")
            {
                self.directives(&path, 0);
            }
        }
    }

    /// Files that a pattern names: a star stands for anything within the last part alone.
    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let path = Path::new(pattern);
        let last = path.file_name().and_then(|name| name.to_str());
        let (Some(dir), Some((before, after))) =
            (path.parent(), last.and_then(|name| name.split_once('*')))
        else {
            return vec![path.to_owned()];
        };
        let fits = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                name.len() >= last.map_or(0, str::len) - 1
                    && name.starts_with(before)
                    && name.ends_with(after)
            })
        };
        self.entries(dir).into_iter().filter(fits).collect()
    }

    fn entries(&self, dir: &Path) -> Vec<PathBuf> {
        let found = self
            .root
            .find_host(dir)
            .and_then(|dir| dir.entries(DIR_LIMIT));
        let names = found.unwrap_or_default();
        names.into_iter().map(|name| dir.join(name)).collect()
    }

    fn text(&self, file: &Path) -> String {
        self.root.read_text(file, FILE_LIMIT).unwrap_or_default()
    }

    /// A clock that is part of this machine (127.127.…, in ntpd's words) is asked by nobody else.
    fn add(&mut self, name: &str, file: &Path) {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:_%".contains(c);
        let server = name.len() <= 253 && !name.starts_with('-') && name.chars().all(plain);
        let known = self.servers.iter().any(|server| server.name == name);
        if server && !known && !name.starts_with("127.127.") && self.servers.len() < MOST {
            self.servers.push(TimeServer {
                name: name.to_owned(),
                named_in: file.display().to_string(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// The names that a daemon is told in a root with these files.
    fn told(daemon: Option<Daemon>, files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root::new(Some(dir.path().to_owned()));
        of(&root, daemon)
            .into_iter()
            .map(|server| server.name)
            .collect()
    }

    #[test]
    fn timesyncd_s_drop_ins_and_links_count() {
        let main = (
            "/etc/systemd/timesyncd.conf",
            "[Time]\n#NTP=no.test\nNTP=a.test b.test\nFallbackNTP=f.test\n",
        );
        assert_eq!(told(Some(Daemon::Timesyncd), &[main]), ["a.test", "b.test"]);
        let reset = (
            "/etc/systemd/timesyncd.conf.d/50-own.conf",
            "[Time]\nNTP=\nNTP=c.test\n",
        );
        let shadowed = (
            "/usr/lib/systemd/timesyncd.conf.d/50-own.conf",
            "[Time]\nNTP=d.test\n",
        );
        let link = (
            "/run/systemd/netif/links/2",
            "ADMIN_STATE=configured\nNTP=192.0.2.9 fd00::9\n",
        );
        assert_eq!(
            told(None, &[main, reset, shadowed, link]),
            ["c.test", "192.0.2.9", "fd00::9"]
        );
        let fallback = (
            "/etc/systemd/timesyncd.conf",
            "[Time]\nFallbackNTP=f.test\n",
        );
        assert_eq!(told(None, &[fallback]), ["f.test"]);
        let compiled_in = (
            "/etc/systemd/timesyncd.conf",
            "[Time]\n#FallbackNTP=0.debian.pool.ntp.org\n",
        );
        assert_eq!(told(None, &[compiled_in]), [""; 0]);
    }

    #[test]
    fn chrony_s_sources_are_where_its_configuration_says() {
        let files = [
            (
                "/etc/chrony/chrony.conf",
                "# server no.test\npool pool.test iburst maxsources 4\nServer 192.0.2.1 key 7\nkeyfile /etc/chrony/chrony.keys\n\
                 confdir /etc/chrony/conf.d\nsourcedir /run/chrony-dhcp\nsourcedir /etc/chrony/sources.d\ninclude /etc/chrony/more*.conf\n",
            ),
            ("/etc/chrony/conf.d/a.conf", "peer peer.test\n"),
            ("/etc/chrony/conf.d/README", "server no.test\n"),
            (
                "/etc/chrony/more-1.conf",
                "server more.test\ninclude /etc/chrony/more-1.conf\n",
            ),
            ("/run/chrony-dhcp/eth0.sources", "server 10.0.0.1 iburst\n"),
            ("/etc/chrony/sources.d/x.sources", "server x.test\n"),
            ("/etc/ntp.conf", "server no.test\n"),
        ];
        assert_eq!(
            told(Some(Daemon::Chrony), &files),
            [
                "pool.test",
                "192.0.2.1",
                "peer.test",
                "10.0.0.1",
                "x.test",
                "more.test"
            ]
        );
    }

    #[test]
    fn ntpd_s_own_clocks_and_what_is_no_name_are_left_out() {
        let text = "server 127.127.1.0\nserver ntp.test prefer\nrestrict default\nserver $(reboot)\nserver\npool -x\ncrypto pw secret\n";
        assert_eq!(
            told(Some(Daemon::Ntpd), &[("/etc/ntp.conf", text)]),
            ["ntp.test"]
        );
        let many: String = (0..99).map(|i| format!("server {i}.test\n")).collect();
        assert_eq!(told(None, &[("/etc/ntp.conf", &many)]).len(), MOST);
    }
}
