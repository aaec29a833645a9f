//! The doctor, run in a place as a user runs it, and what its report must say.

use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::place::{Place, child_of};
use super::{live_at, until};

/// When a run is ended from outside, as one that hangs. No run here is asked for more than half of it.
const HARD_LIMIT: Duration = Duration::from_secs(60);

/// A run to be.
pub(crate) struct Doctor {
    command: Command,
}

impl Doctor {
    /// In this place, with `--format json`, and two seconds for a probe so that what times out does so soon.
    pub(crate) fn at(place: &Place) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_nexplane-doctor"));
        command.args(["--format", "json", "--timeout", "2s"]);
        Self { command }
    }

    /// In this place, with `--format json` and these arguments alone.
    pub(crate) fn with(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_nexplane-doctor"));
        command.args(["--format", "json"]).args(arguments);
        Self { command }
    }

    /// As [`Doctor::at`], run by this user and its own group.
    pub(crate) fn run_by(user: &str, place: &Place) -> Self {
        let mut command = place.command("setpriv");
        command
            .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args(["--format", "json", "--timeout", "2s"]);
        Self { command }
    }

    /// As [`Doctor::run_by`], with this group besides.
    pub(crate) fn run_by_in(user: &str, group: &str, place: &Place) -> Self {
        let mut command = place.command("setpriv");
        command
            .args(["--reuid", user, "--regid", user, "--groups", group, "--"])
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args(["--format", "json", "--timeout", "2s"]);
        Self { command }
    }

    /// With more arguments.
    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With another time than the machine's, such as `-600s`.
    pub(crate) fn living_at(mut self, time: &str) -> Self {
        live_at(&mut self.command, time);
        self
    }

    /// Runs it to its end.
    pub(crate) fn diagnose(self) -> Diagnosis {
        self.start().end()
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running {
        let (stdout, stderr) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let entered = self
            .command
            .stdout(stdout.reopen().unwrap())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap();
        Running {
            entered,
            started: Instant::now(),
            stdout,
            stderr,
        }
    }
}

