//! `nexplane-doctor fix`, run in a place as a user runs it, and what it must say.

use std::process::{Child, Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::live_at;
use super::place::{Place, signal};

/// When a run is ended from outside, as one that hangs, in seconds. A service manager that hangs has 100 of them.
const BOUND: &str = "200";

/// A run to be.
pub(crate) struct Fix {
    command: Command,
}

/// What a run said.
pub(crate) struct Fixed {
    output: Output,
    document: Value,
}

impl Fix {
    /// In this place, with `--format json`, these arguments, and two seconds for a probe.
    pub(crate) fn at(place: &Place, arguments: &[&str]) -> Self {
        Self::with(env!("CARGO_BIN_EXE_nexplane-doctor"), place, arguments)
    }

    /// The same by this program.
    pub(crate) fn with(program: &str, place: &Place, arguments: &[&str]) -> Self {
        Self::by(program, "2s", place, arguments)
    }

    /// The same as [`Fix::at`], with a minute for a probe and for each look: it only ends sooner if it is ended.
    pub(crate) fn patient(place: &Place, arguments: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_nexplane-doctor");
        let arguments = [&["--deadline", "60s"], arguments].concat();
        Self::by(program, "60s", place, &arguments)
    }

    fn by(program: &str, timeout: &str, place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command("timeout");
        command
            .args(["--signal", "KILL", BOUND, program])
            .args(["fix", "--format", "json", "--timeout", timeout])
            .args(arguments);
        Self { command }
    }

    /// The same, run by this user and group.
    pub(crate) fn run_by((user, group): (&str, &str), place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command("setpriv");
        command
            .args(["--reuid", user, "--regid", group, "--clear-groups", "--"])
            .args(["timeout", "--signal", "KILL", BOUND])
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args(["fix", "--format", "json", "--timeout", "2s"])
            .args(arguments);
        Self { command }
    }

    /// With another time than the machine's, such as `-600s`.
    pub(crate) fn living_at(mut self, time: &str) -> Self {
        live_at(&mut self.command, time);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Fixed {
        Fixed::read(self.command.output().unwrap())
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Fixing {
        let piped = self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Fixing(piped.spawn().unwrap())
    }
}

/// A run that goes on.
pub(crate) struct Fixing(Child);

impl Fixing {
    /// Ctrl-C, and how it ends then.
    pub(crate) fn interrupted(self) -> Fixed {
        // `timeout`, in there, hands it on to the doctor.
        signal(&self.0, Signal::INT);
        Fixed::read(self.0.wait_with_output().unwrap())
    }
}

impl Fixed {
    /// Of what it left when it ended.
    pub(crate) fn read(output: Output) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let document = serde_json::from_str(&stdout).unwrap_or_else(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("no JSON ({error}), {}\n{stdout}\n{stderr}", output.status)
        });
        Self { output, document }
    }

    /// It ended with this status.
    #[track_caller]
    pub(crate) fn status(&self, status: i32) -> &Self {
        self.require(
            self.output.status.code() == Some(status),
            &format!("status {status}"),
        )
    }

    /// What came of the actions, in their order: the repair's name and the outcome (`null`: only shown).
    #[track_caller]
    pub(crate) fn actions(&self, wanted: &[(&str, &str)]) -> &Self {
        let actions: Vec<(String, String)> = self.document["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|action| {
                let text = |name: &str| action[name].as_str().unwrap_or("null").to_owned();
                (text("repair"), text("outcome"))
            })
            .collect();
        let seen: Vec<(&str, &str)> = actions
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        self.require(seen == wanted, &format!("the actions {wanted:?}"))
    }

    /// The reason of an action has this in it.
    #[track_caller]
    pub(crate) fn reason(&self, repair: &str, words: &str) -> &Self {
        let actions = self.document["actions"].as_array().into_iter().flatten();
        let mut actions = actions.filter(|action| action["repair"] == repair);
        let holds = actions.any(|action| {
            action["reason"]
                .as_str()
                .unwrap_or_default()
                .contains(words)
        });
        self.require(holds, &format!("{repair} because of {words}"))
    }

    /// These causes were found before, in this order.
    #[track_caller]
    pub(crate) fn before(&self, causes: &[&str]) -> &Self {
        self.causes("before", causes)
    }

    /// These causes are found afterwards.
    #[track_caller]
    pub(crate) fn after(&self, causes: &[&str]) -> &Self {
        self.causes("after", causes)
    }

    fn causes(&self, when: &str, causes: &[&str]) -> &Self {
        let seen: Vec<&str> = self.document[when]["root_causes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.require(seen == causes, &format!("{when}: {causes:?}"))
    }

    /// This finding is left to a person, for a reason with these words.
    #[track_caller]
    pub(crate) fn for_person(&self, code: &str, words: &str) -> &Self {
        let mut left = self.document["for_person"].as_array().into_iter().flatten();
        let holds = left.any(|it| {
            it["code"] == code && it["reason"].as_str().unwrap_or_default().contains(words)
        });
        self.require(holds, &format!("{code} for a person because of {words}"))
    }

    /// What `--undo` said of its steps: all of them have one of these outcomes, and there is one at least.
    #[track_caller]
    pub(crate) fn took_back(&self, outcomes: &[&str]) -> &Self {
        let steps = self.document["undo"]["steps"].as_array();
        let holds = steps.is_some_and(|steps| {
            let known =
                |step: &Value| outcomes.contains(&step["outcome"].as_str().unwrap_or("null"));
            !steps.is_empty() && steps.iter().all(known)
        });
        self.require(holds, &format!("steps that are {outcomes:?}"))
    }

    /// The document.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    #[track_caller]
    pub(crate) fn require(&self, holds: bool, what: &str) -> &Self {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        assert!(
            holds,
            "wanted: {what}; ended with {}\n{:#}\n{stderr}",
            self.output.status, self.document
        );
        self
    }
}
