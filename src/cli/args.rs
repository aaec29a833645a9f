//! What may stand on the command line.

mod bundle;
mod fixtures;
mod subject;

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

pub(super) use bundle::{BundleArgs, BundleCommand, CreateArgs, PlayArgs};
pub(super) use fixtures::{
    FixturesArgs, FixturesCommand, FixturesNewArgs, FixturesTestArgs, ResultsFormat,
};
pub(super) use subject::{SubjectArgs, WhichArgs};

use super::diff::DiffArgs;
use super::exit::Failure;
use super::format::ReportFormat;
use crate::model::{CheckId, Code, Secret, parse_duration};

/// Says why a Nexplane agent does not register, is offline or executes nothing.
///
/// Looks at this host the way the agent's service sees it, follows the connection to the control plane layer by layer,
/// and names the cause, what is only a symptom of it, and what the runbook says to do.
#[derive(Debug, Parser)]
#[command(
    name = "nexplane-doctor",
    version,
    after_help = "Exit status: 0 healthy (warnings allowed), 1 an error was found, 2 wrong usage or an output that cannot be written,\n\
                  3 undecided, 70 a defect.\n\
                  Without a command, diagnoses this host. Start with: nexplane-doctor lab run",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) diagnose: DiagnoseArgs,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// When to use colours (also: NO_COLOR in the environment)
    #[arg(long, value_enum, default_value_t = ColorWhen::Auto, global = true, help_heading = "Output")]
    pub(super) color: ColorWhen,
    /// Show no progress; with a second -q, not even the report
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = "Output")]
    pub(super) quiet: u8,
    /// Show what the checks saw; twice, log what the doctor does
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = "Output")]
    pub(super) verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Diagnose this host (what happens without a command)
    Diagnose(Box<DiagnoseArgs>),
    /// Diagnose, show what could be repaired, ask, repair, and look again; or take that back
    Fix(Box<FixArgs>),
    /// What a finding means, how it is found out, what to do; without a code, all of them
    Explain(ExplainArgs),
    /// The check graph and the texts of the checks
    Checks(ChecksArgs),
    /// A host's evidence in one file, without its secrets: recorded here, diagnosed anywhere
    Bundle(BundleArgs),
    /// Two reports, bundles or fixtures: what appeared, went away, changed
    Diff(DiffArgs),
    /// Recorded situations and the diagnoses that they must give
    Fixtures(FixturesArgs),
    /// What an agent's log tells: its lines as finding codes
    Logs(LogsArgs),
    /// An embedded control plane and agent, with faults to inject
    Lab(LabArgs),
    /// Have an agent's service diagnose itself whenever it starts
    Integrate(IntegrateArgs),
    /// Completions for a shell, on standard output
    Completions(CompletionsArgs),
    /// Manual pages
    Man(ManArgs),
    /// The JSON Schema of the report, of what `fix` or `diff` prints, or of a fixture's files
    Schema(SchemaArgs),
}

/// How everything but a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For programs: schema version 1
    Json,
}

/// How long a probe may take, unless somebody says.
pub(super) const TIMEOUT: &str = "5s";
/// How long a run may take, unless somebody says.
pub(super) const DEADLINE: &str = "20s";

/// What is looked at, and how long that may take.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetArgs {
    /// The agent's configuration [default: what the service is started with, else /etc/nexplane-agent/config.yaml]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What to look at")]
    pub(super) config: Option<PathBuf>,
    /// The control plane, instead of the configuration's
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = "What to look at")]
    pub(super) control_plane: Option<String>,
    /// Look at the host under DIR instead of /
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "What to look at")]
    pub(super) root: Option<PathBuf>,
    /// How long one probe may take
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = positive, help_heading = "How long")]
    pub(super) timeout: Duration,
    /// How long the whole run may take
    #[arg(long, value_name = "DURATION", default_value = DEADLINE, value_parser = positive, help_heading = "How long")]
    pub(super) deadline: Duration,
}

