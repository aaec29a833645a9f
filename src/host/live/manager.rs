//! What systemd's own configuration gives every service: `DefaultEnvironment=` of systemd-system.conf(5) and its drop-ins.

use std::path::{Path, PathBuf};

use super::conf_files::{self, DropIns, main_file};
use super::files::Root;
use super::unit_files::FILE_LIMIT;
use crate::host::{Seen, UnitLine, unit_lines};

/// The configuration, in each of the directories.
const FILE: &str = "systemd/system.conf";

/// The variables, quoted as written; empty where nothing is set.
pub(super) fn default_environment(root: &Root) -> Seen<String> {
    let mut values: Vec<String> = Vec::new();
    for path in main_file(root, FILE)?.into_iter().chain(drop_ins(root)?) {
        let mut section = String::new();
        for line in unit_lines(&root.read_text(&path, FILE_LIMIT)?) {
            match line {
                UnitLine::Section(name) => section = name,
                UnitLine::Assignment { name, value }
                    if section == "Manager" && name == "DefaultEnvironment" =>
                {
                    // An empty one takes back those before it.
                    match value.is_empty() {
                        true => values.clear(),
                        false => values.push(value),
                    }
                }
                UnitLine::Assignment { .. } => {}
            }
        }
    }
    Ok(values.join(" "))
}

fn drop_ins(root: &Root) -> Seen<Vec<PathBuf>> {
    let mut found = DropIns::new(root);
    for dir in conf_files::DIRS {
        found.add(&Path::new(dir).join(format!("{FILE}.d")))?;
    }
    Ok(found.in_order())
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn defaults_come_from_the_file_and_its_drop_ins_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        assert_eq!(default_environment(&root), Ok(String::new()));
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "usr/lib/systemd/system.conf",
            "[Manager]\nDefaultEnvironment=VENDOR=1\n",
        );
        write(
            "etc/systemd/system.conf",
            "[Manager]\nDefaultEnvironment=A=1 \"B=2 3\"\n[Other]\nDefaultEnvironment=X=y\n",
        );
        assert_eq!(default_environment(&root).unwrap(), "A=1 \"B=2 3\"");
        write(
            "etc/systemd/system.conf.d/20.conf",
            "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://p:1\n",
        );
        write(
            "usr/lib/systemd/system.conf.d/10.conf",
            "[Manager]\nDefaultEnvironment=\n",
        );
        write(
            "usr/lib/systemd/system.conf.d/20.conf",
            "[Manager]\nDefaultEnvironment=HIDDEN=1\n",
        );
        assert_eq!(
            default_environment(&root).unwrap(),
            "HTTPS_PROXY=http://p:1"
        );
    }

    #[test]
    fn a_masked_file_sets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        for sub in [
            "etc/systemd",
            "usr/lib/systemd",
            "etc/systemd/system.conf.d",
        ] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let told = "[Manager]\nDefaultEnvironment=A=1\n";
        fs::write(dir.path().join("usr/lib/systemd/system.conf"), told).unwrap();
        let masked = dir.path().join("etc/systemd/system.conf");
        std::os::unix::fs::symlink("/dev/null", &masked).unwrap();
        assert_eq!(default_environment(&root), Ok(String::new()));
        let drop_in = dir.path().join("etc/systemd/system.conf.d/x.conf");
        fs::write(drop_in, "[Manager]\nDefaultEnvironment=B=2\n").unwrap();
        assert_eq!(default_environment(&root).unwrap(), "B=2");
        // What is no file at all could not be read, and is not taken for one that sets nothing.
        fs::remove_file(&masked).unwrap();
        fs::create_dir(&masked).unwrap();
        assert!(default_environment(&root).is_err());
    }
}
