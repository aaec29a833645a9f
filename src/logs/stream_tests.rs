//! Whole logs: forms, encodings, damage, and whatever bytes may come.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Read, Write as _};

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::logs::{Source, classify_line, decoded};

const REFUSED: &str = "dial tcp 10.0.0.9:8000: connect: connection refused";

/// What was found: line, code, time, excerpt.
#[derive(Debug, Default)]
struct Heard {
    found: Vec<(u64, String, Option<String>, String)>,
}

impl Reader for Heard {
    fn found(&mut self, found: Found) {
        self.found.push((
            found.line,
            found.code().to_string(),
            found.time.map(|time| time.to_string()),
            found.excerpt(),
        ));
    }

    fn waiting(&mut self) {}

    fn has_enough(&self) -> bool {
        false
    }
}

fn newest() -> DateTime<Utc> {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

/// Hands out so many bytes at a time.
struct Dribble<R>(R, usize);

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(self.1);
        self.0.read(&mut buffer[..end])
    }
}

fn heard_of(source: Source) -> (Heard, Vec<Ended>) {
    let mut heard = Heard::default();
    let source = decoded(source).unwrap();
    let log = Log {
        source,
        newest: newest(),
    };
    let ended = read(vec![log], &mut heard).unwrap();
    (heard, ended)
}

fn heard(bytes: &[u8]) -> Heard {
    heard_of(Box::new(io::Cursor::new(bytes.to_vec()))).0
}

fn codes(bytes: &[u8]) -> Vec<String> {
    let found = heard(bytes).found.into_iter();
    found
        .map(|(line, code, ..)| format!("{code}@{line}"))
        .collect()
}

fn export() -> Vec<u8> {
    let mut log = Vec::new();
    for (n, message) in ["INFO: x", REFUSED].into_iter().enumerate() {
        write!(
            log,
            "__CURSOR=s={n}\n__REALTIME_TIMESTAMP=176390000{n}123456\nMESSAGE={message}\n_CMDLINE=/x connection refused\n\n"
        )
        .unwrap();
    }
    let binary = b"FATAL:\x1b[31m no space left on device\nsecond line";
    log.extend(b"__CURSOR=b\nMESSAGE\n");
    log.extend((binary.len() as u64).to_le_bytes());
    log.extend(binary);
    log.extend(b"\nCOREDUMP\n");
    let dump = b"\n\nMESSAGE=connection refused\n\n";
    log.extend((dump.len() as u64).to_le_bytes());
    log.extend(dump);
    log.extend(b"\n__REALTIME_TIMESTAMP=1763900009000000\n\n");
    log
}

#[test]
fn an_export_is_read_field_by_field() {
    let expected = ["tcp.refused@8", "host.disk_full@12"];
    assert_eq!(codes(&export()), expected);
    let heard = heard(&export());
    let times: Vec<_> = heard.found.iter().map(|found| found.2.clone()).collect();
    assert_eq!(
        times,
        [
            Some("2025-11-23T12:13:21.123456Z".to_owned()),
            Some("2025-11-23T12:13:29Z".to_owned()),
        ]
    );
    assert_eq!(
        heard.found[1].3,
        "FATAL: no space left on device second line"
    );
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let whole = heard(&export()).found;
    for size in [1, 2, 3, 7, 8, 9, 31, 64] {
        let (heard, ended) = heard_of(Box::new(Dribble(io::Cursor::new(export()), size)));
        assert_eq!(heard.found, whole, "{size}");
        let lines = export().iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(ended[0].lines, lines as u64, "{size}");
    }
}

#[test]
fn an_export_that_is_cut_anywhere_neither_hangs_nor_invents() {
    let export = export();
    for end in 0..export.len() {
        let found = codes(&export[..end]);
        assert!(found.len() <= 2, "{end}: {found:?}");
        if end >= 250 {
            assert_eq!(found[0], "tcp.refused@8", "{end}");
        }
    }
    // A length that is longer than anything that will come.
    let mut liar = b"__CURSOR=b\nMESSAGE\n".to_vec();
    liar.extend(u64::MAX.to_le_bytes());
    liar.extend(REFUSED.as_bytes());
    assert_eq!(codes(&liar), ["tcp.refused@2"]);
}

