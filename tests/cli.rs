//! The command line as users script against it: exit status, standard output, standard error.
//!
//! Needs neither root nor a network; where a host is looked at, it is an empty directory (`--root`) or the lab.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use serde_json::Value;

/// The doctor in an environment of its own, so that nobody's proxy or token takes part.
fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("nexplane-doctor").unwrap();
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.timeout(std::time::Duration::from_secs(60));
    command
}

struct Ended {
    status: i32,
    out: String,
    err: String,
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

fn empty_root() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn assert_valid(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_host_without_an_agent_is_told_to_install_it() {
    let root = empty_root();
    let ended = run(&["--root", root.path().to_str().unwrap()]);
    assert_eq!(ended.status, 1, "{}", ended.err);
    assert!(ended.out.contains("install.missing"), "{}", ended.out);
    assert!(
        ended.out.contains("nexplane-agent install"),
        "{}",
        ended.out
    );
    assert!(
        !ended.out.contains('\u{1b}'),
        "no colours where no terminal is"
    );
}

#[test]
fn the_report_is_json_of_its_own_schema() {
    let root = empty_root();
    let ended = run(&["--format", "json", "--root", root.path().to_str().unwrap()]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(
        report["root_causes"],
        serde_json::json!(["install.missing"])
    );
    assert_eq!(report["verdict"], "failed");
    assert_valid(
        &serde_json::from_str(&run(&["schema"]).out).unwrap(),
        &report,
    );
}

#[test]
fn the_same_with_and_without_the_word_diagnose() {
    let root = empty_root();
    let root = root.path().to_str().unwrap();
    let codes = |arguments: &[&str]| -> Value {
        let report: Value = serde_json::from_str(&run(arguments).out).unwrap();
        report["root_causes"].clone()
    };
    assert_eq!(
        codes(&["--format=json", "--root", root]),
        codes(&["diagnose", "--format=json", "--root", root])
    );
}

#[test]
fn wrong_usage_ends_in_2_and_names_what_is_wrong() {
    for (arguments, said) in [
        (vec!["--no-such-flag"], "--no-such-flag"),
        (vec!["--timeout", "5"], "a number with a unit"),
        (vec!["--timeout", "0s"], "longer than nothing"),
        (vec!["--only", "nope"], "there is no check `nope`"),
        (vec!["--skip", "dns,nope"], "there is no check `nope`"),
        (
            vec!["--ignore", "dns.nope"],
            "there is no finding `dns.nope`",
        ),
        (vec!["--ignore", "Nope"], "is not a finding code"),
        (
            vec!["--root", "/no/such/directory"],
            "--root /no/such/directory",
        ),
        (
            vec!["--token-file", "/no/such/file"],
            "cannot read the token file /no/such/file",
        ),
        (vec!["--token-file", "/dev/zero"], "it is larger than"),
        (vec!["--checks", "/no/such/directory"], "/no/such/directory"),
        (
            vec!["--output", "/no/such/directory/report"],
            "cannot write the report",
        ),
        (vec!["--output", "/"], "it is a directory"),
        (vec!["--format", "xml"], "xml"),
        (vec!["--config", "x", "explain"], "put it after `explain`"),
        (
            vec!["explain", "dns.not_fuond"],
            "did you mean `dns.not_found`?",
        ),
        (vec!["checks", "show", "dsn"], "there is no check `dsn`"),
        (
            vec!["fixtures", "test", "/no/such/directory"],
            "/no/such/directory",
        ),
        (vec!["lab", "run", "no.such"], "no.such"),
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 2, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
        assert!(ended.out.is_empty(), "{arguments:?}: {}", ended.out);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}

#[test]
fn wrong_usage_in_json_is_a_document_too() {
    for arguments in [
        vec!["--format", "json", "--no-such-flag"],
        vec!["--format=json", "--only", "nope"],
        vec!["--checks", "/no/such/directory", "--format", "json"],
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 2);
        let document: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(document["schema_version"], 1);
        assert!(!document["error"]["message"].as_str().unwrap().is_empty());
        assert_valid(
            &serde_json::from_str(&run(&["schema"]).out).unwrap(),
            &document,
        );
    }
}

#[test]
fn a_selection_that_leaves_nothing_to_look_at_is_not_called_healthy() {
    for arguments in [
        ["--only", "dns", "--skip", "dns"],
        ["--only", "dns", "--symptom", "tasks"],
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 2, "{}", ended.out);
        assert!(ended.err.contains("no check to report"), "{}", ended.err);
    }
}

/// A token where a file, a name or a command is wanted is a likely slip, and the error must not spread it.
#[test]
fn a_token_in_the_wrong_place_is_not_repeated() {
    let token = "nxe_5e5a3e0f5e5a3e0f5e5a3e0f";
    for arguments in [
        vec!["--token-file", token],
        vec![token],
        vec!["--timeout", token],
        vec!["--only", token],
        vec!["--ignore", token],
        vec!["--symptom", token, "--format", "json"],
        vec!["explain", token],
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 2, "{arguments:?}");
        let said = ended.out + &ended.err;
        assert!(!said.contains(&token[4..]), "{arguments:?}: {said}");
    }
}

#[test]
fn one_token_is_inspected_and_it_is_clear_which() {
    let root = empty_root();
    let file = root.path().join("token");
    std::fs::write(&file, "no token").unwrap();
    let file = file.to_str().unwrap();
    let both = run(&["--token", "a", "--token-file", file]);
    assert_eq!(both.status, 2);
    assert!(both.err.contains("which of the two"), "{}", both.err);

    let root = root.path().to_str().unwrap();
    let only_token = [
        "--only", "token", "--skip", "trust", "--format", "json", "--root", root,
    ];
    let token = |more: &[&str], variable: &str, input: Option<&str>| {
        let mut command = doctor(&only_token);
        command
            .args(more)
            .env("NEXPLANE_ENROLLMENT_TOKEN", variable);
        if let Some(path) = input {
            command.pipe_stdin(path).unwrap();
        }
        let report: Value = serde_json::from_str(&ended(&mut command).out).unwrap();
        report["checks"][0]["status"].as_str().unwrap().to_owned()
    };
    // The file's token cannot be one, whatever the variable says; standard input is a file too.
    assert_eq!(token(&["--token-file", file], "", None), "fail");
    assert_eq!(
        token(&["--token-file", "-"], "also none", Some(file)),
        "fail"
    );
    assert_eq!(token(&["--token", ""], "", None), "fail");
    assert_ne!(token(&[], "", None), "fail", "an empty variable is none");
}

#[test]
fn what_is_wrong_with_the_agents_world_is_a_finding_and_no_usage_error() {
    let root = empty_root();
    let root = root.path().to_str().unwrap();
    for (arguments, code) in [
        (
            vec!["--control-plane", "http://nexplane.example.com:8000"],
            "config.url",
        ),
        (vec!["--control-plane", "not a url"], "config.url"),
        (vec!["--config", "/no/such/config.yaml"], "config.missing"),
        (
            vec![
                "--control-plane",
                "https://127.0.0.1:1",
                "--ca-cert",
                "/no/such/ca.crt",
            ],
            "tcp.refused",
        ),
    ] {
        let mut all = vec!["--format", "json", "--root", root];
        all.extend(&arguments);
        let ended = run(&all);
        assert_eq!(ended.status, 1, "{arguments:?}: {}{}", ended.out, ended.err);
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let codes: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["code"].as_str().unwrap())
            .collect();
        assert!(codes.contains(&code), "{arguments:?}: {codes:?}");
    }
}

