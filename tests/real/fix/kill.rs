//! A repair that is killed, at each of its system calls that change a file: what it leaves is taken back whole, or completed.

use std::os::unix::process::ExitStatusExt as _;

use super::{boot_with, is_well, shown};
use crate::harness::{CONFIG_DIR, Doctor, Fix, SystemdBox};

/// The calls by which `fix` changes files. All of them are made by its first thread, which is the one that is watched.
const CALLS: [&str; 8] = [
    "mkdir",
    "write",
    "fsync",
    "fchmod",
    "renameat",
    "unlinkat",
    "rename",
    "ftruncate",
];
const CONFIG: &str = "/etc/nexplane-agent/config.yaml";

/// Runs `fix --yes` until its `nth` call of this kind; says whether it came to that.
fn killed_at(machine: &SystemdBox, call: &str, nth: u32, undo: bool) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let mut command = machine.command("timeout");
    command
        .args(["--signal", "KILL", "120", "strace", "-o", "/dev/null"])
        .args(["-e", &format!("trace={call}"), "-e", &inject])
        .args([
            env!("CARGO_BIN_EXE_nexplane-doctor"),
            "fix",
            "--yes",
            "-qq",
            "--timeout",
            "2s",
        ])
        .args(undo.then_some("--undo"));
    let output = command.output().unwrap();
    let status = output.status;
    let killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(
        killed || status.code() == Some(0),
        "{call} {nth}: {status}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    killed
}

fn config(machine: &SystemdBox) -> String {
    machine.shell(&format!("cat {CONFIG}"))
}

fn listing(machine: &SystemdBox) -> String {
    machine.shell(&format!("ls -A {CONFIG_DIR}"))
}

/// A stopped service with a URL that is no https: a repair of a file, and one of a unit.
fn broken(machine: &SystemdBox, text: &str) {
    machine.systemctl("stop nexplane-agent");
    // It has been started more often than systemd lets a service be in so short a time.
    machine.systemctl("reset-failed nexplane-agent");
    machine.put(CONFIG, "0600", text);
    machine.shell("rm -rf /var/lib/nexplane-doctor");
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many points there were is what it shows"
)]
fn a_repair_that_is_killed_anywhere_is_taken_back_or_completed() {
    let (machine, _servers) = boot_with(|agent| agent);
    let good = config(&machine);
    let bad = good.replace("https://", "http://");
    let names = listing(&machine);
    let mut points = 0;
    for call in CALLS {
        for nth in 1.. {
            broken(&machine, &bad);
            if !killed_at(&machine, call, nth, false) {
                break;
            }
            points += 1;
            let left = config(&machine);
            assert!(left == bad || left == good, "{call} {nth}: {left}");
            if points % 2 == 0 {
                Fix::at(&machine, &["--undo", "--yes"]).run().status(0);
                assert_eq!(config(&machine), bad, "{call} {nth}");
                assert_eq!(shown(&machine, "ActiveState"), "inactive", "{call} {nth}");
            } else {
                Fix::at(&machine, &["--yes"]).run().status(0).after(&[]);
                assert_eq!(config(&machine), good, "{call} {nth}");
                is_well(&machine);
            }
            assert_eq!(listing(&machine), names, "{call} {nth}");
        }
    }
    println!("{points} points at which a repair was killed");
    assert!(points > 20, "{points}");
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many points there were is what it shows"
)]
fn taking_back_that_is_killed_anywhere_goes_on() {
    let (machine, _servers) = boot_with(|agent| agent);
    let good = config(&machine);
    let bad = good.replace("https://", "http://");
    let names = listing(&machine);
    let mut points = 0;
    for call in CALLS {
        for nth in 1.. {
            broken(&machine, &bad);
            Fix::at(&machine, &["--yes"]).run().status(0);
            if !killed_at(&machine, call, nth, true) {
                break;
            }
            points += 1;
            let left = config(&machine);
            assert!(left == bad || left == good, "{call} {nth}: {left}");
            Fix::at(&machine, &["--undo", "--yes"]).run().status(0);
            assert_eq!(config(&machine), bad, "{call} {nth}");
            assert_eq!(shown(&machine, "ActiveState"), "inactive", "{call} {nth}");
            assert_eq!(listing(&machine), names, "{call} {nth}");
        }
    }
    println!("{points} points at which taking back was killed");
    assert!(points > 5, "{points}");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url", "service.stopped"]);
}
