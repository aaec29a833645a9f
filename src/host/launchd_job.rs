//! A service as launchd knows it, read from its properties. Pure.
//!
//! What means the same as a directive of systemd has that name, and is written as systemd writes it, so that everybody reads it alike
//! (`User`, `Group`, `Environment`, `FragmentPath`); the rest has the names of launchd.plist(5), and those below for what
//! `launchctl print` tells: `JobState`, `PID`, `Runs`, `LastExitCode`, `LastTerminatingSignal`, `LastExitReason`, `Disabled`,
//! `DefinitionError`, `DefinitionChanged`.

use super::{End, Service, unit};

/// Where definitions are that launchd loads by itself when the host boots.
pub const DAEMONS: &str = "/Library/LaunchDaemons/";
/// `JobState` of a job that has a definition and that launchd does not know.
pub const NOT_LOADED: &str = "not loaded";

/// A job of launchd.
#[derive(Debug, Clone, Copy)]
pub struct LaunchdJob<'a>(&'a Service);

/// What it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It runs.
    Running,
    /// It is being started.
    Starting,
    /// launchd waits before it starts it, or starts it again.
    Scheduled,
    /// It does not run, and is not about to.
    Stopped,
    /// launchd does not know it: its definition was not loaded, or was taken out again.
    NotLoaded,
}

impl Service {
    /// The same, if it is one of launchd.
    pub fn launchd(&self) -> Option<LaunchdJob<'_>> {
        self.get("JobState").map(|_| LaunchdJob(self))
    }
}