#[test]
fn where_it_was_cut_is_said_whatever_the_pieces() {
    let ends = |log: &[u8], size| {
        let log = Dribble(io::Cursor::new(log.to_vec()), size);
        let ended = heard_of(Box::new(log)).1.remove(0);
        ended.broken_off.map(|error| error.to_string())
    };
    let entry = "__CURSOR=a\nMESSAGE=INFO: ok\nPRIORITY=6\n\n";
    let pretty = "{\n\t\"MESSAGE\" : \"INFO: ok\"\n}";
    for size in [1, 5, 1 << 20] {
        for whole in [
            "",
            "INFO: a line that was copied without its end",
            "{ is no object",
            entry,
            // A blank line at the end is easily lost.
            &entry[..entry.len() - 1],
            pretty,
            &format!("{pretty}\n"),
            "{\"MESSAGE\":\"INFO: ok\"}",
        ] {
            assert_eq!(ends(whole.as_bytes(), size), None, "{whole}");
        }
        for (cut, within) in [
            ("__CURSOR=a\nMESSAGE=INFO: o", "a journal's entry"),
            ("__CURSOR=a\nPRIORITY=6\n", "a journal's entry"),
            ("__CURSOR=a\nMESSAGE=x\nDUMP\n\x09\0\0", "a binary field"),
            ("{\"MESSAGE\":\"INFO: o", "an object of JSON"),
            ("\u{1e}{\"MESSAGE\":\"INFO: ok\"", "an object of JSON"),
            ("{\n\t\"MESSAGE\" : \"INFO: ok\",\n", "an object of JSON"),
        ] {
            let said = ends(cut.as_bytes(), size).unwrap_or_default();
            assert!(said.contains(within), "{cut}: {said}");
        }
        let long = format!("INFO\n{}\nINFO\n", "x".repeat(70_000));
        let log = Dribble(io::Cursor::new(long.into_bytes()), size * 1000);
        let overlong = heard_of(Box::new(log)).1[0].overlong;
        assert_eq!(overlong, Some(Overlong { first: 2, count: 1 }), "{size}");
    }
}

#[test]
fn json_in_every_form_of_journalctl() {
    let line = r#"{"__REALTIME_TIMESTAMP":"1763900000000000","MESSAGE":"connection refused by x","_CMDLINE":"y"}"#;
    let bytes: Vec<String> = REFUSED.bytes().map(|byte| byte.to_string()).collect();
    let array = format!(r#"{{"MESSAGE":[{}],"PRIORITY":"6"}}"#, bytes.join(","));
    let pretty = "{\n\t\"MESSAGE\" : \"connection refused by x\",\n\t\"__REALTIME_TIMESTAMP\" : \"1763900000000000\"\n},\n{\n\t\"MESSAGE\" : \"INFO\"\n}\n";
    assert_eq!(codes(line.as_bytes()), ["tcp.refused@1"]);
    assert_eq!(
        codes(format!("\n\u{1e}{line}\n").as_bytes()),
        ["tcp.refused@2"]
    );
    assert_eq!(codes(array.as_bytes()), ["tcp.refused@1"]);
    // As other programs write the same JSON again.
    let spaced = format!(r#"{{"MESSAGE": [{}], "PRIORITY": "6"}}"#, bytes.join(", "));
    assert_eq!(codes(spaced.as_bytes()), ["tcp.refused@1"]);
    assert_eq!(codes(pretty.as_bytes()), ["tcp.refused@2"]);
    for log in [line, pretty] {
        let time = heard(log.as_bytes()).found[0].2.clone();
        assert_eq!(time.as_deref(), Some("2025-11-23T12:13:20Z"));
    }
    // What is not the message does not speak.
    let elsewhere = r#"{"MESSAGE":"INFO: ok","_CMDLINE":"grep connection refused"}"#;
    assert!(codes(elsewhere.as_bytes()).is_empty());
}

#[test]
fn compressed_encoded_and_torn() {
    let log = format!("INFO\r\n{REFUSED}\r\nno end: no space left on device");
    let expected = ["tcp.refused@2", "host.disk_full@3"];
    assert_eq!(codes(log.as_bytes()), expected);

    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(codes(&gzip(&log)), expected);
    let members = [gzip("INFO\r\n"), gzip(&format!("{REFUSED}\n"))].concat();
    assert_eq!(codes(&members), ["tcp.refused@2"]);

    let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1).unwrap();
    assert_eq!(codes(&zstd(log.as_bytes())), expected);
    assert_eq!(codes(&zstd(&gzip(&log))), expected);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2];
    let frames = [&skippable[..], &zstd(b"INFO\n"), &zstd(REFUSED.as_bytes())].concat();
    assert_eq!(codes(&frames), ["tcp.refused@2"]);

    for mark in ["\u{feff}", ""] {
        let text = format!("{mark}{log}");
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(codes(&little), expected);
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(codes(&big), expected);
    }
}

