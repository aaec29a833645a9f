//! What is looked at beside the host itself, and by which checks: the flags that a diagnosis and a bundle have in common.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{SymptomArg, secret};
use crate::model::{CheckId, Code, Secret};

/// What else is looked at, and what of it is reported.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SubjectArgs {
    /// A CA file to trust beside the system's store, instead of the configuration's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What to look at")]
    pub(in crate::cli) ca_cert: Option<PathBuf>,
    /// An enrollment token to inspect; never shown, never used up. Others can see arguments: prefer --token-file
    #[arg(long, value_name = "TOKEN", env = "NEXPLANE_ENROLLMENT_TOKEN", hide_env_values = true,
          value_parser = secret, help_heading = "What to look at")]
    pub(in crate::cli) token: Option<Secret>,
    /// A file or pipe that holds the enrollment token; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What to look at")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// A change request that does not execute; read from the API with the token in NEXPLANE_API_TOKEN
    #[arg(long, value_name = "ID", help_heading = "What to look at")]
    pub(in crate::cli) change_request: Option<String>,
    /// Only what serves one of the runbook's symptoms
    #[arg(long, value_enum, help_heading = "Which checks")]
    pub(in crate::cli) symptom: Option<SymptomArg>,
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
}

/// What is reported.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct WhichArgs {
    /// Report only these checks (what they need runs too)
    #[arg(long, value_name = "CHECK", num_args = 1.., value_delimiter = ',', help_heading = "Which checks")]
    pub(in crate::cli) only: Vec<CheckId>,
    /// Leave these checks out; what needs them runs all the same
    #[arg(long, value_name = "CHECK", num_args = 1.., value_delimiter = ',', help_heading = "Which checks")]
    pub(in crate::cli) skip: Vec<CheckId>,
    /// Do not count these findings
    #[arg(long, value_name = "CODE", num_args = 1.., value_delimiter = ',', help_heading = "Which checks")]
    pub(in crate::cli) ignore: Vec<Code>,
    /// Your own checks, and your own texts for the built-in ones: a directory of YAML files
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Which checks")]
    pub(in crate::cli) checks: Option<PathBuf>,
}
