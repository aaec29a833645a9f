//! A new check begins as files that stand where they must: its text, its code, its line in the list, its situation, its rows in
//! what is made of them. `tests/real/scaffold.rs` compiles them and runs the tests over them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nexplane_doctor::catalog::{Catalog, Source};
use nexplane_doctor::checks;

/// The files of the repository that get a line.
const LINES: [&str; 3] = ["src/checks/mod.rs", "README.md", "fixtures/matrix.txt"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// As much of a copy of the repository as is read.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for path in LINES {
        let to = copy.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(repository().join(path), to).unwrap();
    }
    copy
}

/// The exit status, and what was said.
fn begin(copy: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["checks", "new", "--repository"])
        .arg(copy)
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

#[test]
fn a_check_is_begun_in_its_four_places() {
    let copy = copy();
    let title = "The disk's quota leaves room";
    let (status, said) = begin(
        copy.path(),
        &["disk_quota", "--after", "host", "--title", title],
    );
    assert_eq!(status, Some(0), "{said}");
    let read = |path: &str| fs::read_to_string(copy.path().join(path)).unwrap();
    let yaml = read("checks/disk_quota.yaml");
    let mut sources = checks::texts();
    sources.insert(
        1,
        Source {
            name: "checks/disk_quota.yaml",
            text: &yaml,
        },
    );
    let catalog = Catalog::load(&sources).unwrap();
    assert_eq!(catalog.checks()[1].title, title);
    assert_eq!(catalog.checks()[1].findings[0].code, "disk_quota.found");
    assert!(read("src/checks/disk_quota.rs").contains("const ID: &'static str = \"disk_quota\";"));
    assert!(read("src/checks/mod.rs").contains("\n    host\n    disk_quota\n    install\n"));
    let readme = read("README.md");
    let rows: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let row = rows
        .iter()
        .position(|row| row.starts_with("| `disk_quota.found` | warning | "));
    assert!(rows[row.unwrap() - 1].starts_with("| `host.read_only`"));
    let matrix = read("fixtures/matrix.txt");
    assert!(matrix.contains("\ndisk-quota-found: degraded, notice disk_quota.found\n"));
    let names = matrix.lines().filter(|line| !line.starts_with('#'));
    assert!(
        names
            .map(|line| line.split(':').next().unwrap())
            .is_sorted()
    );
    assert!(read("fixtures/disk-quota-found/situation.yaml").contains("checks: [disk_quota]"));
    assert!(matrix.contains("\nhealthy-disk-quota: healthy\n"));
    assert!(read("fixtures/healthy-disk-quota/situation.yaml").contains("how: absent"));
    // A second time nothing is overwritten.
    let (status, said) = begin(copy.path(), &["disk_quota"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("already"), "{said}");
}

#[test]
fn what_cannot_be_begun_leaves_the_copy_as_it_is() {
    let copy = copy();
    let before = files(copy.path());
    for (arguments, says) in [
        (&["dns"][..], "there is a check `dns` already"),
        (&["quota", "--after", "hsot"], "there is no check `hsot`"),
        (&["async"], "Rust's own"),
        (&["../x"], "../x"),
        (&["quota", "--title", "a: \"b\""], "--title"),
    ] {
        let (status, said) = begin(copy.path(), arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert_eq!(files(copy.path()), before);
    for path in LINES {
        let same =
            fs::read(copy.path().join(path)).unwrap() == fs::read(repository().join(path)).unwrap();
        assert!(same, "{path}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let (status, said) = begin(elsewhere.path(), &["quota"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("--repository"), "{said}");
}
