//! `fix` as users script against it and as they meet it on a terminal. Needs neither root nor a network: it repairs the files
//! of a host under a directory of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

/// The line that is miswritten in every configuration here.
const WRONG: &str = "poll-interval: 5s   # ours\n";
const RIGHT: &str = "poll_interval: 5s   # ours\n";

/// A host in a directory, with a misspelt key in its configuration.
struct Host {
    directory: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let write = |path: &str, text: &str| {
            let path = host.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("etc/hostname", "web-server-01\n");
        write("usr/local/bin/nexplane-agent", "#!/bin/sh\n");
        write(
            "etc/systemd/system/nexplane-agent.service",
            "[Service]\nExecStart=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml\n",
        );
        write(
            "etc/nexplane-agent/config.yaml",
            &format!("control_plane: https://127.0.0.1:9\n{WRONG}"),
        );
        host
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("root").join(path)
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path("etc/nexplane-agent/config.yaml")).unwrap()
    }

    fn is_mended(&self) -> bool {
        let config = self.config();
        assert!(
            config.ends_with(WRONG) || config.ends_with(RIGHT),
            "{config}"
        );
        config.ends_with(RIGHT)
    }

    /// `fix` for this host, in an environment of its own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
        command
            .args(["fix", "--timeout", "2s", "--root"])
            .arg(self.directory.path().join("root"))
            .arg("--journal")
            .arg(self.directory.path().join("undo"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same with `--format json`; the document keeps to its schema.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let document = serde_json::from_slice(&output.stdout).unwrap();
        assert_valid(&document);
        document
    }

    /// On a terminal, where this is typed.
    fn on_terminal(&self, arguments: &[&str], typed: &[u8]) -> (Output, String) {
        let mut terminal = fs::File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let side = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let mut command = self.command(arguments);
        command
            .stdin(side.try_clone().unwrap())
            .stderr(side)
            .stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        // The command holds the terminal's other side too: what is asked ends when both are gone.
        drop(command);
        terminal.write_all(typed).unwrap();
        let mut asked = terminal.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            // On Linux the end of a terminal is an error.
            let _ = asked.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let output = child.wait_with_output().unwrap();
        (output, reader.join().unwrap())
    }
}

fn assert_valid(document: &Value) {
    let schema = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["schema", "--of", "fix"])
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn outcomes(document: &Value) -> Vec<(&str, Option<&str>)> {
    let actions = document["actions"].as_array().unwrap().iter();
    actions
        .map(|action| {
            (
                action["repair"].as_str().unwrap(),
                action["outcome"].as_str(),
            )
        })
        .collect()
}

#[test]
fn without_a_terminal_and_without_yes_it_only_shows() {
    let host = Host::new();
    for arguments in [&[][..], &["--dry-run"]] {
        let output = host.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["Plan", "poll_interval", "undone by", "Nothing was changed"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!host.is_mended());
        assert_eq!(outcomes(&host.json(arguments)), [("mend-key", None)]);
    }
    assert!(!host.directory.path().join("undo").exists());
}

