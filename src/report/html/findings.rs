//! What was found: causes with what to do, then symptoms, then warnings. Evidence is folded; it is all there.

use maud::{Markup, html};

use super::text;
use crate::model::{Code, Fact, Remedy, Report, ReportedFinding, Role};
use crate::report::ending::{IGNORED, is_ignored};
use crate::report::facts;
use crate::report::plain::OR_REPAIR;
use crate::report::summary::explained_by;

/// So many facts of one list at most; the whole is in `--format json`.
const FACTS: usize = 400;

/// All of them, a section for each role.
pub(super) fn findings(report: &Report) -> Markup {
    let of_role = |role| report.findings.iter().filter(move |it| it.role == role);
    let causes: Vec<_> = of_role(Role::Cause).collect();
    let symptoms: Vec<_> = of_role(Role::Symptom).collect();
    let notices: Vec<_> = of_role(Role::Notice).collect();
    html! {
        @if !causes.is_empty() {
            section aria-labelledby="causes" {
                h2 id="causes" { @if causes.len() == 1 { "Cause" } @else { "Causes, in the order to fix them" } }
                @for cause in causes { (finding(report, cause)) }
            }
        }
        @if !symptoms.is_empty() {
            section aria-labelledby="symptoms" {
                h2 id="symptoms" { "Symptoms" }
                p { "They go when their cause is gone." }
                @for symptom in symptoms { (finding(report, symptom)) }
            }
        }
        @if !notices.is_empty() {
            section aria-labelledby="warnings" {
                h2 id="warnings" { "Warnings" }
                @for notice in notices { (finding(report, notice)) }
            }
        }
        @if !report.ignored.is_empty() {
            section aria-labelledby="ignored" {
                h2 id="ignored" { "Ignored, as asked" }
                ul {
                    @for finding in &report.ignored {
                        li { code { (finding.code) } " " (text::line(&finding.title)) }
                    }
                }
            }
        }
    }
}

fn finding(report: &Report, finding: &ReportedFinding) -> Markup {
    let explains = explained_by(report, &finding.code);
    let class = match finding.role {
        Role::Cause => "cause",
        Role::Symptom => "symptom",
        Role::Notice => "warn",
    };
    html! {
        article.card.(class) id=(anchor(&finding.code)) {
            h3 { (text::line(&finding.title)) }
            p.code { code { (finding.code) } }
            @if !finding.explained_by.is_empty() {
                p.because { "Because of " (links(report, &finding.explained_by)) "." }
            }
            p.detail { (text::prose(&finding.detail)) }
            @if !explains.is_empty() {
                p.because { "It explains " (links(report, &explains)) "." }
            }
            @if finding.role == Role::Symptom {
                details {
                    summary { "What to do if it stays" }
                    (remedy(finding))
                }
            } @else {
                h4 { "What to do" }
                (remedy(finding))
            }
            @if !finding.evidence.is_empty() {
                details {
                    summary { "Evidence " span.count { (finding.evidence.len()) } }
                    (evidence(&finding.evidence))
                }
            }
        }
    }
}

/// Where a finding stands in the page.
fn anchor(code: &Code) -> String {
    format!("finding-{code}")
}

/// Codes, each leading to where it stands, if it stands anywhere.
fn links(report: &Report, codes: &[Code]) -> Markup {
    let stands = |code: &Code| report.findings.iter().any(|finding| finding.code == *code);
    html! {
        @for (i, code) in codes.iter().enumerate() {
            @if i > 0 { ", " }
            @if stands(code) {
                a href={ "#" (anchor(code)) } { code { (code) } }
            } @else if is_ignored(report, code) {
                code { (code) } " (" (IGNORED) ")"
            } @else { code { (code) } " (not reported)" }
        }
    }
}

fn remedy(finding: &ReportedFinding) -> Markup {
    let Remedy {
        text,
        steps,
        runbook,
    } = &finding.remedy;
    html! {
        p { (text::prose(text)) }
        @if !steps.is_empty() {
            ol.steps {
                @for step in steps {
                    li {
                        p { (text::prose(&step.text)) }
                        @if let Some(text) = &step.command { (command(text)) }
                    }
                }
            }
        }
        @if let Some(fix) = &finding.fix {
            p { (OR_REPAIR) }
            (command(fix))
        }
        @if let Some(section) = runbook {
            p.source { "Runbook: " (section) }
        }
    }
}

/// A command to paste. The button shows only where the page's script runs.
pub(super) fn command(text: &str) -> Markup {
    let text = text::lines(text);
    let short: String = text.chars().take(60).collect();
    html! {
        div.command {
            pre { code { (text) } }
            button.copy type="button" hidden aria-label={ "Copy the command " (text::line(&short)) } { "Copy" }
        }
    }
}

/// Facts with their names, those of one name together; what is told of one thing stands below it.
pub(super) fn evidence(all: &[Fact]) -> Markup {
    let shown = &all[..all.len().min(FACTS)];
    let mut named: Vec<(&str, Vec<&[Fact]>)> = Vec::new();
    for group in facts::groups(shown) {
        let Some(head) = group.first() else { continue };
        match named.iter_mut().find(|(name, _)| *name == head.what) {
            Some((_, groups)) => groups.push(group),
            None => named.push((&head.what, vec![group])),
        }
    }
    html! {
        dl.evidence {
            @for (name, groups) in named {
                div {
                    dt { (text::line(name)) }
                    @for group in groups { (thing(group)) }
                }
            }
        }
        @if all.len() > shown.len() {
            p { "And " (all.len() - shown.len()) " more, which " code { "--format json" } " has." }
        }
    }
}

/// One thing, with what is told of it.
fn thing(group: &[Fact]) -> Markup {
    let parts = facts::labelled(group).into_iter().skip(1);
    let value = group.first().map_or("", |head| &head.value);
    html! {
        dd {
            (text::lines(value))
            @if group.len() > 1 {
                dl.parts {
                    @for (label, value) in parts {
                        div { dt { (text::line(label.trim_start())) } dd { (text::lines(value)) } }
                    }
                }
            }
        }
    }
}
