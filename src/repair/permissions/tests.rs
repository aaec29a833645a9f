//! The least that opens a file to its user, and closes a key to everybody else.

use super::*;
use crate::host::{Acl, HostPath};

const USER: u32 = 900;

fn at(path: &str, kind: Kind, mode: u32, owner: u32) -> Stat {
    Stat {
        path: path.into(),
        kind,
        size: 1,
        mode,
        uid: owner,
        gid: owner,
        modified: None,
        acl: None,
        security: None,
        ancestors: Vec::new(),
    }
}

/// A file in `/etc/agent` with that directory's mode.
fn file(name: &str, mode: u32, owner: u32, directory: u32) -> Stat {
    let ancestors = vec![
        at("/", Kind::Directory, 0o755, 0),
        at("/etc", Kind::Directory, 0o755, 0),
        at("/etc/agent", Kind::Directory, directory, 0),
    ];
    Stat {
        ancestors,
        ..at(&format!("/etc/agent/{name}"), Kind::File, mode, owner)
    }
}

fn keeping(files: Vec<(What, Stat)>) -> Keeping {
    let account = Account {
        uid: USER,
        name: "nexplane".into(),
        gids: vec![USER],
        sids: Vec::new(),
    };
    let kept = |(what, stat): (What, Stat)| Kept {
        what,
        path: HostPath::host(&stat.path),
        is_closed: stat.barrier(&account, Powers::None) != Ok(None),
        exposed_to: (what == What::Key && stat.mode & 0o044 != 0).then_some("every user"),
        stat: Ok(stat),
    };
    Keeping {
        name: "nexplane".into(),
        files: files.into_iter().map(kept).collect(),
        account: Some(account.clone()),
        powers: Powers::None,
    }
}

fn said(keeping: &Keeping) -> Result<Vec<String>, String> {
    let openings = openings(keeping)?;
    let said = |it: &Opening| {
        let Wanted { mode, uid, gid } = it.wanted;
        let number = |id: Option<u32>| id.map_or("-".to_owned(), |id| id.to_string());
        let mode = mode.map_or("-".to_owned(), |mode| format!("{mode:o}"));
        format!(
            "{} {mode} {}:{}",
            it.path.display(),
            number(uid),
            number(gid)
        )
    };
    Ok(openings.iter().map(said).collect())
}

#[test]
fn the_least_is_changed() {
    for (what, stat, changes) in [
        (
            What::Configuration,
            file("c", 0o600, 0, 0o755),
            vec!["/etc/agent/c 640 -:900"],
        ),
        (
            What::Ca,
            file("ca", 0o600, 0, 0o755),
            vec!["/etc/agent/ca 640 -:900"],
        ),
        (What::Ca, file("ca", 0o644, 0, 0o755), vec![]),
        (
            What::Certificate,
            file("c", 0o640, 0, 0o755),
            vec!["/etc/agent/c 640 -:900"],
        ),
        (
            What::Configuration,
            file("c", 0o200, USER, 0o755),
            vec!["/etc/agent/c 600 -:-"],
        ),
        (
            What::Configuration,
            file("c", 0o644, 0, 0o700),
            vec!["/etc/agent 710 -:900"],
        ),
        (
            What::Configuration,
            file("c", 0o600, 0, 0o700),
            vec!["/etc/agent 710 -:900", "/etc/agent/c 640 -:900"],
        ),
        (
            What::Key,
            file("k", 0o600, 0, 0o755),
            vec!["/etc/agent/k 600 900:-"],
        ),
        (
            What::Key,
            file("k", 0o644, USER, 0o755),
            vec!["/etc/agent/k 600 -:-"],
        ),
        (
            What::Key,
            file("k", 0o644, 0, 0o755),
            vec!["/etc/agent/k 600 900:-"],
        ),
        (What::Key, file("k", 0o600, USER, 0o755), vec![]),
    ] {
        let shown = format!("{what:?} {stat:?}");
        let changes = changes.into_iter().map(str::to_owned).collect();
        assert_eq!(said(&keeping(vec![(what, stat)])), Ok(changes), "{shown}");
    }
}

#[test]
fn one_directory_is_opened_once() {
    let files = ["c", "k"].map(|name| file(name, 0o600, USER, 0o700));
    let [configuration, key] = files;
    let both = keeping(vec![(What::Configuration, configuration), (What::Key, key)]);
    assert_eq!(said(&both), Ok(vec!["/etc/agent 710 -:900".to_owned()]));
}

#[test]
fn what_is_not_the_agents_own_is_left_to_a_person() {
    let mut stat = file("c", 0o644, 0, 0o755);
    stat.ancestors[1].mode = 0o700;
    let refused = said(&keeping(vec![(What::Configuration, stat)]));
    assert!(refused.is_err_and(|why| why.contains("/etc on the way is not the agent's own")));

    let mut stranger = keeping(vec![(What::Configuration, file("c", 0o600, 0, 0o755))]);
    stranger.account = None;
    assert!(said(&stranger).is_err_and(|why| why.contains("not known on this host")));
}

#[test]
fn an_access_list_that_shuts_the_user_out_is_passed_by_ownership() {
    let mut stat = file("c", 0o640, 0, 0o755);
    stat.acl = Some(Ok(Acl {
        users: vec![(USER, 0)],
        owning_group: 4,
        groups: Vec::new(),
        mask: 4,
    }));
    let changes = said(&keeping(vec![(What::Configuration, stat)]));
    assert_eq!(changes, Ok(vec!["/etc/agent/c 640 900:-".to_owned()]));
}

proptest::proptest! {
    #[test]
    fn afterwards_the_user_reads_it_and_nobody_else_the_key(
        mode in 0u32..0o1000, directory in 0u32..0o1000, owner in proptest::sample::select(vec![0, USER, 7]), key: bool
    ) {
        let what = if key { What::Key } else { What::Certificate };
        let kept = keeping(vec![(what, file("x", mode, owner, directory))]);
        let account = kept.account.clone();
        if let (Ok(openings), Some(account), Ok(stat)) = (openings(&kept), account, &kept.files[0].stat) {
            let mut after = stat.clone();
            for opening in openings {
                let is_file = opening.path == after.path;
                let place = if is_file { &mut after } else { &mut after.ancestors[2] };
                proptest::prop_assert!(change(place, opening.wanted).is_some());
            }
            proptest::prop_assert_eq!(after.barrier(&account, Powers::None), Ok(None));
            proptest::prop_assert!(!key || after.mode & 0o044 == 0 && after.uid == USER || after.mode == stat.mode);
            proptest::prop_assert_eq!(after.mode & 0o007 & !stat.mode, 0, "open to others who were not let in");
        }
    }
}
