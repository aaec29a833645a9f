//! The graph of checks as a picture: by how each ended, what is a cause more than what is only a symptom.
//!
//! Drawn twice, for wide pages and for narrow ones; a page shows one of them. Everything in it is in the list of checks too.

use maud::{Markup, html};

use super::layout::{Flow, Point, Sizes, layout};
use super::text;
use super::words::{self, Standing};
use crate::model::{CheckId, CheckReport, Report, Status, counted};

/// With more checks than these, only those are drawn of which there is something to say, and those that others come from.
const MANY: usize = 30;
/// A picture of more boxes than these tells nothing that the list does not tell better.
const MOST: usize = 45;
/// So much of a name fits into a box.
const NAME: usize = 13;
/// Around everything, for lines and frames that are wider than their place.
const MARGIN: f64 = 5.0;

const WIDE: Sizes = Sizes {
    width: 108.0,
    height: 34.0,
    between: 22.0,
    beside: 14.0,
    most: 8,
};
const NARROW: Sizes = Sizes {
    width: 108.0,
    height: 32.0,
    between: 24.0,
    beside: 10.0,
    most: 3,
};

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// What it comes from blocks what it leads to.
    Need,
    /// What it comes from only informs.
    Use,
}

/// Both pictures, or that there are too many checks for one.
pub(super) fn graph(report: &Report) -> Markup {
    let drawing = Drawing::of(report);
    if drawing.checks.len() > MOST {
        return html! { p { "There are too many checks for a picture; the list has them all." } };
    }
    let quiet = report.checks.len() - drawing.checks.len();
    html! {
        figure.graph {
            (drawing.picture(Flow::Across, WIDE, "wide"))
            (drawing.picture(Flow::Down, NARROW, "narrow"))
            figcaption {
                "Each check is judged after those that its lines come from. Solid: what failed there blocks it. "
                "Dotted: it is only told what was seen there. The same is in the list below, in words."
                @if quiet > 0 {
                    " Not drawn: " (counted(quiet, "check", "checks")) " of which there is nothing to say."
                }
            }
        }
    }
}

/// What is drawn.
struct Drawing<'a> {
    report: &'a Report,
    checks: Vec<&'a CheckReport>,
    /// By the places of the checks among those that are drawn.
    edges: Vec<(usize, usize)>,
    /// What each edge means.
    kinds: Vec<Edge>,
}

impl<'a> Drawing<'a> {
    fn of(report: &'a Report) -> Self {
        let all = report.checks.iter();
        let checks: Vec<_> = all.filter(|check| is_drawn(report, check)).collect();
        let place = |id: &CheckId| checks.iter().position(|check| check.id == *id);
        let mut edges = Vec::new();
        for (to, check) in checks.iter().enumerate() {
            let needs = check.needs.iter().map(|id| (id, Edge::Need));
            let uses = check.uses.iter().map(|id| (id, Edge::Use));
            for (id, kind) in needs.chain(uses) {
                edges.extend(place(id).map(|from| ((from, to), kind)));
            }
        }
        let (edges, kinds) = edges.into_iter().unzip();
        Self {
            report,
            checks,
            edges,
            kinds,
        }
    }

    fn picture(&self, flow: Flow, sizes: Sizes, class: &str) -> Markup {
        let layout = layout(self.checks.len(), &self.edges, flow, sizes);
        let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
        let view = format!("-{MARGIN} -{MARGIN} {} {}", units(width), units(height));
        let arrow = format!("arrow-{class}");
        let edges = self
            .edges
            .iter()
            .map(|(from, to)| (self.checks[*from], self.checks[*to]));
        let lines = layout.lines.iter().zip(&self.kinds).zip(edges);
        html! {
            svg class=(class) viewBox=(view) width=(units(width)) height=(units(height)) role="group"
                aria-label="The graph of checks; each leads to its line in the list" {
                defs {
                    marker id=(arrow) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                        path d="M0 0.8 L7 4 L0 7.2 z" {}
                    }
                }
                g.edges aria-hidden="true" {
                    @for ((line, kind), (from, to)) in lines {
                        path class=(edge_class(*kind, from, to)) d=(curve(line, flow))
                            marker-end=(format!("url(#{arrow})")) {}
                    }
                }
                @for (check, place) in self.checks.iter().zip(&layout.boxes) {
                    (node(self.report, check, *place, sizes))
                }
            }
        }
    }
}

/// Whether a check has its box: where they are many, one that is well or left out has none unless others come from it.
fn is_drawn(report: &Report, check: &CheckReport) -> bool {
    let is_quiet = matches!(check.status, Status::Pass | Status::Skipped);
    let leads_on = || {
        let mut others = report.checks.iter();
        others.any(|other| other.needs.contains(&check.id) || other.uses.contains(&check.id))
    };
    report.checks.len() <= MANY || !is_quiet || leads_on()
}

fn edge_class(kind: Edge, from: &CheckReport, to: &CheckReport) -> &'static str {
    match kind {
        Edge::Use => "use",
        Edge::Need if to.status == Status::Blocked && from.status.blocks() => "need blocks",
        Edge::Need => "need",
    }
}

fn node(report: &Report, check: &CheckReport, place: Point, sizes: Sizes) -> Markup {
    let standing = Standing::of(report, check);
    let name = text::line(check.id.as_str());
    let short = match name.chars().count() > NAME {
        true => name.chars().take(NAME - 1).chain(['\u{2026}']).collect(),
        false => name.clone(),
    };
    let said = format!("{name}: {}", standing.word());
    let baseline = place.y + sizes.height / 2.0 + 4.5;
    html! {
        a.node.(standing.class()) href={ "#check-" (check.id) } aria-label=(said) {
            title { (said) ". " (text::line(&words::said(report, check))) }
            rect x=(units(place.x)) y=(units(place.y)) width=(sizes.width) height=(sizes.height) rx="6" {}
            text.mark x=(units(place.x + 13.0)) y=(units(baseline)) text-anchor="middle" { (standing.mark()) }
            text x=(units(place.x + 24.0)) y=(units(baseline)) { (short) }
        }
    }
}

/// A line through its points that leaves and reaches every one of them along the flow.
fn curve(line: &[Point], flow: Flow) -> String {
    let mut path = String::new();
    for (i, to) in line.iter().enumerate() {
        let Some(from) = i.checked_sub(1).map(|before| line[before]) else {
            path.push_str(&format!("M{} {}", units(to.x), units(to.y)));
            continue;
        };
        let (a, b) = match flow {
            Flow::Across => {
                let bend = (to.x - from.x) / 2.0;
                ((from.x + bend, from.y), (to.x - bend, to.y))
            }
            Flow::Down => {
                let bend = (to.y - from.y) / 2.0;
                ((from.x, from.y + bend), (to.x, to.y - bend))
            }
        };
        let numbers = [a.0, a.1, b.0, b.1, to.x, to.y].map(units);
        path.push_str(&format!(" C{}", numbers.join(" ")));
    }
    path
}

/// A number as the picture has it.
pub(super) fn units(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
