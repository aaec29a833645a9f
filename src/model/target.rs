//! What is to be diagnosed, as the user gave it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CheckId, Code};

/// One of the three symptoms that the runbook starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// Symptom 1: the agent does not appear after installation.
    NotAppearing,
    /// Symptom 2: the agent shows "offline" after being registered.
    Offline,
    /// Symptom 3: the agent is registered, and tasks are not executing.
    Tasks,
}

/// What the user said of the agent and its control plane. Everything is optional: what is not said is read from the host.
///
/// Holds no secret: that a token was given is here, the token itself stays with the host's door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `--control-plane`: used instead of the configuration's; as given, it may be no URL at all.
    pub control_plane: Option<String>,
    /// `--config`: the caller's path of the configuration.
    pub config: Option<PathBuf>,
    /// `--ca-cert`: the caller's path of a CA file, used instead of the configuration's `ca_cert`.
    pub ca_cert: Option<PathBuf>,
    /// Whether an enrollment token was given.
    pub token_given: bool,
    /// `--change-request`: the id of a change request that does not execute.
    pub change_request: Option<String>,
    /// `--symptom`: which of the runbook's symptoms the user sees.
    pub symptom: Option<Symptom>,
    /// `--timeout`: how long one probe may take.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// The other flags that a command repeats which asks the same again.
    #[serde(default, skip_serializing_if = "Given::is_nothing")]
    pub given: Given,
}

/// Flags that no check reads: they only have to be given again where a command is shown that looks at the same host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Given {
    /// `--token-file`, or what stands for one where the token came otherwise. Never the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// `--root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// `--checks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<PathBuf>,
    /// `--only`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<CheckId>,
    /// `--skip`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<CheckId>,
    /// `--ignore`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Code>,
    /// `--timeout`, as a command line has it; nothing where it is the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// `--deadline`, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}

impl Given {
    /// Whether none of them was given.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Target {
    /// Nothing said; probes may take `timeout`.
    pub fn unspecified(timeout: Duration) -> Self {
        Self {
            control_plane: None,
            config: None,
            ca_cert: None,
            token_given: false,
            change_request: None,
            symptom: None,
            timeout,
            given: Given::default(),
        }
    }
}

/// A duration as a whole number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}
