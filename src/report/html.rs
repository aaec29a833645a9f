//! The report as one page: to attach to a ticket, to read on any screen or on paper, without a network.
//!
//! It holds everything that it shows: style and script are in it, and its policy forbids everything else. Without the script
//! nothing is missing but the buttons that copy. What came from outside is escaped by the template, and made visible
//! by `text`; geometry stands in attributes of SVG, because the policy permits no style but that one sheet.

mod certificates;
mod checks;
mod findings;
mod graph;
mod layout;
#[cfg(test)]
mod tests;
mod text;
mod times;
mod validity;
mod words;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::{line, summary};
use crate::model::{Report, Source, Status, Verdict};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// What the page may do: show itself. Style and script are named by their hashes.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// A report as a page of HTML.
pub fn render(report: &Report) -> String {
    let title = format!(
        "{}: {}, {}",
        text::line(&report.host.hostname),
        line::verdict(report.verdict),
        summary::summary(report)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(*POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the diagnosis" }
                (head(report))
                (contents(report))
                main id="main" tabindex="-1" {
                    (findings::findings(report))
                    (undecided(report))
                    section aria-labelledby="checks" {
                        h2 id="checks" { "Checks" }
                        (graph::graph(report))
                        (checks::checks(report))
                    }
                    (times::times(report))
                    @if let Some(certificates) = &report.certificates { (certificates::certificates(certificates)) }
                }
                (foot(report))
                p.said id="said" role="status" {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(report: &Report) -> Markup {
    let host = &report.host;
    let verdict = line::verdict(report.verdict);
    let source = match report.source {
        Source::Live if host.foreign_root => "its files alone, from another machine",
        Source::Live => "this host, live",
        Source::Bundle => "a bundle",
        Source::Fixture => "a fixture",
        Source::Lab => "the lab",
    };
    html! {
        header {
            div.inner {
                p.product { "nexplane-doctor" }
                h1 {
                    span.verdict.(verdict) { (verdict) } " "
                    span.host { (text::line(&host.hostname)) }
                    span.summary { (summary::summary(report)) }
                }
                @if report.verdict == Verdict::Healthy {
                    p { "The agent can work: every check that applies has passed." }
                }
                dl.facts {
                    div { dt { "control plane" } dd { @match &report.target.control_plane {
                        Some(url) => { (text::line(url)) }
                        None => { "none known" }
                    } } }
                    div { dt { "configuration" } dd { (text::line(&report.target.config_path)) } }
                    div { dt { "system" } dd { (host.os) ", " (text::line(&host.arch)) } }
                    div { dt { "diagnosed" } dd { (validity::moment(report.started_at)) } }
                    div { dt { "evidence from" } dd { (source) } }
                }
            }
        }
    }
}

/// The sections that the page has, in their order.
fn contents(report: &Report) -> Markup {
    use crate::model::Role;
    let has = |role| report.findings.iter().any(|finding| finding.role == role);
    let certificates = report.certificates.as_ref();
    let sections = [
        (has(Role::Cause), "causes", "Cause".to_owned()),
        (has(Role::Symptom), "symptoms", "Symptoms".to_owned()),
        (has(Role::Notice), "warnings", "Warnings".to_owned()),
        (true, "checks", "Checks".to_owned()),
        (!report.timings.is_empty(), "times", "Times".to_owned()),
        (
            certificates.is_some(),
            "certificates",
            certificates.map(certificates::count).unwrap_or_default(),
        ),
    ];
    html! {
        nav aria-label="Sections" {
            ul.inner {
                @for (_, id, title) in sections.iter().filter(|(there, ..)| *there) {
                    li { a href={ "#" (id) } { (title) } }
                }
            }
        }
    }
}

/// What could not be decided, where that matters.
fn undecided(report: &Report) -> Markup {
    let open = report
        .checks
        .iter()
        .filter(|check| check.status == Status::Unknown);
    let open: Vec<_> = open.collect();
    html! {
        @if !open.is_empty() {
            section aria-labelledby="undecided" {
                h2 id="undecided" { "Could not be decided" }
                ul {
                    @for check in open {
                        li {
                            a href={ "#check-" (check.id) } { code { (text::line(check.id.as_str())) } }
                            ": " (text::line(check.reason.as_deref().unwrap_or("for no known reason")))
                        }
                    }
                }
            }
        }
    }
}

fn foot(report: &Report) -> Markup {
    let commands = [
        ("More about the first finding", &report.commands.explain),
        ("To look again", &report.commands.again),
    ];
    html! {
        footer {
            div.inner {
                @for (what, command) in commands {
                    @if let Some(command) = command {
                        p { (what) ":" }
                        (findings::command(command))
                    }
                }
                p.source {
                    "Made by nexplane-doctor " (env!("CARGO_PKG_VERSION")) ". This file is whole: it asks no network for anything. "
                    "Secrets are not in it; names and addresses of your network are."
                }
            }
        }
    }
}
