//! What is wrong with a file of the catalogue, and where.

use std::fmt;

use crate::model::printable;

/// The text of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// The name that messages use: a path, or `checks/dns.yaml` for an embedded one.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// One thing that is wrong with a file. Shown as `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Problem {
    /// The name of the source.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// A place in a source: where something begins, and the characters that it spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// Characters before it in the source.
    pub(crate) start: usize,
    /// Characters before its end.
    pub(crate) end: usize,
}

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// So many problems of one file are told; a file with more is not a check with mistakes.
const MOST_PROBLEMS: usize = 100;

/// Collects the problems of one source.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    source: Source<'a>,
    problems: Vec<Problem>,
    untold: usize,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(source: Source<'a>) -> Self {
        Self {
            source,
            problems: Vec::new(),
            untold: 0,
        }
    }

    /// The text that is being read.
    pub(crate) fn source(&self) -> Source<'a> {
        self.source
    }

    /// Notes a problem at a place.
    pub(crate) fn at(&mut self, place: Place, message: impl fmt::Display) {
        if self.problems.len() == MOST_PROBLEMS {
            self.untold += 1;
            return;
        }
        self.problems.push(Problem {
            file: printable(self.source.name).into_owned(),
            line: place.line,
            column: place.column,
            message: printable(&message.to_string()).into_owned(),
        });
    }

    /// Notes a problem with a part of a value: at the part where the source has it to the letter, else at the value.
    pub(crate) fn within(&mut self, place: Place, part: &str, message: impl fmt::Display) {
        let found = self.find(place, part).unwrap_or(place);
        self.at(found, message);
    }

    fn find(&self, place: Place, part: &str) -> Option<Place> {
        let text = self.source.text;
        let byte = |chars: usize| {
            text.char_indices()
                .nth(chars)
                .map_or(text.len(), |(at, _)| at)
        };
        let (start, end) = (byte(place.start), byte(place.end));
        let before = text.get(start..end)?.find(part)?;
        let passed = &text[start..start + before];
        let line = place.line + passed.matches('\n').count();
        let column = match passed.rsplit_once('\n') {
            Some((_, last)) => last.chars().count() + 1,
            None => place.column + passed.chars().count(),
        };
        Some(Place {
            line,
            column,
            ..place
        })
    }

    /// The problems, in the order of the text.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.untold > 0 {
            let message = format!("and {} more", self.untold);
            let (line, column) = self
                .problems
                .last()
                .map_or((1, 1), |last| (last.line, last.column));
            self.problems.push(Problem {
                file: printable(self.source.name).into_owned(),
                line,
                column,
                message,
            });
        }
        self.problems
    }
}

/// Quotes a name from a file in a message, cut to a length that fits a line.
pub(crate) fn quoted(name: &str) -> String {
    const LONGEST: usize = 60;
    if name.chars().count() <= LONGEST {
        format!("`{name}`")
    } else {
        let head: String = name.chars().take(LONGEST).collect();
        format!("`{head}…`")
    }
}
