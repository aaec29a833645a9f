//! Bundles: what leaves a host says what the doctor on the spot said, betrays nothing, and may come from a stranger.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and these say how much they tried"
)]

mod archive;
mod damaged;
mod equal;
mod format;
mod hostile;
mod odd;
mod secrets;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use nexplane_doctor::bundle::fixture::{self, Evidence};
use nexplane_doctor::bundle::{Bundle, Contents, Extra, Identities, Redaction, play};
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::{Graph, Selection};
use nexplane_doctor::model::{Report, Source};
use nexplane_doctor::report::json_v1;

/// What bundles may unpack to, by default.
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
        let (catalog, graph) = (&self.catalog, &self.graph);
        play(evidence, catalog, graph, &all, Source::Bundle, &[]).await
    }
}

/// The bytes of a bundle of this evidence.
fn packed(evidence: &Evidence, report: &Report, names: Identities) -> Vec<u8> {
    let report = json_v1::render(report).unwrap();
    let redaction = Redaction {
        names,
        ..Redaction::default()
    };
    let contents = Contents::new(evidence, &report, Extra::default(), &redaction, SIZE).unwrap();
    contents.pack().unwrap()
}

fn read(bytes: &[u8]) -> Bundle {
    Bundle::read(bytes).unwrap()
}

/// The repository's recorded situations.
fn situations() -> Vec<(String, Evidence)> {
    static ALL: LazyLock<Vec<(String, Evidence)>> = LazyLock::new(read_situations);
    ALL.clone()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read_situations() -> Vec<(String, Evidence)> {
    let of = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fixture::read(&path).unwrap().evidence)
    };
    fixture::find(&fixtures())
        .unwrap()
        .into_iter()
        .map(of)
        .collect()
}

fn situation(name: &str) -> Evidence {
    let mut all = situations().into_iter();
    all.find(|(it, _)| it == name).unwrap().1
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
    command.args(arguments);
    command
}
