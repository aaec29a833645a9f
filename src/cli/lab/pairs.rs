//! `nexplane-doctor lab run --pairs`: every two faults that can exist together, and how well they are told apart.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::args::{Common, Format};
use super::super::exit::{Exit, Failure};
use super::super::progress::Spinner;
use super::super::{diagnose, output, sources};
use super::{milliseconds, page};
use crate::catalog::Catalog;
use crate::lab::FAULTS;
use crate::lab::pairs::{self, Impossible, Pairs, Tried};
use crate::model::{Code, format_duration};
use crate::report::human::Look;

/// Runs the pairs; with names, those in which one of the named faults is.
pub(super) fn run(
    names: &[String],
    format: Format,
    jobs: usize,
    common: &Common,
) -> Result<Exit, Failure> {
    let pairs = Pairs::of(&codes(names)?);
    let (catalog, graph) = sources::graph(None)?;
    let catalog = std::sync::Arc::new(catalog);
    let total = pairs.possible.len();
    let began = Instant::now();
    let runtime = diagnose::runtime()?;
    let tried = runtime.block_on(async {
        let interrupted = diagnose::interruption();
        let spinner = Spinner::new(common);
        let (mut done, mut wrong) = (0, 0);
        let mut on_done = |tried: &Tried| {
            done += 1;
            wrong += usize::from(!tried.matches());
            let name = name(tried);
            spinner.say(format!("{done}/{total}, {wrong} not as expected; {name}"));
        };
        let scenarios = &pairs.possible;
        let running = pairs::run(
            scenarios,
            jobs,
            &catalog,
            &graph,
            &interrupted,
            &mut on_done,
        );
        let tried = running.await;
        tried
            .map_err(|error| Failure::defect(format_args!("the lab cannot set a pair up: {error}")))
    })?;
    runtime.shutdown_background();
    let complete = tried.len() == total;
    let result = Document {
        pairs: tried.iter().map(Pair::new).collect(),
        impossible: pairs.impossible.iter().map(Apart::new).collect(),
        summary: Summary::of(
            &tried,
            complete,
            pairs.impossible.len(),
            jobs,
            began.elapsed(),
        ),
    };
    output::print(&match format {
        Format::Json => serde_json::to_string_pretty(&result)? + "\n",
        Format::Human => text(&tried, &result, &catalog, output::look(common, false)),
    })?;
    Ok(Exit::expected(complete && tried.iter().all(Tried::matches)))
}

