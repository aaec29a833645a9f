//! How fast `logs` reads a journal export, beside ripgrep with the same patterns on the same file in the same run.
//!
//! `cargo bench --bench logs`, or `cargo bench --bench logs -- 1024` for so many MiB (also `NEXPLANE_BENCH_MIB`; 64 by default).
//! One line of the export in a hundred matches. The two take turns, so that whatever else the machine does meets both;
//! figures are medians, nothing is asserted. Both write to /dev/null. Where ripgrep (`rg`) or GNU time is not installed, that is said.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured, and stops where it cannot measure"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nexplane_doctor::logs;

const DOCTOR: &str = env!("CARGO_BIN_EXE_nexplane-doctor");
const ROUNDS: usize = 5;
const DEFAULT_MIB: usize = 64;
/// Lines to a line that matches.
const LINES_A_MATCH: u64 = 100;

/// Numbers that are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn harmless(n: &mut Numbers) -> String {
    let (a, b, c) = (n.below(255), n.below(60_000), n.next());
    match n.below(7) {
        0 => format!("INFO: heartbeat accepted in {b} us, {a} pending"),
        1 => format!(
            "level=info msg=\"polling for tasks\" url=https://nexplane.example.com:8000/agent/tasks id={c:x}"
        ),
        2 => format!(
            "{{\"level\":\"info\",\"ts\":{}.{a},\"msg\":\"task finished\",\"task\":\"tsk_{c:x}\",\"errors\":0}}",
            1_763_900_000 + b
        ),
        3 => format!("INFO: task tsk_{c:x} finished: {a} ok, 0 errors"),
        4 => format!(
            "DEBUG: TLS session resumed with 10.0.0.{a}:8000, cipher TLS_AES_256_GCM_SHA384"
        ),
        5 => format!("Job {c:x} completed with status=success"),
        _ => format!("INFO: wrote {b} bytes to /var/lib/nexplane-agent/state-{c:x}.json"),
    }
}

fn failing(n: &mut Numbers) -> String {
    let (a, b, c) = (n.below(255), 20_000 + n.below(40_000), n.next());
    match n.below(8) {
        0 => format!(
            "Post \"https://nexplane.example.com:8000/agent/heartbeat\": dial tcp 10.0.0.{a}:8000: connect: connection refused"
        ),
        1 => format!(
            "level=info msg=\"heartbeat failed\" err=\"Post \\\"https://nexplane.example.com:8000/agent/heartbeat\\\": dial tcp: lookup nexplane.example.com on 10.0.0.{a}:53: no such host\""
        ),
        2 => format!(
            "{{\"level\":\"info\",\"msg\":\"enrollment failed\",\"id\":\"{c:x}\",\"error\":\"Post \\\"https://n{a}:8000/agent/enroll\\\": x509: certificate signed by unknown authority\"}}"
        ),
        3 => format!("read tcp 10.0.0.5:{b}->10.0.0.{a}:8000: read: connection reset by peer"),
        4 => "ERROR: heartbeat rejected: agent not found or revoked".to_owned(),
        5 => format!("Poll error: poll returned 503: upstream {c:x} is down — retrying in 3s"),
        6 => format!("ERROR: task tsk_{c:x} failed: exit status {a}"),
        _ => {
            "Post \"https://nexplane.example.com:8000/agent/heartbeat\": context deadline exceeded"
                .to_owned()
        }
    }
}

