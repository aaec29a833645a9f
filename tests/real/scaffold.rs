//! A check that was only begun compiles, and passes the tests that hold checks, texts and situations together.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What stands in a working copy and is not of the repository.
const NOT_OURS: [&str; 2] = ["target", ".git"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if NOT_OURS.iter().any(|it| name == *it) {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(path, to.join(name)).unwrap()),
        }
    }
}

#[test]
fn a_check_that_was_only_begun_passes_the_tests() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    copy(repository, place.path());
    let begun = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["checks", "new", "disk_quota", "--after", "host"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(begun.status.success(), "{begun:?}");
    // A place of its own, kept for what it depends on: among this build's results, it would replace the programs that other
    // tests run, and leave sources behind that are gone with the copy.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold");
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(place.path())
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "cargo {arguments:?}: {}",
            String::from_utf8_lossy(&said)
        );
    };
    cargo(&["fmt", "--check"]);
    cargo(&[
        "test",
        "--offline",
        "--lib",
        "--",
        "checks::",
        "catalog::",
        "diagnosis::",
    ]);
    cargo(&[
        "test",
        "--offline",
        "--test",
        "fixtures",
        "--test",
        "architecture",
        "--test",
        "wording",
    ]);
    cargo(&["test", "--offline", "--test", "readme", "the_table"]);
}
