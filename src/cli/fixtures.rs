//! `nexplane-doctor fixtures`: recorded situations are diagnosed again, and the diagnoses compared, or shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::{Common, FixturesArgs, FixturesCommand};
use super::exit::{Exit, Failure};
use super::format::ReportFormat;
use super::{diagnose, output, sources};
use crate::bundle::fixture::{self, Fixture};
use crate::catalog::Catalog;
use crate::diagnosis;
use crate::engine::{self, Graph, Limits, Selection};
use crate::host::Recorded;
use crate::model::{Report, Source};

/// A recorded host answers at once; a fixture that takes this long has met a defect.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn run(args: &FixturesArgs, common: &Common) -> Result<Exit, Failure> {
    match &args.command {
        FixturesCommand::Test { paths, checks } => test(paths, checks.as_deref(), common),
        FixturesCommand::Show {
            path,
            checks,
            format,
        } => show(path, checks.as_deref(), *format, common),
    }
}

/// A report is shown, whatever it says: that it could be made is all that was asked for.
fn show(
    directory: &Path,
    checks: Option<&Path>,
    format: ReportFormat,
    common: &Common,
) -> Result<Exit, Failure> {
    let (catalog, graph) = sources::graph(checks)?;
    let fixture = fixture::read(directory).map_err(Failure::usage)?;
    let report = diagnose::runtime()?.block_on(play(fixture, &catalog, &graph));
    let text = format.render(&report, output::look(common, true))?;
    output::print(&text).map(|()| Exit::Healthy)
}

fn test(paths: &[PathBuf], checks: Option<&Path>, common: &Common) -> Result<Exit, Failure> {
    let (catalog, graph) = sources::graph(checks)?;
    let mut directories = Vec::new();
    for path in paths {
        directories.extend(fixture::find(path).map_err(Failure::usage)?);
    }
    let runtime = diagnose::runtime()?;
    let mut failed = 0;
    let mut page = String::new();
    for directory in &directories {
        let fixture = fixture::read(directory).map_err(Failure::usage)?;
        let expect = fixture.situation.expect.clone();
        let report = runtime.block_on(play(fixture, &catalog, &graph));
        let differences = expect.differences(&report);
        let name = directory.display();
        if differences.is_empty() {
            if common.verbose > 0 {
                page.push_str(&format!("ok      {name}\n"));
            }
            continue;
        }
        failed += 1;
        page.push_str(&format!("DIFFERS {name}\n"));
        for difference in differences {
            page.push_str(&format!("        {difference}\n"));
        }
    }
    let passed = directories.len() - failed;
    page.push_str(&format!("{passed} passed, {failed} failed\n"));
    output::print(&page)?;
    Ok(Exit::expected(failed == 0))
}

/// Diagnoses what a fixture recorded.
async fn play(fixture: Fixture, catalog: &Catalog, graph: &Arc<Graph>) -> Report {
    let ids = catalog.checks().iter().map(|check| &check.id);
    let selection = Selection {
        newer: fixture.evidence.newer(ids),
        ..Selection::default()
    };
    let target = Arc::new(fixture.evidence.target);
    let limits = Limits {
        timeout: DEADLINE,
        deadline: DEADLINE,
    };
    let run = engine::run(
        graph,
        Arc::new(Recorded::new(fixture.evidence.recording)),
        target,
        &selection,
        limits,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .await;
    diagnosis::diagnose(catalog, &run, Source::Fixture, &[])
}
