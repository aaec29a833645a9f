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

use crate::agent::{self, CheckOutcome};
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
