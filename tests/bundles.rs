//! What a bundle says is what the live run said: for every fault of the lab, for pairs of them, for every recorded situation;
//! as it is and anonymized; through the file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use nexplane_doctor::bundle::fixture::{self, Evidence};
use nexplane_doctor::bundle::{Bundle, Contents, Extra, Identities, Redaction, play};
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::{Graph, Selection};
use nexplane_doctor::lab::Scenario;
use nexplane_doctor::lab::pairs::Pairs;
use nexplane_doctor::model::{Report, Source};
use nexplane_doctor::report::json_v1;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const SIZE: u64 = 50_000_000;

struct Doctor {
    catalog: Catalog,
    graph: Arc<Graph>,
}

impl Doctor {
    fn new() -> Self {
        let catalog = Catalog::load(&checks::texts()).unwrap();
        let graph = Arc::new(Graph::new(&catalog).unwrap());
        Self { catalog, graph }
    }

    async fn play(&self, evidence: Evidence) -> Report {
        let all = Selection::default();
        play(
            evidence,
            &self.catalog,
            &self.graph,
            &all,
            Source::Bundle,
            &[],
        )
        .await
    }

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
            let bundle = bundled(evidence, live, names);
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

fn bundled(evidence: &Evidence, report: &Report, names: Identities) -> Bundle {
    let report = json_v1::render(report).unwrap();
    let redaction = Redaction {
        names,
        ..Redaction::default()
    };
    let contents = Contents::new(evidence, &report, Extra::default(), &redaction, SIZE).unwrap();
    Bundle::read(contents.pack().unwrap().as_slice()).unwrap()
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
    println!("{} scenarios, plain and anonymized", scenarios.len());
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

/// Of the pairs every so many are tried: each takes its time, over real sockets.
const OF_PAIRS: usize = 29;

#[tokio::test(flavor = "multi_thread")]
async fn pairs_of_faults_are_diagnosed_from_their_bundle_as_live() {
    let all = Pairs::of(&[]).possible;
    let some: Vec<Scenario> = all.into_iter().step_by(OF_PAIRS).collect();
    assert!(some.len() >= 30, "{}", some.len());
    assert_same(&some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_situation_is_diagnosed_from_its_bundle_as_before() {
    let doctor = Doctor::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut wrong = Vec::new();
    let all = fixture::find(&fixtures).unwrap();
    for path in &all {
        let evidence = fixture::read(path).unwrap().evidence;
        let live = doctor.play(evidence.clone()).await;
        let name = path.file_name().unwrap().to_string_lossy();
        wrong.extend(doctor.differences(&name, &evidence, &live).await);
    }
    println!("{} situations, plain and anonymized", all.len());
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
