//! `nexplane-agent`: its arguments, its output, its exit status.

mod failure;
mod install;
mod rotate;
mod uninstall;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::agent::{self, CheckOutcome, Ended, RunOptions, Running, StateDirectory};
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// The agent of Nexplane.
#[derive(Debug, Parser)]
#[command(name = "nexplane-agent", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Box<install::Install>),
    Uninstall(uninstall::Uninstall),
    RotateCert(rotate::Rotate),
    /// Prints the version.
    Version,
    /// Checks connectivity, certificate and registration; exit status 1 when one of them is not well.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = AgentPaths::of(Os::current()).config)]
        config: PathBuf,
    },
    /// Runs the agent in the foreground, as its service does; exit status 1 when it cannot begin.
    Run(Standing),
    /// Says how the agent stands; exit status 0 when it runs, 3 when it does not, 4 when that could not be found out.
    Status(Standing),
}

/// What says which agent is meant.
#[derive(Debug, clap::Args)]
struct Standing {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = AgentPaths::of(Os::current()).config)]
    config: PathBuf,
    /// Where a running agent keeps its state [default: STATE_DIRECTORY, else the usual place].
    #[arg(long, value_name = "DIR")]
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
    match run(Arguments::parse().command) {
        Ok(status) => status,
        // Nobody reads standard output: there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(command: Command) -> std::io::Result<ExitCode> {
    use std::io::Write;
    let mut out = std::io::stdout();
    match command {
        Command::Install(install) => install.run(),
        Command::Uninstall(uninstall) => uninstall.run(),
        Command::RotateCert(rotate) => rotate.run(),
        Command::Version => {
            writeln!(out, "nexplane-agent {}", agent::VERSION)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { config } => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let hostname = sysinfo::System::host_name().unwrap_or_default();
            let now = chrono::Utc::now();
            let environment = environment();
            let checking = agent::check(&config, &hostname, &environment, now, &mut out);
            Ok(match runtime.block_on(checking)? {
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
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
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
            let running = runtime.block_on(asking)?;
            runtime.shutdown_background();
            Ok(ExitCode::from(match running {
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
    let done = runtime.block_on(work);
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
