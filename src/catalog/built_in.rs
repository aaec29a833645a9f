//! The doctor's own checks, as the build script made a table of `checks/*.yaml`: no diagnosis has to parse them.
//!
//! The table holds what the files say and checks little of it. That every word of it means something is the work of
//! [`Catalog::load`], and a test holds the two together.

use std::borrow::Cow;

use super::Catalog;
use super::check::{CheckDoc, FindingDoc, Repair};
use super::load::order;
use super::remedy::{RemedyDoc, StepDoc};
use super::template::{Command, Template};
use crate::model::{Case, CheckId, Code, Os, SectionId, Severity, Symptom};

include!(concat!(env!("OUT_DIR"), "/checks.rs"));

impl Catalog {
    /// The doctor's own checks with these names, in this order. A name without a file has no check.
    pub fn built_in(names: &[&str]) -> Self {
        let check = |name: &&str| CHECKS.iter().find(|check| check.id == *name).cloned();
        let checks: Vec<CheckDoc> = names.iter().filter_map(check).collect();
        let order = order(&checks);
        Self { checks, order }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SOURCES, own};
    use super::*;

    #[test]
    fn the_table_is_what_the_files_say() {
        let names = SOURCES.iter().map(|source| {
            let name = source.name.strip_prefix("checks/");
            name.and_then(|name| name.strip_suffix(".yaml"))
                .unwrap_or_default()
        });
        let names: Vec<&str> = names.collect();
        let built_in = Catalog::built_in(&names);
        for (ours, theirs) in built_in.checks().iter().zip(own().checks()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(built_in, *own());
        assert_eq!(CHECKS.len(), SOURCES.len(), "a file that nobody reads");
    }
}
