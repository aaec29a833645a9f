#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use super::*;
use crate::repair::testing::Workshop;

fn step(what: &str) -> Undo {
    Undo::Irreversible {
        what: what.to_owned(),
    }
}

#[test]
fn a_journal_is_read_back() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    let journal = hands.journal_mut();
    assert_eq!(journal.action("mend-url", "Mend it").unwrap(), 0);
    journal.step(&step("one")).unwrap();
    let second = journal.step(&step("two")).unwrap();
    journal.told(second, Left::Absent).unwrap();
    journal.undone(0).unwrap();
    let directory = journal.directory().to_owned();
    let past = Past::read(&directory).unwrap().unwrap();
    assert!(!past.finished && past.damaged == 0);
    assert_eq!(past.steps.len(), 2);
    assert!(past.steps[0].undone && !past.steps[1].undone);
    assert_eq!(past.steps[1].told, Some(Left::Absent));
    assert_eq!(past.steps[1].action, "Mend it");
    journal.finish().unwrap();
    assert!(Past::read(&directory).unwrap().unwrap().finished);
}

#[test]
fn a_torn_line_has_not_happened_and_is_written_over() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    hands.journal_mut().step(&step("one")).unwrap();
    hands.journal_mut().step(&step("two")).unwrap();
    let directory = hands.journal().directory().to_owned();
    drop(hands);
    let file = directory.join(FILE);
    let whole = fs::read(&file).unwrap();
    let lines: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    for length in 0..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let past = Past::read(&directory).unwrap();
        let expected = lines.iter().filter(|end| **end <= length).count();
        let steps = past.as_ref().map_or(0, |past| past.steps.len());
        assert_eq!(steps, expected.saturating_sub(1), "{length}");
        assert_eq!(past.is_some(), expected > 0, "{length}");
        let Some(past) = past else { continue };
        assert_eq!(past.damaged, 0);
        let mut journal = Journal::resume(shop.place().lock().unwrap(), &past).unwrap();
        journal.finish().unwrap();
        let after = Past::read(&directory).unwrap().unwrap();
        assert!(after.finished && after.damaged == 0, "{length}");
    }
}

#[test]
fn a_damaged_line_is_counted_and_the_others_stand() {
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    hands.journal_mut().step(&step("one")).unwrap();
    hands.journal_mut().step(&step("two")).unwrap();
    let directory = hands.journal().directory().to_owned();
    drop(hands);
    let file = directory.join(FILE);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("one", "ome")).unwrap();
    let past = Past::read(&directory).unwrap().unwrap();
    assert_eq!((past.damaged, past.steps.len()), (1, 1));
    fs::write(&file, format!("x{text}")).unwrap();
    assert!(
        Past::read(&directory)
            .unwrap_err()
            .to_string()
            .contains("damaged")
    );
    fs::write(&file, text.replace("\"version\":1", "\"version\":2")).unwrap();
    assert!(Past::read(&directory).is_err());
}

#[test]
fn one_run_at_a_time_and_only_the_last_ones_are_kept() {
    let shop = Workshop::new();
    let hands = shop.hands(0);
    let error = shop.place().lock().unwrap_err();
    assert!(error.to_string().contains("another"), "{error}");
    drop(hands);
    for second in 1..30 {
        let mut hands = shop.hands(second);
        hands.journal_mut().step(&step("x")).unwrap();
    }
    // A clock that was set back does not put the newest first.
    let mut hands = shop.hands(-500);
    hands.journal_mut().step(&step("newest")).unwrap();
    let newest = hands.journal().directory().to_owned();
    drop(hands);
    assert_eq!(shop.last().unwrap().directory, newest);
    let runs = fs::read_dir(shop.place().directory()).unwrap();
    let runs = runs.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(runs.count(), 20);
}

#[test]
fn a_place_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Workshop::new();
    drop(shop.hands(0));
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(shop.place().directory(), open).unwrap();
    assert!(shop.place().lock().is_err());
    assert!(shop.place().last(None).is_err());
}

#[test]
fn runs_for_another_root_are_not_taken_for_this_machines() {
    let shop = Workshop::new();
    let lock = shop.place().lock().unwrap();
    let mut journal = Journal::begin(lock, Some(Path::new("/mnt")), DateTime::UNIX_EPOCH).unwrap();
    journal.step(&step("x")).unwrap();
    drop(journal);
    assert_eq!(shop.last(), None);
    assert!(
        shop.place()
            .last(Some(Path::new("/mnt")))
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_somebody_else_keeps_beside_the_runs_stays() {
    let shop = Workshop::new();
    drop(shop.hands(0));
    let names = ["d1", "zzz", "20231114", "20231114T221320.000000Z.old", "+"];
    let theirs = names.map(|name| shop.place().directory().join(name));
    for directory in &theirs {
        fs::create_dir(directory).unwrap();
    }
    for second in 1..30 {
        shop.hands(second).journal_mut().step(&step("x")).unwrap();
    }
    for directory in &theirs {
        assert!(directory.is_dir(), "{}", directory.display());
    }
    let last = shop.last().unwrap().directory;
    let name = last.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("2023") && name.ends_with('Z'), "{name}");
    let runs = fs::read_dir(shop.place().directory()).unwrap();
    let runs = runs.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(runs.count(), 20 + theirs.len());
}

#[test]
fn a_journal_that_is_none_is_an_error_that_comes_at_once() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let shop = Workshop::new();
    let mut hands = shop.hands(0);
    hands.journal_mut().step(&step("one")).unwrap();
    let directory = hands.journal().directory().to_owned();
    drop(hands);
    let file = directory.join(FILE);
    let pipe = |path: &Path| {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    };
    let link = |to: &str, path: &Path| std::os::unix::fs::symlink(to, path).unwrap();
    type Make<'a> = &'a dyn Fn(&Path);
    let odd: [(Make<'_>, &str); 6] = [
        (&|it| fs::create_dir(it).unwrap(), "not a regular file"),
        (&|it| pipe(it), "not a regular file"),
        (&|it| link("/dev/zero", it), "not a regular file"),
        (&|it| link("journal", it), "symbolic links"),
        (
            &|it| File::create(it).unwrap().set_len(1 << 30).unwrap(),
            "larger than",
        ),
        (
            &|it| fs::write(it, b"\xff\xfe\n\0\n").unwrap(),
            "its first line is damaged",
        ),
    ];
    for (make, why) in odd {
        let _none = fs::remove_file(&file);
        make(&file);
        let error = shop.place().last(None).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(error.contains(file.to_str().unwrap()), "{error}");
        let _none = fs::remove_dir(&file);
    }
    // A lock that is a pipe without a reader is not waited for either.
    let lock = shop.place().directory().join("lock");
    fs::remove_file(&lock).unwrap();
    pipe(&lock);
    assert!(shop.place().lock().is_err());
}
