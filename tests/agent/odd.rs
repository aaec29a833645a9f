//! Odd things where the agent's files belong: an installation comes to its end, or nothing of it is left, and nobody waits.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nexplane_doctor::agent::{self, InstallError};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::world::World;

/// What somebody may have put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Directory,
    Pipe,
    Loop,
    Dangling,
    Endless,
    Large,
    Empty,
    Binary,
}

const ALL: [Odd; 8] = [
    Odd::Directory,
    Odd::Pipe,
    Odd::Loop,
    Odd::Dangling,
    Odd::Endless,
    Odd::Large,
    Odd::Empty,
    Odd::Binary,
];

/// Every file that an installation reads or writes, and their directory.
const PLACES: [&str; 10] = [
    "etc/agent/config.yaml",
    "etc/agent/config.yaml.new",
    "etc/agent/client.crt",
    "etc/agent/client.key",
    "etc/agent/client.key.pending",
    "etc/agent/.install.json",
    "etc/systemd/agent.service",
    "usr/bin/agent",
    "usr/bin/agent.new",
    "etc/agent",
];

impl Odd {
    fn put(self, path: &Path) {
        use std::os::unix::fs::symlink;
        match self {
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Pipe => {
                let mode = Mode::RUSR | Mode::WUSR;
                mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
            }
            Self::Loop => symlink(path, path).unwrap(),
            Self::Dangling => symlink("/nowhere/at/all", path).unwrap(),
            Self::Endless => symlink("/dev/zero", path).unwrap(),
            Self::Large => fs::File::create(path).unwrap().set_len(1 << 30).unwrap(),
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Binary => fs::write(path, [0xff, 0, 0xfe, b'\n', 0x1b]).unwrap(),
        }
    }
}

/// Everything below a directory: its path, its kind and its length. Nothing is opened.
fn listing(directory: &Path) -> Vec<(PathBuf, fs::FileType, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(listing(&path));
        }
        let length = if metadata.is_file() {
            metadata.len()
        } else {
            0
        };
        found.push((path, metadata.file_type(), length));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[tokio::test]
async fn an_installation_is_whole_or_not_there_whatever_is_in_its_way() {
    let mut installed = 0;
    for (place, odd) in PLACES.iter().flat_map(|place| ALL.map(|odd| (*place, odd))) {
        let world = World::new().await;
        if place != "etc/agent" {
            fs::create_dir(world.path("etc/agent")).unwrap();
        }
        odd.put(&world.path(place));
        let before = listing(&world.path(""));
        let token = world.token();
        let ended = tokio::time::timeout(Duration::from_secs(100), world.install(&token)).await;
        let case = format!("{place}: {odd:?}");
        match ended.unwrap_or_else(|_| panic!("{case}: it does not end")) {
            Ok(installed_as) => {
                installed += 1;
                assert_eq!(world.works().await, Some(installed_as.agent_id), "{case}");
            }
            Err(error) => {
                assert!(
                    !matches!(error, InstallError::Torn { .. }),
                    "{case}: {error}"
                );
                let said = error.to_string();
                let named = world.path(place).display().to_string();
                assert!(said.contains(&named), "{case}: {said}");
                assert!(!said.contains("os error"), "{case}: {said}");
                assert_eq!(listing(&world.path("")), before, "{case}: {said}");
                assert!(!agent::has_pending_key(&world.around().places) || odd.is_a_file());
            }
        }
    }
    // What is no obstacle is none.
    assert!(installed > 40, "{installed}");
}

impl Odd {
    fn is_a_file(self) -> bool {
        matches!(self, Self::Large | Self::Empty | Self::Binary)
    }
}
