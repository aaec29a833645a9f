//! `nexplane-agent uninstall`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::super::exit::Exit;
use super::super::standard::{ReaderGone, StandardOutput};
use super::failure;
use crate::agent::{self, InstallError, Surroundings};
use crate::contract::paths::AgentPaths;
use crate::model::{Os, printable};

/// Remove the service; delete configuration, certificates and state
///
/// Needs root, and asks nothing. The program stays, and so does what is not provably the agent's. The control plane is not told: delete the agent in
/// Settings > Agents. Exit status 0 also when nothing was installed, 2 when a directory that is named is not an agent's.
#[derive(Debug, clap::Args)]
pub(super) struct Uninstall {
    /// Where configuration, certificate and key are kept
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, default_value = AgentPaths::of(Os::current()).config_dir)]
    config_dir: PathBuf,
}

impl Uninstall {
    pub(super) fn run(&self) -> io::Result<ExitCode> {
        let around = Surroundings::of_this_host(&self.config_dir)?;
        match super::wait_for(agent::uninstall(&around))? {
            Ok(done) => {
                let mut out = StandardOutput(ReaderGone::Unnoticed);
                match done.removed.is_empty() {
                    true => writeln!(out, "There was nothing to uninstall.")?,
                    false => writeln!(out, "Uninstalled.")?,
                }
                for path in &done.removed {
                    writeln!(out, "Removed {}", printable(&path.display().to_string()))?;
                }
                for kept in &done.kept {
                    let path = kept.path.display().to_string();
                    writeln!(out, "Kept {}: {}", printable(&path), kept.why)?;
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error @ InstallError::NoAgent { .. }) => {
                writeln!(
                    io::stderr(),
                    "error: --config-dir: {}",
                    printable(&error.to_string())
                )?;
                Ok(ExitCode::from(Exit::Usage.status()))
            }
            Err(error) => failure::tell(
                &format!("FATAL: {error}"),
                error.code().as_ref(),
                &failure::values(&around.places, None, None),
            ),
        }
    }
}
