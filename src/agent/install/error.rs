//! Why an installation did not succeed, and which of the catalogue's findings that is.

use std::io;
use std::path::{Path, PathBuf};

use super::super::enroll::EnrollError;
use super::super::files::{code_of, words};
use super::super::heartbeat::HeartbeatError;
use super::super::identity::IdentityError;
use super::super::lock::LockError;
use super::super::log::AgentLog;
use super::super::rotate::RotateError;
use super::super::service::{DefinitionError, ServiceError};
use super::super::trust::TrustError;
use crate::contract::api;
use crate::contract::token::TokenProblem;
use crate::contract::url::{ControlPlane, UrlProblem};
use crate::logs;
use crate::model::Code;

/// A file that could not be read, written or moved.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} {}: {}", .path.display(), words(.error))]
pub struct FileError {
    /// What was tried.
    pub operation: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

impl FileError {
    pub(in crate::agent) fn new(operation: &'static str, path: &Path, error: io::Error) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            error,
        }
    }
}

/// Why the agent is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Only root can do it.
    #[error("only root can do this: run it with sudo")]
    NotRoot,
    /// The control plane's address is none.
    #[error("--control-plane: {0}")]
    Url(#[from] UrlProblem),
    /// The token cannot be one.
    #[error("this cannot be an enrollment token: {0}")]
    Token(TokenProblem),
    /// The CA file is of no use.
    #[error(transparent)]
    CaFile(#[from] TrustError),
    /// What was said makes no setting to work with.
    #[error("{0}")]
    Setting(String),
    /// A path cannot stand in the service's definition.
    #[error(transparent)]
    Unit(#[from] DefinitionError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file system has no room.
    #[error(
        "the file system of {} has {free} bytes left, and {needed} are needed", .path.display()
    )]
    NoRoom {
        /// A directory on it.
        path: PathBuf,
        /// What is left.
        free: u64,
        /// What would be needed.
        needed: u64,
    },
    /// A file system is mounted read-only.
    #[error("the file system of {} is mounted read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Nothing may be executed where the program belongs.
    #[error(
        "the file system of {} is mounted noexec: no program can be started there", .0.display()
    )]
    NoExec(PathBuf),
    /// The service is masked.
    #[error("the service is masked: systemctl unmask it first")]
    Masked,
    /// The service manager.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Another installation is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Somebody answers who is no control plane, or one that is not well.
    #[error("{why}")]
    NotWell {
        /// The finding.
        code: Code,
        /// What it says.
        why: String,
    },
    /// The agent could not enroll; the log's line says why in the runbook's words.
    #[error("enrollment failed: {error}")]
    Enrollment {
        /// Why.
        error: EnrollError,
        /// At which control plane.
        plane: ControlPlane,
    },
    /// There is an identity that works, or of which nobody can say that it does not.
    #[error("{0}")]
    WorkingIdentity(String),
    /// A rotation that was interrupted cannot be brought to its end.
    #[error("an interrupted rotation could not be ended: {0}")]
    Rotation(#[from] RotateError),
    /// The keys and certificates of the agent.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The new identity made no heartbeat.
    #[error("the control plane does not take the new agent's heartbeat: {0}")]
    Heartbeat(HeartbeatError),
    /// A directory that was named is not an agent's.
    #[error("{} {why}: nothing was changed", .directory.display())]
    NoAgent {
        /// Which.
        directory: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
    /// It failed, and not everything could be taken back.
    #[error(
        "{why}; besides, not everything could be taken back ({remainder}): the next run of install or uninstall does it"
    )]
    Torn {
        /// Why it failed.
        why: Box<InstallError>,
        /// Why it could not be taken back.
        remainder: Box<InstallError>,
    },
}

impl InstallError {
    /// The agent could not enroll because of its token.
    pub(super) fn refused(status: u16, detail: &str, plane: &ControlPlane) -> Self {
        Self::Enrollment {
            error: EnrollError::Refused {
                status,
                detail: detail.to_owned(),
            },
            plane: plane.clone(),
        }
    }

    /// The line that the agent logs, in the runbook's words, where it comes to enrollment.
    pub fn log_line(&self) -> Option<String> {
        match self {
            Self::Enrollment { error, plane } => {
                let mut log = AgentLog::new(Vec::new());
                log.enrollment_failed(error, plane).ok()?;
                let line = String::from_utf8(log.into_inner()).ok()?;
                Some(line.trim_end().to_owned())
            }
            Self::Torn { why, .. } => why.log_line(),
            _ => None,
        }
    }

    /// The last words in the log of a service that did not come up.
    pub fn last_words(&self) -> &[String] {
        match self {
            Self::Service(ServiceError::NotUp { last_words, .. }) => last_words,
            Self::Torn { why, .. } => why.last_words(),
            _ => &[],
        }
    }

    /// The finding that it is, where it is one.
    pub fn code(&self) -> Option<Code> {
        let code = match self {
            Self::Url(_) => "config.url",
            Self::Token(_) => "token.malformed",
            Self::CaFile(_) => "trust.ca_file",
            Self::File(error) => return code_of(&error.error),
            Self::Lock(LockError::System { error, .. }) => return code_of(error),
            Self::NoRoom { .. } => "host.disk_full",
            Self::ReadOnly(_) => "host.read_only",
            Self::Masked => "service.masked",
            Self::Service(ServiceError::NotUp { last_words, .. }) => {
                let known = last_words.iter().rev();
                let known = known.filter_map(|line| logs::classify_line(line)).next();
                return Some(
                    known.map_or(Code::from_static("service.failed"), |it| it.code.clone()),
                );
            }
            Self::NotWell { code, .. } => return Some(code.clone()),
            Self::Enrollment { error, .. } => match error {
                EnrollError::Refused { detail, .. } if detail == api::TOKEN_USED => "token.used",
                EnrollError::Refused { detail, .. } if detail == api::TOKEN_EXPIRED => {
                    "token.expired"
                }
                EnrollError::Refused { detail, .. } if detail == api::TOKEN_INVALID => {
                    "token.invalid"
                }
                EnrollError::Identity(error) => return error.code(),
                _ => {
                    let line = self.log_line()?;
                    return Some(logs::classify_line(&line)?.code.clone());
                }
            },
            Self::Identity(error) => return error.code(),
            Self::Rotation(error) => return error.code(),
            Self::Torn { why, .. } => return why.code(),
            Self::NotRoot
            | Self::Setting(_)
            | Self::Unit(_)
            | Self::NoExec(_)
            | Self::Service(_)
            | Self::Lock(_)
            | Self::WorkingIdentity(_)
            | Self::Heartbeat(_)
            | Self::NoAgent { .. } => return None,
        };
        Some(Code::from_static(code))
    }
}