#[test]
fn what_breaks_off_is_said_and_what_was_read_counts() {
    let lines = format!("{REFUSED}\n").repeat(2000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(lines.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let (heard, ended) = heard_of(Box::new(io::Cursor::new(half)));
    assert!(ended[0].broken_off.is_some() && heard.found.len() > 100);

    let more: String = (0..20_000).map(|n| format!("INFO: {n} done\n")).collect();
    let zstd = zstd::stream::encode_all(format!("{REFUSED}\n{more}").as_bytes(), 1).unwrap();
    let half = zstd[..zstd.len() - 4].to_vec();
    let (heard, ended) = heard_of(Box::new(io::Cursor::new(half)));
    assert!(ended[0].broken_off.is_some() && ended[0].lines > 1);
    assert_eq!(heard.found.len(), 1);
}

#[test]
fn what_is_no_log_is_refused_with_a_way_on() {
    for (bytes, way) in [
        (&b"LPKSHHRH and more"[..], "journalctl --file"),
        (b"\xfd7zXZ\0\0", "xz -dc"),
        (b"PK\x03\x04....", "zip"),
    ] {
        let error = decoded(Box::new(io::Cursor::new(bytes.to_vec())))
            .err()
            .unwrap();
        assert!(error.to_string().contains(way), "{error}");
    }
}

#[test]
fn a_line_of_any_length_is_bounded() {
    // Ten gigabytes from a few kilobytes would be the same: what is kept of a line is bounded.
    let long = io::repeat(b'x').take(30 << 20);
    let log = io::Cursor::new(format!("{REFUSED} "))
        .chain(long)
        .chain(io::Cursor::new(format!("\n{REFUSED}\n")));
    let (heard, ended) = heard_of(Box::new(log));
    assert_eq!(ended[0].lines, 2);
    let lines: Vec<_> = heard.found.iter().map(|found| found.0).collect();
    assert_eq!(lines, [1, 2]);
    assert!(heard.found[0].3.chars().count() <= 202);
}

#[test]
fn a_reason_on_the_next_line_belongs_to_the_line_before() {
    let wrapped = "INFO: starting\nFATAL: enrollment failed: Post \"https://n:8000/agent/enroll\": \n  x509: certificate signed by unknown authority\nERROR: heartbeat rejected: agent not found or revoked\n";
    assert_eq!(
        codes(wrapped.as_bytes()),
        ["trust.unknown_authority@3", "registration.revoked@4"]
    );
    let apart = format!("FATAL: enrollment failed:\n2026-11-23T20:50:00Z ERROR: {REFUSED}\n");
    assert_eq!(
        codes(apart.as_bytes()),
        ["registration.rejected@1", "tcp.refused@2"]
    );
    let explained = "Errors that you may see, for example:\n  connection refused\n";
    assert!(codes(explained.as_bytes()).is_empty());
}

#[test]
fn times_are_those_of_the_prefix_not_of_the_words() {
    let expired = "x509: certificate has expired or is not yet valid: current time 2026-11-23T20:50:00Z is after 2026-11-01T00:00:00Z";
    for (line, time) in [
        (expired.to_owned(), None),
        (
            format!("2026/11/23 20:49:00 {expired}"),
            Some("2026-11-23T20:49:00"),
        ),
        (
            format!("Dec 31 23:59:59 h a[1]: {expired}"),
            Some("2025-12-31T23:59:59"),
        ),
        (
            format!(r#"{{"msg":"{expired}","ts":1763900000.5}}"#),
            Some("2025-11-23T12:13:20.500Z"),
        ),
        (
            format!(r#"{{"log":"FATAL: {expired}\n","time":"2026-11-23T21:00:00+01:00"}}"#),
            Some("2026-11-23T20:00:00Z"),
        ),
    ] {
        let found = heard(line.as_bytes()).found;
        assert_eq!(found[0].2.as_deref(), time, "{line}");
    }
}

#[test]
fn an_excerpt_shows_the_words_and_no_secret() {
    let secret = "nxe_0123456789abcdef0123";
    for line in [
        format!("--token {secret} {REFUSED}"),
        format!(r#"{{"msg":"enroll {{\"token\": \"{secret}\"}}","err":"{REFUSED}"}}"#),
        format!("to\u{1b}[1mken={secret} {REFUSED}"),
        format!("&quot;token&quot;: &quot;{secret}&quot; {REFUSED}"),
        format!(
            "proxy https://user:{secret}@proxy:3128 {} {REFUSED}",
            "x ".repeat(200)
        ),
        format!("{} --token {secret} {REFUSED}", "x ".repeat(80)),
    ] {
        let found = heard(line.as_bytes()).found;
        let shown = &found[0].3;
        assert!(!shown.contains("0123456789"), "{shown}");
        assert!(shown.contains("connection refused"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let source: Source = Box::new(io::Cursor::new(bytes));
        if let Ok(source) = decoded(source) {
            let mut heard = Heard::default();
            let log = Log { source, newest: newest() };
            read(vec![log], &mut heard).unwrap();
        }
    }

    #[test]
    fn any_mixture_is_in_order_redacted_and_bounded(
        parts in prop::collection::vec(prop_oneof![
            Just("connection refused".to_owned()),
            Just("x509: certificate has expired".to_owned()),
            Just("token=nxe_secretsecret ".to_owned()),
            Just("\"token\\\": \\\"nxe_secretsecret\\\"".to_owned()),
            Just("\n".to_owned()),
            Just(":\n  ".to_owned()),
            Just("{\"msg\":\"".to_owned()),
            Just("\"}".to_owned()),
            Just("\u{1b}[31m".to_owned()),
            Just("&quot;".to_owned()),
            Just("\\u001b\\\"".to_owned()),
            Just("__CURSOR=\n".to_owned()),
            Just("MESSAGE=".to_owned()),
            Just("MESSAGE\n".to_owned()),
            "\\PC{0,20}",
        ], 0..60)
    ) {
        let heard = heard(parts.concat().as_bytes());
        let lines: Vec<u64> = heard.found.iter().map(|found| found.0).collect();
        prop_assert!(lines.is_sorted(), "{lines:?}");
        for (.., excerpt) in &heard.found {
            prop_assert!(!excerpt.contains("nxe_secret"), "{excerpt}");
            prop_assert!(excerpt.chars().count() <= 202);
            prop_assert!(!excerpt.contains(crate::model::is_unprintable));
        }
    }

    #[test]
    fn any_line_is_classified_without_panic(line in "\\PC{0,300}") {
        let _ = classify_line(&line);
    }
}
