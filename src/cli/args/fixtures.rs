//! What may stand behind `fixtures`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::ReportFormat;

#[derive(Debug, Args)]
pub(in crate::cli) struct FixturesArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: FixturesCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FixturesCommand {
    /// Diagnose recorded situations and compare with what each expects
    Test(FixturesTestArgs),
    /// The report of a recorded situation, as its diagnosis gives it now
    Show {
        /// The situation's directory
        #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
        path: PathBuf,
        /// Your own checks, as in the diagnosis
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        checks: Option<PathBuf>,
        /// How to write the report
        #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
        format: ReportFormat,
    },
    /// Make a situation out of evidence, for a person to review: what it expects is what its diagnosis says now
    New(FixturesNewArgs),
}

/// Exit status: 0 all as expected, 1 one is otherwise or cannot be read, 2 wrong usage or no situation there.
#[derive(Debug, Args)]
pub(in crate::cli) struct FixturesTestArgs {
    /// Situations, or directories of them
    #[arg(default_value = "fixtures", value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// Your own checks, as in the diagnosis
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) checks: Option<PathBuf>,
    /// Only those whose name has TEXT in it (several: any of them)
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) filter: Vec<String>,
    /// How many at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub(in crate::cli) jobs: Option<usize>,
    /// Show what is otherwise, then expect it: rewrites `expect`, and nothing else of a file
    #[arg(long)]
    pub(in crate::cli) update: bool,
    /// How to write the results
    #[arg(long, value_enum, default_value_t = ResultsFormat::Human)]
    pub(in crate::cli) format: ResultsFormat,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FixturesNewArgs {
    /// The situation's name, such as dns-not-found
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: String,
    /// The evidence: a bundle, an evidence.json, or a situation's directory
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) from: PathBuf,
    /// Where situations are
    #[arg(long, value_name = "DIR", default_value = "fixtures", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) into: PathBuf,
    /// What it is, in one line [default: what its diagnosis says]
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) title: Option<String>,
    /// Your own checks, as in the diagnosis
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) checks: Option<PathBuf>,
}

/// How results of tests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ResultsFormat {
    /// For people
    Human,
    /// For programs: one document
    Json,
    /// JUnit's XML
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// GitHub's workflow annotations
    Github,
}
