//! Reports in the formats that other programs read, and comparisons, as users run them; and that all formats tell the same.
//!
//! Needs neither root nor a network. Programs that are not ours read the same documents in `tests/real/formats.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "formats/command.rs"]
mod command;
#[path = "formats/diff.rs"]
mod diff;
#[path = "formats/facts.rs"]
mod facts;

use assert_cmd::Command;

/// The formats beside `human` and `json`.
const FORMATS: [&str; 6] = ["junit", "tap", "nagios", "prometheus", "markdown", "github"];

struct Ended {
    status: i32,
    out: String,
    err: String,
}

/// The doctor in an environment of its own.
fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("nexplane-doctor").unwrap();
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.timeout(std::time::Duration::from_secs(60));
    command
}

fn run(arguments: &[&str]) -> Ended {
    ended(&mut doctor(arguments))
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
