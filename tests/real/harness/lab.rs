//! The lab's control plane, served in a place, and the agent's real program, put there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use super::{Place, SystemdBox};

/// Where the agent's program is before it is installed.
pub(crate) const PROGRAM: &str = "/opt/nexplane-agent";

/// Where the doctor's program is that was brought.
pub(crate) const DOCTOR: &str = "/opt/nexplane/nexplane-doctor";

/// The agent's program beside it.
pub(crate) const BESIDE: &str = "/opt/nexplane/nexplane-agent";

/// A control plane of the lab's; it ends with this value.
pub(crate) struct Lab {
    child: Child,
    /// Its URL.
    pub(crate) url: String,
    /// The file with its CA certificate.
    pub(crate) ca_cert: String,
    /// Unused tokens.
    pub(crate) tokens: Vec<String>,
    /// For its API.
    pub(crate) api_token: String,
}

impl Lab {
    /// Serves one.
    pub(crate) fn serve(place: &Place) -> Self {
        Self::serve_at(place, "/etc/lab")
    }

    /// Serves one whose CA file is in this directory.
    pub(crate) fn serve_at(place: &Place, directory: &str) -> Self {
        Self::serve_with(place, &["--dir", directory])
    }

    /// Serves one with these arguments, a directory among them.
    pub(crate) fn serve_with(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_nexplane-doctor"));
        command.args(["lab", "serve", "--quiet", "--format", "json"]);
        command.args(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the lab is ready");
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let tokens = ready["tokens"].as_array().unwrap();
        Self {
            child,
            url: text("control_plane"),
            ca_cert: text("ca_cert"),
            tokens: tokens
                .iter()
                .map(|token| token.as_str().unwrap().to_owned())
                .collect(),
            api_token: text("api_token"),
        }
    }

    /// What the lab's own API says of its agents.
    pub(crate) fn agents(&self, place: &Place) -> serde_json::Value {
        self.ask(place, "/agents")
    }

    /// One more token.
    pub(crate) fn token(&self, place: &Place) -> String {
        let made = self.ask(place, "/agents/enrollment-tokens -X POST");
        made["token"].as_str().unwrap().to_owned()
    }

    /// What installs an agent here with this token.
    pub(crate) fn install<'a>(&'a self, token: &'a str) -> [&'a str; 7] {
        let (url, ca) = (&*self.url, &*self.ca_cert);
        [
            "install",
            "--control-plane",
            url,
            "--ca-cert",
            ca,
            "--token",
            token,
        ]
    }

    fn ask(&self, place: &Place, what: &str) -> serde_json::Value {
        let said = place.shell(&format!(
            "curl -s --cacert {} -H 'Authorization: Bearer {}' {}{what}",
            self.ca_cert, self.api_token, self.url
        ));
        serde_json::from_str(&said).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// How a command of the agent ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Standard output, then standard error.
    pub(crate) said: String,
}

impl Ended {
    /// Of what it left when it ended.
    pub(crate) fn of(output: Output) -> Self {
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Self {
            status: output.status,
            said,
        }
    }

    /// It ended with this status, and said this.
    #[track_caller]
    pub(crate) fn with(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status.code(), Some(status), "{}", self.said);
        assert!(self.said.contains(words), "no `{words}` in: {}", self.said);
        self
    }
}

/// A box with the agent's program and a control plane in it.
pub(crate) fn boot_with_lab() -> (SystemdBox, Lab) {
    let machine = SystemdBox::new();
    bring_agent(&machine);
    let lab = Lab::serve(&machine);
    (machine, lab)
}

/// Puts the agent's program into a place, where it waits to be installed; without what debuggers want, most of its size.
pub(crate) fn bring_agent(place: &Place) {
    bring_agent_to(place, PROGRAM);
}

/// The same to another place.
pub(crate) fn bring_agent_to(place: &Place, to: &str) {
    bring(place, env!("CARGO_BIN_EXE_nexplane-agent"), to);
}

/// Puts the doctor's program into a place, with the agent's beside it.
pub(crate) fn bring_both(place: &Place) {
    bring(place, env!("CARGO_BIN_EXE_nexplane-doctor"), DOCTOR);
    bring(place, env!("CARGO_BIN_EXE_nexplane-agent"), BESIDE);
}

/// Puts a program of this machine into a place, without what only a debugger reads.
fn bring(place: &Place, program: &str, to: &str) {
    let directory = tempfile::tempdir().unwrap();
    let from = directory.path().join("program");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&from).arg(program);
    assert!(strip.status().unwrap().success());
    let ended = place
        .command("install")
        .args(["-D", "-m", "0755", "/dev/stdin", to])
        .stdin(File::open(from).unwrap())
        .status();
    assert!(ended.unwrap().success());
}

/// Runs a command to its end.
pub(crate) fn ended(mut command: Command) -> Ended {
    Ended::of(command.output().unwrap())
}

/// Runs a command of the agent's in a place.
pub(crate) fn agent(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = place.command(PROGRAM);
    command.args(arguments);
    ended(command)
}
