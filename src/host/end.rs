//! How a service's main process ended, from the properties that systemd keeps of it. Pure.

use std::fmt;

use super::Service;

/// An end, or that there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was never started, or ended as it should.
    Clean,
    /// It ended itself with an exit code that is not 0.
    Exit(i32),
    /// systemd could not start it: one of the exit codes of systemd.exec(5), such as 203 `EXEC`; or launchd, 78 `EX_CONFIG`.
    NotStarted {
        /// The exit code.
        code: i32,
        /// Its name there.
        name: &'static str,
    },
    /// A signal ended it.
    Signal {
        /// Its number.
        number: i32,
        /// Whether a core was dumped.
        core: bool,
    },
    /// The kernel ended it, because memory ran out.
    OutOfMemory,
    /// It did not start or stop in time.
    Timeout,
    /// It did not report that it is alive in time.
    Watchdog,
    /// Windows could not start it.
    Refused {
        /// Its error.
        code: u32,
        /// What that is.
        why: &'static str,
    },
    /// It ended with an error of Windows, or without a word to its service manager.
    Windows {
        /// The error.
        code: u32,
    },
    /// It was started too often.
    StartLimit,
    /// Anything else, as systemd calls it: `resources`, `protocol`, …
    Other(String),
}

/// Exit codes that systemd itself gives when it cannot execute a program (systemd.exec(5), "Process exit codes").
const NOT_STARTED: [(i32, &str); 38] = [
    (200, "CHDIR"),
    (201, "NICE"),
    (202, "FDS"),
    (203, "EXEC"),
    (204, "MEMORY"),
    (205, "LIMITS"),
    (206, "OOM_ADJUST"),
    (207, "SIGNAL_MASK"),
    (208, "STDIN"),
    (209, "STDOUT"),
    (210, "CHROOT"),
    (211, "IOPRIO"),
    (212, "TIMERSLACK"),
    (213, "SECUREBITS"),
    (214, "SETSCHEDULER"),
    (215, "CPUAFFINITY"),
    (216, "GROUP"),
    (217, "USER"),
    (218, "CAPABILITIES"),
    (219, "CGROUP"),
    (220, "SETSID"),
    (221, "CONFIRM"),
    (222, "STDERR"),
    (224, "PAM"),
    (225, "NETWORK"),
    (226, "NAMESPACE"),
    (227, "NO_NEW_PRIVILEGES"),
    (228, "SECCOMP"),
    (229, "SELINUX_CONTEXT"),
    (230, "PERSONALITY"),
    (231, "APPARMOR"),
    (232, "ADDRESS_FAMILIES"),
    (233, "RUNTIME_DIRECTORY"),
    (235, "CHOWN"),
    (236, "SMACK_PROCESS_LABEL"),
    (237, "KEYRING"),
    (238, "STATE_DIRECTORY"),
    (243, "CREDENTIALS"),
];

impl Service {
    /// How its main process ended last: `Result=`, `ExecMainCode=` and `ExecMainStatus=` together.
    pub fn end(&self) -> End {
        if let Some(windows) = self.windows() {
            return windows.end();
        }
        if let Some(job) = self.launchd() {
            return job.end();
        }
        match self.get("Result") {
            None | Some("success") => End::Clean,
            Some("exit-code") => self
                .exit()
                .unwrap_or_else(|| End::Other("exit-code".into())),
            Some(result @ ("signal" | "core-dump")) => End::Signal {
                number: self.main_status().unwrap_or_default(),
                core: result == "core-dump",
            },
            Some("oom-kill") => End::OutOfMemory,
            Some("timeout") => End::Timeout,
            Some("watchdog") => End::Watchdog,
            // What the process itself did before the limit was hit says more than the limit.
            Some("start-limit-hit" | "start-limit") => self.exit().unwrap_or(End::StartLimit),
            Some(other) => End::Other(other.to_owned()),
        }
    }

    fn main_status(&self) -> Option<i32> {
        self.get("ExecMainStatus")?.parse().ok()
    }

    /// The exit of the main process, if it exited and not with 0.
    fn exit(&self) -> Option<End> {
        let exited = matches!(self.get("ExecMainCode"), None | Some("1" | "exited"));
        let code = self.main_status().filter(|code| exited && *code != 0)?;
        let named = NOT_STARTED.iter().find(|(number, _)| *number == code);
        Some(match named {
            Some((code, name)) => End::NotStarted { code: *code, name },
            None => End::Exit(code),
        })
    }
}

/// The names of the signals that end a process on Linux.
fn signal_name(number: i32) -> Option<&'static str> {
    const NAMES: [(i32, &str); 14] = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name)
}

/// Finishes the sentence "the agent …".
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("ended without an error"),
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::NotStarted { code: 203, .. } => f.write_str(
                "could not be executed (203/EXEC): its program is missing or not executable",
            ),
            Self::NotStarted { code: 217, .. } => f.write_str(
                "could not be executed (217/USER): the user that it is to run as does not exist",
            ),
            Self::NotStarted { code: 78, name } => write!(
                f,
                "could not be executed (78/{name}): its program is missing or not executable, or its user does not exist"
            ),
            Self::NotStarted { code, name } => {
                write!(f, "could not be executed ({code}/{name})")
            }
            Self::Signal { number, core } => {
                let name = signal_name(*number).unwrap_or("unnamed");
                let dumped = if *core { ", and dumped core" } else { "" };
                write!(f, "was ended by signal {number} ({name}){dumped}")
            }
            Self::OutOfMemory => f.write_str("was killed because memory ran out (oom-kill)"),
            Self::Timeout => f.write_str("did not start or stop in time (timeout)"),
            Self::Watchdog => {
                f.write_str("did not report to the service manager's watchdog in time (watchdog)")
            }
            Self::Refused { code, why } => {
                write!(f, "could not be started (Windows error {code}): {why}")
            }
            Self::Windows { code: code @ 1067 } => {
                write!(f, "ended unexpectedly (Windows error {code})")
            }
            Self::Windows { code } => write!(f, "ended with Windows error {code}"),
            Self::StartLimit => f.write_str("was started too often (start-limit-hit)"),
            Self::Other(result) => write!(f, "failed with result `{result}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(pairs: &[(&str, &str)]) -> End {
        Service {
            properties: pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            supplied: false,
        }
        .end()
    }

    fn of(result: &str, code: &str, status: &str) -> End {
        end(&[
            ("Result", result),
            ("ExecMainCode", code),
            ("ExecMainStatus", status),
        ])
    }

    #[test]
    fn every_kind_of_end_has_its_name() {
        for (seen, part) in [
            (of("success", "0", "0"), "without an error"),
            (of("exit-code", "1", "3"), "exit code 3"),
            (of("exit-code", "1", "203"), "203/EXEC"),
            (of("exit-code", "1", "226"), "226/NAMESPACE"),
            (of("signal", "2", "11"), "11 (SIGSEGV)"),
            (of("core-dump", "3", "6"), "dumped core"),
            (of("oom-kill", "2", "9"), "oom-kill"),
            (of("timeout", "2", "15"), "in time"),
            (of("watchdog", "3", "6"), "watchdog"),
            (of("start-limit-hit", "1", "1"), "exit code 1"),
            (of("start-limit-hit", "0", "0"), "too often"),
            (of("resources", "0", "0"), "`resources`"),
        ] {
            assert!(seen.to_string().contains(part), "{seen:?}: {seen}");
        }
        assert_eq!(end(&[]), End::Clean);
    }
}
