//! What systemd's own configuration gives every service: `DefaultEnvironment=` of systemd-system.conf(5) and its drop-ins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::Root;
use super::unit_files::{FILE_LIMIT, add_conf_files};
use crate::host::{Seen, UnitLine, Unseen, unit_lines};

/// Where the configuration is; of two files with one name the first counts.
const DIRS: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];

/// The variables, quoted as written; empty where nothing is set.
pub(super) fn default_environment(root: &Root) -> Seen<String> {
    let mut values: Vec<String> = Vec::new();
    for path in main_file(root)?.into_iter().chain(drop_ins(root)?) {
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

fn main_file(root: &Root) -> Seen<Option<PathBuf>> {
    for dir in DIRS {
        let path = Path::new(dir).join("system.conf");
        match root.find_host(&path) {
            Ok(_) => return Ok(Some(path)),
            Err(Unseen::Absent) => {}
            Err(unseen) => return Err(unseen),
        }
    }
    Ok(None)
}

fn drop_ins(root: &Root) -> Seen<impl Iterator<Item = PathBuf>> {
    let mut found = BTreeMap::new();
    for dir in DIRS.map(|dir| Path::new(dir).join("system.conf.d")) {
        add_conf_files(root, &dir, &mut found)?;
    }
    let files = found.into_values();
    let is_file = |path: &PathBuf| root.find_host(path).is_ok_and(|found| found.is_file());
    Ok(files.filter(is_file).collect::<Vec<_>>().into_iter())
}

#[cfg(test)]
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
}
