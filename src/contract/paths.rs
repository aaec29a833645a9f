//! Where the agent keeps what it has, and what its service is called, by operating system.

use std::path::{Path, PathBuf};

use crate::model::Os;

/// An agent's places on one operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentPaths {
    /// The service's short name, as the runbook writes it.
    pub service: &'static str,
    /// The name that the service manager is asked with: systemd's unit, the Windows service, launchd's label.
    pub unit: &'static str,
    /// The file that defines the service; Windows keeps it in the registry.
    pub definition: Option<&'static str>,
    /// The agent's program.
    pub binary: &'static str,
    /// The directory of everything below.
    pub config_dir: &'static str,
    /// The configuration.
    pub config: &'static str,
    /// The client certificate, unless the configuration names another file.
    pub cert: &'static str,
    /// Its private key, unless the configuration names another file.
    pub key: &'static str,
    /// (ours) Where the agent, and a doctor at its start, keep what they last saw: the last heartbeat, the last diagnosis.
    pub state_dir: &'static str,
    /// What the log is searched by: the journal's unit, the Event Log's source, the unified log's subsystem.
    pub log_source: &'static str,
}

const LINUX: AgentPaths = AgentPaths {
    service: "nexplane-agent",
    unit: "nexplane-agent.service",
    definition: Some("/etc/systemd/system/nexplane-agent.service"),
    binary: "/usr/local/bin/nexplane-agent",
    config_dir: "/etc/nexplane-agent",
    config: "/etc/nexplane-agent/config.yaml",
    cert: "/etc/nexplane-agent/client.crt",
    key: "/etc/nexplane-agent/client.key",
    state_dir: "/var/lib/nexplane-agent",
    log_source: "nexplane-agent",
};

const WINDOWS: AgentPaths = AgentPaths {
    service: "NexplaneAgent",
    unit: "NexplaneAgent",
    definition: None,
    binary: r"C:\Program Files\NexplaneAgent\nexplane-agent.exe",
    config_dir: r"C:\ProgramData\NexplaneAgent",
    config: r"C:\ProgramData\NexplaneAgent\config.yaml",
    cert: r"C:\ProgramData\NexplaneAgent\client.crt",
    key: r"C:\ProgramData\NexplaneAgent\client.key",
    state_dir: r"C:\ProgramData\NexplaneAgent\state",
    log_source: "NexplaneAgent",
};

const MACOS: AgentPaths = AgentPaths {
    service: "ai.nexplane.agent",
    unit: "ai.nexplane.agent",
    definition: Some("/Library/LaunchDaemons/ai.nexplane.agent.plist"),
    state_dir: "/var/db/nexplane-agent",
    log_source: "ai.nexplane.agent",
    ..LINUX
};

impl AgentPaths {
    /// The places on this operating system.
    pub const fn of(os: Os) -> Self {
        match os {
            Os::Linux => LINUX,
            Os::Windows => WINDOWS,
            Os::Macos => MACOS,
        }
    }
}

/// The name of the client certificate's file.
pub const CERT_FILE: &str = "client.crt";
/// The name of the private key's file.
pub const KEY_FILE: &str = "client.key";
/// The name of the configuration's file.
pub const CONFIG_FILE: &str = "config.yaml";
/// (ours) The name of the CA file that `install` copies beside the configuration.
pub const CA_FILE: &str = "ca.crt";

/// (ours) The name of the file beside the configuration that says how the service is defined, on a system that has no such file.
pub const DEFINITION_FILE: &str = "service.json";

/// (ours) The name of the file, in the state's directory, with the running agent's last sign of life.
pub const STATE_FILE: &str = "state.json";
/// (ours) The name of the file, in the state's directory, with the last diagnosis: a report as `--format json` prints it.
pub const DIAGNOSIS_FILE: &str = "diagnosis.json";

/// The certificate's and the key's path when the configuration names none: beside it.
pub fn beside(config: &Path) -> (PathBuf, PathBuf) {
    (
        with_file_name(config, CERT_FILE),
        with_file_name(config, KEY_FILE),
    )
}

// A path of evidence is one of the host that it is from, and may be judged on another system: the standard library's ideas of what
// separates and what is absolute are the judge's. The form of a path says whose it is.

