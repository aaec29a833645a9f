//! Reading a service's properties: what its manager printed, made typed. Pure.
//!
//! On Linux these are systemd's properties, as `systemctl show` prints them or as a unit file says them; the quoting is
//! systemd's (systemd.syntax(7)).

use std::path::{Path, PathBuf};

use super::{JournalQuestion, Powers, Service, ServiceQuestion};
use crate::contract::paths::AgentPaths;
use crate::model::Os;

impl ServiceQuestion {
    /// The agent's service.
    pub fn agent(os: Os) -> Self {
        Self {
            name: AgentPaths::of(os).unit.to_owned(),
        }
    }
}

impl JournalQuestion {
    /// The end of the agent's log; everybody asks this one question, so that the log is read once.
    pub fn agent(os: Os) -> Self {
        Self {
            unit: AgentPaths::of(os).unit.to_owned(),
            lines: 500,
        }
    }
}

/// A file of `EnvironmentFile=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The file.
    pub path: PathBuf,
    /// Whether the service starts without it (`-` before the path).
    pub optional: bool,
}

impl Service {
    /// The user that the service runs as; none means the superuser.
    pub fn user(&self) -> Option<&str> {
        if self.windows().is_some() {
            let own = |name: &&str| !name.to_ascii_lowercase().ends_with("localsystem");
            return self.get("ServiceStartName").filter(own);
        }
        if self.is_privileged() {
            return None;
        }
        self.get("User")
            .or_else(|| self.dynamic_user())
            .filter(|user| *user != "root" && *user != "0")
    }

    /// The name of the user that is made for it when it starts (`DynamicUser=`) and that no `User=` names.
    fn dynamic_user(&self) -> Option<&str> {
        let id = self.get("Id").filter(|_| self.is_on("DynamicUser"))?;
        Some(id.strip_suffix(".service").unwrap_or(id))
    }

    /// Whether a property that is a boolean is on.
    pub fn is_on(&self, property: &str) -> bool {
        matches!(self.get(property), Some("yes" | "true" | "on" | "1"))
    }

    /// The words of a property that is a list.
    pub fn list(&self, property: &str) -> Vec<String> {
        words(self.get(property).unwrap_or_default())
    }

    /// Whether its program runs with full privileges, without the unit's user and sandbox (`ExecStart=+…`).
    pub fn is_privileged(&self) -> bool {
        let shown = self.get("ExecStartEx").and_then(|value| {
            let flags = value.split_once(" ; flags=")?.1.split(" ;").next()?;
            Some(flags.split_whitespace().any(|flag| flag == "privileged"))
        });
        shown.unwrap_or_else(|| {
            let written = self.get("ExecStart").unwrap_or_default();
            let prefix = written.trim_start_matches(['-', '@', ':', '!']);
            prefix.starts_with('+')
        })
    }

    /// What its process may do whatever a file's permissions say; `root` is whether it runs as the superuser.
    pub fn powers(&self, root: bool) -> Powers {
        const READS_ALL: [&str; 2] = ["cap_dac_override", "cap_dac_read_search"];
        let has = |list: &str, name: &str| {
            list.split_whitespace()
                .any(|cap| cap.eq_ignore_ascii_case(name))
        };
        let bounding = match self.get("CapabilityBoundingSet") {
            Some(list) => Some(list),
            // `systemctl show` prints nothing for an empty set; that it printed something else of its kind tells that it would have.
            None if self.get("ProtectSystem").is_some() => Some(""),
            None => None,
        };
        let within = |name: &str| bounding.is_none_or(|list| has(list, name));
        let ambient = self.get("AmbientCapabilities").unwrap_or_default();
        // In a user namespace of its own they do not reach the files of others.
        let may = !self.is_on("PrivateUsers")
            && READS_ALL
                .iter()
                .any(|name| within(name) && (root || has(ambient, name)));
        if may || (root && self.is_privileged()) {
            Powers::ReadsAll
        } else {
            Powers::None
        }
    }

    /// Its main process, while it runs and a service manager says so.
    pub fn main_pid(&self) -> Option<u32> {
        let pid = self.get("MainPID")?.parse().ok()?;
        (pid > 0 && !self.supplied).then_some(pid)
    }

    /// Program and arguments of `ExecStart=`.
    pub fn argv(&self) -> Vec<String> {
        if let Some(windows) = self.windows() {
            return windows.argv();
        }
        if let Some(job) = self.launchd() {
            return job.argv();
        }
        let Some(value) = self.get("ExecStart") else {
            return Vec::new();
        };
        let shown = value.split_once("argv[]=").map(|(_, rest)| {
            let end = rest.find(" ; ignore_errors").unwrap_or(rest.len());
            &rest[..end]
        });
        let line = shown.unwrap_or_else(|| value.trim_start_matches(['-', '@', ':', '+', '!']));
        words(line)
    }

    /// The program of `ExecStart=`.
    pub fn binary(&self) -> Option<PathBuf> {
        self.argv().into_iter().next().map(PathBuf::from)
    }

    /// The value of a long option in `ExecStart=`: `--config FILE` or `--config=FILE`.
    pub fn option(&self, name: &str) -> Option<String> {
        let argv = self.argv();
        argv.iter().enumerate().find_map(|(at, word)| {
            if word == name {
                return argv.get(at + 1).cloned();
            }
            let value = word.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.to_owned())
        })
    }

    /// The variables of `Environment=`, in order; a later one of the same name wins.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.variables("Environment")
    }

    /// The variables of `DefaultEnvironment=` in the service manager's own configuration, which every service gets.
    pub fn default_environment(&self) -> Vec<(String, String)> {
        self.variables("DefaultEnvironment")
    }

    fn variables(&self, property: &str) -> Vec<(String, String)> {
        self.list(property)
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The files of `EnvironmentFile=`, in order; what they say comes after `Environment=` and wins.
    pub fn environment_files(&self) -> Vec<EnvironmentFile> {
        let shown = self.get("EnvironmentFiles").map(shown_files);
        shown.unwrap_or_else(|| {
            let value = self.get("EnvironmentFile").unwrap_or_default();
            words(value).iter().map(|word| written_file(word)).collect()
        })
    }
}

