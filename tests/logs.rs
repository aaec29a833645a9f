//! `nexplane-doctor logs` as users script against it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use serde_json::Value;

const LOG: &str = "\
2026-11-23T20:50:00Z INFO: starting
2026-11-23T20:50:01Z INFO: heartbeat failed: dial tcp 10.0.0.9:8000: connect: connection refused
2026-11-23T20:51:01Z INFO: heartbeat failed: dial tcp 10.0.0.9:8000: connect: connection refused
2026-11-23T20:52:00Z ERROR: 0 errors
FATAL: enrollment failed: token has already been used
";

struct Ended {
    status: i32,
    out: String,
    err: String,
}

fn logs(arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = Command::cargo_bin("nexplane-doctor").unwrap();
    let output = command
        .arg("logs")
        .args(arguments)
        .env_clear()
        .timeout(std::time::Duration::from_secs(60))
        .write_stdin(input)
        .output()
        .unwrap();
    Ended {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json(arguments: &[&str], input: &[u8]) -> (i32, Value) {
    let arguments = [&["--format", "json"], arguments].concat();
    let ended = logs(&arguments, input);
    (ended.status, serde_json::from_str(&ended.out).unwrap())
}

fn file(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_document_is_as_documented() {
    let (status, document) = json(&[], LOG.as_bytes());
    assert_eq!(status, 1);
    assert_eq!(document["lines"], 5);
    let matches = document["matches"].as_array().unwrap();
    let brief: Vec<_> = matches
        .iter()
        .map(|m| (m["line"].as_u64().unwrap(), m["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        brief,
        [(2, "tcp.refused"), (3, "tcp.refused"), (5, "token.used")]
    );
    assert_eq!(matches[0]["time"], "2026-11-23T20:50:01Z");
    assert!(matches[2]["time"].is_null());
    assert!(
        matches[0]["excerpt"]
            .as_str()
            .unwrap()
            .contains("connection refused")
    );
    let refused = &document["summary"][0];
    assert_eq!(refused["code"], "tcp.refused");
    assert_eq!(refused["count"], 2);
    assert_eq!(refused["first"], "2026-11-23T20:50:01Z");
    assert_eq!(refused["last"], "2026-11-23T20:51:01Z");
    assert!(
        refused["example"]
            .as_str()
            .unwrap()
            .contains("connection refused")
    );
}

#[test]
fn the_summary_fits_a_terminal_and_names_code_count_and_times() {
    let ended = logs(&[], LOG.as_bytes());
    assert_eq!(ended.status, 1);
    let row = ended
        .out
        .lines()
        .find(|line| line.contains(" tcp.refused "))
        .unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "tcp.refused",
            "2",
            "2026-11-23",
            "20:50Z",
            "2026-11-23",
            "20:51Z"
        ]
    );
    assert!(
        ended.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        ended.out
    );
    assert!(ended.err.is_empty(), "{}", ended.err);
}

#[test]
fn nothing_found_is_exit_0() {
    for input in ["", "\n", "INFO: heartbeat accepted\nERROR: 0 errors\n"] {
        let (status, document) = json(&[], input.as_bytes());
        assert_eq!(status, 0, "{input}");
        assert_eq!(document["matches"], serde_json::json!([]));
        assert_eq!(document["summary"], serde_json::json!([]));
        assert_eq!(logs(&["-"], input.as_bytes()).status, 0);
    }
}

#[test]
fn files_of_every_kind_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let plain = file(directory.path(), "plain", LOG.as_bytes());
    // Names say nothing: what a file is, its content tells.
    let packed = file(directory.path(), "packed.log", &gzip(LOG.as_bytes()));
    let frame = zstd::stream::encode_all(LOG.as_bytes(), 1).unwrap();
    let frame = file(directory.path(), "frame.gz", &frame);
    let export = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1763900000000000\nMESSAGE=ERROR: task tsk_1 failed: exit status 1\n\n";
    let export = file(directory.path(), "export", export);
    let entries = "{\"MESSAGE\":[110,111,32,114,111,117,116,101,32,116,111,32,104,111,115,116],\"__REALTIME_TIMESTAMP\":\"1763900000000000\"}\n";
    let entries = file(directory.path(), "entries", entries.as_bytes());
    let (status, document) = json(
        &[&plain, &packed, &frame, &export, &entries, "-"],
        LOG.as_bytes(),
    );
    assert_eq!(status, 1);
    assert_eq!(document["lines"], 5 + 5 + 5 + 4 + 1 + 5);
    let files: Vec<&str> = document["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["file"].as_str().unwrap())
        .collect();
    for (name, count) in [
        (&plain, 3),
        (&packed, 3),
        (&frame, 3),
        (&export, 1),
        (&entries, 1),
    ] {
        assert_eq!(
            files.iter().filter(|file| *file == name).count(),
            count,
            "{name}"
        );
    }
    assert_eq!(files.iter().filter(|file| **file == "-").count(), 3);
    let unreachable = &document["matches"][10];
    assert_eq!(unreachable["code"], "tcp.unreachable");
    assert_eq!(unreachable["time"], "2025-11-23T12:13:20Z");
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let plain = file(directory.path(), "plain", LOG.as_bytes());
    let journal = file(directory.path(), "system.journal", b"LPKSHHRH........");
    let broken = file(directory.path(), "broken", &gzip(LOG.as_bytes())[..12]);
    let there = directory.path().to_str().unwrap();
    for (path, said) in [
        (
            "/no/such/log",
            "cannot read the log /no/such/log: No such file",
        ),
        (there, "it is a directory"),
        (&journal, "journalctl --file FILE -o export"),
        (&broken, "broken"),
    ] {
        // Alone, there is nothing to tell.
        let ended = logs(&[path], b"");
        assert_eq!(ended.status, 2, "{path}: {}", ended.err);
        assert!(ended.err.contains(said), "{path}: {}", ended.err);
        assert!(ended.out.is_empty(), "{path}: {}", ended.out);
        let (status, document) = json(&[path], b"");
        assert_eq!(status, 2);
        assert!(document["error"]["message"].is_string(), "{document}");

        let ended = logs(&[path, &plain, path], b"");
        assert_eq!(ended.status, 2, "{path}: {}", ended.err);
        assert_eq!(ended.err.matches(said).count(), 2, "{path}: {}", ended.err);
        assert!(ended.out.contains("token.used"), "{path}: {}", ended.out);
        assert!(ended.out.contains("Not everything was read"), "{path}");
        let (status, document) = json(&[path, &plain], b"");
        assert_eq!(status, 2);
        assert_eq!(document["lines"], 5);
        assert_eq!(document["matches"][0]["file"], plain);
        assert_eq!(document["unread"][0]["file"], path);
        assert!(document["error"]["message"].is_string(), "{document}");
        assert_eq!(document["schema_version"], 1);
    }
    let empty = file(directory.path(), "empty", b"");
    let (status, document) = json(&[&empty, "/no/such/log"], b"");
    assert_eq!((status, &document["lines"]), (2, &0.into()));
    let (_, document) = json(&[&plain, "nxe_0123456789abcdef"], b"");
    assert!(
        !document.to_string().contains("0123456789abcdef"),
        "{document}"
    );
    assert_eq!(logs(&["--no-such-flag"], b"").status, 2);
}

#[test]
fn an_export_that_ends_within_an_entry_is_not_whole() {
    let whole = "__CURSOR=a\n__REALTIME_TIMESTAMP=1763900000000000\nMESSAGE=INFO: ok\n\n";
    assert_eq!(logs(&[], whole.as_bytes()).status, 0);
    let mut binary = whole.as_bytes().to_vec();
    binary.extend(b"__CURSOR=b\nMESSAGE\n");
    binary.extend(100_u64.to_le_bytes());
    binary.extend(b"INFO: as far as it goes");
    let (status, document) = json(&[], &binary);
    assert_eq!(status, 3);
    let broken_off = &document["broken_off"][0];
    assert_eq!(broken_off["after_line"], 6);
    assert!(
        broken_off["error"]
            .as_str()
            .unwrap()
            .contains("within a binary field"),
        "{broken_off}"
    );
    let ended = logs(&[], &binary);
    assert_eq!(ended.status, 3);
    assert!(
        ended
            .out
            .contains("standard input breaks off after line 6: it ends within a binary field"),
        "{}",
        ended.out
    );
    // What was read counts.
    binary.extend(b": token has already been used");
    assert_eq!(json(&[], &binary).0, 1);
}

#[test]
fn a_line_that_is_too_long_is_not_looked_at_in_silence() {
    let long = format!("INFO: {}\n", "x".repeat(1 << 17));
    let log = format!("INFO: ok\n{long}INFO: ok\n{long}");
    let (status, document) = json(&[], log.as_bytes());
    assert_eq!(status, 3);
    assert_eq!(
        document["overlong"],
        serde_json::json!([{"file": "-", "line": 2, "count": 2, "bytes": 65536}])
    );
    let ended = logs(&[], log.as_bytes());
    assert!(
        ended
            .out
            .contains("the first of them line 2, are longer than"),
        "{}",
        ended.out
    );
    assert!(ended.err.is_empty(), "{}", ended.err);
    // Words within the bound are found, however long the line.
    let within = format!("{} no space left on device {long}", "x ".repeat(20_000));
    let (status, document) = json(&[], within.as_bytes());
    assert_eq!((status, &document["overlong"][0]["line"]), (1, &1.into()));
    // A field that is no message may be as long as it likes.
    let export = format!("__CURSOR=a\nMESSAGE=INFO: ok\nOTHER={long}\n\n");
    assert_eq!(logs(&[], export.as_bytes()).status, 0);
}

#[test]
fn a_file_that_breaks_off_counts_as_far_as_it_goes() {
    let mut long = LOG.repeat(2000);
    let packed = gzip(long.as_bytes());
    let torn = &packed[..packed.len() - 20];
    let ended = logs(&["--format", "json"], torn);
    assert_eq!(ended.status, 1);
    assert!(
        ended.err.contains("standard input breaks off after line"),
        "{}",
        ended.err
    );
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(document["broken_off"][0]["file"], "-");
    assert!(document["lines"].as_u64().unwrap() > 0);
    // Nothing found in what could be read is no good sign.
    long = "INFO: heartbeat accepted\n".repeat(50_000);
    let packed = gzip(long.as_bytes());
    assert_eq!(logs(&[], &packed[..packed.len() - 20]).status, 3);
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    let many = LOG.repeat(50_000);
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "many", many.as_bytes());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["logs", "--format", "json", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(head.starts_with(b"{\"matches\": ["));
}

#[test]
fn no_secret_and_no_control_character_comes_out() {
    let hostile = "\u{1b}]0;title\u{7}\u{1b}[2JFATAL: install --token nxe_0123456789abcdef: connection refused\n\
         {\"msg\":\"{\\\"secret\\\":\\\"hunter22hunter22\\\"}\",\"err\":\"connection refused\"}\n\
         Authorization: Bearer abcdefghijk.lmnop connection refused https://u:hunter22hunter22@n\n";
    for arguments in [&[][..], &["--format", "json"]] {
        let ended = logs(arguments, hostile.as_bytes());
        assert_eq!(ended.status, 1);
        for secret in [
            "0123456789abcdef",
            "hunter22",
            "abcdefghijk",
            "\u{1b}",
            "\u{7}",
        ] {
            assert!(!ended.out.contains(secret), "{secret:?}: {}", ended.out);
        }
    }
}

#[test]
fn a_bomb_is_read_in_bounded_memory() {
    // 256 MB of one line, and a megabyte of short ones, in some hundred kilobytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let block = vec![b'x'; 1 << 20];
    for _ in 0..256 {
        bomb.write_all(&block).unwrap();
    }
    bomb.write_all(&b"x\n".repeat(1 << 19)).unwrap();
    bomb.write_all(b"\nno space left on device").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "bomb", &bomb.finish().unwrap());
    // The limit is on all of its address space, threads' stacks included, and less than the line.
    let doctor = env!("CARGO_BIN_EXE_nexplane-doctor");
    let script = format!("ulimit -v 240000; exec {doctor} logs --format json {path}");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["matches"][0]["code"], "host.disk_full");
    assert_eq!(document["lines"], (1 << 19) + 2);
}
