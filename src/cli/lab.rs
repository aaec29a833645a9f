//! `nexplane-doctor lab`: faults of an embedded control plane, injected and diagnosed, or kept running to be tried.

use std::path::Path;

use serde::Serialize;

use super::args::{Common, Format, LabArgs, LabCommand};
use super::exit::{Exit, Failure};
use super::progress::Spinner;
use super::{diagnose, output, sources};
use crate::bundle::fixture::{self, Provenance, Situation};
use crate::lab::{CONTROLS, FAULTS, Outcome, Scenario};
use crate::model::{Code, Role, format_duration};
use crate::report::human::Look;
use crate::report::table;

mod pairs;
mod serve;

pub(super) fn run(args: &LabArgs, common: &Common) -> Result<Exit, Failure> {
    match &args.command {
        LabCommand::List { format } => list(*format, common),
        LabCommand::Run {
            faults,
            format,
            record,
            pairs,
            jobs,
        } => match pairs {
            true => pairs::run(faults, *format, *jobs, common),
            false => run_all(faults, *format, record.as_deref(), common),
        },
        LabCommand::Serve {
            listen,
            dir,
            fault,
            certificates_for,
            format,
        } => serve::run(
            *listen,
            dir.as_deref(),
            fault,
            *certificates_for,
            *format,
            common,
        ),
    }
}

#[derive(Serialize)]
struct ListedFault<'a> {
    fault: &'a str,
    side: &'a str,
    what: &'a str,
}

fn list(format: Format, common: &Common) -> Result<Exit, Failure> {
    let listed: Vec<ListedFault<'_>> = CONTROLS
        .iter()
        .chain(FAULTS)
        .map(|fault| ListedFault {
            fault: fault.code.as_str(),
            side: fault.side.as_str(),
            what: fault.what,
        })
        .collect();
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&listed)? + "\n",
        Format::Human => {
            let row = |fault: &ListedFault<'_>| {
                vec![
                    fault.fault.to_owned(),
                    fault.side.to_owned(),
                    fault.what.to_owned(),
                ]
            };
            let rows = listed.iter().map(row).collect();
            page(
                &["fault", "side", "what is wrong"],
                rows,
                output::look(common, false),
            )
        }
    };
    output::print(&text)?;
    Ok(Exit::Healthy)
}

fn page(header: &[&str], rows: Vec<Vec<String>>, look: Look) -> String {
    table::lines(header, rows, look.width).join("\n") + "\n"
}

/// To a tenth of one.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

/// What became of a fault, in JSON.
#[derive(Serialize)]
struct Tried {
    fault: String,
    /// The root causes that the diagnosis must name.
    expected: Vec<String>,
    /// Those that it named.
    root_causes: Vec<String>,
    #[serde(rename = "match")]
    matches: bool,
    duration_ms: f64,
    /// The warnings that the diagnosis must name.
    expected_notices: Vec<String>,
    /// Those that it named.
    notices: Vec<String>,
    /// What is otherwise than expected, in words.
    differences: Vec<String>,
}

impl Tried {
    fn new(outcome: &Outcome) -> Self {
        let differences = outcome.expected.differences(&outcome.report);
        let texts = |codes: &[Code]| codes.iter().map(ToString::to_string).collect();
        let notices = outcome
            .report
            .findings
            .iter()
            .filter(|f| f.role == Role::Notice);
        Self {
            fault: outcome.name.clone(),
            expected: texts(&outcome.expected.root_causes),
            root_causes: outcome
                .report
                .root_causes()
                .map(ToString::to_string)
                .collect(),
            matches: differences.is_empty(),
            duration_ms: milliseconds(outcome.report.duration),
            expected_notices: texts(&outcome.expected.notices),
            notices: notices.map(|finding| finding.code.to_string()).collect(),
            differences: differences.iter().map(ToString::to_string).collect(),
        }
    }
}

fn run_all(
    names: &[String],
    format: Format,
    record: Option<&Path>,
    common: &Common,
) -> Result<Exit, Failure> {
    let (catalog, graph) = sources::graph(None)?;
    let scenarios = match names {
        [] => Scenario::all(),
        names => names
            .iter()
            .map(|name| Scenario::parse(name).map_err(Failure::usage))
            .collect::<Result<_, _>>()?,
    };
    let runtime = diagnose::runtime()?;
    let tried = runtime.block_on(async {
        let interrupted = diagnose::interruption();
        let spinner = Spinner::new(common);
        let mut all = Vec::new();
        for (i, scenario) in scenarios.iter().enumerate() {
            if interrupted.is_cancelled() {
                break;
            }
            let name = scenario.name();
            spinner.say(format!(
                "{}/{} {name}: {}",
                i + 1,
                scenarios.len(),
                scenario.what()
            ));
            let outcome = scenario.run(&catalog, &graph, &interrupted).await;
            let outcome = outcome.map_err(|error| {
                Failure::defect(format_args!("the lab cannot set `{name}` up: {error}"))
            })?;
            all.push(Tried::new(&outcome));
            if let Some(directory) = record {
                keep(directory, scenario, outcome)?;
            }
        }
        Ok::<_, Failure>(all)
    })?;
    runtime.shutdown_background();
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&tried)? + "\n",
        Format::Human => summary(&tried, scenarios.len(), output::look(common, false)),
    };
    output::print(&text)?;
    let complete = tried.len() == scenarios.len();
    Ok(Exit::expected(
        complete && tried.iter().all(|tried| tried.matches),
    ))
}

/// The table: what was injected, what was diagnosed, how long that took.
fn summary(tried: &[Tried], planned: usize, look: Look) -> String {
    let row = |tried: &Tried| {
        let named: Vec<&str> = tried
            .root_causes
            .iter()
            .chain(&tried.notices)
            .map(String::as_str)
            .collect();
        let diagnosed = match named.is_empty() {
            true => "nothing found".to_owned(),
            false => named.join(", "),
        };
        let time = format_duration(std::time::Duration::from_secs_f64(tried.duration_ms / 1e3));
        let mark = if tried.matches { "ok" } else { "NO" };
        vec![mark.to_owned(), tried.fault.clone(), diagnosed, time]
    };
    let rows = tried.iter().map(row).collect();
    let mut text = page(&["", "injected", "diagnosed", "time"], rows, look);
    for tried in tried.iter().filter(|tried| !tried.matches) {
        text.push_str(&format!(
            "\n{}:\n  {}\n",
            tried.fault,
            tried.differences.join("\n  ")
        ));
    }
    let good = tried.iter().filter(|tried| tried.matches).count();
    let cut = match tried.len() == planned {
        true => String::new(),
        false => format!(" (interrupted: {planned} were planned)"),
    };
    text + &format!("\n{good} of {} diagnosed as injected{cut}\n", tried.len())
}

/// Keeps what a diagnosis saw as a fixture: what was injected is what it must say, whatever it did say.
fn keep(directory: &Path, scenario: &Scenario, outcome: Outcome) -> Result<(), Failure> {
    let situation = Situation {
        title: scenario.what(),
        provenance: Provenance::Recorded,
        expect: outcome.expected,
    };
    let name = outcome.name.replace(['.', '_'], "-");
    fixture::write(&directory.join(name), &situation, &outcome.evidence).map_err(Failure::usage)
}
