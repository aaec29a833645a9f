//! What keeps this host's clock, read where `timedatectl` reads it: from the kernel, and from the files by which systemd
//! says which units run. Nothing is started for it; a cold `timedatectl` starts a service first, and is slow.
//!
//! Only chrony is asked by its own program: which of its sources answer, nothing else tells.

use std::collections::BTreeMap;
use std::path::Path;

use rtime_clock::adjtime::{Timex, adjtimex};

use super::deadline::Deadline;
use super::files::Root;
use super::linux;
use super::time_servers::{self, Daemon};
use crate::host::{Seen, TimeSync};

/// Where systemd (since 236) keeps a link for each unit that is active, by its name.
const ACTIVE: &str = "/run/systemd/units";
/// Where the units that `timedatectl set-ntp` switches are listed; see systemd-timedated.service(8).
const LISTS: [&str; 3] = [
    "/etc/systemd/ntp-units.d",
    "/usr/local/lib/systemd/ntp-units.d",
    "/usr/lib/systemd/ntp-units.d",
];
/// The largest list that is read, and the most of them.
const FILE_LIMIT: u64 = 16 << 10;
const MOST: usize = 32;
/// The services that keep time on the systems that we know, whether a list has them or not.
const KEEPERS: [(&str, Option<Daemon>); 9] = [
    ("systemd-timesyncd.service", Some(Daemon::Timesyncd)),
    ("chrony.service", Some(Daemon::Chrony)),
    ("chronyd.service", Some(Daemon::Chrony)),
    ("ntpsec.service", Some(Daemon::Ntpd)),
    ("ntp.service", Some(Daemon::Ntpd)),
    ("ntpd.service", Some(Daemon::Ntpd)),
    ("openntpd.service", Some(Daemon::Ntpd)),
    ("ntpd-rs.service", None),
    ("phc2sys.service", None),
];
/// The hypervisor's helpers, which set the clock where the hypervisor is told to let them.
const HELPERS: [&str; 4] = [
    "open-vm-tools.service",
    "vmtoolsd.service",
    "vboxadd-service.service",
    "virtualbox-guest-utils.service",
];
/// A clock whose error may be larger is not synchronised, as the kernel itself has it (`NTP_PHASE_LIMIT`, in microseconds).
const PHASE_LIMIT: i64 = 16_000_000;

/// Looks; `None` where systemd runs and does not say in files what is active.
pub(super) async fn ask(deadline: Deadline) -> Seen<Option<TimeSync>> {
    let looked = deadline
        .blocking(|| look(&Root::new(None), kernel()))
        .await?;
    let Some((mut sync, daemon)) = looked else {
        return Ok(None);
    };
    if daemon == Some(Daemon::Chrony) {
        let arguments = ["-c", "-n", "-m", "tracking", "sources"];
        let told = match linux::ask(deadline, "chronyc", &arguments).await {
            Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            Err(unseen) => unseen.to_string(),
        };
        sync.properties.insert("chronyc".into(), told);
    }
    Ok(Some(sync))
}

/// The most that the clock may be wrong, in microseconds, as whoever keeps it has told the kernel.
fn kernel() -> Option<i64> {
    let mut timex = Timex::new();
    adjtimex(&mut timex).ok()?;
    Some(timex.0.maxerror)
}

fn look(root: &Root, max_error: Option<i64>) -> Option<(TimeSync, Option<Daemon>)> {
    let max_error = max_error?;
    let synchronized = max_error < PHASE_LIMIT;
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut properties: BTreeMap<String, String> = [
        ("NTPSynchronized".to_owned(), yes_no(synchronized)),
        ("MaxErrorUSec".to_owned(), max_error.to_string()),
    ]
    .into();
    let mut sync = TimeSync {
        enabled: None,
        synchronized: Some(synchronized),
        properties: BTreeMap::new(),
        keeper: None,
        servers: Vec::new(),
        supplied: false,
    };
    let mut daemon = None;
    let there = |path: &str| root.find_host(path).is_ok();
    if there("/run/systemd/system") {
        if !there(ACTIVE) {
            return None;
        }
        let units = units(root);
        let keeper = units.iter().find(|unit| is_active(root, unit));
        properties.insert("NTP".into(), yes_no(keeper.is_some()));
        let can = keeper.is_some() || units.iter().any(|unit| is_installed(root, unit));
        properties.insert("CanNTP".into(), yes_no(can));
        if let Some(helper) = HELPERS.iter().find(|unit| is_active(root, unit)) {
            properties.insert("Hypervisor".into(), (*helper).to_owned());
        }
        if let Ok(container) = root.read_text("/run/systemd/container", 64) {
            properties.insert("Container".into(), container.trim().to_owned());
        }
        daemon = keeper.and_then(|keeper| {
            let known = KEEPERS.iter().find(|(unit, _)| unit == keeper);
            known.and_then(|(_, daemon)| *daemon)
        });
        sync.enabled = Some(keeper.is_some());
        sync.keeper = keeper.cloned();
    }
    if sync.keeper.is_none() || daemon.is_some() {
        sync.servers = time_servers::of(root, daemon);
    }
    sync.properties = properties;
    Some((sync, daemon))
}

