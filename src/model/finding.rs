//! What a check says it found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Case, CheckId, Code, Placeholder};

/// One thing that was seen, in words a person can use: `issuer` / `CN=Example Private CA`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub what: String,
    /// What was seen. Data from outside, never trusted to be printable.
    pub value: String,
}

/// Which of the catalogue's explanations may make this finding a symptom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Explained {
    /// Whatever the catalogue's `explained_by` says.
    #[default]
    AsCatalogued,
    /// Only these of them, because the evidence says so (a log line that names the cause).
    OnlyBy(Vec<Code>),
    /// All of them but these, because the evidence rules these out.
    NotBy(Vec<Code>),
    /// Nothing explains this one: the evidence rules it out.
    Never,
}

/// Which findings this one may make symptoms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Explains {
    /// Whichever name it in the catalogue's `explained_by`.
    #[default]
    AsCatalogued,
    /// Only those of them that are of these checks: of the others it is known that they saw something else.
    OnlyOf(Vec<CheckId>),
}

/// Whether the catalogue's repair is one for this finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repaired {
    /// It is, if the catalogue has one.
    #[default]
    AsCatalogued,
    /// It is not: what is wrong is out of a repair's reach.
    ByNobody,
}

/// A problem that a check found, before the diagnosis has sorted causes from symptoms.
///
/// Severity, title, explanation and remedy are the catalogue's; what is here is what this host adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which problem.
    pub code: Code,
    /// What exactly, with this host's values; one to three sentences.
    pub detail: String,
    /// What was seen that shows it.
    pub evidence: Vec<Fact>,
    /// What may explain it.
    pub explained: Explained,
    /// What it may explain.
    pub explains: Explains,
    /// Values for the remedy's placeholders that only this finding knows.
    pub values: BTreeMap<Placeholder, String>,
    /// Which of several things that the code stands for it is: steps of the remedy for others are left out.
    pub case: Option<Case>,
    /// Whether the catalogue's repair is for it.
    pub repaired: Repaired,
}

impl Finding {
    /// A finding with its detail and no evidence yet.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            evidence: Vec::new(),
            explained: Explained::AsCatalogued,
            explains: Explains::AsCatalogued,
            values: BTreeMap::new(),
            case: None,
            repaired: Repaired::AsCatalogued,
        }
    }

    /// Adds one thing that was seen.
    #[must_use]
    pub fn saw(mut self, what: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Fact {
            what: what.into(),
            value: value.into(),
        });
        self
    }

    /// Adds several things that were seen.
    #[must_use]
    pub fn saw_all(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.evidence.extend(facts);
        self
    }

    /// Narrows what may explain this finding.
    #[must_use]
    pub fn explained(mut self, explained: Explained) -> Self {
        self.explained = explained;
        self
    }

    /// Narrows what this finding may explain.
    #[must_use]
    pub fn explains(mut self, explains: Explains) -> Self {
        self.explains = explains;
        self
    }

    /// Says which of several things it is.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.case = Some(case);
        self
    }

    /// Says that the catalogue's repair is of no use here.
    #[must_use]
    pub fn beyond_repair(mut self) -> Self {
        self.repaired = Repaired::ByNobody;
        self
    }

    /// Gives a value for a placeholder of the remedy.
    #[must_use]
    pub fn value(mut self, placeholder: Placeholder, value: impl Into<String>) -> Self {
        self.values.insert(placeholder, value.into());
        self
    }
}
