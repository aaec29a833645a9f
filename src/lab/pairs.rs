//! Two faults at once: every pair that can exist, diagnosed and compared with what can be seen of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::faults::FAULTS;
use super::truth::Truth;
use super::{LabError, Outcome, Scenario, together};
use crate::catalog::Catalog;
use crate::engine::Graph;
use crate::model::{CheckId, Code, Report, Role, Status};

/// How many situations run at the same time: most of them wait for something that does not come.
pub const JOBS: usize = 16;

/// Two faults that cannot exist at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// The two.
    pub faults: [&'static Code; 2],
    /// Why not.
    pub why: &'static str,
}

/// Every pair of faults, and what kind it is.
#[derive(Clone)]
pub struct Pairs {
    /// Those that can exist.
    pub possible: Vec<Scenario>,
    /// Those that cannot.
    pub impossible: Vec<Impossible>,
}

impl Pairs {
    /// All pairs; of these faults with any other one, where some are named.
    pub fn of(among: &[Code]) -> Self {
        let mut pairs = Self {
            possible: Vec::new(),
            impossible: Vec::new(),
        };
        let wanted = |fault: &Fault| among.is_empty() || among.contains(&fault.code);
        for (i, one) in FAULTS.iter().enumerate() {
            for other in FAULTS[i + 1..]
                .iter()
                .filter(|it| wanted(it) || wanted(one))
            {
                match together::impossible(one, other) {
                    None => pairs.possible.push(Scenario::of(&[one, other])),
                    Some(why) => pairs.impossible.push(Impossible {
                        faults: [&one.code, &other.code],
                        why,
                    }),
                }
            }
        }
        pairs
    }
}

/// What became of a situation, without the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Its faults.
    pub faults: Vec<Code>,
    /// The root causes that the diagnosis had to name.
    pub expected: Vec<Code>,
    /// Those that it named.
    pub root_causes: Vec<Code>,
    /// The warnings that it named.
    pub notices: Vec<Code>,
    /// The faults that cannot be seen where the others are.
    pub hidden: Vec<Code>,
    /// What is otherwise than expected, in words: causes, symptoms, warnings, the verdict, tasks asked for.
    pub differences: Vec<String>,
    /// How long the diagnosis took.
    pub duration: Duration,
}

impl Tried {
    fn new(scenario: &Scenario, catalog: &Catalog, outcome: Outcome) -> Self {
        let report = &outcome.report;
        let differences = outcome.expected.differences(report);
        let mut differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
        let truth = scenario.truth(catalog);
        differences.extend(explanations(report, &truth));
        differences.extend(false_comforts(report, &truth));
        if outcome.polls > 0 {
            differences.push("the control plane was asked for tasks".to_owned());
        }
        let notices = report.findings.iter().filter(|it| it.role == Role::Notice);
        Self {
            faults: scenario
                .faults
                .iter()
                .map(|fault| fault.code.clone())
                .collect(),
            root_causes: report.root_causes().cloned().collect(),
            notices: notices.map(|finding| finding.code.clone()).collect(),
            hidden: truth.hidden,
            duration: report.duration,
            expected: outcome.expected.root_causes,
            differences,
        }
    }

    /// The causes that it should have named and did not.
    pub fn missed(&self) -> impl Iterator<Item = &Code> {
        let found = |code: &&Code| !self.root_causes.contains(code);
        self.expected.iter().filter(found)
    }

    /// The causes that it named and that are none.
    pub fn invented(&self) -> impl Iterator<Item = &Code> {
        let right = |code: &&Code| !self.expected.contains(code);
        self.root_causes.iter().filter(right)
    }

