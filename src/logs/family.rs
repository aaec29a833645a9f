//! The families of patterns, as the build script made them of `*.yaml`, and the automaton that finds them.
//!
//! The automaton knows the words without which no pattern can match. In most lines there are none of them, and nothing
//! more is done; where there are, the patterns that they belong to are tried, and compiled when first tried.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use super::unwrap::WRAPPINGS;
use crate::model::Code;

include!(concat!(env!("OUT_DIR"), "/log_patterns.rs"));

/// Words that name a problem.
#[derive(Debug)]
pub struct Pattern {
    /// Family and id, `go_tls.unknown_authority`.
    pub name: &'static str,
    /// The problem that the words speak of.
    pub code: Code,
    /// Problems that the same words may mean as well, the likelier first.
    pub also: &'static [Code],
    /// Whether the agent cannot go on after such a line, whatever the line's level.
    pub fatal: bool,
    /// One of these is in every match, in lower case.
    literals: &'static [&'static str],
    words: Words,
}

impl Pattern {
    /// The regular expression, for ASCII and whatever the case.
    pub const fn expression(&self) -> &'static str {
        self.words.pattern
    }
}

/// Words that make others harmless.
struct Harmless {
    place: Place,
    words: Words,
}

/// Where harmless words stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    Before,
    After,
}

/// A regular expression that is compiled when it is first needed.
#[derive(Debug)]
struct Words {
    pattern: &'static str,
    compiled: OnceLock<Regex>,
}

impl Words {
    const fn new(pattern: &'static str) -> Self {
        Self {
            pattern,
            compiled: OnceLock::new(),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the patterns are built in, and the tests of this room compile every one"
    )]
    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            RegexBuilder::new(self.pattern)
                // What agents and systems log is ASCII where it matters; Unicode's tables take long to build.
                .unicode(false)
                .case_insensitive(true)
                .build()
                .expect("a built-in pattern")
        })
    }

    fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        Some(self.regex().find(text)?.range())
    }
}

/// Every pattern, in the order in which they are tried.
pub fn patterns() -> impl Iterator<Item = &'static Pattern> {
    PATTERNS.iter()
}

/// How much there is to search: a larger automaton is faster, and takes longer to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Some lines.
    Few,
    /// A whole file.
    Many,
}

/// All patterns' words at once.
pub(super) struct Automaton {
    literals: AhoCorasick,
    /// The patterns of each literal, by position.
    owners: Vec<Vec<usize>>,
}

impl Automaton {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are built in, and every test of this room builds this"
    )]
    pub(super) fn new(effort: Effort) -> Self {
        let mut all: Vec<(&str, Option<usize>)> = WRAPPINGS.iter().map(|w| (*w, None)).collect();
        for (owner, pattern) in PATTERNS.iter().enumerate() {
            all.extend(pattern.literals.iter().map(|l| (*l, Some(owner))));
        }
        all.sort_unstable();
        let mut literals: Vec<&str> = Vec::new();
        let mut owners: Vec<Vec<usize>> = Vec::new();
        for (literal, owner) in all {
            if literals.last() != Some(&literal) {
                literals.push(literal);
                owners.push(Vec::new());
            }
            owners.last_mut().expect("one a literal").extend(owner);
        }
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(match effort {
                Effort::Few => AhoCorasickKind::NoncontiguousNFA,
                Effort::Many => AhoCorasickKind::DFA,
            }))
            .build(literals)
            .expect("built-in literals");
        Self { literals, owners }
    }

    /// Whether there is a word in these bytes that a pattern asks for, or something that may hide one.
    pub(super) fn is_candidate(&self, bytes: &[u8]) -> bool {
        self.literals.is_match(bytes)
    }

    /// The first pattern that matches, and where, if nothing makes its words harmless.
    pub(super) fn first_match(&self, text: &str) -> Option<(&'static Pattern, Range<usize>)> {
        let mut tried: BTreeSet<usize> = BTreeSet::new();
        for found in self.literals.find_overlapping_iter(text) {
            tried.extend(&self.owners[found.pattern().as_usize()]);
        }
        let (pattern, at) = tried.into_iter().find_map(|owner| {
            let pattern = &PATTERNS[owner];
            Some((pattern, pattern.words.find(text.as_bytes())?))
        })?;
        (!is_harmless(text, &at)).then_some((pattern, at))
    }
}

/// Whether the line shows that the control plane takes the agent.
pub(super) fn is_well(text: &str) -> bool {
    WELL.find(text.as_bytes()).is_some()
}

/// Whether the text says that what it names at this place is no problem.
fn is_harmless(text: &str, at: &Range<usize>) -> bool {
    // Bytes: the expressions know ASCII alone, so that a match may end within a letter.
    let text = text.as_bytes();
    HARMLESS.iter().any(|harmless| {
        let part = match harmless.place {
            Place::Anywhere => text,
            Place::Before => &text[..at.start],
            Place::After => &text[at.end..],
        };
        harmless.words.regex().is_match(part)
    })
}

#[cfg(test)]
mod tests;