/// `/a (ignore_errors=yes)`, one a line or one after the other, as `systemctl show` prints it.
fn shown_files(value: &str) -> Vec<EnvironmentFile> {
    value
        .split_inclusive(')')
        .filter_map(|part| {
            let (path, flags) = part.trim().split_once(" (ignore_errors=")?;
            Some(EnvironmentFile {
                path: PathBuf::from(path),
                optional: flags.starts_with("yes"),
            })
        })
        .collect()
}

/// `-/a`, as a unit file writes it.
fn written_file(word: &str) -> EnvironmentFile {
    let path = word.strip_prefix('-');
    EnvironmentFile {
        path: Path::new(path.unwrap_or(word)).to_owned(),
        optional: path.is_some(),
    }
}

/// The variables that a file of `EnvironmentFile=` sets (systemd.exec(5)): `NAME=value` lines, `#` and `;` comment.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", "");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), words(value).join(" ")))
        .collect()
}

/// Splits at blanks, as systemd does: quotes of both kinds hold a word together, a backslash takes the next character.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(pairs: &[(&str, &str)]) -> Service {
        Service {
            properties: pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            supplied: false,
        }
    }

    #[test]
    fn a_command_is_read_as_shown_and_as_written() {
        for line in [
            "{ path=/opt/agent ; argv[]=/opt/agent run --config /etc/x.yaml ; ignore_errors=no ; start_time=[n/a] ; pid=0 }",
            "-/opt/agent run '--config=/etc/x.yaml'",
        ] {
            let service = service(&[("ExecStart", line)]);
            assert_eq!(service.binary(), Some("/opt/agent".into()), "{line}");
            assert_eq!(
                service.option("--config"),
                Some("/etc/x.yaml".into()),
                "{line}"
            );
            assert_eq!(service.option("--token"), None);
        }
        assert_eq!(service(&[]).binary(), None);
    }

    #[test]
    fn environments_are_unquoted() {
        let service = service(&[(
            "Environment",
            r#"A=b "HTTPS_PROXY=http://p:1 x" C=\"q 'D=e f' G="#,
        )]);
        let pairs = service.environment();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("A", "b"),
                ("HTTPS_PROXY", "http://p:1 x"),
                ("C", "\"q"),
                ("D", "e f"),
                ("G", "")
            ]
        );
    }

    #[test]
    fn environment_files_say_whether_they_may_be_absent() {
        let wanted = [("/a", true), ("/b c", false)];
        let shown = service(&[(
            "EnvironmentFiles",
            "/a (ignore_errors=yes)\n/b c (ignore_errors=no)",
        )]);
        let written = service(&[("EnvironmentFile", "-/a \"/b c\"")]);
        for service in [shown, written] {
            let files = service.environment_files();
            let files: Vec<_> = files
                .iter()
                .map(|file| (file.path.to_str().unwrap_or_default(), file.optional))
                .collect();
            assert_eq!(files, wanted);
        }
        assert_eq!(
            environment_file("# c\nA=1\n;d\nB=\"x y\"\nC=p\\\nq\nnothing\n"),
            [
                ("A".into(), "1".into()),
                ("B".into(), "x y".into()),
                ("C".into(), "pq".into())
            ]
        );
    }

    #[test]
    fn the_superuser_is_no_user() {
        assert_eq!(service(&[("User", "root")]).user(), None);
        assert_eq!(service(&[("User", "")]).user(), None);
        assert_eq!(service(&[("User", "nexplane")]).user(), Some("nexplane"));
        let dynamic = [("Id", "nexplane-agent.service"), ("DynamicUser", "yes")];
        assert_eq!(service(&dynamic).user(), Some("nexplane-agent"));
    }

    #[test]
    fn a_plus_before_the_command_leaves_user_and_sandbox_behind() {
        let shown = "{ path=/a ; argv[]=/a ; flags=privileged ; start_time=[n/a] }";
        for command in [("ExecStartEx", shown), ("ExecStart", "-+/a run")] {
            let service = service(&[("User", "nexplane"), command]);
            assert!(
                service.is_privileged() && service.user().is_none(),
                "{command:?}"
            );
        }
        let plain = "{ path=/a ; argv[]=/a --privileged ; flags= ; start_time=[n/a] }";
        assert!(!service(&[("ExecStartEx", plain)]).is_privileged());
    }

    #[test]
    fn powers_are_those_of_the_capabilities_that_are_left() {
        let net = ("CapabilityBoundingSet", "cap_net_admin cap_net_raw");
        let shown = ("ProtectSystem", "no");
        let search = ("AmbientCapabilities", "cap_dac_read_search");
        for (pairs, root, powers) in [
            (&[][..], true, Powers::ReadsAll),
            (&[], false, Powers::None),
            (&[net], true, Powers::None),
            (&[shown], true, Powers::None),
            (
                &[
                    shown,
                    ("CapabilityBoundingSet", "cap_chown cap_dac_override"),
                ],
                true,
                Powers::ReadsAll,
            ),
            (&[search], false, Powers::ReadsAll),
            (&[search, net], false, Powers::None),
            (&[("PrivateUsers", "yes")], true, Powers::None),
        ] {
            assert_eq!(service(pairs).powers(root), powers, "{pairs:?}");
        }
    }
}