/// Whether a path is written as Windows writes those that are absolute: with a drive, or a server.
fn is_of_windows(text: &str) -> bool {
    let drive =
        matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || text.starts_with(r"\\")
}

/// Whether a path of either kind is absolute.
pub fn is_absolute(path: &Path) -> bool {
    match path.to_str() {
        Some(text) => text.starts_with('/') || is_of_windows(text),
        None => path.is_absolute(),
    }
}

/// Where the last name of a path begins.
fn name_at(text: &str) -> usize {
    let found = match is_of_windows(text) {
        true => text.rfind(['\\', '/']),
        false => text.rfind('/'),
    };
    found.map_or(0, |at| at + 1)
}

/// The directory that a path is in; none of a root.
pub fn parent(path: &Path) -> Option<PathBuf> {
    let Some(text) = path.to_str() else {
        return path.parent().map(Path::to_owned);
    };
    let at = name_at(text);
    let (directory, name) = text.split_at(at);
    let shorter = match is_of_windows(text) {
        // Of a drive its own directory stays.
        true if directory.len() <= r"C:\".len() => directory,
        false if directory == "/" => directory,
        _ => directory.trim_end_matches(['\\', '/']),
    };
    (!name.is_empty()).then(|| PathBuf::from(shorter))
}

/// A path below a directory. What is below it is relative.
pub fn join(directory: &Path, below: &Path) -> PathBuf {
    match (directory.to_str(), below.to_str()) {
        (Some(directory), Some(below)) => {
            let separator = if is_of_windows(directory) { '\\' } else { '/' };
            PathBuf::from(format!(
                "{}{separator}{below}",
                directory.trim_end_matches(separator)
            ))
        }
        _ => directory.join(below),
    }
}

/// A path with another last name.
fn with_file_name(path: &Path, name: &str) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(format!("{}{name}", &text[..name_at(text)])),
        None => path.with_file_name(name),
    }
}

/// (ours) Where a part of a new identity waits until it is whole and proven: beside the file whose place it takes then.
pub fn pending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pending");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_and_key_are_beside_the_configuration() {
        for os in Os::ALL {
            let paths = AgentPaths::of(os);
            let (cert, key) = beside(Path::new(paths.config));
            assert_eq!(cert, Path::new(paths.cert));
            assert_eq!(key, Path::new(paths.key));
        }
    }

    #[test]
    fn a_path_is_read_as_its_own_system_does() {
        for (path, absolute, directory) in [
            (
                r"C:\ProgramData\NexplaneAgent\config.yaml",
                true,
                Some(r"C:\ProgramData\NexplaneAgent"),
            ),
            (r"d:/agent/config.yaml", true, Some("d:/agent")),
            (r"C:\config.yaml", true, Some(r"C:\")),
            (r"C:\", true, None),
            (
                r"\\server\share\ä b\c.yaml",
                true,
                Some(r"\\server\share\ä b"),
            ),
            (
                "/etc/nexplane-agent/config.yaml",
                true,
                Some("/etc/nexplane-agent"),
            ),
            // A backslash is a letter of a name here.
            (r"/etc/a\b", true, Some("/etc")),
            ("/x", true, Some("/")),
            ("/", true, None),
            ("config.yaml", false, Some("")),
            ("C:config.yaml", false, Some("")),
        ] {
            assert_eq!(is_absolute(Path::new(path)), absolute, "{path}");
            assert_eq!(
                parent(Path::new(path)),
                directory.map(PathBuf::from),
                "{path}"
            );
        }
    }

    #[test]
    fn every_path_is_in_the_configuration_directory() {
        for os in Os::ALL {
            let paths = AgentPaths::of(os);
            for path in [paths.config, paths.cert, paths.key] {
                assert!(path.starts_with(paths.config_dir), "{path}");
            }
        }
    }

    #[test]
    fn what_is_below_is_written_as_its_own_system_does() {
        for (directory, below, path) in [
            ("/srv/agent", "client.crt", "/srv/agent/client.crt"),
            ("/", "etc/x", "/etc/x"),
            (r"C:\a", "b", r"C:\a\b"),
        ] {
            let joined = join(Path::new(directory), Path::new(below));
            assert_eq!(joined.to_str(), Some(path));
        }
    }
}
