//! Configuration files and the drop-ins beside them, as systemd finds them for itself and for units (systemd.unit(5),
//! systemd-system.conf(5), timesyncd.conf(5)): of files with one name the first directory's counts, a link to `/dev/null`
//! counts as a file with nothing in it, and drop-ins count in the order of their names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::Root;
use crate::host::{Kind, Seen, Unseen};

/// Where configuration is, the administrator's first.
pub(super) const DIRS: [&str; 4] = ["/etc", "/run", "/usr/local/lib", "/usr/lib"];

/// The most entries of a directory.
const DIR_LIMIT: usize = 4096;

/// A link to `/dev/null`, which another root need not have.
pub(super) fn is_mask(root: &Root, path: &Path) -> bool {
    root.link_target(path)
        .is_ok_and(|target| target == Path::new("/dev/null"))
}

/// The configuration file of this name that counts; none where there is none, or it is masked.
pub(super) fn main_file(root: &Root, name: &str) -> Seen<Option<PathBuf>> {
    for dir in DIRS {
        let path = Path::new(dir).join(name);
        if is_mask(root, &path) {
            return Ok(None);
        }
        match root.find_host(&path) {
            Ok(found) => {
                // `/dev/null` itself may be mounted over the file.
                let masked = found.into_stat().kind == Kind::Other;
                return Ok((!masked).then_some(path));
            }
            Err(Unseen::Absent) => {}
            Err(unseen) => return Err(unseen),
        }
    }
    Ok(None)
}

/// Drop-ins of several directories, of which the first that has a name counts.
pub(super) struct DropIns<'a> {
    root: &'a Root,
    found: BTreeMap<OsString, PathBuf>,
}

impl<'a> DropIns<'a> {
    /// None yet.
    pub(super) fn new(root: &'a Root) -> Self {
        Self {
            root,
            found: BTreeMap::new(),
        }
    }

    /// Adds the files of a directory that end in `.conf`, where none of the name was found before.
    pub(super) fn add(&mut self, dir: &Path) -> Seen<()> {
        let names = match self.root.find_host(dir) {
            Ok(dir) => dir.entries(DIR_LIMIT)?,
            Err(Unseen::Absent) => return Ok(()),
            Err(unseen) => return Err(unseen),
        };
        for file in names {
            if Path::new(&file).extension().is_some_and(|e| e == "conf") {
                let path = dir.join(&file);
                self.found.entry(file).or_insert(path);
            }
        }
        Ok(())
    }

    /// Those that hold something, in the order in which they count.
    pub(super) fn in_order(self) -> Vec<PathBuf> {
        let root = self.root;
        let is_file = |path: &PathBuf| {
            !is_mask(root, path) && root.find_host(path).is_ok_and(|found| found.is_file())
        };
        self.found.into_values().filter(is_file).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_a_mask_hides_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        let at = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        assert_eq!(main_file(&root, "x.conf"), Ok(None));
        fs::write(at("usr/lib/x.conf"), "").unwrap();
        assert_eq!(
            main_file(&root, "x.conf"),
            Ok(Some("/usr/lib/x.conf".into()))
        );
        for (path, masked) in [
            ("usr/lib/x.conf.d/20.conf", false),
            ("usr/lib/x.conf.d/10.conf", false),
            ("usr/lib/x.conf.d/30.conf", false),
            ("usr/lib/x.conf.d/README", false),
            ("etc/x.conf.d/20.conf", false),
            ("etc/x.conf.d/30.conf", true),
        ] {
            match masked {
                true => symlink("/dev/null", at(path)).unwrap(),
                false => fs::write(at(path), "").unwrap(),
            }
        }
        let mut drop_ins = DropIns::new(&root);
        for dir in DIRS.map(|dir| Path::new(dir).join("x.conf.d")) {
            drop_ins.add(&dir).unwrap();
        }
        let wanted = ["/usr/lib/x.conf.d/10.conf", "/etc/x.conf.d/20.conf"];
        assert_eq!(drop_ins.in_order(), wanted.map(PathBuf::from));
        symlink("/dev/null", at("etc/x.conf")).unwrap();
        assert_eq!(main_file(&root, "x.conf"), Ok(None));
    }
}
