//! The same diagnosis: for every fault of the lab, for pairs of them, for every recorded situation; plain and anonymized; through
//! the file.

use std::collections::{BTreeMap, BTreeSet};

use nexplane_doctor::bundle::Identities;
use nexplane_doctor::bundle::fixture::Evidence;
use nexplane_doctor::lab::Scenario;
use nexplane_doctor::lab::pairs::Pairs;
use nexplane_doctor::model::{CheckId, Report};
use nexplane_doctor::report::json_v1;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Doctor, packed, read, situations};

impl Doctor {
    async fn run(&self, scenario: &Scenario) -> (String, Evidence, Report) {
        let never = CancellationToken::new();
        let outcome = scenario
            .run(&self.catalog, &self.graph, &never)
            .await
            .unwrap();
        (outcome.name, outcome.evidence, outcome.report)
    }

    /// Says how the bundle's diagnosis differs from the live one.
    async fn differences(&self, name: &str, evidence: &Evidence, live: &Report) -> Vec<String> {
        let mut wrong = Vec::new();
        for names in [Identities::Kept, Identities::Anonymized] {
            let bundle = read(&packed(evidence, live, names));
            let told = bundle.report.clone();
            let played = self.play(bundle.evidence).await;
            let (live, played) = (document(live), document(&played));
            let compare = |what: &str, live: &Value, played: &Value, wrong: &mut Vec<String>| {
                let mut places = Vec::new();
                differing(live, played, String::new(), &mut places);
                let places = places.iter();
                wrong.extend(places.map(|place| format!("{name} {names:?} {what}{place}")));
            };
            compare("said", &said(&live), &said(&played), &mut wrong);
            match names {
                Identities::Kept => {
                    compare("whole", &live, &played, &mut wrong);
                    compare("report", &untimed(told), &played, &mut wrong);
                }
                // What the live run said, in the same other names.
                Identities::Anonymized => compare("report", &untimed(told), &played, &mut wrong),
            }
        }
        wrong
    }
}

fn document(report: &Report) -> Value {
    untimed(serde_json::from_str(&json_v1::render(report).unwrap()).unwrap())
}

/// Without how long things took, and where the evidence is from.
fn untimed(mut report: Value) -> Value {
    let fields = report.as_object_mut().unwrap();
    fields.remove("duration_ms");
    fields.remove("source");
    for check in report["checks"].as_array_mut().unwrap() {
        check.as_object_mut().unwrap().remove("duration_ms");
    }
    // What a check that is blocked in the end had asked before goes by the time, too; where none is, all was asked.
    let blocked = |check: &Value| check["status"] == "blocked";
    if report["checks"].as_array().unwrap().iter().any(blocked) {
        report.as_object_mut().unwrap().remove("timings");
        return report;
    }
    let timings = report["timings"].as_array_mut().unwrap();
    for timing in timings.iter_mut() {
        let fields = timing.as_object_mut().unwrap();
        fields.remove("began_ms");
        fields.remove("duration_ms");
        fields.remove("checks");
    }
    timings.sort_by_key(Value::to_string);
    report
}

/// Where two documents differ, and how.
fn differing(one: &Value, other: &Value, at: String, places: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter()
                .for_each(|(key, value)| differing(value, &b[key], format!("{at}/{key}"), places));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.for_each(|(index, (a, b))| differing(a, b, format!("{at}/{index}"), places));
        }
        _ if one != other => places.push(format!("{at}: {one} is now {other}")),
        _ => {}
    }
}

/// What a diagnosis comes to, without the words.
fn said(report: &Value) -> Value {
    let of = |items: &Value, fields: &[&str]| -> Value {
        let item = |item: &Value| fields.iter().map(|field| item[*field].clone()).collect();
        items
            .as_array()
            .unwrap()
            .iter()
            .map(item)
            .collect::<Vec<Value>>()
            .into()
    };
    json!({
        "verdict": report["verdict"],
        "findings": of(&report["findings"], &["code", "role", "explained_by", "repair"]),
        "checks": of(&report["checks"], &["id", "status", "blocked_by"]),
    })
}

