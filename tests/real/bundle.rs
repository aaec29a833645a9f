//! A bundle of a host with a large journal: bounded, the newest entries first, then the older ones that matter, in seconds.
//!
//! systemd-journal-remote writes the journal, as it would one that another host sent; journalctl reads it, as every journal, in
//! a mount namespace in which it is this host's.

#![expect(clippy::print_stdout, reason = "says how large things were")]

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nexplane_doctor::bundle::Bundle;

/// How much the journal has to have, in bytes.
const JOURNAL: u64 = 1 << 30;
/// So many entries make that much, of the size that they have here.
const ENTRIES: u64 = 1_050_000;
/// One entry in so many is an error.
const ERROR: u64 = 1_000;
/// More than it takes, on a machine that does much else.
const SOON: Duration = Duration::from_secs(60);

fn write_journal(directory: &Path) {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap();
    let store = directory.join(id.trim());
    std::fs::create_dir_all(&store).unwrap();
    let mut remote = Command::new("/lib/systemd/systemd-journal-remote")
        .args(["--compress=no", "-o"])
        .arg(store.join("remote.journal"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("systemd-journal-remote");
    let mut to = BufWriter::new(remote.stdin.take().unwrap());
    let boot = "0123456789abcdef0123456789abcdef";
    for number in 0..ENTRIES {
        let time = 1_763_900_000_000_000 + number * 1_000_000;
        let (priority, message) = match number % ERROR {
            0 => (
                3,
                format!("ERROR: heartbeat rejected: agent not found or revoked ({number})"),
            ),
            1 => (6, format!("connecting with password=S3NT1NEL{number}")),
            _ => (
                6,
                format!(
                    "heartbeat {number} {}",
                    format!("{:x} ", number * 2_654_435_761).repeat(60)
                ),
            ),
        };
        write!(
            to,
            "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={boot}\nMESSAGE={message}\nPRIORITY={priority}\n\
             SYSLOG_IDENTIFIER=nexplane-agent\n_SYSTEMD_UNIT=nexplane-agent.service\n_UID=0\n\n",
            number + 1
        )
        .unwrap();
    }
    drop(to);
    assert!(remote.wait().unwrap().success());
    let files = std::fs::read_dir(store).unwrap();
    let size: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    println!("a journal of {size} bytes");
    assert!(size >= JOURNAL, "{size}");
}

fn create(journal: &Path, bundle: &Path, size: &str) -> (Bundle, String) {
    let program = env!("CARGO_BIN_EXE_nexplane-doctor");
    let script = "mount --bind \"$0\" /var/log/journal && ulimit -v 4000000 && exec \"$1\" bundle create --max-size \"$3\" --output \"$2\"";
    std::fs::create_dir_all("/var/log/journal").unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    unshare.arg(journal).arg(program).arg(bundle).arg(size);
    let begun = Instant::now();
    let output = unshare.output().unwrap();
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let length = std::fs::metadata(bundle).unwrap().len();
    println!("--max-size {size}: {length} bytes in {took:?}");
    assert!(took < SOON, "{took:?}");
    let text = |name: &str| {
        let mut text = Vec::new();
        nexplane_doctor::bundle::copy_entry(bundle, name, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    let all = text("journal/all.txt") + &text("journal/older-warnings.txt");
    (Bundle::open(bundle).unwrap(), all)
}

#[test]
fn a_bundle_of_a_gigabyte_of_journal_is_bounded_and_has_what_matters() {
    // Not in memory, where such a journal has no place.
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let journal = directory.path().join("journal");
    write_journal(&journal);
    let path = directory.path().join("b.tar.zst");
    let (bundle, log) = create(&journal, &path, "2MB");
    let size = bundle.manifest.size();
    assert!(size <= 2_000_000, "{size}");
    // The newest entry is the first; of the older ones there are the errors, as many as there was room for.
    let first = log.lines().next().unwrap();
    assert!(
        first.contains(&format!("heartbeat {}", ENTRIES - 1)),
        "{first}"
    );
    let errors = log
        .lines()
        .filter(|line| line.contains("<3>: ERROR: heartbeat rejected"))
        .count() as u64;
    assert!(errors > 500, "{errors}");
    assert!(!log.contains("S3NT1NEL") && log.contains("password=…"));
    let missing: Vec<&str> = bundle
        .manifest
        .missing
        .iter()
        .map(|missing| missing.what.as_str())
        .collect();
    assert!(missing.contains(&"journal/all.txt"), "{missing:?}");
    let (bundle, _) = create(&journal, &path, "50MB");
    let size = bundle.manifest.size();
    println!("it unpacks to {size} bytes");
    assert!(size <= 50_000_000, "{size}");
}
