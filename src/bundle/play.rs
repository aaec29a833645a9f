//! Recorded evidence diagnosed again.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::fixture::Evidence;
use crate::catalog::Catalog;
use crate::diagnosis;
use crate::engine::{self, Graph, Limits, Selection};
use crate::host::Recorded;
use crate::model::{Code, Report, Source};

/// A recorded host answers at once; evidence that takes this long is made to.
const DEADLINE: Duration = Duration::from_secs(20);

/// Diagnoses what was recorded, with nothing but the recording. Checks that came after it are left out.
pub async fn play(
    evidence: Evidence,
    catalog: &Catalog,
    graph: &Arc<Graph>,
    selection: &Selection,
    source: Source,
    ignore: &[Code],
) -> Report {
    let ids = catalog.checks().iter().map(|check| &check.id);
    let selection = Selection {
        newer: evidence.newer(ids),
        ..selection.clone()
    };
    let limits = Limits {
        timeout: DEADLINE,
        deadline: DEADLINE,
    };
    let host = Recorded::new(evidence.recording);
    let run = engine::run(
        graph,
        Arc::new(host),
        Arc::new(evidence.target),
        &selection,
        limits,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .await;
    diagnosis::diagnose(catalog, &run, source, ignore)
}
