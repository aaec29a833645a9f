//! The repository's recorded situations: each is diagnosed as its `situation.yaml` says, with nothing but the recording.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "fixtures/command.rs"]
mod command;
#[path = "fixtures/coverage.rs"]
mod coverage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nexplane_doctor::bundle::fixture::{self, Expect};
use nexplane_doctor::model::{SectionId, Verdict};
use nexplane_doctor::{catalog::Catalog, checks};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The program with these arguments, and what it said.
fn doctor(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said)
}

/// What each of the repository's situations expects, by its name.
fn expectations() -> Vec<(String, Expect)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let expect = |path: &Path| fixture::read(path).unwrap().situation.expect;
    let all = fixture::find(&directory()).unwrap();
    all.iter().map(|path| (name(path), expect(path))).collect()
}

#[test]
fn all_of_them_are_diagnosed_as_they_expect() {
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["fixtures", "test"])
        .arg(directory())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_difference_is_told_and_ends_in_1() {
    let all = fixture::find(&directory()).unwrap();
    let mut fixture = fixture::read(&all[0]).unwrap();
    fixture.situation.expect.root_causes = vec!["host.disk_full".parse().unwrap()];
    let changed = tempfile::tempdir().unwrap();
    fixture::write(changed.path(), &fixture.situation, &fixture.evidence).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["fixtures", "test"])
        .arg(changed.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("expected host.disk_full, found "));
}

#[test]
fn every_section_of_the_runbook_has_a_situation() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let mut cited = BTreeSet::new();
    let all = fixture::find(&directory()).unwrap();
    assert!(all.len() >= 20, "{} situations", all.len());
    for path in all {
        let expect = fixture::read(&path).unwrap().situation.expect;
        for code in expect
            .root_causes
            .iter()
            .chain(&expect.symptoms)
            .chain(&expect.notices)
        {
            let finding = catalog.finding(code).unwrap();
            cited.extend(finding.remedy.runbook.as_ref().map(ToString::to_string));
        }
    }
    let missing: Vec<&str> = SectionId::ALL
        .into_iter()
        .filter(|id| !cited.contains(*id))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A check that came after a recording must not make it fail for want of evidence.
#[test]
fn a_check_that_a_recording_is_too_old_to_know_is_left_out() {
    let mut fixture = fixture::read(&directory().join("clock-drift")).unwrap();
    fixture.evidence.checks.retain(|id| *id != "clock");
    fixture.situation.expect.verdict = Verdict::Healthy;
    fixture.situation.expect.notices.clear();
    let older = tempfile::tempdir().unwrap();
    fixture::write(older.path(), &fixture.situation, &fixture.evidence).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["fixtures", "test"])
        .arg(older.path())
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
