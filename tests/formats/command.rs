//! How each format ends, with a report and without one; where it is written; that no secret is in it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use super::{FORMATS, doctor, ended, run};

/// A check of one's own that warns of a port where nobody listens.
const WARNS: &str = "\
id: backup
title: The backup answers
summary: Opens a port.
symptoms: [offline]
needs: []
uses: []
probe: {kind: tcp, host: 127.0.0.1, port: 1}
findings:
  backup.closed:
    severity: warning
    title: The backup does not answer
    explanation: Nobody listens.
    how: Opens a connection.
    explained_by: []
    remedy:
      text: Start it.
      steps:
        - text: See
";

fn warning() -> tempfile::TempDir {
    let checks = tempfile::tempdir().unwrap();
    fs::write(checks.path().join("backup.yaml"), WARNS).unwrap();
    checks
}

#[test]
fn monitoring_is_told_by_its_own_exit_status() {
    let (root, checks) = (tempfile::tempdir().unwrap(), warning());
    let root = root.path().to_str().unwrap();
    let checks = checks.path().to_str().unwrap();
    let warns = ["--checks", checks, "--only", "backup"];
    for (arguments, status, begins) in [
        (vec![], 2, "NEXPLANE CRITICAL - install.missing: "),
        (vec!["--only", "host"], 0, "NEXPLANE OK - healthy | time="),
        (warns.to_vec(), 1, "NEXPLANE WARNING - backup.closed: "),
        (
            [warns.as_slice(), &["--strict"]].concat(),
            2,
            "NEXPLANE CRITICAL - backup.closed: ",
        ),
    ] {
        let nagios = ["--format", "nagios", "--root", root];
        let ended = run(&[nagios.as_slice(), &arguments].concat());
        assert_eq!(ended.status, status, "{arguments:?}: {}", ended.out);
        assert!(ended.out.starts_with(begins), "{}", ended.out);
    }
}

#[test]
fn strict_counts_in_every_format() {
    let checks = warning();
    let checks = checks.path().to_str().unwrap();
    for format in FORMATS {
        let arguments = ["--checks", checks, "--only", "backup", "--format", format];
        let allowed = run(&arguments);
        let strict = run(&[arguments.as_slice(), &["--strict"]].concat());
        let expected = if format == "nagios" { (1, 2) } else { (0, 1) };
        assert_eq!((allowed.status, strict.status), expected, "{format}");
        let mark = match format {
            "junit" => "<failure",
            "tap" => "not ok",
            "github" => "::error",
            _ => continue,
        };
        assert!(!allowed.out.contains(mark), "{format}: {}", allowed.out);
        assert!(strict.out.contains(mark), "{format}: {}", strict.out);
    }
}

#[test]
fn wrong_usage_is_said_in_the_form_that_was_asked_for() {
    for (format, begins) in [
        ("junit", "<?xml"),
        ("tap", "TAP version 14\nBail out! "),
        ("nagios", "NEXPLANE UNKNOWN - "),
        ("prometheus", ""),
        ("markdown", ""),
        ("github", "::error title=nexplane-doctor::"),
    ] {
        let status = if format == "nagios" { 3 } else { 2 };
        let joined = format!("--format={format}");
        for arguments in [
            vec!["--format", format, "--no-such-flag"],
            vec![&joined, "--only", "nope"],
            vec!["--checks", "/no/such|directory", &joined],
            vec!["fixtures", "show", "/no/such/directory", &joined],
            vec!["bundle", "diagnose", "/no/such/file", &joined],
        ] {
            let ended = run(&arguments);
            assert_eq!(ended.status, status, "{arguments:?}: {}", ended.err);
            assert!(ended.err.starts_with("error: "), "{}", ended.err);
            assert!(
                ended.out.starts_with(begins),
                "{arguments:?}: {}",
                ended.out
            );
            assert_eq!(begins.is_empty(), ended.out.is_empty(), "{}", ended.out);
            if format == "nagios" {
                assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
                assert!(!ended.out.contains('|'), "{}", ended.out);
            }
        }
    }
}

