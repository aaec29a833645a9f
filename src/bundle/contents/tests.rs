#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::*;
use crate::bundle::Bundle;
use crate::host::Recording;
use crate::model::Target;

const LEAST: u64 = 1_000_000;

fn contents(most: u64) -> Result<Contents, BundleError> {
    let target = Target::unspecified(Duration::from_secs(1));
    let evidence = Evidence::new(target, Vec::new(), Recording::default());
    let redaction = Redaction::default();
    Contents::new(&evidence, "{}", Extra::default(), &redaction, most)
}

fn entry(message: &str) -> LogEntry {
    LogEntry {
        time: None,
        message: message.to_owned(),
        priority: Some(3),
        identifier: Some("agent".to_owned()),
        invocation: None,
        message_id: None,
    }
}

#[test]
fn a_log_is_cut_where_the_room_ends_and_a_part_is_kept_for_another() {
    let mut contents = contents(LEAST).unwrap();
    let reserve = contents.room() / 5;
    let line = entry(&"x".repeat(1000));
    let fill = |contents: &mut Contents, name: &str, reserve| {
        (0..)
            .take_while(|_| contents.add_to_log(name, &line, reserve).is_continue())
            .count()
    };
    let newest = fill(&mut contents, "journal/all.txt", reserve);
    assert!(contents.room() >= reserve && contents.room() < reserve + 2000);
    let older = fill(&mut contents, "journal/older-warnings.txt", 0);
    assert!(contents.room() < 2000 && older > 100 && newest > older);
    let packed = contents.pack().unwrap();
    let bundle = Bundle::read(packed.as_slice()).unwrap();
    let size = bundle.manifest.size();
    assert!(size < LEAST, "{size}");
    let unpacked = zstd::decode_all(packed.as_slice()).unwrap();
    assert!((unpacked.len() as u64) < LEAST, "{}", unpacked.len());
}

#[test]
fn without_room_for_the_evidence_there_is_no_bundle() {
    let error = contents(1000).err().unwrap().to_string();
    assert!(error.contains("--max-size lets it have 1000"), "{error}");
}

#[test]
fn a_key_that_was_logged_line_by_line_is_left_out_from_its_end_on() {
    let mut contents = contents(LEAST).unwrap();
    for message in [
        "c",
        "-----END PRIVATE KEY-----",
        "AoG",
        "MHc",
        "-----BEGIN PRIVATE KEY-----",
        "a",
        "password=x1",
    ] {
        let _ = contents.add_to_log("journal/all.txt", &entry(message), 0);
    }
    let lines: Vec<&str> = contents.logs[0].text.lines().collect();
    let mark = "agent<3>: …";
    let expected = [
        "agent<3>: c",
        mark,
        mark,
        mark,
        mark,
        "agent<3>: a",
        "agent<3>: password=…",
    ];
    assert_eq!(lines, expected);
}
