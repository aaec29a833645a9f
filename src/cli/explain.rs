//! `nexplane-doctor explain`: what a finding means, how it is found out, and what to do.

use std::fmt::Write as _;

use super::args::{Common, ExplainArgs};
use super::exit::{Exit, Failure};
use super::{listing, output, sources};
use crate::catalog::{Catalog, CheckDoc, FindingDoc, Values, nearest};
use crate::model::{Code, Os};
use crate::report::human::Look;

pub(super) fn run(args: &ExplainArgs, common: &Common) -> Result<Exit, Failure> {
    let catalog = sources::catalog(args.checks.as_deref())?;
    let look = output::look(common, false);
    let text = match &args.code {
        None => all(&catalog),
        Some(code) => {
            let os = args.os.map_or(Os::current(), Into::into);
            let finding = catalog
                .finding(code)
                .ok_or_else(|| unknown(&catalog, code))?;
            one(&catalog, finding, os, look)
        }
    };
    output::print(&text)?;
    Ok(Exit::Healthy)
}

fn unknown(catalog: &Catalog, code: &Code) -> Failure {
    let known = catalog.findings().map(|finding| finding.code.as_str());
    let hint = match nearest(code.as_str(), known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`nexplane-doctor explain` lists them all".to_owned(),
    };
    Failure::usage(format_args!("there is no finding `{code}`; {hint}"))
}

/// All codes, a line each, under their checks.
fn all(catalog: &Catalog) -> String {
    let mut text = String::new();
    for check in catalog.checks() {
        let title = format!("{}: {}", check.id, check.title);
        let _ = writeln!(text, "{}", listing::folded(&title, 4));
        for finding in check.findings.iter() {
            let _ = writeln!(text, "{}", listing::finding(finding));
        }
    }
    text
}

/// One finding in full.
fn one(catalog: &Catalog, finding: &FindingDoc, os: Os, look: Look) -> String {
    let title = format!("{}: {}", finding.code, finding.title);
    let mut text = listing::folded(&title, 2) + "\n";
    let mut paragraph = |title: &str, body: &str| {
        let body = textwrap::fill(
            body.trim(),
            textwrap::Options::new(look.width)
                .initial_indent("  ")
                .subsequent_indent("  "),
        );
        let _ = writeln!(text, "\n{title}\n{body}");
    };
    paragraph("What it means", &finding.explanation);
    paragraph("How it is found out", &finding.how);
    let explained: Vec<&str> = finding.explained_by.iter().map(Code::as_str).collect();
    if !explained.is_empty() {
        paragraph("It is only a symptom of", &explained.join(", "));
    }
    let check: Option<&CheckDoc> = catalog.check(&finding.code.check());
    if let Some(check) = check {
        paragraph(
            "Found by",
            &format!(
                "{}: {} ({})",
                check.id,
                check.title,
                finding.severity.as_str()
            ),
        );
    }
    let remedy = finding.remedy.fill(&Values::new(), os);
    if let Some(section) = &remedy.runbook {
        paragraph("The runbook's section", section.as_str());
    }
    paragraph(&format!("What to do ({os})"), &remedy.text);
    for (i, step) in remedy.steps.iter().enumerate() {
        let number = format!("  {}. ", i + 1);
        let options = textwrap::Options::new(look.width)
            .initial_indent(&number)
            .subsequent_indent("     ");
        let _ = writeln!(text, "{}", textwrap::fill(&step.text, options));
        for line in step.command.iter().flat_map(|command| command.lines()) {
            let _ = writeln!(text, "       {line}");
        }
    }
    text
}
