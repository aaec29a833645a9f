#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_file_has_the_digest_of_its_content_up_to_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    let content = vec![7; (1 << 16) + 3];
    fs::write(&path, &content).unwrap();
    let size = content.len() as u64;
    assert_eq!(Digest::of_file(&path, size).unwrap(), Digest::of(&content));
    assert!(Digest::of_file(&path, size - 1).is_err());
}

#[test]
fn whatever_of_an_agent_is_there_is_seen_links_that_lead_nowhere_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut places = Places::with_config_dir(directory.path());
    places.definition = directory.path().join("unit");
    assert_eq!(trace(&places), None);
    std::os::unix::fs::symlink("/nowhere", places.key()).unwrap();
    assert_eq!(trace(&places), Some(places.key()));
}

#[test]
fn a_program_that_others_could_have_put_there_is_not_installed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(PROGRAM);
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    // The directory for temporary files is everybody's.
    let why = is_safe(&path).unwrap_err();
    assert!(
        why.contains("could change") || why.contains("belongs to"),
        "{why}"
    );
}
