//! The results of tests, in the formats that CI servers read: a suite of cases, each with its outcome.
//!
//! What a case is of, and when it fails, is said by who makes the suite. Texts may come from outside: each writer makes them
//! fit for its format.

mod github;
mod junit;
mod tap;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use github::{annotation_of as github_annotation, annotations as github};
pub use junit::{CannotWrite, document as junit, document_with as junit_with};
pub use tap::{lines as tap, of_case as tap_case, plan as tap_plan};

/// The most that is written of one message, in characters: what it is of can be looked at.
const LONGEST: usize = 4000;

/// Cases that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its cases, in the order in which they are written.
    pub cases: Vec<Case>,
    /// How long all of it took.
    pub duration: Duration,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Case {
    /// Its name, unique within its suite.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// Where a person would change what it expects, if that is a file.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its path.
    pub file: String,
    /// The line, from 1, if one is known.
    pub line: Option<usize>,
    /// The column in characters, from 1, if one is known.
    pub column: Option<usize>,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// As it must.
    #[default]
    Passed,
    /// As it must, and something is worth saying.
    Warned(Message),
    /// Otherwise than it must.
    Failed(Message),
    /// It could not be decided.
    Broken(Message),
    /// It was left out, because …
    Skipped(String),
}

/// What is said of a case: a line, and more for who looks closer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// In one line.
    pub line: String,
    /// The rest, line by line.
    pub detail: Vec<String>,
}

impl Outcome {
    /// Whether it keeps the suite from passing.
    pub const fn fails(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Broken(_))
    }
}

impl Message {
    /// One line alone.
    pub fn line(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            detail: Vec::new(),
        }
    }

    /// All of it, bounded.
    fn text(&self) -> String {
        let lines = std::iter::once(&self.line).chain(&self.detail);
        let text = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}