/// An export of about this size, and how many lines of it match.
fn generate(out: &mut impl Write, size: usize) -> io::Result<(u64, u64)> {
    let mut n = Numbers(42);
    let (mut written, mut lines, mut matches) = (0, 0, 0);
    let mut at = 1_763_900_000_000_000_u64;
    while written < size {
        at += n.below(2_000_000);
        let message = match lines / LINES_A_MATCH >= matches {
            true => {
                matches += 1;
                failing(&mut n)
            }
            false => harmless(&mut n),
        };
        let (cursor, boot) = (n.next(), 0x1234_5678_9abc_def0_u64);
        let entry = format!(
            "__CURSOR=s={boot:032x};i={lines:x};b={boot:032x};m={at:x};t={at:x};x={cursor:016x}\n\
             __REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={boot:032x}\n\
             _TRANSPORT=stdout\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=nexplane-agent\n_UID=0\n_GID=0\n\
             _COMM=nexplane-agent\n_EXE=/usr/local/bin/nexplane-agent\n\
             _CMDLINE=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml\n\
             _CAP_EFFECTIVE=1ffffffffff\n_SYSTEMD_CGROUP=/system.slice/nexplane-agent.service\n\
             _SYSTEMD_UNIT=nexplane-agent.service\n_SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID={boot:032x}\n\
             _MACHINE_ID={boot:032x}\n_HOSTNAME=web-server-01\n_PID={}\nMESSAGE={message}\n\n",
            at - 1_763_800_000_000_000,
            n.below(60_000)
        );
        out.write_all(entry.as_bytes())?;
        written += entry.len();
        lines += entry.bytes().filter(|byte| *byte == b'\n').count() as u64;
    }
    Ok((lines, matches))
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let by_variable = || std::env::var("NEXPLANE_BENCH_MIB").ok()?.parse().ok();
    let mib: usize = asked.or_else(by_variable).unwrap_or(DEFAULT_MIB);

    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("journal.export");
    let mut out = BufWriter::new(File::create(&log).unwrap());
    let (lines, matches) = generate(&mut out, mib << 20).unwrap();
    out.into_inner().unwrap().sync_all().unwrap();
    let size = log.metadata().unwrap().len();
    println!("{size} bytes, {lines} lines, {matches} of them match");

    let patterns = directory.path().join("patterns");
    let mut file = File::create(&patterns).unwrap();
    for pattern in logs::patterns() {
        // As they are compiled here: ASCII, whatever the case.
        writeln!(file, "(?i-u:{})", pattern.expression()).unwrap();
    }
    let (log, patterns) = (log.to_str().unwrap(), patterns.to_str().unwrap());
    let rg = ["rg", "-n", "-f", patterns, log];
    let contestants: Vec<(&str, Vec<&str>)> = [
        ("rg -n -f PATTERNS", rg.to_vec()),
        ("logs", vec![DOCTOR, "logs", log]),
        (
            "logs --format json",
            vec![DOCTOR, "logs", "--format", "json", log],
        ),
    ]
    .into_iter()
    .filter(|(name, words)| {
        let installed = command(words[0], &["--version"]).status().is_ok();
        if !installed {
            println!("{name}: not installed");
        }
        installed
    })
    .collect();

    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for ((_, words), times) in contestants.iter().zip(&mut times) {
            let began = Instant::now();
            let status = command(words[0], &words[1..]).status().unwrap();
            // What failed would be the fastest of all.
            assert!(matches!(status.code(), Some(0 | 1)), "{words:?}: {status}");
            times.push(began.elapsed());
        }
    }
    let speeds: Vec<f64> = times
        .into_iter()
        .map(|times| size as f64 / 1e6 / median(times).as_secs_f64())
        .collect();
    for ((name, words), speed) in contestants.iter().zip(&speeds) {
        let peak = peak_kib(words).map_or("unknown (no GNU time)".to_owned(), |kib| {
            format!("{kib} KiB")
        });
        let ratio = match contestants[0].0.starts_with("rg") {
            true => format!("{:.2} of rg", speed / speeds[0]),
            false => String::new(),
        };
        println!("{name:<20} {speed:>8.1} MB/s  {ratio:<12} peak memory {peak}");
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The largest resident set, by GNU time where it is installed.
fn peak_kib(words: &[&str]) -> Option<u64> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M"])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().last()?.trim().parse().ok()
}
