//! Only its own file, only a safe program, and the same again changes nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn drop_in() -> (tempfile::TempDir, DropIn) {
    let root = tempfile::tempdir().unwrap();
    let drop_in = DropIn::of("nexplane-agent", root.path()).unwrap();
    (root, drop_in)
}

#[test]
fn it_is_written_once_and_taken_away_whole() {
    let (root, drop_in) = drop_in();
    let text = text(Path::new("/usr/local/bin/nexplane-doctor"));
    assert_eq!(drop_in.write(&text), Ok(Done::Changed));
    assert_eq!(drop_in.write(&text), Ok(Done::AlreadySo));
    let path = root
        .path()
        .join("etc/systemd/system/nexplane-agent.service.d/50-nexplane-doctor.conf");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
    let moved = super::text(Path::new("/opt/doctor"));
    assert_eq!(drop_in.write(&moved), Ok(Done::Changed));
    assert_eq!(drop_in.remove(), Ok(Done::Changed));
    assert_eq!(drop_in.remove(), Ok(Done::AlreadySo));
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn what_is_not_ours_stays() {
    let (root, drop_in) = drop_in();
    let path = drop_in.path().to_owned();
    let directory = path.parent().unwrap();
    fs::create_dir_all(directory).unwrap();
    fs::write(&path, "[Service]\nNice=5\n").unwrap();
    assert!(drop_in.write("x").unwrap_err().contains("stays as it is"));
    assert!(drop_in.remove().is_err());
    fs::remove_file(&path).unwrap();
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, format!("{MARK}\n")).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(drop_in.write("x").is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), format!("{MARK}\n"));
    fs::remove_file(&path).unwrap();
    fs::write(directory.join("10-other.conf"), "").unwrap();
    drop_in.write(&text(Path::new("/x"))).unwrap();
    assert_eq!(drop_in.remove(), Ok(Done::Changed));
    assert!(directory.join("10-other.conf").exists());
}

#[test]
fn a_unit_s_name_leads_nowhere_else() {
    for name in ["../x", "a/b", "", ".service", "x.socket", "a b", "a\nb"] {
        assert!(DropIn::of(name, Path::new("/")).is_err(), "{name:?}");
    }
    let named = DropIn::of("agent@1.service", Path::new("/")).unwrap();
    assert!(
        named
            .path()
            .starts_with("/etc/systemd/system/agent@1.service.d")
    );
}

#[test]
fn a_path_is_quoted_as_systemd_reads_it() {
    let line = |path: &str| {
        let text = text(Path::new(path));
        text.lines().nth(2).unwrap().to_owned()
    };
    assert_eq!(
        line("/usr/bin/doctor"),
        "ExecStartPre=-/usr/bin/doctor --startup"
    );
    assert_eq!(
        line("/opt/a b/50%$x\"/doctor"),
        "ExecStartPre=-\"/opt/a b/50%%$x\\\"/doctor\" --startup"
    );
}

#[test]
fn what_others_can_change_or_the_service_cannot_see_is_refused() {
    for path in [
        "/home/me/doctor",
        "/tmp/doctor",
        "/root/doctor",
        "/var/tmp/x/doctor",
    ] {
        let why = must_be_safe(Path::new(path)).unwrap_err();
        assert!(why.contains("/usr/local/bin"), "{why}");
    }
    assert!(must_be_safe(Path::new("/usr/bin/env")).is_ok());
    assert!(must_be_safe(Path::new("/usr/bin/no-such-doctor")).is_err());
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("doctor");
    fs::write(&program, "").unwrap();
    for (mode, fit) in [(0o755, true), (0o775, true), (0o777, false), (0o700, false)] {
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let own = rustix::process::geteuid().is_root() && rustix::process::getegid().is_root();
        assert_eq!(
            only_the_superuser_s(&program).is_ok(),
            fit && own,
            "{mode:o}"
        );
    }
}
