#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use super::*;
use crate::repair::Wanted;
use crate::repair::journal::{Attributes, Digest, Left};
use crate::repair::testing::Workshop;

#[tokio::test]
async fn only_the_programs_of_repairs_are_run() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    let run = Undo::Run {
        command: vec!["sh".into(), "-c".into(), "exit 0".into()],
    };
    hands.note(&run).unwrap();
    drop(hands);
    let taken = shop.undo(Force::Yes).await;
    assert!(matches!(&taken[..], [Taken::Refused(_)]), "{taken:?}");
}

#[tokio::test]
async fn what_nothing_takes_back_is_said_once() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    let what = "a token was used up".to_owned();
    hands.note(&Undo::Irreversible { what }).unwrap();
    drop(hands);
    assert_eq!(shop.undo(Force::No).await, [Taken::Stays]);
    assert!(shop.last().is_none());
}

#[tokio::test]
async fn a_step_that_was_never_made_is_as_before_already() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o640, "one");
    let mut hands = shop.replaced(&config, &["two"], Holds::Settings);
    hands
        .replace_file(
            &shop.path("new"),
            b"new",
            Wanted::default(),
            Holds::Settings,
        )
        .unwrap();
    drop(hands);
    // As if it had ended right after each line of the journal.
    std::fs::remove_file(shop.path("new")).unwrap();
    shop.write("config.yaml", 0o640, "one");
    shop.write(".config.yaml.nexplane-doctor", 0o600, "tw");
    shop.write(".new.nexplane-doctor", 0o600, "");
    assert_eq!(shop.undo(Force::No).await, [Taken::Already, Taken::Already]);
    assert_eq!(
        shop.listing(),
        [("config.yaml".into(), 0o640, "one".into())]
    );
}

#[tokio::test]
async fn a_damaged_copy_is_not_put_back() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o640, "one");
    let hands = shop.replaced(&config, &["two"], Holds::Settings);
    let copy = hands.journal().directory().join("0-0");
    drop(hands);
    assert_eq!(std::fs::read(&copy).unwrap(), b"one");
    std::fs::write(&copy, "on").unwrap();
    let taken = shop.undo(Force::Yes).await;
    assert!(matches!(&taken[..], [Taken::Failed(_)]), "{taken:?}");
    assert_eq!(std::fs::read(&config).unwrap(), b"two");
}

#[tokio::test]
async fn an_identity_is_not_given_up_where_it_cannot_be_seen() {
    let shop = Workshop::new();
    let key = shop.write("client.key", 0o600, "old");
    drop(shop.replaced(&key, &["new"], Holds::Identity));
    let taken = shop.undo(Force::No).await;
    assert!(matches!(&taken[..], [Taken::Refused(_)]), "{taken:?}");
    assert_eq!(shop.undo(Force::Yes).await, [Taken::Back]);
}

#[tokio::test]
async fn what_was_taken_back_in_part_goes_on() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o640, "one");
    drop(shop.replaced(&config, &["two", "three"], Holds::Settings));
    // The last step is back on disk, and it ended before that was written down.
    shop.write("config.yaml", 0o640, "two");
    assert_eq!(shop.undo(Force::No).await, [Taken::Already, Taken::Back]);
    assert_eq!(std::fs::read(&config).unwrap(), b"one");
}

#[tokio::test]
async fn a_copy_is_beside_the_journal_and_a_file() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o640, "one");
    let elsewhere = shop.write("elsewhere", 0o640, "two");
    for backup in [
        "../../files/elsewhere",
        elsewhere.to_str().unwrap(),
        "..",
        "",
        ".",
    ] {
        let mut hands = shop.hands(0);
        let undo = Undo::RestoreFile {
            path: config.clone(),
            backup: backup.to_owned(),
            content: Digest::of(b"two"),
            attributes: Attributes {
                mode: 0o640,
                uid: 0,
                gid: 0,
                extended: BTreeMap::new(),
            },
            left: Left::Content(Digest::of(b"one")),
            holds: Holds::Settings,
        };
        hands.note(&undo).unwrap();
        drop(hands);
        let taken = shop.undo(Force::Yes).await;
        assert!(
            matches!(&taken[..], [Taken::Failed(_)]),
            "{backup} {taken:?}"
        );
        assert_eq!(std::fs::read_to_string(&config).unwrap(), "one");
    }
}
