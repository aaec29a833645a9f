//! A comparison as JSON, schema version 1. It changes only by addition.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Difference, Document, is_equal};
use crate::report::json_v1::{self, SCHEMA_VERSION, Tool};

/// Two reports compared.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "nexplane-doctor diff, schema version 1")]
struct Comparison<'a> {
    /// Always 1.
    schema_version: u32,
    /// The program that compared them.
    tool: Tool,
    /// The first report.
    before: Side<'a>,
    /// The second.
    after: Side<'a>,
    /// Whether none of the differences counts.
    equal: bool,
    /// In what the second differs from the first.
    differences: &'a [Difference],
}

/// One of the reports.
#[derive(Debug, Serialize, JsonSchema)]
struct Side<'a> {
    /// As it was named on the command line.
    name: &'a str,
    /// `live`, `bundle`, `fixture`, `lab`.
    source: &'a str,
    started_at: &'a str,
    duration_ms: f64,
    verdict: &'static str,
    root_causes: Vec<&'a str>,
}

/// The comparison as a document that ends in a line break; each report with the name under which it was given.
///
/// # Errors
/// As [`json_v1::render`].
pub fn render(
    before: (&str, &Document),
    after: (&str, &Document),
    differences: &[Difference],
) -> serde_json::Result<String> {
    json_v1::line(&Comparison {
        schema_version: SCHEMA_VERSION,
        tool: Tool::this(),
        before: side(before),
        after: side(after),
        equal: is_equal(differences),
        differences,
    })
}

/// The JSON Schema of that document.
///
/// # Errors
/// As [`json_v1::render`].
pub fn schema() -> serde_json::Result<String> {
    json_v1::line(&schemars::schema_for!(Comparison<'static>))
}

fn side<'a>((name, document): (&'a str, &'a Document)) -> Side<'a> {
    Side {
        name,
        source: &document.source,
        started_at: &document.started_at,
        duration_ms: document.duration_ms,
        verdict: document.verdict.as_str(),
        root_causes: document.root_causes.iter().map(|c| c.as_str()).collect(),
    }
}
