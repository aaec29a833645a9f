//! `nexplane-agent rotate-cert`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::standard::{ReaderGone, StandardOutput};
use super::failure;
use crate::agent::{self, AgentLog, HostFacts, Places, RotateError, Setting};
use crate::contract::paths::AgentPaths;
use crate::model::{Code, Os, printable};

/// Ask for a new client certificate, on the strength of the old one
///
/// The old one may have expired a little while ago; it stays until the new one has made a heartbeat. A running agent takes the new
/// one by itself. Exit status 1 when there is no new one.
#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// The configuration
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, default_value = AgentPaths::of(Os::current()).config)]
    config: PathBuf,
}

impl Rotate {
    pub(super) fn run(&self) -> io::Result<ExitCode> {
        let directory = self.config.parent().unwrap_or(Path::new("."));
        let places = Places::with_config_dir(directory);
        let setting = match Setting::read(&self.config, &super::environment()) {
            Ok(setting) => setting,
            Err(why) => {
                let code = why.code();
                let line = format!("FATAL: {why}");
                let values = failure::values(&places, None, None);
                let status = failure::tell(&line, code.as_ref(), &values)?;
                if code.is_none() {
                    writeln!(io::stderr(), "Next: {}", why.next_step())?;
                }
                return Ok(status);
            }
        };
        let ca_cert = setting.config.ca_cert.as_deref();
        let values = failure::values(&places, Some(&setting.plane), ca_cert);
        let host = HostFacts::named(sysinfo::System::host_name().unwrap_or_default());
        let now = chrono::Utc::now();
        match super::wait_for(agent::rotate_cert(&setting, &host.hostname, now))? {
            Ok(rotated) => {
                writeln!(
                    StandardOutput(ReaderGone::Unnoticed),
                    "Rotating certificate... OK (agent {}, expires {})",
                    printable(&rotated.agent_id),
                    rotated.not_after.format("%Y-%m-%d")
                )?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                let line = line(&error, &setting)?;
                failure::tell(line.trim_end(), code(&error, &line).as_ref(), &values)
            }
        }
    }
}

/// The log's line.
fn line(error: &RotateError, setting: &Setting) -> io::Result<String> {
    let mut log = AgentLog::new(Vec::new());
    match error {
        RotateError::Renewal(error) => log.rotation_failed(error, &setting.plane)?,
        other => log.rotation_impossible(other)?,
    }
    Ok(String::from_utf8_lossy(&log.into_inner()).into_owned())
}

/// What it is, or else what its words say.
fn code(error: &RotateError, line: &str) -> Option<Code> {
    let said = || Some(crate::logs::classify_line(line)?.code.clone());
    error.code().or_else(said)
}