#[test]
fn only_skip_and_ignore_do_what_they_say() {
    let root = empty_root();
    let base = [
        "--format",
        "json",
        "--root",
        root.path().to_str().unwrap(),
        "--control-plane",
        "https://127.0.0.1:1",
    ];
    let report = |more: &[&str]| -> Value {
        let arguments: Vec<&str> = base.iter().chain(more).copied().collect();
        serde_json::from_str(&run(&arguments).out).unwrap()
    };
    let ids = |report: &Value| -> Vec<String> {
        let checks = report["checks"].as_array().unwrap().iter();
        checks
            .map(|c| c["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let only = report(&["--only", "tcp"]);
    assert_eq!(ids(&only), ["tcp"]);
    assert_eq!(only["root_causes"], serde_json::json!(["tcp.refused"]));
    let skip = report(&["--skip", "tcp"]);
    let tcp = skip["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["id"] == "tcp")
        .unwrap();
    assert_eq!(tcp["status"], "skipped");
    let ignore = report(&["--only", "tcp", "--ignore", "tcp.refused"]);
    assert_eq!(ignore["root_causes"], serde_json::json!([]));
    assert_eq!(ignore["ignored"][0]["code"], "tcp.refused");
}

#[test]
fn commands_to_paste_repeat_the_flags_that_were_given() {
    let (root, mine) = (empty_root(), own_check());
    let (root, mine) = (root.path().to_str().unwrap(), mine.path().to_str().unwrap());
    let url = "https://127.0.0.1:1";
    let flags = ["--root", root, "--checks", mine, "--ca-cert", "my ca.pem"];
    let told = ["--token", "sesame-sesame", "--only", "mine"];
    let shown = run(&[&flags[..], &told, &["--control-plane", url]].concat());
    let again = format!(
        "nexplane-doctor --control-plane {url} --ca-cert 'my ca.pem' --token-file TOKEN_FILE --root {root} --checks {mine}"
    );
    assert!(shown.out.contains(&again), "{}", shown.out);
    let explain = format!("nexplane-doctor explain mine.closed --checks {mine}");
    assert!(shown.out.contains(&explain), "{}", shown.out);
    assert!(!shown.out.contains("sesame"), "{}", shown.out);
    // What is no URL may hold a password.
    let bad = "https://me:hunter2@127.0.0.1:1";
    let shown = run(&["--root", root, "--control-plane", bad]);
    let again = format!("--control-plane https://nexplane.example.com:8000 --root {root}");
    assert!(shown.out.contains(&again), "{}", shown.out);
    assert!(!shown.out.contains("hunter2"), "{}", shown.out);
    // From the configuration, where no flag says otherwise.
    let shown = run(&[
        "--root",
        root,
        "--only",
        "tcp",
        "--ca-cert",
        "my ca.pem",
        "--control-plane",
        url,
    ]);
    let curl = format!("curl -v --cacert 'my ca.pem' {url}/health");
    assert!(shown.out.contains(&curl), "{}", shown.out);
}

/// A directory with a check of somebody's own, which finds its port closed.
fn own_check() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = "id: mine
title: Mine
summary: Opens a port.
symptoms: [offline]
needs: []
uses: []
probe: {kind: tcp, host: 127.0.0.1, port: 1}
findings:
  mine.closed:
    severity: error
    title: My port is closed
    explanation: Nothing listens.
    how: Opens a connection.
    explained_by: []
    remedy:
      text: Look.
      steps:
        - text: See
          command: {linux: ss -ltn}
";
    std::fs::write(directory.path().join("mine.yaml"), text).unwrap();
    directory
}

#[test]
fn a_token_is_never_shown() {
    let root = empty_root();
    let token = "nxe_SENTINELSENTINELSENTINELSENTINELSENTINELx";
    for format in ["human", "json"] {
        let ended = ended(
            doctor(&[
                "-vv",
                "--format",
                format,
                "--root",
                root.path().to_str().unwrap(),
                "--token",
                token,
            ])
            .env("NEXPLANE_API_TOKEN", "SENTINEL-api")
            .env("HTTPS_PROXY", "http://user:SENTINEL@127.0.0.1:1"),
        );
        assert!(!ended.out.contains("SENTINEL"), "{}", ended.out);
        assert!(!ended.err.contains("SENTINEL"), "{}", ended.err);
    }
}

#[test]
fn a_report_goes_to_a_file_as_a_whole() {
    let root = empty_root();
    let file = root.path().join("report.json");
    let ended = run(&[
        "--format",
        "json",
        "--root",
        root.path().to_str().unwrap(),
        "--output",
        file.to_str().unwrap(),
    ]);
    assert_eq!(ended.status, 1);
    assert!(ended.out.is_empty());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(report["root_causes"][0], "install.missing");
}

#[test]
fn own_checks_are_laid_over_the_built_in_ones_and_their_errors_are_all_told() {
    let directory = empty_root();
    std::fs::write(directory.path().join("a.yaml"), "id: dns\ntitel: x\n").unwrap();
    std::fs::write(directory.path().join("b.yaml"), "id: [\n").unwrap();
    let ended = run(&["--checks", directory.path().to_str().unwrap()]);
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("a.yaml:2:1: "), "{}", ended.err);
    assert!(ended.err.contains("b.yaml:"), "{}", ended.err);
}

#[test]
fn everything_prints_and_says_how_it_is_used() {
    for (arguments, said) in [
        (vec!["--help"], "Usage: nexplane-doctor"),
        (vec!["--version"], env!("CARGO_PKG_VERSION")),
        (vec!["explain"], "dns.not_found"),
        (vec!["explain", "token.used"], "NEW_TOKEN"),
        (
            vec!["explain", "clock.skew", "--os", "windows"],
            "w32tm /resync /force",
        ),
        (vec!["checks", "list"], "registration"),
        (vec!["checks", "graph"], "tcp           needs dns, proxy"),
        (vec!["checks", "graph", "--format", "dot"], "tcp -> tls;"),
        (
            vec!["checks", "graph", "--format", "mermaid"],
            "tcp --> tls",
        ),
        (vec!["checks", "show", "trust"], "trust.unknown_authority"),
        (vec!["completions", "bash"], "_nexplane__doctor"),
        (vec!["man"], ".TH nexplane-doctor"),
        (vec!["schema"], "\"root_causes\""),
        (vec!["lab", "list"], "token.used"),
        (vec!["lab", "list"], "healthy.socks5_proxy"),
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 0, "{arguments:?}: {}", ended.err);
        assert!(ended.out.contains(said), "{arguments:?}: {}", ended.out);
    }
}

/// A port of loopback that is taken, so that no other test can have it, and refuses until it is told to listen.
struct ClosedPort(socket2::Socket);

impl ClosedPort {
    fn new() -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        Self(socket)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().as_socket().unwrap().port()
    }

    fn open(&self) {
        self.0.listen(16).unwrap();
    }
}