#[derive(Debug, Clone, Args)]
pub(super) struct DiagnoseArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// For a service's start: at most 2 seconds, one line, the report where `nexplane-agent status` finds it, exit status 0
    #[arg(long, conflicts_with_all = ["wait", "watch", "root", "format", "output", "strict", "deadline", "timeout"],
          help_heading = "How long")]
    pub(super) startup: bool,
    /// Repeat until the host is healthy, for at most this long
    #[arg(long, value_name = "DURATION", value_parser = positive, conflicts_with = "watch", help_heading = "How long")]
    pub(super) wait: Option<Duration>,
    /// Repeat until interrupted; a report whenever the diagnosis changes (with --format json, one a line)
    #[arg(long, help_heading = "How long")]
    pub(super) watch: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Human, help_heading = "Output")]
    pub(super) format: ReportFormat,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// Let warnings fail, too
    #[arg(long, help_heading = "Output")]
    pub(super) strict: bool,
}

/// Repairs what the diagnosis found, causes first: each action looked at again before, journalled, verified after, and taken
/// back if it did not help. Asks before each on a terminal; elsewhere shows only the plan, unless --yes is given.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit status: 0 healthy afterwards (warnings allowed), or taken back whole; 1 not;\n\
                  2 wrong usage, or a journal or an output that cannot be used; 70 a defect.\n\
                  With --undo --dry-run: 0 there is nothing to take back, 1 there is."
)]
pub(super) struct FixArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// A new enrollment token, to enroll with where that is the repair. Others can see arguments: prefer --token-file
    #[arg(long, value_name = "TOKEN", env = "NEXPLANE_ENROLLMENT_TOKEN", hide_env_values = true,
          value_parser = secret, help_heading = "What to repair with")]
    pub(super) token: Option<Secret>,
    /// A file or pipe that holds the enrollment token; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What to repair with")]
    pub(super) token_file: Option<PathBuf>,
    /// The control plane's CA certificate, to install with it where that is the repair
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What to repair with")]
    pub(super) ca_cert: Option<PathBuf>,
    /// The SHA-256 fingerprint of the control plane's CA, from somebody who knows it: the CA that the control plane presents is
    /// then trusted if it is that one. The whole, or at least its first 32 digits
    #[arg(
        long,
        value_name = "SHA256",
        conflicts_with = "ca_cert",
        help_heading = "What to repair with"
    )]
    pub(super) ca_fingerprint: Option<String>,
    /// Only show what would be done
    #[arg(long, conflicts_with = "yes", help_heading = "Who decides")]
    pub(super) dry_run: bool,
    /// Do what is safe without a question
    #[arg(long, help_heading = "Who decides")]
    pub(super) yes: bool,
    /// With --yes: do also what a person would have to confirm; with --undo --yes: overwrite what was changed since
    #[arg(long, requires = "yes", help_heading = "Who decides")]
    pub(super) all: bool,
    /// Take back what the last run did
    #[arg(long, help_heading = "Taking back")]
    pub(super) undo: bool,
    /// Where the undo journal is kept [default: /var/lib/nexplane-doctor/undo, for root; else in the user's state directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Taking back")]
    pub(super) journal: Option<PathBuf>,
    /// How to say what was done
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which document
    #[arg(long, value_enum, default_value_t = DocumentArg::Report)]
    pub(super) of: DocumentArg,
}

/// A document that is printed with `--format json`, or that a person writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DocumentArg {
    /// A diagnosis
    Report,
    /// What `fix` did, or `fix --undo`
    Fix,
    /// A comparison
    Diff,
    /// A fixture's situation.yaml
    Fixture,
    /// A fixture's evidence.json
    Evidence,
}

/// One of the runbook's symptoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SymptomArg {
    /// The agent does not appear after installation
    NotAppearing,
    /// The agent shows "offline" after being registered
    Offline,
    /// The agent is registered, and tasks are not executing
    Tasks,
}

