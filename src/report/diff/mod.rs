//! Two reports, and in what they differ.
//!
//! What always differs between two looks at one host, how long something took, is told apart: it makes no two reports
//! different. So are notes, which tell of what is well.

mod document;
mod human;
mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::Serialize;

pub use document::{Document, NoReport};
pub use human::render as human;
pub use json::{render as json, schema};

use document::{Check, Fact, Finding};

/// What became of something between the first report and the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The second alone has it.
    Appeared,
    /// The first alone has it.
    WentAway,
    /// Both have it, and it is not the same.
    Changed,
}

/// Of what a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// What it comes to.
    Verdict,
    /// The causes, in the order to fix them.
    RootCauses,
    /// The host that was diagnosed.
    Host,
    /// What it was diagnosed against.
    Target,
    /// A finding, by its code.
    Finding,
    /// A finding that was not to count.
    Ignored,
    /// A check, by its id.
    Check,
}

/// One thing in which two reports differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// Of what it is told.
    pub what: What,
    /// Of which one, where there are several: a code, a check's id.
    pub name: Option<String>,
    /// Which of its parts, as the report names it; `evidence: issuer` is the evidence of that name. Null for the whole.
    pub field: Option<String>,
    /// As the first report has it; of a whole finding, its role and title.
    pub before: Vec<String>,
    /// As the second has it.
    pub after: Vec<String>,
    /// Whether it makes the reports different; not if it is only how long something took, or a note.
    pub counts: bool,
}

/// In what the second report differs from the first.
pub fn compare(before: &Document, after: &Document) -> Vec<Difference> {
    let mut found = Found::default();
    let one = |text: &str| vec![text.to_owned()];
    let mut of = Of(What::Verdict, None);
    found.changed(
        &of,
        None,
        one(before.verdict.as_str()),
        one(after.verdict.as_str()),
    );
    of.0 = What::RootCauses;
    found.changed(
        &of,
        None,
        texts(&before.root_causes),
        texts(&after.root_causes),
    );
    of.0 = What::Host;
    let (a, b) = (&before.host, &after.host);
    for (field, a, b) in [
        ("hostname", &a.hostname, &b.hostname),
        ("os", &a.os, &b.os),
        ("arch", &a.arch, &b.arch),
    ] {
        found.changed(&of, Some(field), one(a), one(b));
    }
    of.0 = What::Target;
    let (a, b) = (&before.target, &after.target);
    let url = |url: &Option<String>| url.iter().cloned().collect();
    found.changed(
        &of,
        Some("control_plane"),
        url(&a.control_plane),
        url(&b.control_plane),
    );
    found.changed(
        &of,
        Some("config_path"),
        one(&a.config_path),
        one(&b.config_path),
    );
    found.findings(What::Finding, &before.findings, &after.findings);
    found.findings(What::Ignored, &before.ignored, &after.ignored);
    found.checks(before, after);
    found.0
}

/// Whether any of the differences makes two reports different.
pub fn is_equal(differences: &[Difference]) -> bool {
    !differences.iter().any(|difference| difference.counts)
}

/// Of what something is told.
struct Of(What, Option<String>);

