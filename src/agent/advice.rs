//! What the runbook says to do about a failure of the agent's own commands: the catalogue's remedy, with the values at hand.

use crate::catalog::{Catalog, Values};
use crate::checks;
use crate::model::{Code, Os, Remedy};

/// A finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// One line: what is so.
    pub title: String,
    /// What to do, with the runbook's section.
    pub remedy: Remedy,
}

/// What the catalogue says of a finding.
pub fn advice(code: &Code, values: &Values) -> Option<Advice> {
    let catalog = Catalog::load(&checks::texts()).ok()?;
    let finding = catalog.finding(code)?;
    Some(Advice {
        title: finding.title.clone(),
        remedy: finding.remedy.fill(values, Os::current()),
    })
}
