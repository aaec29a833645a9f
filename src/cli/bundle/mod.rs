//! `nexplane-doctor bundle`: a host's evidence in one file, looked into, and diagnosed anywhere.

mod create;
mod show;

use std::collections::BTreeMap;
use std::path::Path;

use super::args::{BundleArgs, BundleCommand, Common, PlayArgs};
use super::exit::{Exit, Failure};
use super::format::Style;
use super::report_file::ReportFile;
use super::{diagnose, output, sources};
use crate::bundle::{Asked, Bundle, BundleError, Manifest, Missing, play};
use crate::model::{Source, excerpt};
use crate::report::Warnings;

pub(super) fn run(args: &BundleArgs, common: &Common) -> Result<Exit, Failure> {
    match &args.command {
        BundleCommand::Create(args) => create::run(args, common),
        BundleCommand::Show {
            file,
            entry,
            format,
        } => match entry {
            Some(entry) => show::entry(file, entry),
            None => show::list(file, *format),
        },
        BundleCommand::Diagnose(args) => diagnose_again(args, common),
    }
}

fn diagnose_again(args: &PlayArgs, common: &Common) -> Result<Exit, Failure> {
    let (catalog, graph) = sources::graph(args.which.checks.as_deref())?;
    let mut bundle = open(&args.file)?;
    let asked = asked(args, &bundle.manifest.asked);
    let given = &mut bundle.evidence.target.given;
    // Commands are for who looks at the host again in the same way.
    (given.only, given.skip, given.ignore) =
        (asked.only.clone(), asked.skip.clone(), asked.ignore.clone());
    let selection = diagnose::selection(
        (&catalog, &graph),
        (&asked.only, &asked.skip, &asked.ignore),
        bundle.evidence.target.symptom,
    )?;
    let file = args.output.as_deref().map(ReportFile::create).transpose()?;
    let played = play(
        bundle.evidence,
        &catalog,
        &graph,
        &selection,
        Source::Bundle,
        &asked.ignore,
    );
    let report = diagnose::runtime()?.block_on(played);
    let warnings = Warnings::counted(args.strict);
    let style = |look| Style { look, warnings };
    match file {
        Some(file) => {
            let style = style(output::file_look(common));
            file.write(args.format.render(&report, style)?)?;
        }
        None if common.quiet > 1 => {}
        None => {
            let style = style(output::look(common, true));
            output::print(&args.format.render(&report, style)?)?;
        }
    }
    Ok(args.format.exit(&report, warnings))
}

/// What is asked for now, or else what was when it was recorded.
fn asked(args: &PlayArgs, then: &Asked) -> Asked {
    let or = |now: &Vec<_>, then: &Vec<_>| {
        if now.is_empty() {
            then.clone()
        } else {
            now.clone()
        }
    };
    Asked {
        only: or(&args.which.only, &then.only),
        skip: or(&args.which.skip, &then.skip),
        ignore: match args.which.ignore.is_empty() {
            true => then.ignore.clone(),
            false => args.which.ignore.clone(),
        },
    }
}

/// What was left out, and what could not be collected, a line each.
fn not_there(redacted: &BTreeMap<String, u64>, missing: &[Missing]) -> String {
    let left_out = Manifest::left_out(redacted).map(|it| format!("left out   {it}\n"));
    let missing = missing.iter().map(|it| {
        let (what, why) = (excerpt(&it.what), excerpt(&it.why));
        format!("missing    {what}: {why}\n")
    });
    left_out.chain(missing).collect()
}

fn open(file: &Path) -> Result<Bundle, Failure> {
    Bundle::open(file).map_err(|error| failure(file, &error))
}

fn failure(file: &Path, error: &BundleError) -> Failure {
    let file = excerpt(&file.display().to_string());
    Failure::usage(format_args!("the bundle {file}: {error}"))
}
