//! What the catalogue says of a check, validated: every id exists, every pattern is expanded.

use std::borrow::Cow;
use std::fmt;

use super::probe::Probe;
use super::remedy::RemedyDoc;
use crate::model::{CheckId, Code, Severity, Symptom};

/// A check, as a person reads it: one file of `checks/`.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckDoc {
    /// Its id, the name of its file.
    pub id: CheckId,
    /// One line: what is true when it passes.
    pub title: Cow<'static, str>,
    /// What it looks at and how it decides.
    pub summary: Cow<'static, str>,
    /// The runbook's symptoms that it serves.
    pub symptoms: Cow<'static, [Symptom]>,
    /// The checks that block it when they fail.
    pub needs: Cow<'static, [CheckId]>,
    /// The checks that are settled before it and inform it, whatever comes of them.
    pub uses: Cow<'static, [CheckId]>,
    /// The problems that it can find, in the order to fix them.
    pub findings: Cow<'static, [FindingDoc]>,
    /// How it finds out, for a check of the user's own; the doctor's own checks are decided in Rust.
    pub probe: Option<Probe>,
}

/// A problem that a check can find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingDoc {
    /// Its code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: Cow<'static, str>,
    /// What it means, why it stops the agent, what it is mistaken for.
    pub explanation: Cow<'static, str>,
    /// How the doctor finds it out.
    pub how: Cow<'static, str>,
    /// The error findings that make this one a symptom, patterns expanded, in the catalogue's order.
    pub explained_by: Cow<'static, [Code]>,
    /// What to do, with the runbook's section.
    pub remedy: RemedyDoc,
    /// The repair that `fix` has for it.
    pub repair: Option<Repair>,
}

/// A repair that `nexplane-doctor fix` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repair {
    /// Start the service.
    StartService,
    /// Restart the service.
    RestartService,
    /// Have the service start at boot.
    EnableService,
    /// Clear a start limit, then start the service.
    ResetFailed,
    /// Unmask the service, then start it.
    UnmaskService,
    /// Switch time synchronisation on.
    SyncTime,
    /// Ask for a new client certificate.
    RotateCertificate,
    /// Finish a rotation or an enrollment that was cut short.
    SettleIdentity,
    /// Enroll again with a new token.
    ReEnroll,
    /// Install again with the control plane's CA certificate.
    ReinstallWithCa,
    /// Give the agent's files back the owner and mode that they need.
    RepairPermissions,
    /// Correct the control plane's URL in the configuration.
    MendUrl,
    /// Correct a misspelt key in the configuration.
    MendKey,
    /// Take a proxy setting out of the service's environment.
    ClearProxy,
    /// Install the agent where there is none.
    Install,
}

impl Repair {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::StartService,
        Self::RestartService,
        Self::EnableService,
        Self::ResetFailed,
        Self::UnmaskService,
        Self::SyncTime,
        Self::RotateCertificate,
        Self::SettleIdentity,
        Self::ReEnroll,
        Self::ReinstallWithCa,
        Self::RepairPermissions,
        Self::MendUrl,
        Self::MendKey,
        Self::ClearProxy,
        Self::Install,
    ];

    /// The name used in `checks/*.yaml` and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartService => "start-service",
            Self::RestartService => "restart-service",
            Self::EnableService => "enable-service",
            Self::ResetFailed => "reset-failed",
            Self::UnmaskService => "unmask-service",
            Self::SyncTime => "sync-time",
            Self::RotateCertificate => "rotate-certificate",
            Self::SettleIdentity => "settle-identity",
            Self::ReEnroll => "re-enroll",
            Self::ReinstallWithCa => "reinstall-with-ca",
            Self::RepairPermissions => "repair-permissions",
            Self::MendUrl => "mend-url",
            Self::MendKey => "mend-key",
            Self::ClearProxy => "clear-proxy",
            Self::Install => "install",
        }
    }

    /// The repair of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|repair| repair.as_str() == name)
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
