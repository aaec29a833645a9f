//! The runbook as data: `checks/*.yaml`, read into a typed, validated graph of checks.
//!
//! A file says what people read of a check and how checks and findings hang together; what is so on a host is said in
//! Rust, in `checks`. Reading has two layers, as far apart as syntax and meaning: a document with the position of every
//! word, and the types that everybody else sees. All problems of all files come at once, each with its place.
//!
//! This room reads no files and no directories: sources come in as text. How a text becomes a tree with places (`yaml`),
//! how that is taken apart (`fields`) and what is wrong with it (`problem`) serves the fixtures' files as well.

mod built_in;
mod check;
mod claim;
pub(crate) mod fields;
mod graph;
mod load;
mod names;
pub(crate) mod nearest;
mod overlay;
mod probe;
pub(crate) mod problem;
mod raw;
mod remedy;
mod shell;
mod template;
#[cfg(test)]
mod testing;
mod texts;
mod validate;
mod values;
#[cfg(test)]
mod vocabulary;
pub(crate) mod yaml;

pub use check::{CheckDoc, FindingDoc, Repair};
pub use nearest::nearest;
pub use probe::{Claim, ExpectedBody, ExpectedFile, Pattern, Probe, ProbeWay, ServiceState};
pub use problem::{Problem, Source};
pub use remedy::{RemedyDoc, StepDoc};
pub use template::{Command, Template};
pub use values::Values;

use crate::model::{CheckId, Code};

/// All checks: the doctor's own, and the user's after them.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    checks: Vec<CheckDoc>,
    /// Positions in `checks`, each after all that it needs and uses.
    order: Vec<usize>,
}

impl Catalog {
    /// The checks in the order in which a person should fix things.
    pub fn checks(&self) -> &[CheckDoc] {
        &self.checks
    }

    /// The check with that id.
    pub fn check(&self, id: &CheckId) -> Option<&CheckDoc> {
        self.checks.iter().find(|check| check.id == *id)
    }

    /// What is said of a code.
    pub fn finding(&self, code: &Code) -> Option<&FindingDoc> {
        self.findings().find(|finding| finding.code == *code)
    }

    /// Every finding of every check, in the order in which a person should fix them.
    pub fn findings(&self) -> impl Iterator<Item = &FindingDoc> {
        self.checks.iter().flat_map(|check| check.findings.iter())
    }

    /// The checks in an order in which they can be judged: each after all that it needs and uses.
    pub fn in_order(&self) -> impl Iterator<Item = &CheckDoc> {
        self.order.iter().map(|position| &self.checks[*position])
    }
}
