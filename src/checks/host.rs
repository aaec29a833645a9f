//! What the machine itself denies the agent: room and the right to write where its configuration and its state are.

use super::agent_user::AgentUser;
use super::{Check, Decision, Facts, Judgement, Known, config};
use crate::contract::paths;
use crate::host::{FileSystem, Host, HostPath, Seen};
use crate::model::{Code, Finding, Placeholder, counted};

const DISK_FULL: Code = Code::from_static("host.disk_full");
const READ_ONLY: Code = Code::from_static("host.read_only");

/// Less than this is no room: a certificate with its key and a configuration, written beside the old ones.
const ROOM: u64 = 16 * 1024;

/// A place where the agent keeps something.
#[derive(Debug)]
struct Place {
    /// What is there.
    what: &'static str,
    path: HostPath,
    file_system: Seen<FileSystem>,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    places: Vec<Place>,
    user: AgentUser,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "host";
    const CODES: &'static [Code] = &[DISK_FULL, READ_ONLY];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let told = config::peek(host, known).await;
        let mut places = Vec::new();
        for (what, file) in [("configuration", &told.path), ("state", &told.cert)] {
            let Some(dir) = paths::parent(file.path()) else {
                continue;
            };
            let path = HostPath {
                path: dir,
                base: file.base,
            };
            let file_system = host.file_system(path.clone()).await;
            places.push(Place {
                what,
                path,
                file_system,
            });
        }
        Evidence {
            places,
            user: AgentUser::ask(host, known).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, _: &mut Facts) -> Judgement {
        let mut judgement = Judgement::pass();
        let mut seen: Vec<FileSystem> = Vec::new();
        for place in &evidence.places {
            let path = place.path.path().display();
            match &place.file_system {
                Ok(file_system) if seen.iter().any(|other| same(other, file_system)) => {}
                // How another root is mounted here says nothing of how its own host mounts it.
                Ok(file_system) if file_system.read_only && known.system.foreign_root => {
                    let reason = format!("{path} is mounted read-only here, which says nothing of the host that it is from");
                    judgement.decision = Decision::Unknown(reason);
                }
                Ok(file_system) => {
                    let root = evidence.user.is_root();
                    let finding = judge_place(place, file_system, root);
                    judgement.findings.extend(finding);
                    seen.push(file_system.clone());
                }
                Err(unseen) => {
                    let reason = format!("the file system of {path} could not be asked: {unseen}");
                    judgement.decision = Decision::Unknown(reason);
                }
            }
        }
        judgement
    }
}

/// Whether two answers are of one file system: they have no name of their own, and the numbers are unlikely twins.
fn same(a: &FileSystem, b: &FileSystem) -> bool {
    (a.total_bytes, a.total_inodes, a.read_only) == (b.total_bytes, b.total_inodes, b.read_only)
        && a.free_bytes.abs_diff(b.free_bytes) < 1 << 20
}

fn judge_place(place: &Place, seen: &FileSystem, root: bool) -> Option<Finding> {
    let (what, path) = (place.what, place.path.path().display());
    if seen.read_only {
        let detail = format!(
            "The file system that holds the agent's {what} ({path}) is mounted read-only: no certificate can be stored there."
        );
        let finding = Finding::new(READ_ONLY, detail);
        return Some(saw(finding, place, seen));
    }
    let bytes = if root {
        seen.free_bytes
    } else {
        seen.available_bytes
    };
    let lacking = if bytes < ROOM {
        format!("{} of {} are free", size(bytes), size(seen.total_bytes))
    } else if seen.total_inodes > 0 && seen.free_inodes == 0 {
        format!(
            "none of its {} inodes is free, though there is room: too many files",
            seen.total_inodes
        )
    } else {
        return None;
    };
    let detail =
        format!("The file system that holds the agent's {what} ({path}) is full: {lacking}.");
    Some(saw(Finding::new(DISK_FULL, detail), place, seen))
}

/// A number of bytes as people say it: `512 bytes`, `10.7 GB`.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => counted(bytes, "byte", "bytes"),
    }
}