/// The doctor looking at one port alone, its standard output piped.
fn watching(port: u16, root: &std::path::Path, more: &[&str]) -> std::process::Child {
    let url = format!("https://127.0.0.1:{port}");
    std::process::Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args([
            "--format",
            "json",
            "--only",
            "tcp",
            "--control-plane",
            &url,
            "--root",
        ])
        .arg(root)
        .args(more)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn wait_ends_when_the_host_is_healthy() {
    let (closed, root) = (ClosedPort::new(), empty_root());
    let doctor = watching(closed.port(), root.path(), &["--wait", "30s"]);
    closed.open();
    let output = doctor.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "healthy");
}

#[cfg(unix)]
#[test]
fn watch_tells_every_change_in_a_line_until_it_is_interrupted() {
    use std::io::{BufRead as _, BufReader};
    let (closed, root) = (ClosedPort::new(), empty_root());
    let mut doctor = watching(closed.port(), root.path(), &["--watch"]);
    let mut lines = BufReader::new(doctor.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["root_causes"], serde_json::json!(["tcp.refused"]));
    closed.open();
    assert_eq!(next()["verdict"], "healthy");
    let pid = rustix::process::Pid::from_child(&doctor);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(doctor.wait().unwrap().code(), Some(0));
}

/// Only an ordinary file is replaced by a report: a device or a link stays what it is, or a doctor run as root would take
/// `/dev/null` from the whole machine.
#[cfg(unix)]
#[test]
fn a_report_replaces_nothing_but_an_ordinary_file() {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
    let root = empty_root();
    let at = |name: &str| root.path().join(name);
    let report = |name: &str| {
        let (root, output) = (root.path().to_str().unwrap(), at(name));
        let output = output.to_str().unwrap();
        run(&["--root", root, "--only", "host", "--output", output])
    };
    let kind = |name: &str| std::fs::symlink_metadata(at(name)).unwrap().file_type();

    symlink("/dev/null", at("null")).unwrap();
    assert_eq!(report("null").status, 0);
    assert!(kind("null").is_symlink());

    std::fs::write(at("file"), "what was there before").unwrap();
    std::fs::set_permissions(at("file"), std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink("file", at("link")).unwrap();
    for name in ["link", "file"] {
        assert_eq!(report(name).status, 0);
        let text = std::fs::read_to_string(at("file")).unwrap();
        assert!(text.contains("host") && !text.contains("before"), "{text}");
        let mode = std::fs::metadata(at("file")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(kind("link").is_symlink());

    let pipe = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), fifo, pipe, 0).unwrap();
    assert_eq!(report("pipe").status, 2, "nobody reads it");
    assert!(kind("pipe").is_fifo());
}
