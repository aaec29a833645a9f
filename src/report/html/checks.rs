//! The checks in words: a line for each, with what it found, what is in its way, what it saw.

use maud::{Markup, html};

use super::findings::evidence;
use super::text;
use super::times::fine;
use super::words::{self, Standing};
use crate::model::{CheckId, CheckReport, Report};

/// A table, in the order of the graph.
pub(super) fn checks(report: &Report) -> Markup {
    html! {
        table.checks {
            caption { "All checks, in the order in which to fix things" }
            thead {
                tr {
                    th scope="col" { "Check" }
                    th scope="col" { "Result" }
                    th scope="col" { "What it found" }
                    th.number scope="col" { "Time" }
                }
            }
            tbody {
                @for check in &report.checks { (row(report, check)) }
            }
        }
    }
}

fn row(report: &Report, check: &CheckReport) -> Markup {
    let standing = Standing::of(report, check);
    html! {
        tr.(standing.class()) id={ "check-" (check.id) } {
            th scope="row" { (text::line(check.id.as_str())) }
            td { span.badge.(standing.class()) { span aria-hidden="true" { (standing.mark()) " " } (standing.word()) } }
            td {
                (text::prose(&words::said(report, check)))
                @if !check.needs.is_empty() || !check.uses.is_empty() {
                    span.after { (after(check)) }
                }
                @if !check.notes.is_empty() {
                    details {
                        summary { "What it saw " span.count { (check.notes.len()) } }
                        (evidence(&check.notes))
                    }
                }
            }
            td.number { @if !check.duration.is_zero() { (fine(check.duration)) } }
        }
    }
}

/// What the picture's lines say.
fn after(check: &CheckReport) -> String {
    let names = |ids: &[CheckId]| {
        ids.iter()
            .map(CheckId::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (check.needs.is_empty(), check.uses.is_empty()) {
        (false, true) => format!("needs {}", names(&check.needs)),
        (true, false) => format!("is told by {}", names(&check.uses)),
        _ => format!(
            "needs {}; is told by {}",
            names(&check.needs),
            names(&check.uses)
        ),
    }
}
