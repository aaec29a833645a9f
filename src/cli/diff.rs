//! `nexplane-doctor diff`: two reports compared, each a document of JSON, or diagnosed again from a bundle or a fixture.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::args::{Common, Format};
use super::exit::{Exit, Failure};
use super::{diagnose, input, output, sources};
use crate::bundle::fixture::{self, SITUATION};
use crate::bundle::{Bundle, play};
use crate::catalog::Catalog;
use crate::engine::Graph;
use crate::model::{Report, Source, excerpt};
use crate::report::diff::{self, Document};
use crate::report::json_v1;

/// More than any report.
const MOST: u64 = 16 << 20;
/// More than a bundle that comes through a pipe.
const MOST_PIPED: u64 = 64 << 20;
/// How long a pipe has: whoever writes to it may be diagnosing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a file begins that is compressed with zstd, as bundles are.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Compares two reports. Each is what `--format json` wrote, or a bundle or a fixture, which is diagnosed again.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 they differ in nothing, 1 they differ, 2 wrong usage or a file that is no report, 70 a defect.\n\
                  How long something took and notes of what is well make no difference; -v shows them."
)]
pub(super) struct DiffArgs {
    /// The earlier one; `-` is standard input
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    before: PathBuf,
    /// The later one; `-` is standard input
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    after: PathBuf,
    /// Your own checks, for bundles and fixtures, as in the diagnosis
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    checks: Option<PathBuf>,
    /// How to write the comparison
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(args: &DiffArgs, common: &Common) -> Result<Exit, Failure> {
    let stdin = |path: &Path| path.as_os_str() == "-";
    if stdin(&args.before) && stdin(&args.after) {
        return Err(Failure::usage(
            "standard input is one report; name a file for the other",
        ));
    }
    let reader = Reader(sources::graph(args.checks.as_deref())?);
    let name = |path: &Path| path.display().to_string();
    let (a, b) = (name(&args.before), name(&args.after));
    let (before, after) = (reader.read(&args.before)?, reader.read(&args.after)?);
    let differences = diff::compare(&before, &after);
    let (before, after) = ((a.as_str(), &before), (b.as_str(), &after));
    let text = match args.format {
        Format::Human => {
            let look = output::look(common, true);
            diff::human(before, after, &differences, look)
        }
        Format::Json => diff::json(before, after, &differences)?,
    };
    if common.quiet < 2 {
        output::print(&text)?;
    }
    Ok(Exit::expected(diff::is_equal(&differences)))
}

/// Reads reports, and makes those that are none yet.
struct Reader((Catalog, Arc<Graph>));

impl Reader {
    fn read(&self, path: &Path) -> Result<Document, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            let path = excerpt(&path.display().to_string());
            Failure::usage(format_args!("cannot compare {path}: {why}"))
        };
        let metadata = std::fs::metadata(path);
        if metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
            return match path.join(SITUATION).is_file() {
                true => self.fixture(path),
                false => Err(failed(&format_args!(
                    "a directory that is no fixture (it has no {SITUATION})"
                ))),
            };
        }
        if metadata.is_ok_and(|it| it.is_file()) && begins_as_bundle(path) {
            return self.bundle(Bundle::open(path).map_err(|error| failed(&error))?);
        }
        let bytes = input::read(path, MOST_PIPED, PATIENCE).map_err(|why| failed(&why))?;
        if bytes.starts_with(&ZSTD) {
            let bundle = Bundle::read(bytes.as_slice()).map_err(|error| failed(&error))?;
            return self.bundle(bundle);
        }
        if bytes.len() as u64 > MOST {
            return Err(failed(&format_args!("it is larger than {MOST} bytes")));
        }
        Document::parse(&bytes).map_err(|error| failed(&error))
    }

    fn fixture(&self, directory: &Path) -> Result<Document, Failure> {
        let Self((catalog, graph)) = self;
        let fixture = fixture::open(directory, catalog).map_err(Failure::usage)?;
        let played = diagnose::runtime()?.block_on(fixture::play(&fixture, catalog, graph));
        document(&played.report)
    }

    fn bundle(&self, bundle: Bundle) -> Result<Document, Failure> {
        let Self((catalog, graph)) = self;
        let asked = &bundle.manifest.asked;
        let selection = diagnose::selection(
            (catalog, graph),
            (&asked.only, &asked.skip, &asked.ignore),
            bundle.evidence.target.symptom,
        )?;
        let played = play(
            bundle.evidence,
            catalog,
            graph,
            &selection,
            Source::Bundle,
            &asked.ignore,
        );
        document(&diagnose::runtime()?.block_on(played))
    }
}

/// As it would have been written.
fn document(report: &Report) -> Result<Document, Failure> {
    Document::parse(json_v1::render(report)?.as_bytes()).map_err(Failure::defect)
}

fn begins_as_bundle(path: &Path) -> bool {
    let mut begin = [0; ZSTD.len()];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut begin).is_ok()) && begin == ZSTD
}