async fn assert_same(scenarios: &[Scenario]) {
    let doctor = Doctor::new();
    let mut wrong = Vec::new();
    for scenario in scenarios {
        let (name, evidence, live) = doctor.run(scenario).await;
        wrong.extend(doctor.differences(&name, &evidence, &live).await);
    }
    assert_none(&wrong, scenarios.len());
}

fn assert_none(wrong: &[String], tried: usize) {
    println!("{tried} situations, plain and anonymized");
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_diagnosed_from_its_bundle_as_live() {
    assert_same(&Scenario::all()).await;
}

/// Each takes its time, over real sockets: a pair for every two checks that can find something at once, and not the same faults
/// again and again.
#[tokio::test(flavor = "multi_thread")]
async fn pairs_of_faults_are_diagnosed_from_their_bundle_as_live() {
    let mut by_checks: BTreeMap<Vec<CheckId>, Vec<Scenario>> = BTreeMap::new();
    for pair in Pairs::of(&[]).possible {
        let mut checks: Vec<CheckId> = pair.faults.iter().map(|it| it.code.check()).collect();
        checks.sort();
        by_checks.entry(checks).or_default().push(pair);
    }
    let nth = |(n, mut pairs): (usize, Vec<Scenario>)| pairs.swap_remove(n % pairs.len());
    let some: Vec<Scenario> = by_checks.into_values().enumerate().map(nth).collect();
    let checks: BTreeSet<CheckId> = some
        .iter()
        .flat_map(|pair| pair.faults.iter().map(|it| it.code.check()))
        .collect();
    println!("{} pairs of {} checks", some.len(), checks.len());
    assert!(some.len() >= 60 && checks.len() >= 12);
    assert_same(&some).await;
}

/// Of all pairs every so many.
const OF_PAIRS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(feature = "real"),
    ignore = "takes minutes: with the feature `real`"
)]
async fn many_pairs_of_faults_are_diagnosed_from_their_bundle_as_live() {
    let all = Pairs::of(&[]).possible;
    let some: Vec<Scenario> = all.into_iter().step_by(OF_PAIRS).collect();
    assert_same(&some).await;
}

async fn assert_same_again(all: &[(String, Evidence)]) {
    let doctor = Doctor::new();
    let mut wrong = Vec::new();
    for (name, evidence) in all {
        let live = doctor.play(evidence.clone()).await;
        wrong.extend(doctor.differences(name, evidence, &live).await);
    }
    assert_none(&wrong, all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_situation_is_diagnosed_from_its_bundle_as_before() {
    assert_same_again(&situations()).await;
}

/// What was recorded on loopback, as if it had been in somebody's network.
fn elsewhere() -> Vec<(String, Evidence)> {
    let moved = |(name, evidence): (String, Evidence)| {
        let mut text = serde_json::to_string(&evidence).unwrap();
        for (here, there) in [
            ("127.0.0.1", "81.2.69.142"),
            ("127.0.0.2", "10.20.30.40"),
            ("[::1]", "[fd12:3456:789a::7]"),
            ("\"::1\"", "\"fd12:3456:789a::7\""),
            ("\"vm\"", "\"frankfurt-web-07\""),
            ("lab.test", "acme-payments.corp"),
            ("\"root\"", "\"jdoe\""),
        ] {
            text = text.replace(here, there);
        }
        (name, serde_json::from_str(&text).unwrap())
    };
    situations().into_iter().map(moved).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_of_a_network_make_no_difference() {
    assert_same_again(&elsewhere()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_them_is_left_in_an_anonymized_bundle() {
    let doctor = Doctor::new();
    let names = [
        "81.2.69.142",
        "10.20.30.40",
        "fd12:3456:789a",
        "frankfurt-web-07",
        "acme-payments",
        "jdoe",
        "BEGIN CERTIFICATE-----",
        "nexplane lab",
        "Nexplane lab",
    ];
    let mut seen = 0;
    for (situation, evidence) in elsewhere() {
        let report = doctor.play(evidence.clone()).await;
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(&zstd::decode_all(bytes).unwrap()).into_owned();
        let plain = text(&packed(&evidence, &report, Identities::Kept));
        let told = text(&packed(&evidence, &report, Identities::Anonymized));
        for name in names {
            seen += usize::from(plain.contains(name));
            assert!(!told.contains(name), "{situation}: {name}");
        }
    }
    assert!(seen > 100, "{seen}");
}
