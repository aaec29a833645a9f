//! `nexplane-agent`: its arguments, its output, its exit status.

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
            let environment = std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect();
            let checking = agent::check(&config, &hostname, &environment, now, &mut out);
            Ok(match runtime.block_on(checking)? {
                CheckOutcome::Passed => ExitCode::SUCCESS,
                CheckOutcome::Failed => ExitCode::FAILURE,
            })
        }
    }
}
