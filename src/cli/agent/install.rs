//! `nexplane-agent install`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueHint;

use super::super::exit::Failure;
use super::super::secrets;
use super::super::standard::{ReaderGone, StandardOutput};
use super::failure;
use crate::agent::{
    self, Advice, InstallError, InstallOptions, InstallOutcome, Installed, Surroundings,
    WorkingIdentity,
};
use crate::contract::config::{LogLevel, Verification};
use crate::contract::paths::AgentPaths;
use crate::contract::url::ControlPlane;
use crate::model::{Os, Remedy, Secret, parse_duration, printable};

/// The variable that may hold the token.
const VARIABLE: &str = "NEXPLANE_ENROLLMENT_TOKEN";

/// Enroll this host; install, enable and start the agent's service
///
/// Needs root, and does all of it or nothing. An interrupted installation is taken back or completed by the next one; the same token serves again if its answer
/// was lost. Exit status 0 when the agent is installed and its service runs, 1 when not, 2 for a wrong command line.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// The control plane's address, such as https://nexplane.example.com:8000
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    control_plane: String,
    /// The enrollment token. Every user of this host can see arguments of running programs: --token-file or the variable
    /// NEXPLANE_ENROLLMENT_TOKEN do not show it. It appears in no output
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    token: Option<Secret>,
    /// A file or pipe that holds the enrollment token; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// How often the agent asks for tasks
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = interval)]
    poll_interval: Duration,
    /// How much it logs: debug, info, warning, error
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    log_level: LogLevel,
    /// Where configuration, certificate and key are kept; the directory that it is in must be there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = AgentPaths::of(Os::current()).config_dir)]
    config_dir: PathBuf,
    /// A CA file to trust beside the system's store
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca_cert: Option<PathBuf>,
    /// Do not verify the control plane's certificate: for testing only. Whoever is on the way gets the token
    #[arg(long)]
    insecure_skip_verify: bool,
    /// Enroll anew although the host has an identity that works, or of which that cannot be told
    #[arg(long)]
    replace_identity: bool,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(interval) if interval.is_zero() => Err("it has to be above zero".to_owned()),
        Ok(interval) => Ok(interval),
        Err(error) => Err(error.to_string()),
    }
}

fn level(text: &str) -> Result<LogLevel, String> {
    LogLevel::ALL
        .into_iter()
        .find(|level| level.as_str() == text)
        .ok_or_else(|| "one of debug, info, warning, error is meant".to_owned())
}

impl Install {
    pub(super) fn run(self) -> io::Result<ExitCode> {
        let token = match self.token() {
            Ok(token) => token,
            Err(failure) => {
                writeln!(io::stderr(), "{}", printable(&failure.message))?;
                return Ok(ExitCode::from(failure.exit.status()));
            }
        };
        let around = Surroundings::of_this_host(&self.config_dir)?;
        let options = InstallOptions {
            control_plane: self.control_plane,
            token,
            poll_interval: self.poll_interval,
            log_level: self.log_level,
            ca_cert: self.ca_cert,
            verification: match self.insecure_skip_verify {
                true => Verification::Off,
                false => Verification::On,
            },
            working_identity: match self.replace_identity {
                true => WorkingIdentity::Replace,
                false => WorkingIdentity::Keep,
            },
        };
        if options.verification == Verification::Off {
            writeln!(
                io::stderr(),
                "WARNING: TLS verification is off: whoever is on the way can read the enrollment token and pretend to be the control plane"
            )?;
        }
        match super::wait_for(uninterrupted(&options, &around))? {
            Ok(installed) => tell(&installed, &options, &around),
            Err(error) => fail(&error, &options, &around),
        }
    }

    fn token(&self) -> Result<Secret, Failure> {
        let of_variable = || std::env::var(VARIABLE).ok().filter(|it| !it.is_empty());
        secrets::enrollment_token(self.token.as_ref(), self.token_file.as_deref())?
            .or_else(|| of_variable().map(Secret::new))
            .ok_or_else(|| {
                Failure::usage(format_args!(
                    "error: no enrollment token: give --token TOKEN, --token-file FILE or the variable {VARIABLE}"
                ))
            })
    }
}

/// Ctrl-C and a request to terminate are obeyed at once, and leave the host as it was.
async fn uninterrupted(
    options: &InstallOptions,
    around: &Surroundings,
) -> Result<Installed, InstallError> {
    tokio::select! {
        ended = agent::install(options, around) => ended,
        () = super::asked_to_end() => {
            agent::take_back(around).await?;
            Err(InstallError::Setting("interrupted".to_owned()))
        }
    }
}

fn tell(
    installed: &Installed,
    options: &InstallOptions,
    around: &Surroundings,
) -> io::Result<ExitCode> {
    let mut out = StandardOutput(ReaderGone::Unnoticed);
    let what = match installed.outcome {
        InstallOutcome::Enrolled => "Installed.",
        InstallOutcome::Updated => {
            "Brought up to date. The agent keeps its identity; the token is unused."
        }
        InstallOutcome::AlreadyInstalled => {
            "Already installed. Nothing was changed; the token is unused."
        }
    };
    writeln!(out, "{what}")?;
    let agent_id = printable(&installed.agent_id);
    let name = printable(&installed.registered_as);
    writeln!(
        out,
        "Agent {agent_id}, registered as {name} at {}",
        options.control_plane
    )?;
    writeln!(out, "Configuration {}", around.places.config().display())?;
    let service = AgentPaths::of(Os::current()).service;
    writeln!(out, "Service {service}: enabled, running")?;
    for note in &installed.notes {
        writeln!(out, "Note: {note}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the catalogue says of a file of an agent that is installed: here it is a flag of this command, and there is no file yet.
fn of_the_flag(error: &InstallError, advice: Advice) -> Advice {
    let text = match error {
        InstallError::Url(_) => {
            "Correct the address after --control-plane, and run the command again. It has the form https://nexplane.example.com:8000."
        }
        InstallError::CaFile(_) => {
            "Give a file with the certificate of the control plane's CA, in PEM, after --ca-cert, and run the command again."
        }
        _ => return advice,
    };
    let remedy = Remedy {
        text: text.to_owned(),
        steps: Vec::new(),
        ..advice.remedy
    };
    Advice { remedy, ..advice }
}

fn fail(
    error: &InstallError,
    options: &InstallOptions,
    around: &Surroundings,
) -> io::Result<ExitCode> {
    let plane = ControlPlane::parse(&options.control_plane).ok();
    let values = failure::values(&around.places, plane.as_ref(), options.ca_cert.as_deref());
    let line = error
        .log_line()
        .unwrap_or_else(|| format!("FATAL: {error}"));
    let code = error.code();
    let advised = code.as_ref().and_then(|code| {
        let advice = agent::advice(code, &values)?;
        Some((code, of_the_flag(error, advice)))
    });
    let status = failure::tell_with(&line, advised.as_ref().map(|(code, it)| (*code, it)))?;
    let mut err = io::stderr().lock();
    for word in error.last_words() {
        writeln!(err, "  log: {}", printable(word))?;
    }
    match error {
        InstallError::Torn { .. } => writeln!(err, "{}", printable(&error.to_string()))?,
        _ => writeln!(err, "Nothing was changed on this host.")?,
    }
    if agent::has_pending_key(&around.places) {
        writeln!(
            err,
            "A key waits for its certificate beside the configuration: the same token can be tried again."
        )?;
    }
    Ok(status)
}
