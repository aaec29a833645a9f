//! The packages, installed, used and taken off again as on a host. They must have been built: `packaging/build deb rpm tarball`.

mod deb;
mod elsewhere;
mod rpm;
mod tarball;
mod timer;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Ended, Place, ended};

/// Where they are built.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/packages");

/// The one of this version whose name ends so.
fn package(ending: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains(version) && name.ends_with(ending)
    };
    let built = fs::read_dir(BUILT).into_iter().flatten();
    built
        .map(|entry| entry.unwrap().path())
        .find(fits)
        .unwrap_or_else(|| panic!("no …{ending} of {version} in {BUILT}: packaging/build makes it"))
}

/// Puts a package into a place, where nothing of it is counted as installed.
fn bring(place: &Place, package: &Path, to: &str) {
    let status = place
        .command("install")
        .args(["-D", "-m", "0644", "/dev/stdin", to])
        .stdin(File::open(package).unwrap())
        .status();
    assert!(status.unwrap().success());
}

/// Everything on a place's disk that a package could leave behind: names, kinds, modes, owners and links, a line each.
fn disk(place: &Place) -> Vec<String> {
    let lines = place.shell(
        "find /etc /usr /var /opt -xdev \\( -path /usr/src -o -path /usr/include -o -path /var/lib/dpkg -o -path /var/cache \
         -o -path /var/log -o -path /var/tmp \\) \
         -prune -o -printf '%y %m %u %g %p %l\\n' | LC_ALL=C sort",
    );
    lines.lines().map(str::to_owned).collect()
}

/// What is there now and was not then, or the other way round.
fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], mark: &str| -> Vec<String> {
        let lines = these
            .iter()
            .filter(|line| those.binary_search(line).is_err());
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    [only(after, before, "new:"), only(before, after, "gone:")].concat()
}

/// Runs a program of this machine on a package.
fn asked(program: &str, arguments: &[&str], package: &Path) -> Ended {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(package)
        .env("LC_ALL", "C.UTF-8");
    ended(command)
}

/// That shells complete, and manual pages are found, where the package is installed.
fn serves_people(place: &Place) {
    for (program, begun, whole) in [
        ("nexplane-doctor", "diagn", "diagnose"),
        ("nexplane-agent", "uninst", "uninstall"),
    ] {
        // As bash itself loads it when a person first presses Tab.
        let bash = format!(
            "source /usr/share/bash-completion/completions/{program}
             function=$(complete -p {program} | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
             COMP_WORDS=({program} {begun}) COMP_CWORD=1
             $function {program} {begun} {program}
             echo \"${{COMPREPLY[@]}}\""
        );
        let mut shell = place.command("bash");
        shell.args(["--norc", "-c", &bash]);
        ended(shell).with(0, whole);
        let mut fish = place.command("fish");
        fish.args(["--no-config", "-c"])
            .arg(format!("source /usr/share/fish/vendor_completions.d/{program}.fish; complete -C '{program} {begun}'"))
            .env("HOME", "/run");
        ended(fish).with(0, whole);
        let page = place.shell(&format!("man -w {program}"));
        assert_eq!(page.trim(), format!("/usr/share/man/man1/{program}.1.gz"));
    }
    let page = place.shell("MANWIDTH=80 man -P cat nexplane-doctor-diagnose");
    assert!(page.contains("--control-plane"), "{page}");
}
