//! How long a diagnosis takes, and how much memory, as a ratio to one `curl` of `/health` in the same run.
//!
//! `cargo bench --bench diagnose`. Both ask the same control plane on loopback; they take turns, so that whatever else
//! the machine does meets both. Figures are medians; nothing is asserted.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured, and stops where it cannot measure"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;
const DOCTOR: &str = env!("CARGO_BIN_EXE_nexplane-doctor");

/// A control plane that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let mut child = Command::new(DOCTOR)
        .args(["lab", "serve", "--format", "json", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let _server = Server(child);
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = ready["control_plane"].as_str().unwrap();
    let ca = ready["ca_cert"].as_str().unwrap();
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let health = format!("{url}/health");
    let curl: Vec<&str> = vec![
        "curl",
        "-s",
        "-S",
        "-o",
        "/dev/null",
        "--cacert",
        ca,
        &health,
    ];
    let doctor: Vec<&str> = vec![
        DOCTOR,
        "--format",
        "json",
        "--root",
        root,
        "--control-plane",
        url,
        "--ca-cert",
        ca,
    ];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(time(&curl));
        times[1].push(time(&doctor));
    }
    let [curl_time, doctor_time] = times.map(median);
    println!("curl /health      {:>7.1} ms", millis(curl_time));
    println!("whole diagnosis   {:>7.1} ms", millis(doctor_time));
    println!(
        "ratio             {:>7.2}",
        millis(doctor_time) / millis(curl_time)
    );
    if let (Some(curl), Some(doctor)) = (peak_kib(&curl), peak_kib(&doctor)) {
        println!(
            "peak memory       {curl} KiB curl, {doctor} KiB doctor, ratio {:.2}",
            doctor as f64 / curl as f64
        );
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn time(words: &[&str]) -> Duration {
    let began = Instant::now();
    command(words).status().unwrap();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The largest resident set, by GNU time where it is installed.
fn peak_kib(words: &[&str]) -> Option<u64> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M"])
        .args(words)
        .stdout(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()?
        .trim()
        .parse()
        .ok()
}
