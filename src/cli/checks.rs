//! `nexplane-doctor checks`: the graph of checks and their texts.

mod new;

use std::fmt::Write as _;
use std::path::PathBuf;

use super::args::{ChecksArgs, ChecksCommand, Common, GraphFormat};
use super::exit::{Exit, Failure};
use super::{listing, output, sources};
use crate::catalog::{Catalog, CheckDoc};
use crate::model::CheckId;
use crate::report::human::Look;
use crate::report::table;

pub(super) fn run(args: &ChecksArgs, common: &Common) -> Result<Exit, Failure> {
    let look = output::look(common, false);
    let text = match &args.command {
        ChecksCommand::List(own) => list(&sources::catalog(own.checks.as_deref())?, look),
        ChecksCommand::Graph { format, catalog } => {
            draw(&sources::catalog(catalog.checks.as_deref())?, *format)
        }
        ChecksCommand::Show { id, catalog } => {
            let catalog = sources::catalog(catalog.checks.as_deref())?;
            let check = catalog.check(id).ok_or_else(|| unknown(&catalog, id))?;
            show(check, look)
        }
        ChecksCommand::Validate { files } => validate(files)?,
        ChecksCommand::New(args) => new::run(args)?,
    };
    output::print(&text)?;
    Ok(Exit::Healthy)
}

fn unknown(catalog: &Catalog, id: &CheckId) -> Failure {
    let ids: Vec<&str> = catalog
        .checks()
        .iter()
        .map(|check| check.id.as_str())
        .collect();
    Failure::usage(format_args!(
        "there is no check `{id}`; the checks are {}",
        ids.join(", ")
    ))
}

fn names(ids: &[CheckId]) -> String {
    match ids {
        [] => "-".to_owned(),
        ids => ids
            .iter()
            .map(CheckId::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn list(catalog: &Catalog, look: Look) -> String {
    let header = ["check", "what is true when it passes", "needs", "uses"];
    let row = |check: &CheckDoc| {
        vec![
            check.id.to_string(),
            check.title.to_string(),
            names(&check.needs),
            names(&check.uses),
        ]
    };
    let rows = catalog.checks().iter().map(row).collect();
    let mut text = table::lines(&header, rows, look.width).join("\n");
    text.push('\n');
    text
}

fn draw(catalog: &Catalog, format: GraphFormat) -> String {
    match format {
        GraphFormat::Text => text(catalog),
        GraphFormat::Dot => dot(catalog),
        GraphFormat::Mermaid => mermaid(catalog),
    }
}

fn text(catalog: &Catalog) -> String {
    let mut text = String::new();
    for check in catalog.checks() {
        let uses = match check.uses.is_empty() {
            true => String::new(),
            false => format!("; uses {}", names(&check.uses)),
        };
        let line = format!(
            "{:<13} needs {}{uses}",
            check.id.as_str(),
            names(&check.needs)
        );
        let _ = writeln!(text, "{}", listing::folded(&line, 14));
    }
    text
}

fn dot(catalog: &Catalog) -> String {
    let mut text = "digraph checks {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for check in catalog.checks() {
        let _ = writeln!(text, "  {};", check.id);
        for need in check.needs.iter() {
            let _ = writeln!(text, "  {need} -> {};", check.id);
        }
        for used in check.uses.iter() {
            let _ = writeln!(text, "  {used} -> {} [style=dashed];", check.id);
        }
    }
    text + "}\n"
}

fn mermaid(catalog: &Catalog) -> String {
    let mut text = "graph LR\n".to_owned();
    for check in catalog.checks() {
        let _ = writeln!(text, "  {0}[{0}]", check.id);
        for need in check.needs.iter() {
            let _ = writeln!(text, "  {need} --> {}", check.id);
        }
        for used in check.uses.iter() {
            let _ = writeln!(text, "  {used} -.-> {}", check.id);
        }
    }
    text
}

fn show(check: &CheckDoc, look: Look) -> String {
    let options = textwrap::Options::new(look.width)
        .initial_indent("  ")
        .subsequent_indent("  ");
    let title = format!("{}: {}", check.id, check.title);
    let mut text = format!(
        "{}\n\n{}\n\n",
        listing::folded(&title, 2),
        textwrap::fill(check.summary.trim(), &options)
    );
    let line = format!(
        "  needs {}; uses {}",
        names(&check.needs),
        names(&check.uses)
    );
    let _ = writeln!(text, "{}\n", listing::folded(&line, 4));
    for finding in check.findings.iter() {
        let _ = writeln!(text, "{}", listing::finding(finding));
    }
    text
}

fn validate(files: &[PathBuf]) -> Result<String, Failure> {
    let own = sources::read_all(files)?;
    sources::lay_over(&sources::catalog(None)?, &own)?;
    Ok(match own.len() {
        1 => "1 file, no errors\n".to_owned(),
        n => format!("{n} files, no errors\n"),
    })
}