impl From<SymptomArg> for crate::model::Symptom {
    fn from(symptom: SymptomArg) -> Self {
        match symptom {
            SymptomArg::NotAppearing => Self::NotAppearing,
            SymptomArg::Offline => Self::Offline,
            SymptomArg::Tasks => Self::Tasks,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A finding code, such as dns.not_found; without one, all codes are listed
    pub(super) code: Option<Code>,
    /// For which operating system the commands are shown
    #[arg(long, value_enum)]
    pub(super) os: Option<OsArg>,
    /// Your own checks beside the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) checks: Option<PathBuf>,
}

/// An operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OsArg {
    /// Linux with systemd
    Linux,
    /// Windows
    Windows,
    /// macOS
    Macos,
}

impl From<OsArg> for crate::model::Os {
    fn from(os: OsArg) -> Self {
        match os {
            OsArg::Linux => Self::Linux,
            OsArg::Windows => Self::Windows,
            OsArg::Macos => Self::Macos,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ChecksArgs {
    #[command(subcommand)]
    pub(super) command: ChecksCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ChecksCommand {
    /// The checks, in the order in which to fix things
    List(CatalogArgs),
    /// What needs what
    Graph {
        /// How to draw it
        #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
        format: GraphFormat,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// One check and all its findings
    Show {
        /// Its id, such as dns
        id: CheckId,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// Look for errors in check files
    Validate {
        /// YAML files, or directories of them
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::AnyPath)]
        files: Vec<PathBuf>,
    },
    /// Begin a check of the doctor's own, in a copy of its repository: its text, its code, its line in the list, a situation
    New(ChecksNewArgs),
}

#[derive(Debug, Args)]
pub(super) struct ChecksNewArgs {
    /// Its id, such as disk_quota
    pub(super) id: CheckId,
    /// What is true when it passes, in one line
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// The check behind which it stands in the order to fix things [default: the last one]
    #[arg(long, value_name = "CHECK")]
    pub(super) after: Option<CheckId>,
    /// The copy of nexplane-doctor's repository
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(super) repository: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CatalogArgs {
    /// Your own checks beside the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) checks: Option<PathBuf>,
}

/// How the graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    /// A line a check
    Text,
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
}

/// Reads text with any prefix, JSON, and what `journalctl -o export` and `-o json` print; gzip, zstd and UTF-16 too.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing was found, 1 something was found, 2 wrong usage or a log that cannot be read,\n\
                  3 nothing was found in a log that breaks off, 70 a defect.\n\
                  Times are in UTC where a line tells its zone; a time without an offset is as the line has it."
)]
pub(super) struct LogsArgs {
    /// Logs to read; `-` is standard input [default: -]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    /// How to write what was found: a summary, or every line that names a problem
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct LabArgs {
    #[command(subcommand)]
    pub(super) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum LabCommand {
    /// The faults that can be injected, by finding code
    List {
        /// How to write the list
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Inject faults one after the other, diagnose each, and compare
    Run {
        /// Faults by finding code, `healthy` for the control; several at once with `+` [default: all]
        #[arg(value_name = "FAULT")]
        faults: Vec<String>,
        /// How to write the results
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
        /// Keep what each diagnosis saw, as fixtures in DIR
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        record: Option<PathBuf>,
        /// Every two faults that can exist together (with FAULT: those with one of these), and how well they are told
        /// apart. In JSON, `pairs` has for each its `faults`, the root causes `expected` and named (`root_causes`), those
        /// `missed` and `invented`, the faults `hidden` behind the other, and whether all is as it must be (`match`);
        /// `impossible` has those that cannot exist, with the reason; `summary` counts
        #[arg(long, conflicts_with = "record")]
        pairs: bool,
        /// How many pairs to try at the same time, 64 at most
        #[arg(long, value_name = "N", requires = "pairs", default_value_t = crate::lab::pairs::JOBS,
              value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
        jobs: usize,
    },
    /// Keep a control plane running, to try anything against it
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// Where to keep the CA file [default: a temporary directory]
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
        /// What is to be wrong with it; see `lab list`
        #[arg(long, value_name = "CODE", num_args = 1.., value_delimiter = ',')]
        fault: Vec<Code>,
        /// How long its client certificates live [default: 365 days]
        #[arg(long, value_name = "DURATION", value_parser = positive)]
        certificates_for: Option<Duration>,
        /// How to say where it is
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(super) struct IntegrateArgs {
    #[command(subcommand)]
    pub(super) with: IntegrateWith,
}

#[derive(Debug, Subcommand)]
pub(super) enum IntegrateWith {
    /// A drop-in for the agent's unit: a diagnosis before each start, which neither prevents nor delays it
    Systemd {
        /// The agent's unit
        #[arg(long, value_name = "NAME", default_value = "nexplane-agent.service")]
        unit: String,
        /// Take the drop-in away again
        #[arg(long)]
        remove: bool,
        /// Say what would be done, and do nothing
        #[arg(long, visible_alias = "print")]
        dry_run: bool,
        /// Write below DIR instead of /, and tell no service manager
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        root: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write one page a command into DIR [default: the main page on standard output]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) dir: Option<PathBuf>,
}

/// Takes a secret as it is: there is nothing about it that could be refused with it in the message.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// A duration above zero and below a day.
fn positive(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    match duration.as_millis() {
        0 => Err("it must be longer than nothing".to_owned()),
        1..=86_400_000 => Ok(duration),
        _ => Err("it must not be longer than a day (24h)".to_owned()),
    }
}

/// Refuses flags of `diagnose` that stand before another command, where they would do nothing.
pub(super) fn refuse_stray(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(name) = matches.subcommand_name() else {
        return Ok(());
    };
    let command = Cli::command();
    let given = |arg: &&clap::Arg| {
        let id = arg.get_id().as_str();
        !arg.is_global_set() && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let stray = command.get_arguments().find(given);
    match stray.and_then(clap::Arg::get_long) {
        None => Ok(()),
        Some(flag) => Err(Failure::usage(format_args!(
            "`--{flag}` stands before `{name}`, where it does nothing; put it after `{name}`"
        ))),
    }
}

/// Which token counts: one of the command line, in whatever form, before the variable's; an empty variable is how scripts
/// say that there is none.
pub(super) fn settle_token(matches: &ArgMatches, cli: &mut Cli) -> Result<(), Failure> {
    let (token, file, matches) = match (&mut cli.command, matches.subcommand()) {
        (Some(Command::Diagnose(args)), Some((_, matches))) => {
            (&mut args.subject.token, &args.subject.token_file, matches)
        }
        (Some(Command::Fix(args)), Some((_, matches))) => {
            (&mut args.token, &args.token_file, matches)
        }
        (Some(Command::Bundle(args)), Some((_, matches))) => {
            match (&mut args.command, matches.subcommand()) {
                (BundleCommand::Create(args), Some((_, matches))) => {
                    (&mut args.subject.token, &args.subject.token_file, matches)
                }
                _ => return Ok(()),
            }
        }
        _ => (
            &mut cli.diagnose.subject.token,
            &cli.diagnose.subject.token_file,
            matches,
        ),
    };
    let of_variable = matches.value_source("token") == Some(ValueSource::EnvVariable);
    let empty = |token: &Secret| token.expose().is_empty();
    match (file, &token) {
        (Some(_), Some(_)) if !of_variable => Err(Failure::usage(
            "--token and --token-file both name a token: which of the two is to be inspected?",
        )),
        (file, given) => {
            if of_variable && (file.is_some() || given.as_ref().is_some_and(empty)) {
                *token = None;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_secret_in_debug_output() {
        let cli = Cli::try_parse_from(["nexplane-doctor", "--token", "sesame-sesame"]);
        assert!(cli.is_ok_and(|cli| !format!("{cli:?}").contains("sesame")));
    }
}