#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn push(&mut self, change: Change, of: &Of, before: Vec<String>, after: Vec<String>) {
        self.0.push(Difference {
            change,
            what: of.0,
            name: of.1.clone(),
            field: None,
            before,
            after,
            counts: true,
        });
    }

    /// A part that both reports have, or of which one has nothing.
    fn changed(&mut self, of: &Of, field: Option<&str>, before: Vec<String>, after: Vec<String>) {
        self.weighed(of, field, before, after, true);
    }

    fn weighed(
        &mut self,
        of: &Of,
        field: Option<&str>,
        before: Vec<String>,
        after: Vec<String>,
        counts: bool,
    ) {
        if before == after {
            return;
        }
        let untimed = |texts: &[String]| texts.iter().map(|t| timeless(t)).collect::<Vec<_>>();
        let counts = counts && untimed(&before) != untimed(&after);
        self.0.push(Difference {
            change: match (before.is_empty(), after.is_empty()) {
                (true, _) => Change::Appeared,
                (_, true) => Change::WentAway,
                _ => Change::Changed,
            },
            what: of.0,
            name: of.1.clone(),
            field: field.map(str::to_owned),
            before,
            after,
            counts,
        });
    }

    fn findings(&mut self, what: What, before: &[Finding], after: &[Finding]) {
        let whole = |finding: &Finding| vec![finding.role.as_str().into(), finding.title.clone()];
        let name = |finding: &Finding| finding.code.to_string();
        for (name, pair) in pairs(before, after, name) {
            let of = Of(what, Some(name));
            match pair {
                (Some(a), Some(b)) => self.finding(&of, a, b),
                (Some(a), None) => self.push(Change::WentAway, &of, whole(a), Vec::new()),
                (None, Some(b)) => self.push(Change::Appeared, &of, Vec::new(), whole(b)),
                (None, None) => {}
            }
        }
    }

    fn finding(&mut self, of: &Of, a: &Finding, b: &Finding) {
        let one = |text: &str| vec![text.to_owned()];
        self.changed(
            of,
            Some("severity"),
            one(a.severity.as_str()),
            one(b.severity.as_str()),
        );
        self.changed(of, Some("role"), one(a.role.as_str()), one(b.role.as_str()));
        self.changed(
            of,
            Some("explained_by"),
            texts(&a.explained_by),
            texts(&b.explained_by),
        );
        self.changed(of, Some("detail"), one(&a.detail), one(&b.detail));
        self.facts(of, "evidence", &a.evidence, &b.evidence, true);
        self.changed(of, Some("remedy"), remedy(a), remedy(b));
        let repair = |finding: &Finding| finding.repair.iter().cloned().collect();
        self.changed(of, Some("repair"), repair(a), repair(b));
    }

    /// Values of one name are compared together: a name may be there several times.
    fn facts(&mut self, of: &Of, field: &str, before: &[Fact], after: &[Fact], counts: bool) {
        let mut names: Vec<&str> = Vec::new();
        let mut values: BTreeMap<&str, [Vec<String>; 2]> = BTreeMap::new();
        for (side, facts) in [before, after].into_iter().enumerate() {
            for fact in facts {
                let of_name = values.entry(&fact.what).or_insert_with(|| {
                    names.push(&fact.what);
                    Default::default()
                });
                of_name[side].push(fact.value.clone());
            }
        }
        for name in names {
            let [before, after] = values.remove(name).unwrap_or_default();
            let field = format!("{field}: {name}");
            self.weighed(of, Some(&field), before, after, counts);
        }
    }

    fn checks(&mut self, before: &Document, after: &Document) {
        let name = |check: &Check| check.id.to_string();
        let status = |check: &Check| vec![check.status.as_str().to_owned()];
        for (name, pair) in pairs(&before.checks, &after.checks, name) {
            let of = Of(What::Check, Some(name));
            match pair {
                (Some(a), Some(b)) => self.check(&of, a, b),
                (Some(a), None) => self.push(Change::WentAway, &of, status(a), Vec::new()),
                (None, Some(b)) => self.push(Change::Appeared, &of, Vec::new(), status(b)),
                (None, None) => {}
            }
        }
    }

    fn check(&mut self, of: &Of, a: &Check, b: &Check) {
        let status = |check: &Check| vec![check.status.as_str().to_owned()];
        self.changed(of, Some("status"), status(a), status(b));
        self.changed(
            of,
            Some("blocked_by"),
            texts(&a.blocked_by),
            texts(&b.blocked_by),
        );
        // What blocks a check is its reason too, in words.
        let reason = |check: &Check| match check.blocked_by.is_empty() {
            true => check.reason.iter().cloned().collect(),
            false => Vec::new(),
        };
        self.changed(of, Some("reason"), reason(a), reason(b));
        self.facts(of, "notes", &a.notes, &b.notes, false);
        let took = |check: &Check| vec![format!("{} ms", check.duration_ms)];
        self.weighed(of, Some("duration"), took(a), took(b), false);
    }
}

/// What the first report has, and what the second.
type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// What the two reports have under one name, in the order of the first, then what the second alone has. What is there
/// twice is compared in its order.
fn pairs<'a, T>(
    before: &'a [T],
    after: &'a [T],
    name: impl Fn(&T) -> String,
) -> Vec<(String, Pair<'a, T>)> {
    let mut places: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for it in before {
        let name = name(it);
        let nth = seen.entry(name.clone()).or_insert(0);
        places.insert((name.clone(), *nth), pairs.len());
        *nth += 1;
        pairs.push((name, (Some(it), None)));
    }
    seen.clear();
    for it in after {
        let name = name(it);
        let nth = seen.entry(name.clone()).or_insert(0);
        match places.get(&(name.clone(), *nth)) {
            Some(place) => pairs[*place].1.1 = Some(it),
            None => pairs.push((name.clone(), (None, Some(it)))),
        }
        *nth += 1;
    }
    pairs
}

fn texts<T: ToString>(names: &[T]) -> Vec<String> {
    names.iter().map(T::to_string).collect()
}

fn remedy(finding: &Finding) -> Vec<String> {
    let mut lines = vec![finding.remedy.text.clone()];
    for step in &finding.remedy.steps {
        lines.push(step.text.clone());
        lines.extend(step.command.clone());
    }
    lines
}

/// The text without how long anything took, or will last.
fn timeless(text: &str) -> String {
    static DURATION: OnceLock<Option<Regex>> = OnceLock::new();
    let duration = DURATION.get_or_init(|| {
        Regex::new(
            r"(?-u:\b)[0-9]+(?:\.[0-9]+)? ?(?:ms|min|s|h|d|days?|hours?|minutes?|seconds?)(?-u:\b)",
        )
        .ok()
    });
    match duration {
        Some(duration) => duration.replace_all(text, "…").into_owned(),
        None => text.to_owned(),
    }
}