fn codes(names: &[String]) -> Result<Vec<Code>, Failure> {
    let known = |name: &&String| FAULTS.iter().any(|fault| fault.code == ***name);
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(Failure::usage(format_args!(
            "there is no fault `{unknown}` that could be one of a pair; `nexplane-doctor lab list` names them all"
        ))),
        None => names
            .iter()
            .map(|name| Code::new(name.clone()).map_err(Failure::usage))
            .collect(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    pairs: Vec<Pair<'a>>,
    /// Pairs that were not tried, because they cannot exist.
    impossible: Vec<Apart<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Pair<'a> {
    faults: &'a [Code],
    /// The root causes that the diagnosis must name.
    expected: &'a [Code],
    /// Those that it named.
    root_causes: &'a [Code],
    missed: Vec<&'a Code>,
    invented: Vec<&'a Code>,
    /// The faults that cannot be seen where the other one is.
    hidden: &'a [Code],
    /// The warnings that it named.
    notices: &'a [Code],
    #[serde(rename = "match")]
    matches: bool,
    duration_ms: f64,
    /// What is otherwise than expected, in words.
    differences: &'a [String],
}

impl<'a> Pair<'a> {
    fn new(tried: &'a Tried) -> Self {
        Self {
            faults: &tried.faults,
            expected: &tried.expected,
            root_causes: &tried.root_causes,
            missed: tried.missed().collect(),
            invented: tried.invented().collect(),
            hidden: &tried.hidden,
            notices: &tried.notices,
            matches: tried.matches(),
            duration_ms: milliseconds(tried.duration),
            differences: &tried.differences,
        }
    }
}

#[derive(Serialize)]
struct Apart<'a> {
    faults: [&'a Code; 2],
    reason: &'a str,
}

impl<'a> Apart<'a> {
    const fn new(pair: &'a Impossible) -> Self {
        Self {
            faults: pair.faults,
            reason: pair.why,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    /// The pairs that were tried.
    pairs: usize,
    /// Whether that is all of them: an interruption leaves some out.
    complete: bool,
    impossible: usize,
    /// Those diagnosed wholly as expected: causes, symptoms, warnings, verdict.
    as_expected: usize,
    #[serde(flatten)]
    causes: Causes,
    jobs: usize,
    /// Until the last one was done.
    duration_ms: f64,
    #[serde(flatten)]
    times: Times,
}

impl Summary {
    fn of(tried: &[Tried], complete: bool, apart: usize, jobs: usize, took: Duration) -> Self {
        Self {
            pairs: tried.len(),
            complete,
            impossible: apart,
            as_expected: tried.iter().filter(|tried| tried.matches()).count(),
            causes: Causes::of(tried),
            jobs,
            duration_ms: milliseconds(took),
            times: Times::of(tried),
        }
    }
}

/// The root causes of some pairs, counted.
#[derive(Serialize)]
struct Causes {
    causes_expected: usize,
    /// Those of the expected ones that were named.
    causes_found: usize,
    causes_missed: usize,
    causes_invented: usize,
    /// Found of those expected; nothing where none was.
    recall: Option<f64>,
    /// Expected of those named; nothing where none was.
    precision: Option<f64>,
}

impl Causes {
    fn of<'a>(tried: impl IntoIterator<Item = &'a Tried>) -> Self {
        let (mut expected, mut missed, mut invented) = (0, 0, 0);
        for tried in tried {
            expected += tried.expected.len();
            missed += tried.missed().count();
            invented += tried.invented().count();
        }
        let found = expected - missed;
        Self {
            causes_expected: expected,
            causes_found: found,
            causes_missed: missed,
            causes_invented: invented,
            recall: share(found, expected),
            precision: share(found, found + invented),
        }
    }
}

/// To four places, rounded down: 1 is all of them.
fn share(part: usize, whole: usize) -> Option<f64> {
    let ten_thousandths = (part * 10_000).checked_div(whole)?;
    Some(f64::from(u32::try_from(ten_thousandths).ok()?) / 1e4)
}

/// How long the diagnosis of one pair took.
#[derive(Serialize)]
struct Times {
    p50_ms: f64,
    p95_ms: f64,
}

impl Times {
    fn of<'a>(tried: impl IntoIterator<Item = &'a Tried>) -> Self {
        let mut all: Vec<Duration> = tried.into_iter().map(|tried| tried.duration).collect();
        all.sort_unstable();
        let rank = |percent: usize| {
            let place = (all.len() * percent).div_ceil(100).max(1) - 1;
            milliseconds(all.get(place).copied().unwrap_or_default())
        };
        Self {
            p50_ms: rank(50),
            p95_ms: rank(95),
        }
    }
}

fn name(tried: &Tried) -> String {
    let codes: Vec<&str> = tried.faults.iter().map(Code::as_str).collect();
    codes.join("+")
}

/// A row for each layer, one for all, then each pair that is not as expected, in full.
fn text(tried: &[Tried], document: &Document<'_>, catalog: &Catalog, look: Look) -> String {
    let of = |layer: &str| -> Vec<&Tried> {
        let is_of = |tried: &&Tried| tried.faults.iter().any(|code| code.check() == layer);
        tried.iter().filter(is_of).collect()
    };
    let layers = catalog.checks().iter().map(|check| check.id.as_str());
    let mut rows: Vec<_> = layers
        .map(|layer| (layer, of(layer)))
        .filter(|(_, of_layer)| !of_layer.is_empty())
        .map(|(layer, of_layer)| row(layer, &of_layer))
        .collect();
    rows.push(row("all", &tried.iter().collect::<Vec<_>>()));
    let header = [
        "with",
        "pairs",
        "ok",
        "recall",
        "invented",
        "precision",
        "p50",
        "p95",
    ];
    let mut text = page(&header, rows, look);
    for tried in tried.iter().filter(|tried| !tried.matches()) {
        let differences = tried.differences.join("\n  ");
        text.push_str(&format!("\n{}:\n  {differences}\n", name(tried)));
    }
    let summary = &document.summary;
    let cut = if summary.complete {
        ""
    } else {
        " (interrupted)"
    };
    let causes = &summary.causes;
    text + &format!(
        "\n{} of {} pairs diagnosed as injected{cut}, in {}; {} cannot exist\n\
         {} of {} causes found, {} invented\n",
        summary.as_expected,
        summary.pairs,
        format_duration(Duration::from_secs_f64(summary.duration_ms / 1e3)),
        summary.impossible,
        causes.causes_found,
        causes.causes_expected,
        causes.causes_invented
    )
}

fn row(name: &str, tried: &[&Tried]) -> Vec<String> {
    let causes = Causes::of(tried.iter().copied());
    let times = Times::of(tried.iter().copied());
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{share:.4}"));
    let time = |ms: f64| format_duration(Duration::from_secs_f64(ms / 1e3));
    vec![
        name.to_owned(),
        tried.len().to_string(),
        tried
            .iter()
            .filter(|tried| tried.matches())
            .count()
            .to_string(),
        share(causes.recall),
        causes.causes_invented.to_string(),
        share(causes.precision),
        time(times.p50_ms),
        time(times.p95_ms),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(expected: &[&'static str], root_causes: &[&'static str], ms: u64) -> Tried {
        let codes =
            |names: &[&'static str]| names.iter().map(|name| Code::from_static(name)).collect();
        Tried {
            faults: codes(&["tcp.refused", "clock.skew"]),
            expected: codes(expected),
            root_causes: codes(root_causes),
            notices: Vec::new(),
            hidden: codes(&["clock.skew"]),
            differences: match expected == root_causes {
                true => Vec::new(),
                false => vec!["root causes: otherwise".to_owned()],
            },
            duration: Duration::from_millis(ms),
        }
    }

    #[test]
    fn what_is_missed_and_what_is_invented_is_counted() {
        let all = [
            tried(
                &["tcp.refused", "clock.skew"],
                &["tcp.refused", "tcp.timeout"],
                30,
            ),
            tried(&["tcp.refused"], &["tcp.refused"], 10),
            tried(&[], &[], 20),
        ];
        let causes = Causes::of(&all);
        let counted = (
            causes.causes_expected,
            causes.causes_found,
            causes.causes_missed,
            causes.causes_invented,
        );
        assert_eq!(counted, (3, 2, 1, 1));
        assert_eq!(
            (causes.recall, causes.precision),
            (Some(0.6666), Some(0.6666))
        );
        assert_eq!(Causes::of(&all[2..]).recall, None);
        let times = Times::of(&all);
        assert_eq!((times.p50_ms, times.p95_ms), (20.0, 30.0));
        assert_eq!(Times::of(&[]).p95_ms, 0.0);
        assert_eq!(
            row("tcp", &[&all[0], &all[1]])[..6],
            ["tcp", "2", "1", "0.6666", "1", "0.6666"]
        );
        let document = serde_json::to_value(Pair::new(&all[0])).unwrap_or_default();
        assert_eq!(document["missed"], serde_json::json!(["clock.skew"]));
        assert_eq!(document["invented"], serde_json::json!(["tcp.timeout"]));
        assert_eq!(document["match"], false);
    }

    #[test]
    fn what_is_otherwise_is_told_in_full() {
        let all = [tried(&["tcp.refused"], &[], 1), tried(&[], &[], 1)];
        let document = Document {
            pairs: Vec::new(),
            impossible: Vec::new(),
            summary: Summary::of(&all, false, 7, 1, Duration::from_secs(2)),
        };
        let catalog =
            sources::catalog(None).unwrap_or_else(|failure| panic!("{}", failure.message));
        let look = Look {
            color: false,
            unicode: false,
            width: 80,
            checks: false,
            verbose: false,
        };
        let text = text(&all, &document, &catalog, look);
        assert!(
            text.contains("\ntcp.refused+clock.skew:\n  root causes: otherwise\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "\n1 of 2 pairs diagnosed as injected (interrupted), in 2s; 7 cannot exist\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("0 of 1 causes found, 0 invented\n"),
            "{text}"
        );
    }
}