impl LaunchdJob<'_> {
    /// What it is doing, in a word that is known here.
    pub fn state(self) -> Option<JobState> {
        Some(match self.0.get("JobState")? {
            "running" => JobState::Running,
            "spawning" | "xpcproxy" => JobState::Starting,
            "spawn scheduled" | "spawn failed" | "throttled" => JobState::Scheduled,
            "not running" | "waiting" | "exited" | "stopped" => JobState::Stopped,
            NOT_LOADED => JobState::NotLoaded,
            _ => return None,
        })
    }

    /// Whether somebody has told launchd never to load it.
    pub fn is_disabled(self) -> bool {
        self.0.is_on("Disabled")
    }

    /// Whether launchd starts it by itself when the host boots.
    pub fn starts_at_boot(self) -> bool {
        let started =
            self.0.is_on("RunAtLoad") || self.0.get("KeepAlive").is_some_and(|it| it != "no");
        started && self.is_loaded_at_boot()
    }

    /// Whether its definition is where launchd looks for some when the host boots.
    pub fn is_loaded_at_boot(self) -> bool {
        self.0
            .get("FragmentPath")
            .is_none_or(|path| path.starts_with(DAEMONS))
    }

    /// Program and arguments.
    pub fn argv(self) -> Vec<String> {
        let mut argv = unit::words(self.0.get("ProgramArguments").unwrap_or_default());
        if let Some(program) = self.0.get("Program") {
            // What is executed; the first argument is only what it is told that it is called.
            match argv.first_mut() {
                Some(first) => program.clone_into(first),
                None => argv.push(program.to_owned()),
            }
        }
        argv
    }

    /// How often it was started again since it was loaded.
    pub fn restarts(self) -> Option<u64> {
        let runs: u64 = self.0.get("Runs")?.parse().ok()?;
        Some(runs.saturating_sub(1))
    }

    /// Whether it was started at all since it was loaded.
    pub fn was_started(self) -> bool {
        self.0.get("Runs").is_some_and(|runs| runs != "0")
    }

    /// How it ended last.
    pub fn end(self) -> End {
        // `Killed: 9`; where there is one, a code that is told beside it is older.
        if let Some(signal) = self.0.get("LastTerminatingSignal") {
            let number = signal
                .rsplit(':')
                .next()
                .and_then(|it| it.trim().parse().ok());
            return match (number, signal) {
                // launchd's own way to end a job, and that of whoever stops one.
                (Some(15), _) => End::Clean,
                (Some(number), _) => End::Signal {
                    number,
                    core: false,
                },
                (None, words) => End::Other(words.to_owned()),
            };
        }
        if let Some(reason) = self.0.get("LastExitReason") {
            return match reason.contains("JETSAM") {
                true => End::OutOfMemory,
                false => End::Other(reason.to_owned()),
            };
        }
        // `0`, `1`, `78: EX_CONFIG`, `(never exited)`.
        let code = self.0.get("LastExitCode").unwrap_or_default();
        let code = code.split(':').next().and_then(|it| it.trim().parse().ok());
        match code {
            None | Some(0) => End::Clean,
            Some(code @ 78) => End::NotStarted {
                code,
                name: "EX_CONFIG",
            },
            Some(code) => End::Exit(code),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn job(pairs: &[(&str, &str)]) -> Service {
        let pairs = [&[("JobState", "not running")], pairs].concat();
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Service {
            properties: pairs.collect(),
            supplied: false,
        }
    }

    #[test]
    fn an_end_has_its_words() {
        for (pairs, words) in [
            (&[][..], "ended without an error"),
            (
                &[("LastExitCode", "(never exited)")],
                "ended without an error",
            ),
            (&[("LastExitCode", "0")], "ended without an error"),
            (&[("LastExitCode", "1")], "ended with exit code 1"),
            (
                &[("LastExitCode", "78: EX_CONFIG")],
                "could not be executed (78/EX_CONFIG): its program is missing or not executable, or its user does not exist",
            ),
            (
                &[("LastTerminatingSignal", "Segmentation fault: 11")],
                "was ended by signal 11 (SIGSEGV)",
            ),
            (
                &[("LastTerminatingSignal", "Killed: 9")],
                "was ended by signal 9 (SIGKILL)",
            ),
            (
                &[("LastTerminatingSignal", "Terminated: 15")],
                "ended without an error",
            ),
            (
                &[("LastTerminatingSignal", "odd")],
                "failed with result `odd`",
            ),
            (
                &[
                    ("LastExitReason", "JETSAM_REASON_MEMORY_PERPROCESSLIMIT"),
                    ("LastExitCode", "0"),
                ],
                "was killed because memory ran out (oom-kill)",
            ),
            (
                &[("LastExitReason", "OS_REASON_CODESIGNING")],
                "failed with result `OS_REASON_CODESIGNING`",
            ),
        ] {
            assert_eq!(job(pairs).end().to_string(), words, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_executed_and_who_it_runs_as() {
        let service = job(&[
            (
                "ProgramArguments",
                r#"agent run --config "/Library/Application Support/a.yaml""#,
            ),
            ("Program", "/usr/local/bin/nexplane-agent"),
            ("User", "_nexplane"),
        ]);
        assert_eq!(
            service.binary(),
            Some("/usr/local/bin/nexplane-agent".into())
        );
        assert_eq!(
            service.option("--config").as_deref(),
            Some("/Library/Application Support/a.yaml")
        );
        assert_eq!(service.user(), Some("_nexplane"));
    }

    #[test]
    fn what_starts_at_boot_is_where_launchd_looks_and_says_so() {
        let path = "/Library/LaunchDaemons/ai.nexplane.agent.plist";
        for (pairs, at_boot) in [
            (&[("FragmentPath", path), ("RunAtLoad", "yes")][..], true),
            (
                &[("FragmentPath", path), ("KeepAlive", "SuccessfulExit=no")],
                true,
            ),
            (&[("FragmentPath", path), ("KeepAlive", "no")], false),
            (&[("FragmentPath", path)], false),
            (
                &[("FragmentPath", "/tmp/a.plist"), ("RunAtLoad", "yes")],
                false,
            ),
        ] {
            assert_eq!(
                job(pairs).launchd().unwrap().starts_at_boot(),
                at_boot,
                "{pairs:?}"
            );
        }
    }
}
