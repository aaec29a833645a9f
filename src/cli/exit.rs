//! How the program ends.

use std::fmt::Display;
use std::process::{ExitCode, Termination};

use crate::model::{Report, Severity, Verdict};
use crate::report::{Warnings, nagios};

/// The exit status, the same in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: healthy, or all as expected.
    Healthy,
    /// 1: something was found, or was not as expected.
    Found,
    /// 2: the command line, or a file that a flag names for the doctor itself, is wrong; nothing was diagnosed.
    Usage,
    /// 3: nothing failed, and something that matters could not be decided.
    Undecided,
    /// 70: a defect in the doctor itself.
    Defect,
    /// What a monitoring system is told, in place of all of these.
    Nagios(nagios::State),
}

impl Exit {
    /// The number.
    pub const fn status(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Defect => 70,
            Self::Nagios(state) => state.status(),
        }
    }

    /// How a diagnosis ends.
    pub(super) fn of(report: &Report, warnings: Warnings) -> Self {
        let strict = warnings == Warnings::Fail;
        let warned = report
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Warning);
        match report.verdict {
            Verdict::Failed => Self::Found,
            Verdict::Degraded | Verdict::Undetermined if strict && warned => Self::Found,
            Verdict::Undetermined => Self::Undecided,
            Verdict::Healthy | Verdict::Degraded => Self::Healthy,
        }
    }

    /// 0 when everything is as expected, 1 when not.
    pub(super) const fn expected(as_expected: bool) -> Self {
        if as_expected {
            Self::Healthy
        } else {
            Self::Found
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.status())
    }
}

/// Why nothing came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// [`Exit::Usage`] or [`Exit::Defect`].
    pub(super) exit: Exit,
    /// What went wrong: the operation, the object, the next step.
    pub(super) message: String,
}

impl Failure {
    /// The caller's mistake.
    pub(super) fn usage(message: impl Display) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.to_string(),
        }
    }

    /// Ours.
    pub(super) fn defect(message: impl Display) -> Self {
        Self {
            exit: Exit::Defect,
            message: format!("a defect in nexplane-doctor: {message}"),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::defect(format_args!("cannot start its threads: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::defect(format_args!("writing JSON: {error}"))
    }
}
