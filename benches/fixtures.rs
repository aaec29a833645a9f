//! How many recorded situations are diagnosed in a second, whether that grows in a line, and in how much memory.
//!
//! `cargo bench --bench fixtures [-- COUNT…]`, 1000 5000 10000 by default. They are made of the repository's own, each with its
//! whole evidence and a host of its own, in a temporary directory (25 KB each). Nothing is asserted but that all are as expected.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured, and stops where it cannot measure"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nexplane_doctor::bundle::fixture::{self, EVIDENCE, SITUATION};

const DOCTOR: &str = env!("CARGO_BIN_EXE_nexplane-doctor");
/// Of each count, so many runs; the fastest counts, because what else the machine does only ever makes one slower.
const RUNS: usize = 3;

fn main() {
    // Cargo hands `--bench` in.
    let given = std::env::args().skip(1).filter_map(|it| it.parse().ok());
    let mut counts: Vec<usize> = given.collect();
    if counts.is_empty() {
        counts = vec![1000, 5000, 10_000];
    }
    let originals = originals();
    let bytes: usize = originals.iter().map(|it| it.evidence.len()).sum();
    println!(
        "{} situations of the repository's own, {} bytes of evidence each",
        originals.len(),
        bytes / originals.len()
    );
    let directory = tempfile::tempdir().unwrap();
    let mut made = 0;
    println!(
        "{:>9} {:>9} {:>12} {:>12} {:>14}",
        "fixtures", "seconds", "a second", "CPU seconds", "peak memory"
    );
    for count in counts {
        while made < count {
            put(directory.path(), made, &originals[made % originals.len()]);
            made += 1;
        }
        let part = tempfile::tempdir().unwrap();
        for name in (0..count).map(name) {
            let original = directory.path().join(&name);
            std::os::unix::fs::symlink(original, part.path().join(name)).unwrap();
        }
        let runs = (0..RUNS).map(|_| run(part.path(), count));
        let Run { time, cpu, peak } = runs.min_by_key(|run| run.time).unwrap();
        println!(
            "{count:>9} {:>9.3} {:>12.0} {cpu:>12} {peak:>10} KiB",
            time.as_secs_f64(),
            count as f64 / time.as_secs_f64(),
        );
    }
}

/// A situation as it is written out.
struct Original {
    situation: String,
    evidence: String,
}

/// Those that are as real as they can be: with evidence of their own.
fn originals() -> Vec<Original> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let of_its_own = |path: &std::path::PathBuf| path.join(EVIDENCE).is_file();
    let all = fixture::find(&all).unwrap().into_iter().filter(of_its_own);
    let read = |path: std::path::PathBuf| Original {
        situation: fs::read_to_string(path.join(SITUATION)).unwrap(),
        evidence: fs::read_to_string(path.join(EVIDENCE)).unwrap(),
    };
    all.map(read).collect()
}

fn name(number: usize) -> String {
    format!("situation-{number:05}")
}

/// The same situation on another host: its name is in questions and answers.
fn put(directory: &Path, number: usize, original: &Original) {
    let directory = directory.join(name(number));
    fs::create_dir(&directory).unwrap();
    let hostname = hostname(&original.evidence);
    let other = format!("host-{number:05}");
    // As a string, and as one in a body that is a string itself.
    let evidence = original
        .evidence
        .replace(&format!("\"{hostname}\""), &format!("\"{other}\""))
        .replace(&format!("\\\"{hostname}\\\""), &format!("\\\"{other}\\\""));
    fs::write(directory.join(SITUATION), &original.situation).unwrap();
    fs::write(directory.join(EVIDENCE), evidence).unwrap();
}

fn hostname(evidence: &str) -> String {
    let evidence: serde_json::Value = serde_json::from_str(evidence).unwrap();
    let entries = evidence["entries"].as_array().unwrap();
    let system = entries.iter().find(|it| it["ask"] == "system").unwrap();
    system["answer"]["hostname"].as_str().unwrap().to_owned()
}

/// What one run took; processor time and the largest resident set are GNU time's, where that is installed.
struct Run {
    time: Duration,
    cpu: String,
    peak: String,
}

fn run(directory: &Path, count: usize) -> Run {
    let mut command = match Path::new("/usr/bin/time").exists() {
        true => {
            let mut time = Command::new("/usr/bin/time");
            time.args(["-f", "%U %S %M", DOCTOR]);
            time
        }
        false => Command::new(DOCTOR),
    };
    let began = Instant::now();
    let output = command
        .args(["fixtures", "test", "-q"])
        .arg(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let time = began.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    let end: Vec<&str> = said.lines().rev().take(1).collect();
    assert_eq!(end, [format!("{count} passed, 0 failed")]);
    let told = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = told.split_whitespace().collect();
    let (cpu, peak) = match words.as_slice() {
        [.., user, system, peak] => {
            let seconds = |word: &str| word.parse::<f64>().unwrap();
            (
                format!("{:.2}", seconds(user) + seconds(system)),
                (*peak).to_owned(),
            )
        }
        _ => ("?".to_owned(), "?".to_owned()),
    };
    Run { time, cpu, peak }
}