    /// Whether everything is as expected.
    pub fn matches(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Symptoms of which other causes are named than theirs.
fn explanations(report: &Report, truth: &Truth) -> Vec<String> {
    let list = |codes: &[Code]| match codes {
        [] => "none".to_owned(),
        codes => codes
            .iter()
            .map(Code::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let symptoms = report.findings.iter().filter(|it| it.role == Role::Symptom);
    let of = |code: &Code| {
        truth
            .explained_by
            .iter()
            .find(|(symptom, _)| symptom == code)
    };
    symptoms
        .filter_map(|it| Some((it, of(&it.code)?)))
        .filter(|(it, (_, causes))| it.explained_by != *causes)
        .map(|(it, (code, causes))| {
            let found = list(&it.explained_by);
            format!(
                "{code} explained by: expected {}, found {found}",
                list(causes)
            )
        })
        .collect()
}

/// Checks that call well what they cannot have seen.
fn false_comforts(report: &Report, truth: &Truth) -> Vec<String> {
    let comforts = |id: &CheckId| {
        let check = report.checks.iter().find(|check| check.id == *id);
        check.is_some_and(|check| check.status == Status::Pass)
    };
    let hidden = truth.hidden.iter().map(|code| (code, code.check()));
    // A clock that NTP keeps is right as far as the host can know, whatever the control plane's says.
    hidden
        .filter(|(_, id)| id.as_str() != "clock" && comforts(id))
        .map(|(code, id)| format!("{id}: expected anything but pass, where {code} cannot be seen"))
        .collect()
}

/// Sets the scenarios up and diagnoses them, `jobs` at the same time; the results are in the scenarios' order.
///
/// Once `interrupted` is cancelled no other one is begun, and those under way do not count.
///
/// # Errors
/// When one cannot be set up.
pub async fn run(
    scenarios: &[Scenario],
    jobs: usize,
    catalog: &Arc<Catalog>,
    graph: &Arc<Graph>,
    interrupted: &CancellationToken,
    on_done: &mut dyn FnMut(&Tried),
) -> Result<Vec<Tried>, LabError> {
    let started = scenarios.iter().cloned().enumerate().map(|(i, scenario)| {
        let (catalog, graph) = (Arc::clone(catalog), Arc::clone(graph));
        let interrupted = interrupted.clone();
        async move {
            if interrupted.is_cancelled() {
                return Ok(None);
            }
            // A task of its own, so that the others go on while this one makes keys.
            let task = tokio::spawn(async move {
                let outcome = scenario.run(&catalog, &graph, &interrupted).await?;
                let counts = !interrupted.is_cancelled();
                Ok(counts.then(|| (i, Tried::new(&scenario, &catalog, outcome))))
            });
            task.await
                .unwrap_or_else(|error| Err(LabError::Task(error.to_string())))
        }
    });
    let mut running = stream::iter(started).buffer_unordered(jobs.max(1));
    let mut all = Vec::new();
    while let Some(tried) = running.next().await {
        if let Some((i, tried)) = tried? {
            on_done(&tried);
            all.push((i, tried));
        }
    }
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, tried)| tried).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::checks;

    /// What is said of a diagnosis of these faults that is not as it was made.
    async fn tampered(names: &str, tamper: impl Fn(&mut Report)) -> Tried {
        let catalog = Catalog::load(&checks::texts()).unwrap();
        let graph = Arc::new(Graph::new(&catalog).unwrap());
        let scenario = Scenario::parse(names).unwrap();
        let interrupted = CancellationToken::new();
        let mut outcome = scenario.run(&catalog, &graph, &interrupted).await.unwrap();
        tamper(&mut outcome.report);
        Tried::new(&scenario, &catalog, outcome)
    }

    #[tokio::test(flavor = "multi_thread")]
    #[cfg_attr(
        windows,
        ignore = "the lab is a host of Linux, whose permissions Windows does not have"
    )]
    async fn a_diagnosis_that_is_not_true_does_not_match() {
        let names = "identity.missing+tls.alert";
        let whole = tampered(names, |_| {}).await;
        assert!(whole.matches(), "{:?}", whole.differences);

        let missed = tampered(names, |report| report.findings.clear()).await;
        assert!(
            missed
                .missed()
                .eq(["tls.alert"].map(Code::from_static).iter())
        );
        assert!(!missed.matches());

        let invented = tampered(names, |report| {
            for finding in &mut report.findings {
                finding.role = Role::Cause;
            }
        })
        .await;
        assert!(
            invented
                .invented()
                .eq(["identity.missing"].map(Code::from_static).iter())
        );

        let elsewhere = tampered(names, |report| {
            for finding in &mut report.findings {
                finding.explained_by.clear();
            }
        })
        .await;
        let said = ["identity.missing explained by: expected tls.alert, found none"];
        assert_eq!(elsewhere.differences, said);
    }

    #[tokio::test(flavor = "multi_thread")]
    #[cfg_attr(
        windows,
        ignore = "the lab is a host of Linux, whose permissions Windows does not have"
    )]
    async fn well_is_not_what_cannot_be_seen() {
        let tried = tampered("tls.alert+trust.expired", |report| {
            for check in &mut report.checks {
                check.status = Status::Pass;
            }
        })
        .await;
        let said = ["trust: expected anything but pass, where trust.expired cannot be seen"];
        assert_eq!(tried.differences, said);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_an_interruption_nothing_is_begun_and_nothing_counts() {
        let catalog = Arc::new(Catalog::load(&checks::texts()).unwrap());
        let graph = Arc::new(Graph::new(&catalog).unwrap());
        let pairs = Pairs::of(&[Code::from_static("tls.alert")]).possible;
        let interrupted = CancellationToken::new();
        let stop = interrupted.clone();
        let mut on_done = |_: &Tried| stop.cancel();
        let tried = run(&pairs, 2, &catalog, &graph, &interrupted, &mut on_done).await;
        let tried = tried.unwrap().len();
        assert!((1..=2).contains(&tried), "{tried}");
    }
}