/// The services that may keep time here.
fn units(root: &Root) -> Vec<String> {
    let mut units: Vec<String> = KEEPERS.map(|(unit, _)| unit.to_owned()).into();
    for dir in LISTS {
        let files = root.find_host(dir).and_then(|dir| dir.entries(MOST));
        for file in files.unwrap_or_default() {
            let text = root.read_text(Path::new(dir).join(file), FILE_LIMIT);
            for line in text.unwrap_or_default().lines().map(str::trim).take(MOST) {
                let name = !line.is_empty() && !line.starts_with('#') && !line.contains('/');
                if name && !units.iter().any(|unit| unit == line) {
                    units.push(line.to_owned());
                }
            }
        }
    }
    units
}

/// The link leads nowhere: its target is the number of the start.
fn is_active(root: &Root, unit: &str) -> bool {
    let link = Path::new(ACTIVE).join(format!("invocation:{unit}"));
    root.link_target(&link).is_ok()
}

/// Whether there is a unit file; a mask, a link to /dev/null, is none.
fn is_installed(root: &Root, unit: &str) -> bool {
    let found = ["/etc", "/run", "/usr/lib", "/lib"]
        .map(|dir| Path::new(dir).join("systemd/system").join(unit))
        .into_iter()
        .find(|path| root.find_host(path).is_ok() || root.link_target(path).is_ok());
    found.is_some_and(|path| root.find_host(path).is_ok_and(|found| found.is_file()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with systemd, on which these units are active.
    fn machine(active: &[&str]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "run/systemd/system",
            "run/systemd/units",
            "etc/systemd/system",
            "usr/lib/systemd/system",
        ] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        for unit in active {
            let link = dir
                .path()
                .join(format!("run/systemd/units/invocation:{unit}"));
            symlink("4f3a9c0d1e2b48f6a5d7c8b9e0f1a2b3", link).unwrap();
        }
        let root = Root::new(Some(dir.path().to_owned()));
        (dir, root)
    }

    #[test]
    fn who_keeps_the_time_and_whether_it_is_kept() {
        let (dir, root) = machine(&["cron.service", "chrony.service"]);
        fs::create_dir_all(dir.path().join("etc/chrony")).unwrap();
        fs::write(
            dir.path().join("etc/chrony/chrony.conf"),
            "server ntp.test\n",
        )
        .unwrap();
        let (sync, daemon) = look(&root, Some(12_345)).unwrap();
        assert_eq!(daemon, Some(Daemon::Chrony));
        assert_eq!(sync.keeper.as_deref(), Some("chrony.service"));
        assert_eq!((sync.enabled, sync.synchronized), (Some(true), Some(true)));
        assert_eq!(sync.servers[0].name, "ntp.test");
        assert_eq!(sync.properties["NTP"], "yes");
        let (sync, _) = look(&root, Some(PHASE_LIMIT)).unwrap();
        assert_eq!(sync.synchronized, Some(false));
    }

    #[test]
    fn nothing_active_is_off_and_a_mask_cannot_be_switched_on() {
        let (dir, root) = machine(&["cron.service"]);
        let can = |root: &Root| look(root, Some(1)).unwrap().0.properties["CanNTP"].clone();
        let (sync, _) = look(&root, Some(1)).unwrap();
        assert_eq!((sync.enabled, sync.keeper), (Some(false), None));
        assert_eq!(can(&root), "no");
        let unit = "systemd/system/systemd-timesyncd.service";
        fs::write(dir.path().join("usr/lib").join(unit), "[Service]\n").unwrap();
        assert_eq!(can(&root), "yes");
        symlink("/dev/null", dir.path().join("etc").join(unit)).unwrap();
        assert_eq!(can(&root), "no");
    }

    #[test]
    fn a_service_that_only_a_list_knows_counts() {
        let (dir, root) = machine(&["own-time.service"]);
        fs::create_dir_all(dir.path().join(&LISTS[0][1..])).unwrap();
        fs::write(
            dir.path().join(&LISTS[0][1..]).join("10.list"),
            "# ours\n\nown-time.service\n",
        )
        .unwrap();
        let (sync, daemon) = look(&root, Some(1)).unwrap();
        assert_eq!(sync.keeper.as_deref(), Some("own-time.service"));
        assert_eq!((sync.enabled, daemon), (Some(true), None));
    }

    #[test]
    fn what_files_cannot_tell_is_asked_for_and_without_systemd_the_kernel_tells() {
        let (dir, root) = machine(&[]);
        fs::remove_dir(dir.path().join("run/systemd/units")).unwrap();
        assert!(look(&root, Some(1)).is_none());
        fs::remove_dir(dir.path().join("run/systemd/system")).unwrap();
        let (sync, _) = look(&root, Some(1)).unwrap();
        assert_eq!((sync.enabled, sync.synchronized), (None, Some(true)));
        assert!(look(&root, None).is_none());
    }

    #[test]
    fn the_kernel_of_this_machine_tells() {
        assert!(kernel().is_some_and(|error| error >= 0));
    }
}
