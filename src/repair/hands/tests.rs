#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::repair::testing::Workshop;
use crate::repair::{Force, Taken};

const AS_BEFORE: Wanted = Wanted {
    mode: None,
    uid: None,
    gid: None,
};

#[tokio::test]
async fn what_hands_did_is_taken_back_to_the_last_bit() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o640, "url: http://x\n");
    let key = shop.write("client.key", 0o644, "secret");
    shop.write("stale", 0o600, "old");
    let before = shop.listing();
    let mut hands = shop.hands(0);
    hands
        .replace_file(&config, b"url: https://x\n", AS_BEFORE, Holds::Settings)
        .unwrap();
    let private = Wanted {
        mode: Some(0o600),
        ..AS_BEFORE
    };
    hands.set_attributes(&key, private).unwrap();
    hands
        .remove_file(&shop.path("stale"), Holds::Settings)
        .unwrap();
    hands.make_directory(&shop.path("new.d"), private).unwrap();
    hands
        .replace_file(
            &shop.path("new.d/drop-in"),
            b"[Service]\n",
            AS_BEFORE,
            Holds::Settings,
        )
        .unwrap();
    hands
        .replace_file(&config, b"url: https://y\n", AS_BEFORE, Holds::Settings)
        .unwrap();
    drop(hands);
    let after = shop.listing();
    assert_eq!(after[0], ("client.key".into(), 0o600, "secret".into()));
    assert_eq!(
        after[1],
        ("config.yaml".into(), 0o640, "url: https://y\n".into())
    );
    assert_eq!(after[2].0, "new.d");
    assert_eq!(after.len(), 3);
    assert_eq!(shop.undo(Force::No).await, vec![Taken::Back; 6]);
    assert_eq!(shop.listing(), before);
    assert!(shop.last().is_none(), "nothing is left to take back");
}

#[tokio::test]
async fn what_was_changed_since_is_left_alone_unless_forced() {
    let shop = Workshop::new();
    let config = shop.write("config.yaml", 0o600, "one");
    let mut hands = shop.hands(0);
    hands
        .replace_file(&config, b"two", AS_BEFORE, Holds::Settings)
        .unwrap();
    hands
        .replace_file(&shop.path("new"), b"new", AS_BEFORE, Holds::Settings)
        .unwrap();
    drop(hands);
    fs::write(&config, "three").unwrap();
    fs::write(shop.path("new"), "newer").unwrap();
    let taken = shop.undo(Force::No).await;
    assert!(
        taken.iter().all(|taken| matches!(taken, Taken::Refused(_))),
        "{taken:?}"
    );
    assert_eq!(fs::read(&config).unwrap(), b"three");
    assert_eq!(shop.undo(Force::Yes).await, [Taken::Back, Taken::Back]);
    assert_eq!(
        shop.listing(),
        [("config.yaml".into(), 0o600, "one".into())]
    );
}

#[tokio::test]
async fn what_another_part_changes_is_kept_and_told() {
    let shop = Workshop::new();
    let cert = shop.write("client.crt", 0o644, "old");
    let mut hands = shop.hands(0);
    hands.keep(&cert, Holds::Settings).unwrap();
    fs::write(&cert, "new").unwrap();
    hands.settle().unwrap();
    hands.keep(&cert, Holds::Settings).unwrap();
    fs::write(&cert, "newer").unwrap();
    // It ends here, before it has said what it left.
    drop(hands);
    let taken = shop.undo(Force::No).await;
    assert!(
        matches!(&taken[0], Taken::Refused(why) if why.contains("before it had said")),
        "{taken:?}"
    );
    assert!(matches!(&taken[1], Taken::Refused(_)), "{taken:?}");
    assert_eq!(shop.undo(Force::Yes).await, [Taken::Back, Taken::Back]);
    assert_eq!(fs::read(&cert).unwrap(), b"old");
}

#[test]
fn a_trap_is_not_stepped_into() {
    let shop = Workshop::new();
    let victim = shop.write("victim", 0o600, "precious");
    symlink(&victim, shop.path("link")).unwrap();
    fs::hard_link(&victim, shop.path("hard")).unwrap();
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(shop.path(""), open).unwrap();
    let mut hands = shop.hands(0);
    let wanted = Wanted {
        mode: Some(0o666),
        ..AS_BEFORE
    };
    for (name, why) in [
        ("link", "symbolic link"),
        ("hard", "hard links"),
        ("no/where", "No such file"),
    ] {
        let path = shop.path(name);
        let errors = [
            hands
                .replace_file(&path, b"x", AS_BEFORE, Holds::Settings)
                .unwrap_err(),
            hands.remove_file(&path, Holds::Settings).unwrap_err(),
            hands.set_attributes(&path, wanted).unwrap_err(),
            hands.keep(&path, Holds::Settings).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(why), "{name}: {error}");
        }
    }
    drop(hands);
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert!(
        shop.last().is_none(),
        "nothing was done that could be taken back"
    );
}

#[test]
fn a_link_that_only_this_user_can_have_made_is_followed() {
    let shop = Workshop::new();
    let real = shop.write("real", 0o640, "one");
    symlink("real", shop.path("link")).unwrap();
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(shop.path(""), private).unwrap();
    let mut hands = shop.hands(0);
    hands
        .replace_file(&shop.path("link"), b"two", AS_BEFORE, Holds::Settings)
        .unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"two");
    assert!(
        fs::symlink_metadata(shop.path("link"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn what_is_no_file_or_too_large_is_refused() {
    let shop = Workshop::new();
    fs::create_dir(shop.path("directory")).unwrap();
    let large = fs::File::create(shop.path("large")).unwrap();
    large.set_len(FILE_LIMIT + 1).unwrap();
    let mut hands = shop.hands(0);
    for name in ["directory", "large"] {
        let error = hands.replace_file(&shop.path(name), b"x", AS_BEFORE, Holds::Settings);
        assert!(error.is_err(), "{name}");
    }
    assert!(
        hands
            .replace_file(Path::new("relative"), b"x", AS_BEFORE, Holds::Settings)
            .is_err()
    );
}

#[tokio::test]
async fn a_program_that_fails_says_why() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    let error = hands
        .run(
            None,
            "sh",
            &["-c", "echo 'no such unit' >&2; exit 4"],
            Duration::from_secs(20),
        )
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("no such unit"), "{error}");
    let error = hands
        .run(None, "no-such-program", &[], Duration::from_secs(20))
        .await;
    assert!(error.unwrap_err().to_string().contains("not here"));
}