#[test]
fn a_token_is_in_no_format() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let (token, password) = ("nxe_5e5a3e0f5e5a3e0f5e5a3e0f", "correcthorse");
    let url = format!("https://somebody:{password}@127.0.0.1:1");
    for format in FORMATS {
        let ask = ["--root", root, "--token", token, "--control-plane", &url];
        let format = ["-vv", "--format", format];
        let ended = ended(
            doctor(&[ask.as_slice(), &format].concat())
                .env("HTTPS_PROXY", format!("http://u:{password}@127.0.0.1:1")),
        );
        let said = ended.out + &ended.err;
        assert!(!said.contains(&token[4..]), "{format:?}: {said}");
        assert!(!said.contains(password), "{format:?}: {said}");
        // And where a flag is missing its value, it is taken for something else.
        let ended = run(&["--only", token, format[1], format[2]]);
        let said = ended.out + &ended.err;
        assert!(!said.contains(&token[4..]), "{format:?}: {said}");
    }
}

#[test]
fn a_file_is_put_in_place_whole_for_others_to_read() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("nexplane.prom");
    let (root, file_name) = (root.path().to_str().unwrap(), file.to_str().unwrap());
    for format in FORMATS {
        let arguments = ["--root", root, "--format", format, "--output", file_name];
        let ended = run(&arguments);
        assert!([1, 2].contains(&ended.status), "{}", ended.err);
        assert_eq!(ended.out, "");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("install.missing"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o644
            );
        }
        assert_eq!(
            fs::read_dir(root).unwrap().count(),
            1,
            "nothing else is left"
        );
        // What cannot be diagnosed leaves the last report where it is: its age tells.
        run(&[arguments.as_slice(), &["--only", "nope"]].concat());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let quiet = run(&["--root", root, "--format", "tap", "-qq"]);
    assert_eq!((quiet.status, quiet.out.as_str()), (1, ""));
}

#[test]
fn one_report_after_another_is_refused_where_nobody_could_take_them_apart() {
    for format in ["junit", "tap", "nagios", "prometheus"] {
        let ended = run(&["--watch", "--format", format]);
        let status = if format == "nagios" { 3 } else { 2 };
        assert_eq!(ended.status, status, "{}", ended.err);
        assert!(ended.err.contains("--output FILE"), "{}", ended.err);
    }
}

/// A plugin that is ended by its scheduler has a state, and it is not OK.
#[cfg(unix)]
#[test]
fn who_interrupts_monitoring_is_told_that_nothing_is_known() {
    let root = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let child = program()
        .args(["--format", "nagios", "--only", "tls", "--timeout", "30s"])
        .args(["--deadline", "40s", "--control-plane", &url, "--root"])
        .arg(root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connection = silent.accept().unwrap();
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    drop(connection);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.starts_with("NEXPLANE UNKNOWN - "), "{said}");
    assert!(said.contains("\nnot decided tls: "), "{said}");
}

/// node_exporter is told how old a diagnosis is, also while nothing changes.
#[cfg(target_os = "linux")]
#[test]
fn a_watch_writes_metrics_with_each_look() {
    let root = tempfile::tempdir().unwrap();
    let pipe = root.path().join("metrics");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).unwrap();
    // Open for both, so that it neither waits for a writer nor ends with one.
    let reader = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut child = watch(root.path(), &pipe);
    let times: Vec<String> = BufReader::new(reader)
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("nexplane_doctor_last_run_timestamp_seconds "))
        .take(2)
        .collect();
    interrupt(&child);
    child.wait().unwrap();
    assert_eq!(times.len(), 2);
    assert_ne!(times[0], times[1]);
}

#[cfg(target_os = "linux")]
fn watch(root: &Path, pipe: &Path) -> std::process::Child {
    program()
        .args([
            "--watch",
            "--format",
            "prometheus",
            "--only",
            "host",
            "--root",
        ])
        .arg(root)
        .arg("--output")
        .arg(pipe)
        .spawn()
        .unwrap()
}

fn program() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
}

#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}
