//! A secret in every string that the door can return, in every encoding: none of it is in the bundle, in a report, in a log.
//!
//! The door leaves out what looks like a secret when it sees it. Here it is made to let everything through, so that what
//! stands behind it is tested by itself.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nexplane_doctor::bundle::fixture::Evidence;
use nexplane_doctor::bundle::{Contents, Extra, Identities, Redaction};
use nexplane_doctor::model::Secret;
use nexplane_doctor::report::{human, json_v1, line};
use serde_json::Value;

use super::hostile::everywhere;
use super::{Doctor, SIZE, situations};

/// What is looked for: it is a part of every secret.
const SENTINEL: &str = "S3NT1NELS3NT1NEL";
/// One that looks like nothing, and that the doctor was given.
const GIVEN: &str = "opaque S3NT1NELS3NT1NEL";

/// Secrets of every kind.
const KINDS: [&str; 10] = [
    "nxp_S3NT1NELS3NT1NEL",
    "-----BEGIN EC PRIVATE KEY-----\nS3NT1NELS3NT1NEL\n-----END EC PRIVATE KEY-----",
    "Authorization: Bearer S3NT1NELS3NT1NEL",
    "Proxy-Authorization: Basic S3NT1NELS3NT1NEL",
    "Set-Cookie: session=S3NT1NELS3NT1NEL; Secure",
    "http://user:S3NT1NELS3NT1NEL@proxy.example.com:3128",
    "password=S3NT1NELS3NT1NEL",
    "{\"api_key\": \"S3NT1NELS3NT1NEL\"}",
    "install --token S3NT1NELS3NT1NEL",
    GIVEN,
];

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    encoded.to_string()
}

type Encoding = fn(&str) -> String;

/// The encodings that a secret is found in.
const ENCODINGS: [(&str, Encoding); 6] = [
    ("as it is", str::to_owned),
    ("Base64", |text| STANDARD.encode(text)),
    ("Base64 for URLs", |text| URL_SAFE_NO_PAD.encode(text)),
    ("hexadecimal", hex),
    ("percent", percent),
    ("JSON", |text| Value::from(text).to_string()),
];

/// What betrays a secret of this kind: the sentinel, and the secret whole, in every encoding.
fn traces(secret: &str) -> BTreeSet<String> {
    let mut traces: BTreeSet<String> = ENCODINGS
        .iter()
        .map(|(_, encoded)| encoded(secret))
        .collect();
    // The sentinel's own digits of Base64 hang on where it stands.
    for before in ["", "x", "xx"] {
        let digits = STANDARD.encode(format!("{before}{SENTINEL}"));
        traces.insert(digits[4..20].to_owned());
    }
    traces.insert(hex(SENTINEL));
    traces.insert(SENTINEL.to_owned());
    traces
}

fn assert_no_trace(text: &str, traces: &BTreeSet<String>, what: &str) {
    for trace in traces {
        if let Some(at) = text.find(trace.as_str()) {
            let around: String = text[..at]
                .chars()
                .rev()
                .take(120)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            panic!("{what}: {trace} after {around}");
        }
    }
}

fn planted(evidence: &Evidence, secret: &str) -> Evidence {
    let mut planted = evidence.clone();
    for entry in &mut planted.recording.entries {
        everywhere(&mut entry.answer, &|text| format!("{text} {secret} "));
    }
    planted
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_bundle_or_a_report() {
    let doctor = Doctor::new();
    let look = human::Look {
        color: false,
        unicode: true,
        width: 10_000,
        checks: true,
        verbose: true,
    };
    let mut asked = BTreeSet::new();
    let mut tried = 0;
    for (index, (situation, evidence)) in situations().into_iter().enumerate() {
        asked.extend(
            evidence
                .recording
                .entries
                .iter()
                .map(|entry| entry.ask.clone()),
        );
        for (number, secret) in KINDS.iter().enumerate() {
            // Each kind in each encoding, over the situations.
            let (encoding, encoded) = ENCODINGS[(index + number) % ENCODINGS.len()];
            let what = format!("{situation}: {secret} {encoding}");
            let evidence = planted(&evidence, &encoded(secret));
            let traces = traces(secret);
            let report = doctor.play(evidence.clone()).await;
            let json = json_v1::render(&report).unwrap();
            // What was given is known to the door and to the bundle, and to nobody else.
            if *secret != GIVEN {
                assert_no_trace(&json, &traces, &format!("{what}: JSON"));
                assert_no_trace(
                    &human::render(&report, look),
                    &traces,
                    &format!("{what}: human"),
                );
                assert_no_trace(&line::render(&report), &traces, &format!("{what}: line"));
            }
            for names in [Identities::Kept, Identities::Anonymized] {
                let redaction = Redaction {
                    secrets: vec![Secret::new(GIVEN)],
                    names,
                };
                let contents =
                    Contents::new(&evidence, &json, Extra::default(), &redaction, SIZE).unwrap();
                let packed = contents.pack().unwrap();
                let text = zstd::decode_all(packed.as_slice()).unwrap();
                assert_no_trace(
                    &String::from_utf8_lossy(&text),
                    &traces,
                    &format!("{what}: bundle"),
                );
            }
            tried += 1;
        }
    }
    println!(
        "{tried} times in every string of {} kinds of answers: {asked:?}",
        asked.len()
    );
    assert!(tried > 500 && asked.len() > 15);
}

/// Through the file and the program, which logs all that is asked and answered.
#[test]
fn no_secret_of_a_bundle_is_shown_or_logged() {
    for (index, secret) in KINDS.iter().filter(|it| **it != GIVEN).enumerate() {
        let (_, encoded) = ENCODINGS[index % ENCODINGS.len()];
        let evidence = planted(&super::situation("health-captive-portal"), &encoded(secret));
        let evidence = serde_json::to_vec(&evidence).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b.tar.zst");
        std::fs::write(&path, super::hostile::bundle_of(evidence)).unwrap();
        for arguments in [&["-vvv"][..], &["-v", "--format", "json"]] {
            let output = super::doctor(&["bundle", "diagnose"])
                .args(arguments)
                .arg(&path)
                .output()
                .unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(said.len() > 500, "{said}");
            assert_no_trace(&said, &traces(secret), &format!("{secret} {arguments:?}"));
        }
    }
}
