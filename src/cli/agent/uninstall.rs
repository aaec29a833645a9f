//! `nexplane-agent uninstall`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::super::standard::{ReaderGone, StandardOutput};
use super::failure;
use crate::agent::{self, Surroundings};
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// Remove the service; delete configuration, certificates and state
///
/// Needs root, and asks nothing. The program stays. The control plane is not told: delete the agent in Settings > Agents. Exit status 0 also when
/// nothing was installed.
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
                    writeln!(out, "Removed {}", path.display())?;
                }
                for path in &done.kept {
                    writeln!(out, "Kept {}: it is not the agent's", path.display())?;
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => failure::tell(
                &format!("FATAL: {error}"),
                error.code().as_ref(),
                &failure::values(&around.places, None, None),
            ),
        }
    }
}