fn saw(finding: Finding, place: &Place, seen: &FileSystem) -> Finding {
    finding
        .saw("directory", place.path.path().display().to_string())
        .saw("free bytes", seen.available_bytes.to_string())
        .saw("free bytes for root", seen.free_bytes.to_string())
        .saw("free inodes", seen.free_inodes.to_string())
        .value(Placeholder::ConfigDir, place.path.path().display().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Evidence as Recording, codes, properties};
    use super::*;
    use crate::host::{Account, Content, ReadQuestion, Service, ServiceQuestion, Unseen};
    use crate::model::Os;

    fn file_system(total: u64, free: u64, available: u64) -> FileSystem {
        FileSystem {
            path: "/etc".into(),
            total_bytes: total,
            free_bytes: free,
            available_bytes: available,
            total_inodes: 100,
            free_inodes: 50,
            read_only: false,
        }
    }

    fn on(recording: Recording, dir: &str, seen: FileSystem) -> Recording {
        recording.answer("file_system", HostPath::host(dir), Ok::<_, Unseen>(seen))
    }

    const DIR: &str = "/etc/nexplane-agent";
    const GIB: u64 = 1 << 30;

    #[test]
    fn room_is_room_for_the_agent_s_user() {
        let reserve = file_system(GIB, GIB / 20, 0);
        let (judgement, _) = on(Recording::default(), DIR, reserve.clone()).judge(&Probe);
        assert_eq!(judgement, Judgement::pass());

        let service = Service {
            properties: properties(&[("User", "nexplane")]),
            supplied: false,
        };
        let account = Account {
            uid: 900,
            name: "nexplane".into(),
            gids: vec![900],
            sids: Vec::new(),
        };
        let unprivileged = on(Recording::default(), DIR, reserve)
            .answer(
                "service",
                ServiceQuestion::agent(Os::Linux),
                Ok::<_, Unseen>(service),
            )
            .answer("account", "nexplane", Ok::<_, Unseen>(account));
        assert_eq!(codes(&unprivileged.judge(&Probe).0), ["host.disk_full"]);
    }

    #[test]
    fn inodes_and_read_only_mounts_are_seen() {
        let mut inodes = file_system(GIB, GIB, GIB);
        inodes.free_inodes = 0;
        let (judgement, _) = on(Recording::default(), DIR, inodes.clone()).judge(&Probe);
        assert_eq!(codes(&judgement), ["host.disk_full"]);
        inodes.total_inodes = 0;
        assert_eq!(
            on(Recording::default(), DIR, inodes).judge(&Probe).0,
            Judgement::pass()
        );

        let mut read_only = file_system(GIB, 0, 0);
        read_only.read_only = true;
        let recording = || on(Recording::default(), DIR, read_only.clone());
        assert_eq!(codes(&recording().judge(&Probe).0), ["host.read_only"]);
        let elsewhere = recording().foreign_root().judge(&Probe).0;
        assert_eq!(elsewhere.findings, []);
        assert!(matches!(elsewhere.decision, Decision::Unknown(_)));
    }

    #[test]
    fn the_state_may_be_elsewhere() {
        let content = Content {
            text: "cert_path: /var/lib/agent/c.crt\n".into(),
            invalid_utf8_at: None,
        };
        let path = HostPath::host("/etc/nexplane-agent/config.yaml");
        let recording =
            Recording::default().answer("read", ReadQuestion::new(path), Ok::<_, Unseen>(content));
        let recording = on(recording, DIR, file_system(GIB, GIB, GIB));
        let (judgement, _) =
            on(recording, "/var/lib/agent", file_system(2 * GIB, 0, 0)).judge(&Probe);
        assert_eq!(codes(&judgement), ["host.disk_full"]);
        assert!(judgement.findings[0].detail.contains("/var/lib/agent"));
    }

    #[test]
    fn a_file_system_that_cannot_be_asked_is_unknown() {
        let (judgement, _) = Recording::default().judge(&Probe);
        assert!(matches!(judgement.decision, Decision::Unknown(_)));
    }
}
