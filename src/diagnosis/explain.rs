//! Which finding is only a symptom: one that another explains, by the catalogue's `explained_by` as the evidence narrows it.

use std::collections::BTreeSet;

use super::Found;
use crate::model::{Code, Explained, Explains, Severity};

/// For each finding, the codes of the causes that explain it, in the order of the findings; empty for a cause or a warning.
pub(super) fn causes(found: &[Found<'_>]) -> Vec<Vec<Code>> {
    (0..found.len())
        .map(|i| {
            let mut roots = BTreeSet::new();
            follow(found, i, &mut BTreeSet::new(), &mut roots);
            roots.remove(&i);
            let mut codes = Vec::new();
            for root in roots {
                let code = &found[root].finding.code;
                if !codes.contains(code) {
                    codes.push(code.clone());
                }
            }
            codes
        })
        .collect()
}

/// Collects the unexplained findings at the root of finding `i`.
fn follow(found: &[Found<'_>], i: usize, seen: &mut BTreeSet<usize>, roots: &mut BTreeSet<usize>) {
    if !seen.insert(i) {
        return; // The catalogue has no cycles; two findings of one code may still meet here.
    }
    let explainers: Vec<usize> = (0..found.len())
        .filter(|&j| explains(&found[j], &found[i]))
        .collect();
    if explainers.is_empty() {
        roots.insert(i);
    }
    for j in explainers {
        follow(found, j, seen, roots);
    }
}

/// Whether finding `cause` explains finding `effect` directly.
fn explains(cause: &Found<'_>, effect: &Found<'_>) -> bool {
    let code = &cause.finding.code;
    let admitted = match &effect.finding.explained {
        Explained::AsCatalogued => true,
        Explained::OnlyBy(codes) => codes.contains(code),
        Explained::NotBy(codes) => !codes.contains(code),
        Explained::Never => false,
    };
    let reaches = match &cause.finding.explains {
        Explains::AsCatalogued => true,
        Explains::OnlyOf(checks) => checks.contains(&effect.outcome.id),
    };
    admitted
        && reaches
        && cause.doc.severity == Severity::Error
        && effect.doc.severity == Severity::Error
        && *code != effect.finding.code
        && effect.doc.explained_by.contains(code)
}