#[test]
fn what_it_did_is_verified_and_taken_back_to_the_last_byte() {
    let host = Host::new();
    let before = host.config();
    let document = host.json(&["--yes"]);
    assert_eq!(outcomes(&document), [("mend-key", Some("verified"))]);
    assert!(host.is_mended());
    let codes = |when: &str| {
        let findings = document[when]["findings"].as_array().unwrap().iter();
        let codes: Vec<_> = findings
            .map(|finding| finding["code"].as_str().unwrap())
            .collect();
        codes.contains(&"config.unknown_key")
    };
    assert!(codes("before") && !codes("after"));
    let shown = host.json(&["--undo", "--dry-run"]);
    assert_eq!(shown["undo"]["steps"][0]["outcome"], Value::Null);
    assert!(host.is_mended());
    let output = host.run(&["--undo", "--yes"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(host.config(), before);
    let again = host.json(&["--undo", "--yes"]);
    assert_eq!(again["undo"]["journal"], Value::Null);
}

#[test]
fn what_was_changed_since_is_not_taken_back() {
    let host = Host::new();
    host.json(&["--yes"]);
    let path = host.path("etc/nexplane-agent/config.yaml");
    fs::write(&path, "log_level: debug\n").unwrap();
    let output = host.run(&["--undo", "--yes"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("changed since"), "{said}");
    assert_eq!(host.config(), "log_level: debug\n");
    assert_eq!(
        host.run(&["--undo", "--yes", "--all"]).status.code(),
        Some(0)
    );
    assert!(!host.is_mended());
}

#[test]
fn a_terminal_is_asked_and_silence_is_a_no() {
    for (typed, mended) in [
        (&b"y\n"[..], true),
        (b"n\n", false),
        (b"\n", false),
        (b"\x04", false),
        (b"yess\n", false),
    ] {
        let host = Host::new();
        let (output, asked) = host.on_terminal(&[], typed);
        assert!(asked.contains("? [y/N]"), "{asked}");
        assert_eq!(host.is_mended(), mended, "{typed:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.contains("nobody agreed"), !mended, "{said}");
    }
}

#[test]
fn taking_back_is_asked_for_too() {
    let host = Host::new();
    host.json(&["--yes"]);
    let output = host.run(&["--undo"]);
    assert_eq!(output.status.code(), Some(1));
    let (_, asked) = host.on_terminal(&["--undo"], b"n\n");
    assert!(
        asked.contains("Take it back?") && host.is_mended(),
        "{asked}"
    );
    let (output, _) = host.on_terminal(&["--undo"], b"y\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(!host.is_mended());
}

#[test]
fn who_is_interrupted_at_a_question_has_changed_nothing() {
    let host = Host::new();
    // The terminal's own Ctrl-C needs a session; what it sends is the same signal.
    let mut terminal = fs::File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let side = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut command = host.command(&[]);
    command
        .stdin(side.try_clone().unwrap())
        .stderr(side)
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut asked = String::new();
    let mut byte = [0];
    while !asked.ends_with("[y/N]") {
        assert_eq!(terminal.read(&mut byte).unwrap(), 1, "{asked}");
        asked.push(char::from(byte[0]));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!host.is_mended());
    assert!(!host.directory.path().join("undo").exists());
}

#[test]
fn what_runs_under_another_root_is_for_a_person() {
    let host = Host::new();
    let unit = host.path("etc/systemd/system/nexplane-agent.service");
    fs::remove_file(&unit).unwrap();
    symlink("/dev/null", &unit).unwrap();
    let document = host.json(&["--yes", "--all"]);
    let left = document["for_person"].as_array().unwrap();
    let masked = left
        .iter()
        .find(|it| it["code"] == "service.masked")
        .unwrap();
    assert!(
        masked["reason"].as_str().unwrap().contains("out of reach"),
        "{masked}"
    );
    assert_eq!(fs::read_link(&unit).unwrap().to_str(), Some("/dev/null"));
}

#[test]
fn an_unfinished_run_is_told_of() {
    let host = Host::new();
    host.json(&["--yes"]);
    let undo = host.directory.path().join("undo");
    let runs = fs::read_dir(&undo)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut runs = runs.filter(|path| path.is_dir());
    let journal = runs.next().unwrap().join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("finished"))
        .collect();
    fs::write(&journal, format!("{}\n", kept.join("\n"))).unwrap();
    let output = host.run(&[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("did not come to its end"));
    assert!(host.json(&[])["unfinished"].is_string());
    assert_eq!(host.run(&["--undo", "--yes"]).status.code(), Some(0));
    assert!(!host.is_mended());
    assert!(host.json(&[])["unfinished"].is_null());
}

#[test]
fn what_a_damaged_line_spoke_of_is_not_called_taken_back() {
    let host = Host::new();
    host.json(&["--yes"]);
    let undo = host.directory.path().join("undo");
    let mut runs = fs::read_dir(undo).unwrap();
    let run = runs.find_map(|entry| {
        let journal = entry.unwrap().path().join("journal");
        journal.is_file().then_some(journal)
    });
    let journal = run.unwrap();
    let mut text = fs::read_to_string(&journal).unwrap();
    text.push_str("0123456789abcdef {\"entry\": \"step\"}\n");
    fs::write(&journal, text).unwrap();
    let output = host.run(&["--undo", "--yes"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 line of its journal is damaged"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!host.is_mended());
}

#[test]
fn who_has_no_home_is_shown_a_plan_all_the_same() {
    let host = Host::new();
    let run = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args(["fix", "--timeout", "2s", "--root"])
            .arg(host.directory.path().join("root"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command.output().unwrap()
    };
    // Another user may see what this one has made.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(host.directory.path(), open).unwrap();
    if !run(&["--help"]).status.success() {
        return;
    }
    let shown = run(&[]);
    let said = String::from_utf8_lossy(&shown.stdout);
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    assert!(said.contains("Spell `poll_interval`"), "{said}");
    let undone = run(&["--undo"]);
    let said = String::from_utf8_lossy(&undone.stderr);
    assert_eq!(undone.status.code(), Some(2), "{said}");
    assert!(said.contains("--journal"), "{said}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let host = Host::new();
    for arguments in [
        &["--all"][..],
        &["--dry-run", "--yes"],
        &["--token", "a", "--token-file", "b"],
    ] {
        let output = host.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document["error"]["message"].is_string());
        assert_valid(&document);
    }
}

#[test]
fn a_journal_that_a_flag_names_has_to_be_there() {
    let host = Host::new();
    let output = host.run(&["--undo", "--yes"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("undo: there is no such directory"), "{said}");
    // Where it is, and empty, there is nothing to take back.
    let undo = host.directory.path().join("undo");
    fs::create_dir(&undo).unwrap();
    assert_eq!(host.run(&["--undo", "--yes"]).status.code(), Some(0));
    // What cannot be looked at is not called empty.
    fs::remove_dir(&undo).unwrap();
    fs::write(&undo, "").unwrap();
    let output = host.run(&["--undo", "--yes"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// In a token, a password and a private key that lie wherever one could lie.
const SENTINEL: &str = "S3NT1NELS3NT1NEL";

#[test]
fn no_secret_of_the_host_is_in_a_plan_an_outcome_a_log_or_what_is_taken_back() {
    let host = Host::new();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{SENTINEL}\n-----END PRIVATE KEY-----\n");
    let token = format!("nxe_{SENTINEL}{SENTINEL}AAAAAAAAAA");
    let proxy = format!("http://user:{SENTINEL}@127.0.0.1:9");
    let config =
        format!("control_plane: https://127.0.0.1:9\nproxy: {proxy}\ntoken: {token}\n{WRONG}");
    fs::write(host.path("etc/nexplane-agent/config.yaml"), config).unwrap();
    fs::write(host.path("etc/nexplane-agent/client.key"), &key).unwrap();
    fs::write(host.path("etc/nexplane-agent/client.crt"), &key).unwrap();
    fs::write(
        host.path("etc/nexplane-agent/environment"),
        format!("HTTPS_PROXY={proxy}\nNEXPLANE_ENROLLMENT_TOKEN={token}\n"),
    )
    .unwrap();
    fs::write(
        host.path("etc/systemd/system/nexplane-agent.service"),
        format!(
            "[Service]\nEnvironment=NEXPLANE_ENROLLMENT_TOKEN={token}\nEnvironmentFile=/etc/nexplane-agent/environment\n\
             ExecStart=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml --token {token}\n"
        ),
    )
    .unwrap();
    let given = host.directory.path().join("token");
    fs::write(&given, &token).unwrap();
    let given = given.to_str().unwrap();
    let key_as_ca = host.path("etc/nexplane-agent/client.key");
    let key_as_ca = key_as_ca.to_str().unwrap();
    let mut mended = false;
    for arguments in [
        &["--dry-run", "-vv"][..],
        &["--dry-run", "-vv", "--format", "json"],
        &[
            "--dry-run",
            "-vv",
            "--token-file",
            given,
            "--ca-cert",
            key_as_ca,
        ],
        &["--yes", "--all", "-vv", "--token-file", given],
        &["--undo", "--dry-run", "-vv"],
        &["--undo", "--yes", "-vv"],
        &["--yes", "-vv", "--format", "json"],
        &["--undo", "--yes", "-vv", "--format", "json"],
    ] {
        let mut command = host.command(arguments);
        command
            .env("NEXPLANE_API_TOKEN", SENTINEL)
            .env("HTTPS_PROXY", &proxy);
        if !arguments.contains(&"--token-file") {
            command.env("NEXPLANE_ENROLLMENT_TOKEN", &token);
        }
        let output = command.output().unwrap();
        for said in [&output.stdout, &output.stderr] {
            let said = String::from_utf8_lossy(said);
            assert!(!said.contains(SENTINEL), "{arguments:?}: {said}");
            assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        }
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        mended |= host.config().contains("poll_interval");
    }
    // What was done and taken back was something.
    assert!(mended && host.config().ends_with(WRONG));
}
