//! The doctor at a service's start, and the drop-in that puts it there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["HTTPS_PROXY", "https_proxy", "NEXPLANE_ENROLLMENT_TOKEN"] {
        command.env_remove(variable);
    }
    command
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A diagnosis at the start, with its state kept there.
fn startup(arguments: &[&str], state: &Path) -> Output {
    let mut command = doctor(&["--startup"]);
    command.args(arguments).env("STATE_DIRECTORY", state);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(output.stdout.is_empty(), "standard output is left alone");
    assert_eq!(err(&output).lines().count(), 1, "{}", err(&output));
    output
}

#[test]
fn one_line_a_report_and_no_reason_not_to_start() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let config = directory.path().join("config.yaml");
    // Port 9 of loopback: nothing listens.
    fs::write(
        &config,
        "control_plane: https://127.0.0.1:9\npoll_interval: 5s\n",
    )
    .unwrap();
    let output = startup(&["--config", config.to_str().unwrap()], &state);
    let line = err(&output);
    assert!(
        line.starts_with("nexplane-doctor: diagnosis: failed: "),
        "{line}"
    );
    assert!(line.contains("tcp.refused"), "{line}");
    assert!(line.contains("; first step: "), "{line}");
    let path = state.join("diagnosis.json");
    assert!(line.contains(path.to_str().unwrap()), "{line}");
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schema = doctor(&["schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    assert!(
        jsonschema::validator_for(&schema)
            .unwrap()
            .is_valid(&report)
    );
    // In the agent's log it is no new failure.
    assert!(
        nexplane_doctor::logs::classify_line(line.trim()).is_none(),
        "{line}"
    );
}

#[test]
fn what_cannot_be_kept_or_read_is_said_in_the_line() {
    let output = startup(&[], Path::new("/proc/no-such-directory"));
    assert!(
        err(&output).contains("could not be kept in /proc/"),
        "{}",
        err(&output)
    );
    let state = tempfile::tempdir().unwrap();
    let output = startup(&["--token-file", "/no/such/file"], state.path());
    assert!(
        err(&output).contains("diagnosis: not made: "),
        "{}",
        err(&output)
    );
    // A wrong command line says not even that this was asked for.
    let wrong = doctor(&["--startup", "--no-such-flag"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn the_program_of_a_build_is_not_put_into_a_unit() {
    // What is under test here lies where others than root may write, or belongs to another user, or may be under /home:
    // if not, it is root's own and fit to be run.
    let root = tempfile::tempdir().unwrap();
    let copy = root.path().join("nexplane-doctor");
    fs::copy(env!("CARGO_BIN_EXE_nexplane-doctor"), &copy).unwrap();
    let output = Command::new(&copy)
        .args(["integrate", "systemd", "--dry-run"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    assert!(said.contains("/usr/local/bin"), "{said}");
}

#[test]
fn there_is_nothing_to_take_away_where_nothing_is() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let output = doctor(&["integrate", "systemd", "--remove", "--root", root])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for unit in ["../../x", "x.socket"] {
        let output = doctor(&[
            "integrate",
            "systemd",
            "--remove",
            "--root",
            root,
            "--unit",
            unit,
        ])
        .output()
        .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("no name of a service's unit"));
    }
}

/// The diagnosis in a line is quoted in logs: no title and no first step in it may be taken for a failure.
#[test]
fn no_diagnosis_in_a_log_is_a_new_failure() {
    use nexplane_doctor::{catalog::Catalog, checks, logs};
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let mut seen = 0;
    for finding in catalog.findings() {
        for begins in [
            "WARNING: diagnosis: ",
            "nexplane-doctor: diagnosis: failed: ",
        ] {
            let line = format!(
                "{begins}{}: {}; also token.used; first step: dial tcp 10.0.0.9:8000: connect: connection refused",
                finding.code, finding.title
            );
            for line in [format!("nexplane-agent[12]: {line}"), line] {
                let matched = logs::classify_line(&line).map(|pattern| pattern.name);
                assert_eq!(matched, None, "{line}");
                seen += 1;
            }
        }
    }
    assert!(seen > 200);
    let real =
        "ERROR: heartbeat failed: connect: connection refused; see diagnosis: tcp.refused: x";
    assert!(
        logs::classify_line(real).is_some(),
        "what stands before it counts"
    );
}
