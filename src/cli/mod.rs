//! The command line: one file a subcommand. Nothing else reads arguments, prints or decides the exit status.

pub mod agent;
mod args;
mod bundle;
mod checks;
mod diagnose;
mod diff;
mod exit;
mod explain;
mod fix;
mod fixtures;
mod format;
mod input;
mod integrate;
mod lab;
mod listing;
mod logs;
mod output;
mod progress;
mod report_file;
mod secrets;
mod shell;
mod sources;
mod standard;
mod startup;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
pub use exit::Exit;
use exit::Failure;

/// Runs `nexplane-doctor` with these arguments (the program's name first) and says how it ended.
///
/// A panic in any of it is a defect: it ends in [`Exit::Defect`], and is said in the format that was asked for.
pub fn doctor(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let format = format::ReportFormat::asked(&arguments).unwrap_or(format::ReportFormat::Human);
    let outcome = std::panic::catch_unwind(|| dispatch(&arguments))
        .unwrap_or_else(|_| Err(Failure::defect("it panicked; the line above says where")));
    outcome.unwrap_or_else(|failure| {
        output::failure(&failure, format);
        format.failed(failure.exit)
    })
}

fn diagnosis(args: &args::DiagnoseArgs, common: &args::Common) -> Result<Exit, Failure> {
    match args.startup {
        true => Ok(startup::run(args)),
        false => diagnose::run(args, common),
    }
}

fn dispatch(arguments: &[OsString]) -> Result<Exit, Failure> {
    let matches = match Cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return output::clap(&error),
    };
    args::refuse_stray(&matches)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(Failure::usage)?;
    args::settle_token(&matches, &mut cli)?;
    let common = cli.common;
    output::start_logging(&common);
    match cli.command {
        None => diagnosis(&cli.diagnose, &common),
        Some(Command::Diagnose(args)) => diagnosis(&args, &common),
        Some(Command::Fix(args)) => fix::run(&args, &common),
        Some(Command::Integrate(args)) => integrate::run(&args),
        Some(Command::Explain(args)) => explain::run(&args, &common),
        Some(Command::Checks(args)) => checks::run(&args, &common),
        Some(Command::Bundle(args)) => bundle::run(&args, &common),
        Some(Command::Diff(args)) => diff::run(&args, &common),
        Some(Command::Fixtures(args)) => fixtures::run(&args, &common),
        Some(Command::Logs(args)) => logs::run(&args, &common),
        Some(Command::Lab(args)) => lab::run(&args, &common),
        Some(Command::Completions(args)) => shell::completions::<Cli>(&args),
        Some(Command::Man(args)) => shell::man::<Cli>(&args),
        Some(Command::Schema(args)) => {
            let schema = match args.of {
                args::DocumentArg::Report => crate::report::json_v1::schema()?,
                args::DocumentArg::Fix => fix::schema()?,
                args::DocumentArg::Diff => crate::report::diff::schema()?,
                args::DocumentArg::Fixture => crate::bundle::fixture::situation_schema()?,
                args::DocumentArg::Evidence => crate::bundle::fixture::evidence_schema()?,
            };
            output::print(&schema).map(|()| Exit::Healthy)
        }
    }
}
