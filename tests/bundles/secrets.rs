//! A secret in every string that the door can return, in every encoding: none of it is in the bundle, in a report, in a log.
//!
//! The door leaves out what looks like a secret when it sees it. Here it is made to let everything through, so that what
//! stands behind it is tested by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nexplane_doctor::bundle::fixture::Evidence;
use nexplane_doctor::bundle::{Contents, Extra, Identities, Redaction};
use nexplane_doctor::contract::token::TokenShape;
use nexplane_doctor::host::Entry;
use nexplane_doctor::model::Report;
use nexplane_doctor::model::Secret;
use nexplane_doctor::report::{
    Warnings, cases, github, html, human, json_v1, line, markdown, nagios, prometheus,
};
use serde_json::{Value, json};

use super::{Doctor, SIZE, situations};

/// What is looked for: it is a part of every secret.
const SENTINEL: &str = "S3NT1NELS3NT1NEL";
/// One that looks like nothing, and that the doctor was given.
const GIVEN: &str = "opaque S3NT1NELS3NT1NEL";

/// Secrets of every kind.
const KINDS: [&str; 15] = [
    "nxp_S3NT1NELS3NT1NEL",
    "-----BEGIN EC PRIVATE KEY-----\nS3NT1NELS3NT1NEL\n-----END EC PRIVATE KEY-----",
    "Authorization: Bearer S3NT1NELS3NT1NEL",
    "Proxy-Authorization: Basic S3NT1NELS3NT1NEL",
    "Set-Cookie: session=S3NT1NELS3NT1NEL; Secure",
    "http://user:S3NT1NELS3NT1NEL@proxy.example.com:3128",
    "password=S3NT1NELS3NT1NEL",
    "{\"api_key\": \"S3NT1NELS3NT1NEL\"}",
    "install --token S3NT1NELS3NT1NEL",
    "mysql -u root -pS3NT1NELS3NT1NEL",
    "{tokens: [S3NT1NELS3NT1NEL, S3NT1NELS3NT1NEL]}",
    "<password>S3NT1NELS3NT1NEL</password>",
    "ghp_S3NT1NELS3NT1NELS3NT1NEL",
    "sshpass -p 'S3NT1NELS3NT1NEL'",
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
const ENCODINGS: [(&str, Encoding); 8] = [
    ("as it is", str::to_owned),
    ("Base64", |text| STANDARD.encode(text)),
    ("Base64 for URLs", |text| URL_SAFE_NO_PAD.encode(text)),
    ("hexadecimal", hex),
    ("percent", percent),
    ("JSON", |text| Value::from(text).to_string()),
    ("Base64 twice", |text| {
        STANDARD.encode(STANDARD.encode(text))
    }),
    ("Base64 of UTF-16", |text| {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        STANDARD.encode(bytes)
    }),
];

/// A report in every format.
fn formats(report: &Report) -> [(&'static str, String); 10] {
    let look = human::Look {
        color: false,
        unicode: true,
        width: 10_000,
        checks: true,
        verbose: true,
    };
    let warnings = Warnings::Fail;
    [
        ("json", json_v1::render(report).unwrap()),
        ("human", human::render(report, look)),
        ("line", line::render(report)),
        ("junit", cases::junit(report, warnings).unwrap()),
        ("tap", cases::tap(report, warnings)),
        ("nagios", nagios::render(report, warnings)),
        ("prometheus", prometheus::render(report)),
        ("markdown", markdown::render(report)),
        ("github", github::render(report, warnings)),
        ("html", html::render(report)),
    ]
}

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

/// Where a secret can stand in an answer: a string with which it still is one of the question's type. A word that stands for a
/// kind of thing is no string that anybody can fill.
fn places(evidence: &Evidence) -> Vec<Vec<usize>> {
    let of = |entry: &Entry| {
        let with = |number: usize| {
            let mut answer = entry.answer.clone();
            plant(&mut answer, &mut { number }, "x").then_some((number, answer))
        };
        let all = (0..).map_while(with);
        let fit = all.filter(|(_, answer)| is_answer(&entry.ask, answer));
        fit.map(|(number, _)| number).collect()
    };
    evidence.recording.entries.iter().map(of).collect()
}

/// The evidence with a secret in all these places.
fn planted(evidence: &Evidence, places: &[Vec<usize>], secret: &str) -> Evidence {
    let mut planted = evidence.clone();
    for (entry, places) in planted.recording.entries.iter_mut().zip(places) {
        for place in places {
            plant(&mut entry.answer, &mut { *place }, secret);
        }
    }
    planted
}

/// Puts a secret into the string of this number; says whether there is one.
fn plant(value: &mut Value, number: &mut usize, secret: &str) -> bool {
    match value {
        Value::String(text) if *number == 0 => {
            *text = format!("{text} {secret} ");
            true
        }
        Value::String(_) => {
            *number -= 1;
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| plant(item, number, secret)),
        Value::Object(fields) => fields
            .values_mut()
            .any(|field| plant(field, number, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Answers of which no recorded situation has one.
fn unrecorded() -> Vec<Entry> {
    let path = json!({"path": "/etc/nexplane-agent/agent.env", "base": "host"});
    let entry = |ask: &str, question: Value, answer: Value| Entry {
        ask: ask.to_owned(),
        question,
        answer,
        began_ms: None,
        duration_ms: 0.0,
    };
    let exchange = json!({
        "status": 200, "headers": [["server", "x"]], "body": "x", "truncated": false, "duration_ms": 1.0,
        "sent_at": "2026-11-24T14:00:00Z", "received_at": "2026-11-24T14:00:00Z",
    });
    vec![
        entry(
            "file_variables",
            json!({"path": path, "names": ["NO_PROXY"]}),
            json!({"Ok": {"NO_PROXY": "x"}}),
        ),
        entry(
            "group",
            json!("agents"),
            json!({"Ok": {"gid": 1, "name": "agents"}}),
        ),
        entry(
            "fetch",
            json!({"url": "https://example.com/"}),
            json!({"Ok": exchange}),
        ),
        entry(
            "inside",
            json!("nothing"),
            json!({"Err": {"how": "failed", "why": "x"}}),
        ),
    ]
}

/// Whether this is an answer to such a question.
fn is_answer(ask: &str, answer: &Value) -> bool {
    use nexplane_doctor::host as door;
    use nexplane_doctor::host::Seen;
    fn is<T: serde::de::DeserializeOwned>(answer: &Value) -> bool {
        serde_json::from_value::<T>(answer.clone()).is_ok()
    }
    let is = match ask {
        "system" => is::<door::System>,
        "network_settings" => is::<Seen<door::NetworkSettings>>,
        "now" => is::<chrono::DateTime<chrono::Utc>>,
        "environment" => is::<BTreeMap<String, String>>,
        "stat" => is::<Seen<door::Stat>>,
        "read" => is::<Seen<door::Content>>,
        "file_variables" => is::<Seen<BTreeMap<String, String>>>,
        "private_key" => is::<Seen<door::KeyFacts>>,
        "file_system" => is::<Seen<door::FileSystem>>,
        "find_program" => is::<Seen<PathBuf>>,
        "account" => is::<Seen<door::Account>>,
        "group" => is::<Seen<door::Group>>,
        "inside" => is::<Seen<door::Inside>>,
        "processes" => is::<Seen<Vec<door::Process>>>,
        "service" => is::<Seen<door::Service>>,
        "assignments" => is::<BTreeMap<String, PathBuf>>,
        "journal" => is::<Seen<Vec<door::LogEntry>>>,
        "time_sync" => is::<Seen<door::TimeSync>>,
        "ntp" => is::<Seen<door::NtpReply>>,
        "dns" => is::<Seen<door::DnsReply>>,
        "lookup" => is::<Seen<Vec<IpAddr>>>,
        "connect" => is::<door::Race>,
        "tunnel" => is::<Seen<door::Tunnel>>,
        "handshake" => is::<Seen<door::Handshake>>,
        "health" | "fetch" => is::<Seen<door::Exchange>>,
        "anchors" => is::<Seen<door::Anchors>>,
        "api" => is::<door::ApiAnswer>,
        "token" => is::<Option<TokenShape>>,
        other => panic!("a question that this test does not know: {other}"),
    };
    is(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_bundle_or_a_report() {
    let doctor = Doctor::new();
    let mut asked = BTreeSet::new();
    let mut tried = 0;
    for (index, (situation, mut evidence)) in situations().into_iter().enumerate() {
        evidence.recording.entries.extend(unrecorded());
        let places = places(&evidence);
        let entries = evidence.recording.entries.iter();
        asked.extend(entries.map(|entry| entry.ask.clone()));
        for (number, secret) in KINDS.iter().enumerate() {
            // Each kind in each encoding, over the situations, of which each takes every other kind.
            if (index + number) % 2 == 1 {
                continue;
            }
            let (encoding, encoded) = ENCODINGS[(index + number) / 2 % ENCODINGS.len()];
            let what = format!("{situation}: {secret} {encoding}");
            let evidence = planted(&evidence, &places, &encoded(secret));
            tried += places.iter().map(Vec::len).sum::<usize>();
            let traces = traces(secret);
            let report = doctor.play(evidence.clone()).await;
            let formats = formats(&report);
            // What was given is known to the door and to the bundle, and to nobody else.
            if *secret != GIVEN {
                for (format, text) in &formats {
                    assert_no_trace(text, &traces, &format!("{what}: {format}"));
                }
            }
            for names in [Identities::Kept, Identities::Anonymized] {
                let redaction = Redaction {
                    secrets: vec![Secret::new(GIVEN)],
                    names,
                };
                let contents =
                    Contents::new(&evidence, &formats[0].1, Extra::default(), &redaction, SIZE)
                        .unwrap();
                let packed = contents.pack().unwrap();
                let text = zstd::decode_all(packed.as_slice()).unwrap();
                assert_no_trace(
                    &String::from_utf8_lossy(&text),
                    &traces,
                    &format!("{what}: bundle"),
                );
            }
        }
    }
    println!(
        "{tried} secrets in strings of {} kinds of answers: {asked:?}",
        asked.len()
    );
    assert!(tried > 30_000 && asked.len() >= 28, "{tried} {asked:?}");
}

/// Through the file and the program, which logs all that is asked and answered.
#[test]
fn no_secret_of_a_bundle_is_shown_or_logged() {
    for (index, secret) in KINDS.iter().filter(|it| **it != GIVEN).enumerate() {
        let (_, encoded) = ENCODINGS[index % ENCODINGS.len()];
        let evidence = super::situation("health-captive-portal");
        let evidence = planted(&evidence, &places(&evidence), &encoded(secret));
        let evidence = serde_json::to_vec(&evidence).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b.tar.zst");
        std::fs::write(&path, super::archive::bundle_of(evidence)).unwrap();
        let formats = [
            "json",
            "junit",
            "tap",
            "nagios",
            "prometheus",
            "markdown",
            "github",
            "html",
        ];
        let format = formats[index % formats.len()];
        let (bundle, into) = (path.to_str().unwrap(), directory.path().to_str().unwrap());
        let fixture = directory.path().join("it");
        let fixture = fixture.to_str().unwrap();
        let healthy = super::fixtures().join("healthy");
        for arguments in [
            &["bundle", "diagnose", bundle, "-vvv"][..],
            &["bundle", "diagnose", bundle, "-vv", "--format", format],
            &["bundle", "show", bundle],
            &["diff", healthy.to_str().unwrap(), bundle, "-vv"],
            &[
                "fixtures", "new", "it", "--from", bundle, "--into", into, "-vv",
            ],
            &["fixtures", "test", fixture, "-vv"],
            &["fixtures", "test", fixture, "--format", "junit"],
            &["fixtures", "show", fixture, "--format", format],
        ] {
            let output = super::doctor(arguments).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(said.len() > 60, "{arguments:?}: {said}");
            assert_no_trace(&said, &traces(secret), &format!("{secret} {arguments:?}"));
        }
    }
}
