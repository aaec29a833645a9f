//! Any two faults that can exist together are diagnosed as two causes, or as cause and symptom, whichever is true, and no
//! third is invented; what cannot be seen behind the other is not made up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::Graph;
use nexplane_doctor::lab::Scenario;
use nexplane_doctor::lab::pairs::{self, JOBS, Pairs, Tried};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// The lab's own waits are short; tests beside one another would only make each other late.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn run(scenarios: &[Scenario]) -> Vec<Tried> {
    let catalog = Arc::new(Catalog::load(&checks::texts()).unwrap());
    let graph = Arc::new(Graph::new(&catalog).unwrap());
    let interrupted = CancellationToken::new();
    let _turn = ONE_AT_A_TIME.lock().await;
    pairs::run(scenarios, JOBS, &catalog, &graph, &interrupted, &mut |_| {})
        .await
        .unwrap()
}

fn assert_as_injected(all: &[Tried]) {
    let mut wrong = String::new();
    for tried in all.iter().filter(|tried| !tried.matches()) {
        let faults: Vec<&str> = tried.faults.iter().map(|code| code.as_str()).collect();
        wrong.push_str(&format!("{}\n", faults.join("+")));
        for difference in &tried.differences {
            wrong.push_str(&format!("    {difference}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_that_can_exist_is_told_apart() {
    let pairs = Pairs::of(&[]);
    let all = run(&pairs.possible).await;
    assert_eq!(all.len(), pairs.possible.len());
    assert_as_injected(&all);
}

/// Of the situations with three faults every so many are tried: all of them would take an hour.
const OF_THREE: usize = 223;

#[tokio::test(flavor = "multi_thread")]
async fn three_faults_hide_and_explain_one_another_too() {
    let all = Scenario::of_three();
    let some: Vec<Scenario> = all.iter().step_by(OF_THREE).cloned().collect();
    let tried = run(&some).await;
    assert!(tried.len() > 100, "only {} of {}", tried.len(), all.len());
    assert_as_injected(&tried);
}

/// And of those with a service that says what it dies of.
const DYING: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_died_of_is_what_its_log_says_whatever_else_is_wrong() {
    let all = Scenario::of_dying_words();
    assert!(all.len() > 500, "{}", all.len());
    let some: Vec<Scenario> = all.iter().step_by(DYING).cloned().collect();
    assert_as_injected(&run(&some).await);
}

fn doctor(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
    let output = command.args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_pairs_of_one_fault_as_a_document_and_as_a_table() {
    let arguments = ["lab", "run", "--pairs", "tls.alert"];
    let (status, json, _) = doctor(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(status, Some(0), "{json}");
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pairs = document["pairs"].as_array().unwrap();
    let expired = pairs
        .iter()
        .find(|pair| pair["faults"] == serde_json::json!(["tls.alert", "trust.expired"]))
        .unwrap();
    assert_eq!(expired["expected"], serde_json::json!(["tls.alert"]));
    assert_eq!(expired["root_causes"], serde_json::json!(["tls.alert"]));
    assert_eq!(expired["hidden"], serde_json::json!(["trust.expired"]));
    assert_eq!(expired["missed"], serde_json::json!([]));
    assert_eq!(expired["invented"], serde_json::json!([]));
    assert_eq!(expired["match"], true);
    assert!(expired["duration_ms"].as_f64().unwrap() > 0.0);
    let summary = &document["summary"];
    assert_eq!(summary["pairs"], pairs.len());
    assert_eq!(summary["as_expected"], pairs.len());
    assert_eq!(summary["causes_invented"], 0);
    assert_eq!(
        (&summary["recall"], &summary["precision"]),
        (&1.0.into(), &1.0.into())
    );
    let apart = document["impossible"].as_array().unwrap();
    let port = serde_json::json!({"faults": ["tcp.refused", "tls.alert"], "reason": "both change the same thing"});
    assert!(apart.contains(&port), "{apart:?}");
    assert_eq!(summary["impossible"], apart.len());

    let (status, table, _) = doctor(&[&arguments[..], &["--jobs", "4"]].concat());
    assert_eq!(status, Some(0), "{table}");
    let counted = format!("{0} of {0} pairs diagnosed as injected", pairs.len());
    assert!(table.contains(&counted), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
}

#[test]
fn what_is_no_fault_is_no_pair() {
    for wrong in [
        &["lab", "run", "--pairs", "healthy"][..],
        &["lab", "run", "--pairs", "tls.alert+dns.pinned"],
        &["lab", "run", "--jobs", "4"],
        &["lab", "run", "--pairs", "--jobs", "0"],
        &["lab", "run", "--pairs", "--record", "there"],
    ] {
        let (status, out, said) = doctor(wrong);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(!said.is_empty());
    }
    let (status, _, said) = doctor(&["lab", "run", "tls.alert+tls.closed"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("cannot be injected together"), "{said}");
}
