//! A service as the Windows service control manager knows it, read from its properties. Pure.
//!
//! The properties have the names of the structures of winsvc.h, their values the words below; `Environment` (the service's own)
//! and `DefaultEnvironment` (the machine's) are written as systemd writes them, so that everybody reads them alike.

use serde::{Deserialize, Serialize};

use super::{End, Service};

/// A service of Windows.
#[derive(Debug, Clone, Copy)]
pub struct WindowsService<'a>(&'a Service);

/// What it is doing (`SERVICE_STATUS_PROCESS.dwCurrentState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs.
    Running,
    /// It is being started, or goes on after a pause.
    Starting,
    /// It is being stopped.
    Stopping,
    /// It is paused, or about to be.
    Paused,
    /// It does not run.
    Stopped,
}

/// When it is started (`QUERY_SERVICE_CONFIG.dwStartType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartType {
    /// At boot.
    Automatic,
    /// When somebody starts it.
    Demand,
    /// Never.
    Disabled,
}

impl StartType {
    /// In the word of its property.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Demand => "demand",
            Self::Disabled => "disabled",
        }
    }
}

impl Service {
    /// The same, if it is one of Windows.
    pub fn windows(&self) -> Option<WindowsService<'_>> {
        let told = self.get("CurrentState").or_else(|| self.get("StartType"));
        told.map(|_| WindowsService(self))
    }
}

impl WindowsService<'_> {
    /// What it is doing, in a word that is known here.
    pub fn activity(self) -> Option<Activity> {
        Some(match self.0.get("CurrentState")? {
            "running" => Activity::Running,
            "start_pending" | "continue_pending" => Activity::Starting,
            "stop_pending" => Activity::Stopping,
            "paused" | "pause_pending" => Activity::Paused,
            "stopped" => Activity::Stopped,
            _ => return None,
        })
    }

    /// When it is started.
    pub fn start_type(self) -> Option<StartType> {
        Some(match self.0.get("StartType")? {
            "automatic" | "boot" | "system" => StartType::Automatic,
            "demand" => StartType::Demand,
            "disabled" => StartType::Disabled,
            _ => return None,
        })
    }

    /// Program and arguments.
    pub fn argv(self) -> Vec<String> {
        argv(self.0.get("BinaryPathName").unwrap_or_default())
    }

    /// How it ended, if it does not run.
    pub fn end(self) -> End {
        let number = |name: &str| -> Option<u32> { self.0.get(name)?.parse().ok() };
        match number("Win32ExitCode").unwrap_or(0) {
            // The latter: not started since the machine was.
            0 | 1077 => End::Clean,
            1066 => End::Exit(number("ServiceSpecificExitCode").unwrap_or(0).cast_signed()),
            // Windows waited for it to start, to stop, or to answer.
            1053 | 1460 => End::Timeout,
            code => match NOT_STARTED.iter().find(|(known, _)| *known == code) {
                Some((_, why)) => End::Refused { code, why },
                None => End::Windows { code },
            },
        }
    }
}

/// Errors with which Windows itself does not start a service (winerror.h).
const NOT_STARTED: [(u32, &str); 12] = [
    (2, "its program is not there"),
    (3, "the directory of its program is not there"),
    (5, "its account may not run its program"),
    (193, "its program is not one for Windows"),
    (216, "its program is for another processor"),
    (1058, "it is disabled"),
    (1068, "a service that it depends on did not start"),
    (1069, "its account could not log on"),
    (1075, "a service that it depends on is not there"),
    (1079, "its account is another than that of its process"),
    (1385, "its account has no right to log on as a service"),
    (14001, "its program lacks a component (side by side)"),
];

/// The words of a command line, as `CommandLineToArgvW` splits it: the program's quotes know no escapes.
fn argv(line: &str) -> Vec<String> {
    let line = line.trim();
    let (program, mut rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => line.split_once([' ', '\t']).unwrap_or((line, "")),
    };
    if program.is_empty() {
        return Vec::new();
    }
    let mut words = vec![program.to_owned()];
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return words;
        }
        let (word, left) = argument(rest);
        words.push(word);
        rest = left;
    }
}

/// One argument, and what follows it. Backslashes count only before a quote.
fn argument(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quoted = false;
    let mut backslashes = 0;
    for (at, c) in text.char_indices() {
        if c == '\\' {
            backslashes += 1;
            continue;
        }
        let kept = if c == '"' {
            backslashes / 2
        } else {
            backslashes
        };
        word.extend(std::iter::repeat_n('\\', kept));
        let escaped = backslashes % 2 == 1;
        backslashes = 0;
        match c {
            '"' if escaped => word.push('"'),
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return (word, &text[at..]),
            c => word.push(c),
        }
    }
    word.extend(std::iter::repeat_n('\\', backslashes));
    (word, "")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn service(pairs: &[(&str, &str)]) -> Service {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Service {
            properties: pairs.collect(),
            supplied: false,
        }
    }

    #[test]
    fn a_service_of_systemd_is_none_of_windows() {
        assert!(service(&[("ActiveState", "active")]).windows().is_none());
        assert!(service(&[("CurrentState", "running")]).windows().is_some());
    }

    #[test]
    fn command_lines_are_split_as_windows_does() {
        for (line, words) in [
            (
                r#""C:\Program Files\NexplaneAgent\nexplane-agent.exe" run --config "C:\ä b\c.yaml""#,
                &[
                    r"C:\Program Files\NexplaneAgent\nexplane-agent.exe",
                    "run",
                    "--config",
                    r"C:\ä b\c.yaml",
                ][..],
            ),
            (r"C:\agent.exe  run", &[r"C:\agent.exe", "run"]),
            (
                r#"a.exe "b \"c\"" d\\ "e\\" f\"#,
                &["a.exe", r#"b "c""#, r"d\\", r"e\", r"f\"],
            ),
            (r#"a.exe """#, &["a.exe", ""]),
            (r#""unclosed"#, &["unclosed"]),
            ("", &[]),
        ] {
            assert_eq!(argv(line), words, "{line}");
        }
    }

    #[test]
    fn an_end_has_its_words() {
        for (code, specific, words) in [
            ("0", "0", "ended without an error"),
            ("1077", "0", "ended without an error"),
            ("1066", "3", "ended with exit code 3"),
            ("1067", "0", "ended unexpectedly (Windows error 1067)"),
            (
                "1069",
                "0",
                "could not be started (Windows error 1069): its account could not log on",
            ),
            (
                "2",
                "0",
                "could not be started (Windows error 2): its program is not there",
            ),
            ("1053", "0", "did not start or stop in time (timeout)"),
            ("4711", "0", "ended with Windows error 4711"),
        ] {
            let service = service(&[
                ("CurrentState", "stopped"),
                ("Win32ExitCode", code),
                ("ServiceSpecificExitCode", specific),
            ]);
            assert_eq!(service.windows().unwrap().end().to_string(), words);
            assert_eq!(service.end().to_string(), words);
        }
    }

    #[test]
    fn program_options_and_account_are_read_like_a_unit_s() {
        let service = service(&[
            ("CurrentState", "running"),
            (
                "BinaryPathName",
                r#""C:\a b\agent.exe" run --config=D:\c.yaml"#,
            ),
            ("ServiceStartName", r"EXAMPLE\svc"),
        ]);
        assert_eq!(service.binary(), Some(r"C:\a b\agent.exe".into()));
        assert_eq!(service.option("--config").as_deref(), Some(r"D:\c.yaml"));
        assert_eq!(service.user(), Some(r"EXAMPLE\svc"));
    }
}
