//! A bundle that is cut or changed anywhere.

use std::io::Write as _;

use nexplane_doctor::bundle::Bundle;

use super::archive::{file, fitting, tar};
use super::situation;

/// A bundle small enough to be tried in every byte.
fn small() -> Vec<u8> {
    let mut evidence = situation("healthy");
    evidence.recording.entries.truncate(3);
    let evidence = serde_json::to_vec(&evidence).unwrap();
    let entries = vec![file("evidence.json", evidence), file("report.json", "{}")];
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(&tar(&fitting(entries))).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bundle_that_is_cut_or_changed_anywhere_is_never_read_as_another() {
    let good = small();
    let whole = Bundle::read(good.as_slice()).unwrap();
    let (mut refused, mut same) = (0, 0);
    let mut check = |bytes: &[u8], what: &str| match Bundle::read(bytes) {
        Err(_) => refused += 1,
        Ok(read) => {
            assert_eq!(read, whole, "{what}");
            same += 1;
        }
    };
    for length in 0..good.len() {
        check(&good[..length], &format!("cut at {length}"));
    }
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            check(&bytes, &format!("byte {at} ^ {flip}"));
        }
    }
    println!(
        "{} bytes: {refused} changed bundles refused, {same} read as the same",
        good.len()
    );
    assert!(refused > 3 * good.len());
}
