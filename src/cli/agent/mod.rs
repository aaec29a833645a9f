//! `nexplane-agent`: its arguments, its output, its exit status.

mod failure;
mod install;
mod rotate;
mod uninstall;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueHint};

use super::args::{CompletionsArgs, ManArgs};
use super::exit::{Exit, Failure};
use super::format::ReportFormat;
use super::standard::{ReaderGone, StandardOutput, Unwritable};
use super::{output, shell};
use crate::agent::{self, CheckOutcome, Ended, RunOptions, Running, StateDirectory};
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// The agent of Nexplane
///
/// Enrolls this host, gives signs of life and renews its certificate. It executes no commands.
#[derive(Debug, Parser)]
#[command(
    name = "nexplane-agent",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Exit status: 0 done or well, 1 not, 2 wrong usage or an output that cannot be written; of status: 3 it does not run,\n4 unknown.\n\
                  Why an agent does not register, is offline or executes nothing: nexplane-doctor"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// In the order in which they are needed.
#[derive(Debug, Subcommand)]
enum Command {
    Install(Box<install::Install>),
    /// Say whether the agent runs, its last heartbeat and its last diagnosis
    ///
    /// Looks only. Exit status 0 when the agent runs, 3 when it does not, 4 when that could not be found out.
    Status(Standing),
    /// Check connectivity, certificate and registration
    ///
    /// Exit status 0 when all is well, 1 when not.
    Check {
        /// The configuration
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, default_value = AgentPaths::of(Os::current()).config)]
        config: PathBuf,
    },
    RotateCert(rotate::Rotate),
    Uninstall(uninstall::Uninstall),
    /// Run the agent in the foreground, as its service does
    ///
    /// Its log goes to standard error. Exit status 0 when it was asked to end, 1 when it cannot begin.
    Run(Standing),
    /// Print the version
    Version,
    /// Completions for a shell, on standard output
    Completions(CompletionsArgs),
    /// Manual pages
    Man(ManArgs),
}

/// What says which agent is meant.
#[derive(Debug, clap::Args)]
struct Standing {
    /// The configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, default_value = AgentPaths::of(Os::current()).config)]
    config: PathBuf,
    /// Where a running agent keeps its state [default: STATE_DIRECTORY, else the usual place]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    state_dir: Option<PathBuf>,
}

impl Standing {
    fn state(&self) -> StateDirectory {
        self.state_dir
            .as_ref()
            .map_or_else(StateDirectory::given, StateDirectory::at)
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ended(output::clap(&error)),
    };
    match run(arguments.command) {
        Ok(status) => status,
        Err(error) if Unwritable::is_in(&error) => ended(Err(Failure::usage(error))),
        Err(error) => {
            output::tell(&format!("error: cannot go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// How a command ended that the doctor has, too.
fn ended(outcome: Result<Exit, Failure>) -> ExitCode {
    let exit = outcome.unwrap_or_else(|failure| {
        output::failure(&failure, ReportFormat::Human);
        failure.exit
    });
    ExitCode::from(exit.status())
}

fn run(command: Command) -> std::io::Result<ExitCode> {
    use std::io::Write;
    let mut out = StandardOutput(ReaderGone::Unnoticed);
    match command {
        Command::Install(install) => install.run(),
        Command::Uninstall(uninstall) => uninstall.run(),
        Command::RotateCert(rotate) => rotate.run(),
        Command::Completions(args) => Ok(ended(shell::completions::<Arguments>(&args))),
        Command::Man(args) => Ok(ended(shell::man::<Arguments>(&args))),
        Command::Version => {
            writeln!(out, "nexplane-agent {}", agent::VERSION)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { config } => {
            let hostname = sysinfo::System::host_name().unwrap_or_default();
            let now = chrono::Utc::now();
            let environment = environment();
            let checking = agent::check(&config, &hostname, &environment, now, &mut out);
            Ok(match wait_for(checking)?? {
                CheckOutcome::Passed => ExitCode::SUCCESS,
                CheckOutcome::Failed => ExitCode::FAILURE,
            })
        }
        Command::Run(standing) => {
            let options = RunOptions {
                state: standing.state(),
                config: standing.config,
                hostname: sysinfo::System::host_name().unwrap_or_default(),
                environment: environment(),
                now: chrono::Utc::now,
            };
            Ok(match agent::serve(options)? {
                Ended::Asked => ExitCode::SUCCESS,
                Ended::Unfit => ExitCode::FAILURE,
            })
        }
        Command::Status(standing) => {
            let hostname = sysinfo::System::host_name().unwrap_or_default();
            let (state, environment) = (standing.state(), environment());
            let now = chrono::Utc::now();
            let asking = agent::status(
                &standing.config,
                &state,
                &hostname,
                &environment,
                now,
                &mut out,
            );
            Ok(ExitCode::from(match wait_for(asking)?? {
                Running::Yes => 0,
                Running::No => 3,
                Running::Unknown => 4,
            }))
        }
    }
}

/// Runs to its end what waits for the network or for other programs, on this thread.
fn wait_for<F: Future>(work: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async {
        agent::no_end_by_a_large_file()?;
        io::Result::Ok(work.await)
    })?;
    // What hangs in a system call is not waited for.
    runtime.shutdown_background();
    Ok(done)
}

/// Comes to its end when somebody asks the program to end.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminated = signal(SignalKind::terminate());
        if let Ok(mut terminated) = terminated {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _interrupted = tokio::signal::ctrl_c().await;
}

/// The variables of this process.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
