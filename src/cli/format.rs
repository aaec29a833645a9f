//! The formats that a report is written in.

use clap::ValueEnum;

use super::exit::Failure;
use crate::model::Report;
use crate::report::{html, human, json_v1};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Human,
    /// For programs: schema version 1
    Json,
    /// One page that is whole in itself, to attach to a ticket
    Html,
}

impl ReportFormat {
    /// Whether its readers know what to do with one report after another.
    pub(super) const fn streams(self) -> bool {
        match self {
            Self::Human | Self::Json => true,
            Self::Html => false,
        }
    }

    /// A report in it.
    pub(super) fn render(self, report: &Report, look: human::Look) -> Result<String, Failure> {
        Ok(match self {
            Self::Human => human::render(report, look),
            Self::Json => json_v1::render(report)?,
            Self::Html => html::render(report),
        })
    }
}
