//! Any two faults that can exist together are diagnosed as two causes, or as cause and symptom, whichever is true, and no
//! third is invented; what cannot be seen behind the other is not made up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::Graph;
use nexplane_doctor::lab::Scenario;
use nexplane_doctor::lab::pairs::{self, JOBS, Pairs, Tried};
use tokio_util::sync::CancellationToken;

async fn run(scenarios: &[Scenario]) -> Vec<Tried> {
    let catalog = Arc::new(Catalog::load(&checks::texts()).unwrap());
    let graph = Arc::new(Graph::new(&catalog).unwrap());
    let interrupted = CancellationToken::new();
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
