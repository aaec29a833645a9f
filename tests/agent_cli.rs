//! The agent's command line as users script against it: exit status, standard output, standard error.
//!
//! Needs neither root nor a network, and changes nothing: what is looked at is a temporary directory.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// A token of the right shape that nobody has issued, in three pieces so that no scanner takes it for one.
const TOKEN: [&str; 3] = ["nxe_", "sentinelsentinelsentinel", "sentinelsentine1Aay"];

struct Ended {
    status: i32,
    out: String,
    err: String,
}

/// The agent in an environment of its own, so that nobody's proxy or token takes part.
fn run(arguments: &[&str]) -> Ended {
    let mut command = Command::cargo_bin("nexplane-agent").unwrap();
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .timeout(std::time::Duration::from_secs(60));
    let output = command.output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    #[track_caller]
    fn says(&self, words: &str) -> &Self {
        let said = format!("{}{}", self.out, self.err);
        assert!(said.contains(words), "{words} is not in:\n{said}");
        self
    }

    #[track_caller]
    fn does_not_say(&self, words: &str) -> &Self {
        let said = format!("{}{}", self.out, self.err);
        assert!(!said.contains(words), "{words} is in:\n{said}");
        self
    }
}

#[test]
fn completions_and_manual_are_those_of_the_agent() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.status, 0, "{shell}");
        ended.says("rotate-cert").does_not_say("nexplane-doctor");
    }
    run(&["man"]).says(".TH nexplane-agent 1");
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    let ended = run(&["man", "--dir", pages.to_str().unwrap()]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    for page in ["nexplane-agent.1", "nexplane-agent-install.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}

#[test]
fn help_lists_the_commands_in_the_order_in_which_they_are_needed_a_line_each() {
    let help = run(&["--help"]);
    assert_eq!(help.status, 0);
    let commands: Vec<&str> = help
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let wanted = "install status check rotate-cert uninstall run version completions man help";
    assert_eq!(commands.join(" "), wanted, "{}", help.out);
    for line in help.out.lines() {
        assert!(line.len() <= 100, "{line}");
    }
}

/// A path that holds no configuration, and what is said of it.
fn unreadable(directory: &Path) -> Vec<(String, &'static str)> {
    let at = |name: &str| directory.join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("binary"), [0x80, 0xff, 0, 1]).unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::File::create(at("large"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), fifo, mode, 0).unwrap();
    let told = |name: &str, words| (at(name).display().to_string(), words);
    vec![
        told("absent", "no such file or directory"),
        told("dangling", "no such file or directory"),
        told("directory", "it is not a regular file"),
        told("pipe", "it is not a regular file"),
        ("/dev/zero".to_owned(), "it is not a regular file"),
        told("loop", "too many levels of symbolic links"),
        told("large", "it is larger than"),
        told("binary", "it is no UTF-8 text"),
        told("empty", "`control_plane` is required and missing"),
    ]
}

#[test]
fn a_configuration_that_is_none_is_named_with_a_next_step() {
    let directory = tempfile::tempdir().unwrap();
    for (path, why) in unreadable(directory.path()) {
        for command in ["check", "rotate-cert"] {
            let ended = run(&[command, "--config", &path]);
            assert_eq!(ended.status, 1, "{command} {path}: {}", ended.err);
            ended.says(why).does_not_say("os error");
            if why.contains("such file") {
                ended.says(&path).says("nexplane-agent install");
            } else {
                ended.says("Next: `nexplane-");
            }
        }
        let state = directory.path().join("state");
        let state = state.to_str().unwrap();
        let ended = run(&["status", "--config", &path, "--state-dir", state]);
        assert!([3, 4].contains(&ended.status), "{path}: {}", ended.status);
        ended.says(why).does_not_say("os error");
    }
}

#[test]
fn what_is_wrong_with_a_flag_of_install_is_said_of_the_flag() {
    if !rustix::process::geteuid().is_root() {
        // Before anything else it asks for root.
        let plane = "https://127.0.0.1:1";
        let ended = run(&["install", "--control-plane", plane, "--token", "x"]);
        assert_eq!(ended.status, 1);
        ended.says("only root can do this");
        return;
    }
    let token = TOKEN.concat();
    let directory = tempfile::tempdir().unwrap();
    for plane in [
        "nexplane.example.com",
        "http://nexplane.example.com",
        "https://",
        "'https://x'",
    ] {
        let ended = run(&["install", "--control-plane", plane, "--token", &token]);
        assert_eq!(ended.status, 1, "{plane}");
        ended
            .says("config.url")
            .says("after --control-plane")
            .does_not_say("config.yaml")
            .does_not_say("sentinel");
    }
    let (good, empty) = ("https://127.0.0.1:1", directory.path().join("empty"));
    fs::write(&empty, "").unwrap();
    for ca_cert in ["/nonexistent/ca.crt", "/dev/zero", empty.to_str().unwrap()] {
        let flags = ["--token", &token, "--ca-cert", ca_cert];
        let ended = run(&[&["install", "--control-plane", good], &flags[..]].concat());
        assert_eq!(ended.status, 1, "{ca_cert}");
        ended
            .says("after --ca-cert")
            .says(ca_cert)
            .does_not_say("os error")
            .does_not_say("systemctl");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let token = TOKEN.concat();
    for arguments in [
        vec!["install", &token],
        vec!["install", "--control-plane", "https://x", "--tokn", &token],
        vec!["rotate-cert", &token],
        vec![&token],
    ] {
        let ended = run(&arguments);
        assert_eq!(ended.status, 2, "{arguments:?}");
        ended.says("error: ").does_not_say("sentinel");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_said() {
    for arguments in [
        &["version"][..],
        &["check"],
        &["status"],
        &["man"],
        &["--help"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nexplane-agent"));
        let output = command.args(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains("No space left"), "{arguments:?}: {said}");
    }
}