/// A run that goes on.
pub(crate) struct Running {
    /// `nsenter`, whose child is the doctor.
    entered: Child,
    started: Instant,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Running {
    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    fn signal(&self, signal: Signal) {
        let doctor = until("the doctor's process", || child_of(self.entered.id()));
        kill_process(Pid::from_raw(doctor.cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When that does not come by itself, or what was printed is no report.
    pub(crate) fn end(mut self) -> Diagnosis {
        let mut hung = false;
        let status = loop {
            if let Some(status) = self.entered.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > HARD_LIMIT && !hung {
                hung = true;
                self.signal(Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let took = self.started.elapsed();
        let stdout = fs::read_to_string(self.stdout.path()).unwrap();
        let stderr = fs::read_to_string(self.stderr.path()).unwrap();
        assert!(!hung, "the doctor hung\n{stdout}\n{stderr}");
        let report = serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}), {status}\n{stdout}\n{stderr}"));
        let diagnosis = Diagnosis {
            status,
            report,
            stdout,
            stderr,
            took,
        };
        diagnosis.is_consistent();
        diagnosis
    }
}

/// A report, with what a test may ask of it. What does not hold fails the test with the whole report.
pub(crate) struct Diagnosis {
    status: ExitStatus,
    report: Value,
    stdout: String,
    stderr: String,
    took: Duration,
}

impl Diagnosis {
    /// The verdict is `failed`, for these causes, in this order, and no others.
    pub(crate) fn failed_because(&self, causes: &[&str]) -> &Self {
        self.require(self.root_causes() == causes, &format!("causes {causes:?}"));
        self.verdict("failed")
    }

    /// There is no cause and no symptom; warnings may be.
    pub(crate) fn found_no_error(&self) -> &Self {
        let errors = self.findings().any(|finding| finding["role"] != "notice");
        self.require(!errors, "no error")
    }

    /// The verdict is this.
    pub(crate) fn verdict(&self, verdict: &str) -> &Self {
        self.require(
            self.report["verdict"] == verdict,
            &format!("verdict {verdict}"),
        )
    }

    /// This is found, and explained by exactly these causes.
    pub(crate) fn symptom(&self, code: &str, explained_by: &[&str]) -> &Self {
        let holds = self.findings().any(|finding| {
            finding["code"] == code
                && finding["role"] == "symptom"
                && strings(&finding["explained_by"]) == explained_by
        });
        self.require(holds, &format!("{code} as a symptom of {explained_by:?}"))
    }

    /// This is found, as a warning.
    pub(crate) fn notice(&self, code: &str) -> &Self {
        let holds = self
            .findings()
            .any(|finding| finding["code"] == code && finding["role"] == "notice");
        self.require(holds, &format!("{code} as a warning"))
    }

    /// Nothing is found whose code begins so, not even as a symptom.
    pub(crate) fn never(&self, prefix: &str) -> &Self {
        let found = self.findings().any(|finding| {
            let code = finding["code"].as_str().unwrap_or_default();
            code.starts_with(prefix)
        });
        self.require(!found, &format!("nothing of {prefix}"))
    }

    /// What is found under `code` names this, in its detail or in its evidence.
    pub(crate) fn names(&self, code: &str, what: &str) -> &Self {
        let holds = self
            .findings()
            .filter(|finding| finding["code"] == code)
            .any(|finding| {
                finding["detail"].to_string().contains(what)
                    || finding["evidence"].to_string().contains(what)
            });
        self.require(holds, &format!("{code} names {what}"))
    }

    /// A check has ended so; if that is one of the three that need a reason, it has one.
    pub(crate) fn check(&self, id: &str, status: &str) -> &Self {
        let check = self.report["checks"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|check| check["id"] == id);
        let holds = check.is_some_and(|check| check["status"] == status);
        self.require(holds, &format!("check {id} is {status}"))
    }

    /// A check is undecided, blocked or skipped for a reason that has this in it.
    pub(crate) fn reason(&self, id: &str, words: &str) -> &Self {
        let checks = self.report["checks"].as_array().into_iter().flatten();
        let holds = checks
            .filter(|check| check["id"] == id)
            .any(|check| check["reason"].as_str().unwrap_or_default().contains(words));
        self.require(holds, &format!("check {id} has a reason with {words}"))
    }

    /// A check notes this.
    pub(crate) fn notes(&self, id: &str, words: &str) -> &Self {
        let checks = self.report["checks"].as_array().into_iter().flatten();
        let mut checks = checks.filter(|check| check["id"] == id);
        let holds = checks.any(|check| check["notes"].to_string().contains(words));
        self.require(holds, &format!("check {id} notes {words}"))
    }

    /// It took less than this: not a measurement, but proof that no longer bound was what ended it.
    pub(crate) fn within(&self, limit: Duration) -> &Self {
        self.require(self.took < limit, &format!("an end within {limit:?}"))
    }

    /// Neither stream has this in it.
    pub(crate) fn does_not_print(&self, secret: &str) -> &Self {
        let printed = self.stdout.contains(secret) || self.stderr.contains(secret);
        self.require(!printed, "secrets are not printed")
    }

    /// The codes of the causes, in the order in which to fix them.
    pub(crate) fn root_causes(&self) -> Vec<&str> {
        strings(&self.report["root_causes"])
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.report["findings"].as_array().into_iter().flatten()
    }

    /// What holds for every report: the exit status says the same as the verdict, the causes are findings,
    /// and whatever was not decided says why.
    fn is_consistent(&self) {
        let expected = match self.report["verdict"].as_str() {
            Some("healthy" | "degraded") => Some(0),
            Some("failed") => Some(1),
            Some("undetermined") => Some(3),
            _ => None,
        };
        self.require(
            expected.is_some() && self.status.code() == expected,
            &format!("an exit status that fits the verdict, not {}", self.status),
        );
        let causes: Vec<&str> = self
            .findings()
            .filter(|finding| finding["role"] == "cause")
            .filter_map(|finding| finding["code"].as_str())
            .collect();
        self.require(causes == self.root_causes(), "root_causes are the causes");
        let silent = self.report["checks"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|check| {
                let reason = check["reason"].as_str().unwrap_or_default();
                let undecided = matches!(
                    check["status"].as_str(),
                    Some("unknown" | "blocked" | "skipped")
                );
                undecided == reason.is_empty()
            });
        self.require(!silent, "a reason for exactly what was not decided");
    }

    #[track_caller]
    fn require(&self, holds: bool, what: &str) -> &Self {
        assert!(holds, "wanted: {what}\n{:#}\n{}", self.report, self.stderr);
        self
    }
}

fn strings(array: &Value) -> Vec<&str> {
    let values = array.as_array().into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}
