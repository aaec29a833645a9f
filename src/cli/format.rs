//! The formats that a report is written in: which is asked for, and how each ends, with a report and without one.

use std::ffi::OsString;

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use crate::model::Report;
use crate::report::suite::CannotWrite;
use crate::report::{Warnings, cases, github, html, human, json_v1, markdown, nagios, prometheus};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Human,
    /// For programs: schema version 1
    Json,
    /// JUnit's XML, one test case a check, for CI servers
    Junit,
    /// TAP version 14, one test a check
    Tap,
    /// For Nagios, Icinga and their like; with their exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
    Nagios,
    /// For the textfile collector of Prometheus' node_exporter
    Prometheus,
    /// To paste into a ticket
    Markdown,
    /// Annotations in GitHub Actions
    Github,
    /// One page that is whole in itself, to attach to a ticket
    Html,
}

/// What a report looks like beside its format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// For people.
    pub(super) look: human::Look,
    /// Whether a warning is a failure.
    pub(super) warnings: Warnings,
}

impl ReportFormat {
    /// The format that the command line asks for, even if it cannot be read otherwise.
    pub(super) fn asked(arguments: &[OsString]) -> Option<Self> {
        let after = arguments.windows(2).filter_map(|pair| match pair {
            [flag, value] if flag == "--format" => value.to_str(),
            _ => None,
        });
        let joined = arguments
            .iter()
            .filter_map(|argument| argument.to_str()?.strip_prefix("--format="));
        let mut known = after
            .chain(joined)
            .filter_map(|name| Self::from_str(name, false).ok());
        known.next()
    }

    /// Whether its readers know what to do with one report after another.
    pub(super) const fn streams(self) -> bool {
        match self {
            Self::Human | Self::Json | Self::Markdown | Self::Github => true,
            Self::Junit | Self::Tap | Self::Nagios | Self::Prometheus | Self::Html => false,
        }
    }

    /// Whether a file of it says when the host was last looked at, so that it is written anew with each look.
    pub(super) const fn tells_when(self) -> bool {
        matches!(self, Self::Prometheus)
    }

    /// A report in it.
    pub(super) fn render(self, report: &Report, style: Style) -> Result<String, Failure> {
        Ok(match self {
            Self::Human => human::render(report, style.look),
            Self::Json => json_v1::render(report)?,
            Self::Junit => cases::junit(report, style.warnings)?,
            Self::Tap => cases::tap(report, style.warnings),
            Self::Nagios => nagios::render(report, style.warnings),
            Self::Prometheus => prometheus::render(report),
            Self::Markdown => markdown::render(report),
            Self::Github => github::render(report, style.warnings),
            Self::Html => html::render(report),
        })
    }

    /// How a diagnosis ends.
    pub(super) fn exit(self, report: &Report, warnings: Warnings) -> Exit {
        match self {
            Self::Nagios => Exit::Nagios(nagios::State::of(report, warnings)),
            _ => Exit::of(report, warnings),
        }
    }

    /// How it ends when there is no report.
    pub(super) const fn failed(self, exit: Exit) -> Exit {
        match self {
            Self::Nagios => Exit::Nagios(nagios::State::Unknown),
            _ => exit,
        }
    }

    /// What is printed instead of a report; nothing where whoever reads it could only take it for one.
    pub(super) fn failure(self, message: &str) -> Option<String> {
        match self {
            Self::Json => json_v1::render_error(message).ok(),
            Self::Junit => cases::junit_failure(message).ok(),
            Self::Tap => Some(cases::tap_failure(message)),
            Self::Nagios => Some(nagios::failure(message)),
            Self::Github => Some(github::failure(message)),
            Self::Human | Self::Prometheus | Self::Markdown | Self::Html => None,
        }
    }
}

impl From<CannotWrite> for Failure {
    fn from(error: CannotWrite) -> Self {
        Self::defect(error)
    }
}
