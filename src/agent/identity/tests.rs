//! Nothing lost, nothing mixed up, nothing shown.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::agent::files::replace;
use crate::agent::testing::issue;

fn files() -> (tempfile::TempDir, IdentityFiles) {
    let directory = tempfile::tempdir().unwrap();
    let files = IdentityFiles::beside(&directory.path().join("config.yaml"));
    (directory, files)
}

#[test]
fn an_accepted_certificate_is_loaded_with_its_key() {
    let (_directory, files) = files();
    assert!(matches!(files.load(), Err(IdentityError::Missing(_))));
    let key = files.pending_key().unwrap();
    files.accept(&issue("agt_1", &key), &key).unwrap();
    let identity = files.load().unwrap();
    assert_eq!(identity.agent_id, "agt_1");
    assert!(!files.pending().exists());
    assert!(!format!("{identity:?}").contains(&key.serialize_pem()[40..60]));
}

#[cfg(unix)]
#[test]
fn keys_are_their_owners_alone_from_the_first_moment() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, files) = files();
    let key = files.pending_key().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&files.pending()), 0o600);
    files.accept(&issue("agt_1", &key), &key).unwrap();
    assert_eq!(mode(files.key()), 0o600);
}

#[test]
fn a_pending_key_is_kept_until_it_is_certified() {
    let (_directory, files) = files();
    let first = files.pending_key().unwrap().subject_public_key_info();
    assert_eq!(
        files.pending_key().unwrap().subject_public_key_info(),
        first
    );
    fs::write(files.pending(), "damaged").unwrap();
    assert_ne!(
        files.pending_key().unwrap().subject_public_key_info(),
        first
    );
}

#[test]
fn a_crash_between_the_two_files_is_finished_later() {
    let (_directory, files) = files();
    let old = files.pending_key().unwrap();
    files.accept(&issue("agt_1", &old), &old).unwrap();
    let new = files.pending_key().unwrap();
    let enrolled = issue("agt_1", &new);
    replace(
        files.cert(),
        enrolled.certificate.as_bytes(),
        Readers::Everybody,
    )
    .unwrap();
    assert!(files.load().is_ok(), "the pending key is the certificate's");
    assert!(!files.pending().exists());
}

#[test]
fn an_answer_for_another_key_or_agent_changes_nothing() {
    let (_directory, files) = files();
    let key = files.pending_key().unwrap();
    let other = KeyPair::generate().unwrap();
    let mut wrong_agent = issue("agt_1", &key);
    wrong_agent.agent_id = "agt_2".to_owned();
    let mut garbage = issue("agt_1", &key);
    garbage.certificate = "no PEM".to_owned();
    for answer in [issue("agt_1", &other), wrong_agent, garbage] {
        let refused = files.accept(&answer, &key);
        assert!(matches!(refused, Err(IdentityError::Answer(_))));
        assert!(!files.cert().exists());
    }
}

#[test]
fn what_does_not_belong_together_is_told() {
    let (_directory, files) = files();
    let key = files.pending_key().unwrap();
    files.accept(&issue("agt_1", &key), &key).unwrap();
    let other = KeyPair::generate().unwrap();
    fs::write(files.key(), other.serialize_pem()).unwrap();
    assert!(matches!(
        files.load(),
        Err(IdentityError::KeyMismatch { .. })
    ));
    fs::write(files.key(), "").unwrap();
    assert!(matches!(files.load(), Err(IdentityError::Invalid { .. })));
}
