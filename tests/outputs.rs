//! Where output goes that cannot be written to: a full disk is said, and is no defect; a reader that has gone changes nothing.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DOCTOR: &str = env!("CARGO_BIN_EXE_nexplane-doctor");
const AGENT: &str = env!("CARGO_BIN_EXE_nexplane-agent");

/// Every subcommand that says something by itself, with the status that it ends in.
const COMMANDS: &[(&str, &str, i32)] = &[
    (DOCTOR, "--help", 0),
    (DOCTOR, "explain", 0),
    (DOCTOR, "explain token.used", 0),
    (DOCTOR, "checks list", 0),
    (DOCTOR, "checks graph", 0),
    (DOCTOR, "checks show trust", 0),
    (DOCTOR, "checks validate checks", 0),
    (DOCTOR, "schema", 0),
    (DOCTOR, "man", 0),
    (DOCTOR, "completions bash", 0),
    (DOCTOR, "lab list", 0),
    (DOCTOR, "lab list --format json", 0),
    (DOCTOR, "logs Cargo.toml", 0),
    (DOCTOR, "logs Cargo.toml --format json", 0),
    (DOCTOR, "diff fixtures/token-used fixtures/token-used", 0),
    (
        DOCTOR,
        "diff fixtures/token-used fixtures/token-used --format json",
        0,
    ),
    (DOCTOR, "fixtures test fixtures/token-used", 0),
    (DOCTOR, "fixtures test fixtures/token-used --format json", 0),
    (DOCTOR, "fixtures show fixtures/token-used", 0),
    (DOCTOR, "--only install --root fixtures", 1),
    (
        DOCTOR,
        "fix --dry-run --root fixtures --journal target/tmp/outputs",
        1,
    ),
    (
        DOCTOR,
        "fix --dry-run --root fixtures --journal target/tmp/outputs --format json",
        1,
    ),
    // Whether a service may run the program that is built here is not said of one that is taken away.
    (
        DOCTOR,
        "integrate systemd --remove --dry-run --root fixtures",
        0,
    ),
    (AGENT, "--help", 0),
    (AGENT, "version", 0),
    (AGENT, "man", 0),
    (AGENT, "completions bash", 0),
    (AGENT, "check --config target/nowhere/config.yaml", 1),
];

const FORMATS: [&str; 9] = [
    "human",
    "json",
    "junit",
    "tap",
    "nagios",
    "prometheus",
    "markdown",
    "html",
    "github",
];

fn command(program: &str, line: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(line.split(' '))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::null());
    command
}

fn into_full_disk(program: &str, line: &str) -> Output {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    command(program, line).stdout(full).output().unwrap()
}

/// What it ends in when nobody reads.
fn unread(program: &str, line: &str) -> Output {
    let mut child = command(program, line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_full_disk_is_said_and_ends_in_2_whatever_was_asked() {
    let full = "cannot write to standard output: No space left on device";
    for (program, line, _) in COMMANDS {
        let output = into_full_disk(program, line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(full), "{line}: {said}");
        assert!(!said.contains("defect"), "{line}: {said}");
    }
    for format in FORMATS {
        let line = format!("fixtures show fixtures/token-used --format {format}");
        let output = into_full_disk(DOCTOR, &line);
        // A monitoring system knows four statuses alone.
        let status = if format == "nagios" { 3 } else { 2 };
        let said = said(&output);
        assert_eq!(output.status.code(), Some(status), "{line}: {said}");
        assert!(said.contains(full), "{line}: {said}");
    }
}

#[test]
fn a_reader_that_has_gone_changes_neither_status_nor_words() {
    for (program, line, status) in COMMANDS {
        let output = unread(program, line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(*status), "{line}: {said}");
        assert!(!said.contains("pipe"), "{line}: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let line = "--only install --root fixtures --output /dev/full";
    let output = command(DOCTOR, line).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("cannot write the report to /dev/full: No space left"),
        "{said}"
    );
}

#[test]
fn a_repair_that_nobody_can_be_told_of_is_not_begun() {
    let host = tempfile::tempdir().unwrap();
    let config = host.path().join("etc/nexplane-agent/config.yaml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::create_dir_all(host.path().join("usr/local/bin")).unwrap();
    std::fs::write(host.path().join("usr/local/bin/nexplane-agent"), "").unwrap();
    let text = "control_plane: https://127.0.0.1:9\npoll-interval: 5s\n";
    std::fs::write(&config, text).unwrap();
    let journal = host.path().join("undo");
    let line = format!(
        "fix --yes --timeout 1s --root {} --journal {}",
        host.path().display(),
        journal.display()
    );
    let output = into_full_disk(DOCTOR, &line);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    assert!(!journal.exists());
    // The same for somebody who is told.
    command(DOCTOR, &line).output().unwrap();
    assert_ne!(std::fs::read_to_string(&config).unwrap(), text);
}
