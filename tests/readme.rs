//! The README tells the truth: every command in it is run here, or is what CI runs, and its tables are the catalogue's.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;

const BEGIN: &str = "<!-- findings: made from checks/*.yaml, and held to them by a test -->\n";
const END: &str = "<!-- end of findings -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The lines of all blocks in a language.
fn blocks(language: &str) -> Vec<String> {
    let begin = format!("```{language}");
    let mut lines = Vec::new();
    let mut inside = false;
    for line in readme().lines() {
        match line {
            "```" => inside = false,
            _ if inside => lines.push(line.to_owned()),
            _ => inside = line == begin,
        }
    }
    lines
}

/// The commands, without comments.
fn commands() -> Vec<String> {
    let command = |line: String| {
        line.split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let commands = blocks("sh").into_iter().map(command);
    commands.filter(|command| !command.is_empty()).collect()
}

#[test]
fn the_check_of_one_s_own_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let text = blocks("yaml").join("\n");
    let id = text.lines().find_map(|line| line.strip_prefix("id: "));
    let file = directory.path().join(format!("{}.yaml", id.unwrap()));
    fs::write(&file, &text).unwrap();
    let output = doctor(&["checks", "validate"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn every_command_runs() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("token.txt"), "nxe_no-such-token\n").unwrap();
    fs::write(
        directory.path().join("agent.log"),
        "FATAL: enrollment failed: token has already been used\n",
    )
    .unwrap();
    std::os::unix::fs::symlink(root().join("fixtures"), directory.path().join("fixtures")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let arguments = match words.as_slice() {
            ["cargo", "test", ..] => {
                assert!(
                    ci.contains(&command) || ci.contains("README"),
                    "CI does not run `{command}`"
                );
                continue;
            }
            // What it builds is what is under test here.
            ["cargo", "run", "--release", "--", rest @ ..] => rest,
            ["cargo", "run", "--release"] => &[],
            ["packaging/build", kind] => {
                assert!(ci.contains("packaging/build ") && ci.contains(kind));
                continue;
            }
            // `tests/real/packages` does the same on a machine of its own.
            ["dpkg", "-i", package] => {
                let version = env!("CARGO_PKG_VERSION");
                assert!(package.ends_with(&format!("nexplane-doctor_{version}_amd64.deb")));
                continue;
            }
            ["systemctl", "enable", "--now", "nexplane-doctor.timer"] => continue,
            ["nexplane-doctor", "--startup"] => {
                let state = directory.path().join("state");
                let mut command = doctor(&["--startup"]);
                let output = command.env("STATE_DIRECTORY", &state).output().unwrap();
                assert_eq!(output.status.code(), Some(0));
                assert!(state.join("diagnosis.json").exists());
                continue;
            }
            ["nexplane-doctor", "integrate", ..] => {
                integrates(&words[1..], directory.path());
                continue;
            }
            ["nexplane-agent", "status"] => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-agent"));
                let output = command.arg("status").output().unwrap();
                assert!([0, 3, 4].contains(&output.status.code().unwrap()));
                assert!(String::from_utf8_lossy(&output.stdout).contains("Last heartbeat:"));
                continue;
            }
            ["nexplane-doctor", rest @ ..] => rest,
            // They change the host: `tests/real/agent_readme.rs` runs them, each in its turn, on a machine of their own.
            ["nexplane-agent", ..] => continue,
            _ => panic!(
                "the README has a command that this test does not know how to run: {command}"
            ),
        };
        match arguments {
            ["lab", "serve", ..] => serves(arguments),
            _ => runs(arguments, directory.path()),
        }
    }
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
    command.args(arguments).stdin(Stdio::null());
    for variable in [
        "HTTPS_PROXY",
        "https_proxy",
        "NEXPLANE_ENROLLMENT_TOKEN",
        "NEXPLANE_API_TOKEN",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Under a root of its own; what is built here may lie where no service should run it from, which is said then.
fn integrates(arguments: &[&str], directory: &Path) {
    let root = directory.join("integrated");
    let output = doctor(arguments).arg("--root").arg(&root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => assert!(!output.stdout.is_empty()),
        status => assert!(
            status == Some(2) && said.contains("/usr/local/bin"),
            "{arguments:?}: {said}"
        ),
    }
}

/// It ends, and with a diagnosis: what it finds is this machine's affair.
fn runs(arguments: &[&str], directory: &Path) {
    let mut command = doctor(arguments);
    if arguments.contains(&"--control-plane") {
        // The README's host is an example, and no nameserver is asked for it: under an empty root there is none.
        let nowhere = directory.join("nowhere");
        fs::create_dir_all(&nowhere).unwrap();
        command.arg("--root").arg(nowhere);
    }
    if arguments.first() == Some(&"fix") {
        // This machine is not to be repaired by a test, nor what was repaired on it taken back.
        let nowhere = directory.join("nowhere");
        fs::create_dir_all(&nowhere).unwrap();
        command.arg("--root").arg(nowhere);
        let undo = directory.join("undo");
        fs::create_dir_all(&undo).unwrap();
        command.arg("--journal").arg(undo);
    }
    let output = command.current_dir(directory).output().unwrap();
    let status = output.status.code().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let critical = arguments.contains(&"nagios") && status == 2;
    assert!(
        [0, 1, 3].contains(&status) || critical,
        "{arguments:?} ended in {status}: {err}"
    );
    match arguments
        .iter()
        .position(|argument| *argument == "--output")
    {
        Some(flag) => {
            let written = fs::metadata(directory.join(arguments[flag + 1])).unwrap();
            assert!(written.len() > 0, "{arguments:?} wrote nothing");
        }
        None => assert!(!out.is_empty(), "{arguments:?} printed nothing"),
    }
    if matches!(
        arguments.first(),
        Some(&("lab" | "fixtures" | "explain" | "checks" | "schema"))
    ) {
        assert_eq!(status, 0, "{arguments:?}: {out}{err}");
    }
}

/// It says where it is, and goes on.
fn serves(arguments: &[&str]) {
    let mut child = doctor(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("https://127.0.0.1:"), "{line}");
}

#[test]
fn the_table_of_findings_is_the_catalogues() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let mut table = "| code | | means |\n|---|---|---|\n".to_owned();
    for finding in catalog.findings() {
        let severity = finding.severity.as_str();
        table.push_str(&format!(
            "| `{}` | {severity} | {} |\n",
            finding.code, finding.title
        ));
    }
    let readme = readme();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(
            root().join("README.md"),
            format!("{before}{BEGIN}{table}{END}{after}"),
        )
        .unwrap();
        return;
    }
    assert_eq!(written, table, "run this test with UPDATE_README=1");
}
