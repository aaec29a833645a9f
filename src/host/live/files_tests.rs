//! Paths that mean well and paths that do not, under a root made for each test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::symlink;

use rustix::fs::Mode;

use super::*;

fn tree() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc/agent")).unwrap();
    fs::write(dir.path().join("etc/agent/config.yaml"), "a: 1\n").unwrap();
    let root = Root::new(Some(dir.path().to_owned()));
    (dir, root)
}

#[test]
fn links_never_leave_the_root() {
    let (dir, root) = tree();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "secret").unwrap();
    symlink(outside.path(), dir.path().join("etc/absolute")).unwrap();
    let up = Path::new("../../../../../../../..").join(outside.path().strip_prefix("/").unwrap());
    symlink(&up, dir.path().join("etc/relative")).unwrap();
    symlink("/etc/agent/config.yaml", dir.path().join("inside")).unwrap();
    symlink("../..//etc/./agent", dir.path().join("etc/dir")).unwrap();
    for escape in ["/etc/absolute", "/etc/relative"] {
        assert_eq!(root.read_text(escape, 99), Err(Unseen::Absent), "{escape}");
    }
    for good in [
        "/inside",
        "inside",
        "/../../etc/agent/../agent/config.yaml",
        "/etc/dir/config.yaml",
    ] {
        assert_eq!(root.read_text(good, 99).unwrap(), "a: 1\n", "{good}");
    }
    let found = root.find_host("/etc/dir/config.yaml").unwrap();
    assert_eq!(found.path, Path::new("/etc/agent/config.yaml"));
}

#[test]
fn every_directory_on_the_way_is_told_also_before_a_link() {
    let (dir, root) = tree();
    fs::create_dir(dir.path().join("opt")).unwrap();
    symlink("/etc/agent", dir.path().join("opt/agent")).unwrap();
    let stat = root
        .find_host("/opt/agent/config.yaml")
        .unwrap()
        .into_stat();
    let way: Vec<_> = stat
        .ancestors
        .iter()
        .map(|s| s.path.display().to_string())
        .collect();
    assert_eq!(way, ["/", "/opt", "/etc", "/etc/agent"]);
    assert_eq!((stat.kind, stat.size), (Kind::File, 5));
}

#[test]
fn loops_files_as_directories_and_empty_paths_are_answers() {
    let (dir, root) = tree();
    symlink("/loop", dir.path().join("loop")).unwrap();
    assert!(matches!(
        root.find_host("/loop"),
        Err(Unseen::Failed { .. })
    ));
    assert!(matches!(
        root.find_host("/etc/agent/config.yaml/.."),
        Err(Unseen::Absent)
    ));
    assert_eq!(root.find_host("").unwrap().path, Path::new("/"));
    assert!(matches!(
        root.read_text("/etc", 9),
        Err(Unseen::Malformed { .. })
    ));
}

#[test]
fn a_pipe_is_not_opened() {
    let (dir, root) = tree();
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    assert!(matches!(
        root.read_text("/pipe", 9),
        Err(Unseen::Malformed { .. })
    ));
    assert_eq!(
        root.find_host("/pipe").unwrap().into_stat().kind,
        Kind::Other
    );
}

#[test]
fn no_more_than_the_limit_is_read() {
    let (dir, root) = tree();
    let limit = ReadQuestion::LIMIT;
    let size = usize::try_from(limit).unwrap();
    fs::write(dir.path().join("full"), vec![b'x'; size]).unwrap();
    fs::write(dir.path().join("over"), vec![b'x'; size + 1]).unwrap();
    assert_eq!(root.read_text("/full", limit).unwrap().len(), size);
    assert_eq!(
        root.read_text("/over", limit),
        Err(Unseen::TooLarge { limit })
    );
}

#[test]
fn text_that_is_no_utf8_says_where() {
    let (dir, root) = tree();
    fs::write(dir.path().join("latin1"), b"ab\xe9c").unwrap();
    let question = ReadQuestion::new(HostPath::host("/latin1"));
    let content = content(&root, &question).unwrap();
    assert_eq!(content.text, "ab\u{fffd}c");
    assert_eq!(content.invalid_utf8_at, Some(2));
}

#[test]
fn a_path_of_the_caller_is_outside_of_the_root() {
    let (_dir, root) = tree();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "mine").unwrap();
    let bytes = root.read_bytes(&HostPath::caller(file.path()), 9);
    assert_eq!(bytes, Ok(b"mine".to_vec()));
}

#[test]
fn the_nearest_directory_answers_for_the_file_system() {
    let (_dir, root) = tree();
    let numbers = root
        .file_system(&HostPath::host("/etc/agent/not/there"))
        .unwrap();
    assert_eq!(numbers.path, Path::new("/etc/agent"));
    assert!(numbers.total_bytes >= numbers.free_bytes && !numbers.read_only);
}

#[cfg(target_os = "linux")]
#[test]
fn access_control_lists_are_told_of_a_file_and_of_the_way_to_it() {
    let (dir, root) = tree();
    // `setfacl -m u:900:x,m:x` on a directory, `-m u:900:r,m:r` on the file in it.
    let list = |bits: u8| {
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, permissions, id) in [
            (1, 6, -1),
            (2, bits, 900),
            (4, 0, -1),
            (16, bits, -1),
            (32, 0, -1_i32),
        ] {
            bytes.extend([tag, 0, permissions, 0]);
            bytes.extend(id.to_le_bytes());
        }
        bytes
    };
    for (path, bits) in [("etc/agent", 1), ("etc/agent/config.yaml", 4)] {
        let path = dir.path().join(path);
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&path, "system.posix_acl_access", &list(bits), flags).unwrap();
    }
    let stat = root
        .find_host("/etc/agent/config.yaml")
        .unwrap()
        .into_stat();
    let users = |stat: &Stat| stat.acl.clone().map(|acl| acl.unwrap().users);
    assert_eq!(users(&stat), Some(vec![(900, 4)]));
    assert_eq!(users(&stat.ancestors[2]), Some(vec![(900, 1)]));
    assert_eq!(users(&stat.ancestors[1]), None);
}

#[test]
fn what_windows_writes_as_utf_16_is_text() {
    let (dir, root) = tree();
    let path = dir.path().join("etc/agent/config.yaml");
    let question = ReadQuestion::new(HostPath::host("/etc/agent/config.yaml"));
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        content(&root, &question).unwrap()
    };
    let whole = read(b"\xff\xfea\0:\0 \0\xe4\0\r\0\n\0");
    assert_eq!(whole.text, "\u{feff}a: \u{e4}\r\n");
    assert_eq!(whole.invalid_utf8_at, None);
    // Torn, it is no text of any kind.
    assert_eq!(read(b"\xff\xfea\0:").invalid_utf8_at, Some(0));
}
