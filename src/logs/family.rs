//! The families of patterns, as the build script made them of `*.yaml`, and two ways to find them.
//!
//! Both know the words without which no pattern can match. In most lines there are none of them, and nothing more is done;
//! where there are, the patterns that they belong to are tried, and compiled when first tried. For the lines of a live
//! host's journal there is [`first_match`], which has nothing to build; for whole logs the [`Automaton`], which is fast.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

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

/// All patterns' words at once. It takes milliseconds to build.
pub(super) struct Automaton {
    /// The words of [`LITERALS`], by position, and after them what may hide one.
    literals: AhoCorasick,
}

impl Automaton {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are built in, and every test of this room builds this"
    )]
    pub(super) fn new() -> Self {
        let words = LITERALS.iter().map(|(word, _)| *word);
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.chain(WRAPPINGS))
            .expect("built-in literals");
        Self { literals }
    }

    /// Whether there is a word in these bytes that a pattern asks for, or something that may hide one.
    pub(super) fn is_candidate(&self, bytes: &[u8]) -> bool {
        self.literals.is_match(bytes)
    }

    /// The first pattern that matches, and where, if nothing makes its words harmless.
    pub(super) fn first_match(&self, text: &str) -> Option<(&'static Pattern, Range<usize>)> {
        let found = self.literals.find_overlapping_iter(text);
        let words = found.filter_map(|found| LITERALS.get(found.pattern().as_usize()));
        first_of(words, text)
    }
}

/// The same for a single line, without an automaton.
pub(super) fn first_match(line: &str) -> Option<(&'static Pattern, Range<usize>)> {
    let lowered = line.to_ascii_lowercase();
    first_of(words_in(lowered.as_bytes()), line)
}

/// The first of the patterns of these words that matches.
fn first_of<'a>(
    words: impl Iterator<Item = &'a Literal>,
    text: &str,
) -> Option<(&'static Pattern, Range<usize>)> {
    let tried: BTreeSet<usize> = words.flat_map(|(_, owners)| *owners).copied().collect();
    let (pattern, at) = tried.into_iter().find_map(|owner| {
        let pattern = &PATTERNS[owner];
        Some((pattern, pattern.words.find(text.as_bytes())?))
    })?;
    (!is_harmless(text, &at)).then_some((pattern, at))
}

/// A word in lower case, and the positions of the patterns of which it is one.
type Literal = (&'static str, &'static [usize]);

/// Every word that begins somewhere in a line in lower case.
fn words_in(line: &[u8]) -> impl Iterator<Item = &'static Literal> {
    let places = (0..line.len()).filter(|at| STARTS.has(&line[*at..]));
    places.flat_map(|at| {
        let rest = &line[at..];
        // They are in order: those that begin as the line goes on stand together.
        let from = LITERALS.partition_point(|(word, _)| start(word.as_bytes()) < start(rest));
        let alike = LITERALS[from..]
            .iter()
            .take_while(|(word, _)| start(word.as_bytes()) == start(rest));
        alike.filter(|(word, _)| rest.starts_with(word.as_bytes()))
    })
}

/// As many bytes as every word has, and enough to tell most texts from a word.
const START: usize = 3;

fn start(word: &[u8]) -> Option<&[u8]> {
    word.get(..START)
}

/// Which bytes words begin with: a table with few holes too many.
struct Starts([u64; 256]);

static STARTS: LazyLock<Starts> = LazyLock::new(|| {
    let mut starts = Starts([0; 256]);
    for (word, _) in &LITERALS {
        if let Some((slot, bit)) = Starts::place(word.as_bytes()) {
            starts.0[slot] |= bit;
        }
    }
    starts
});

impl Starts {
    fn place(word: &[u8]) -> Option<(usize, u64)> {
        let [first, second, third] = *word.first_chunk::<START>()?;
        let mixed = usize::from(first) * 961 + usize::from(second) * 31 + usize::from(third);
        Some((mixed / 64 % 256, 1 << (mixed % 64)))
    }

    fn has(&self, word: &[u8]) -> bool {
        Self::place(word).is_some_and(|(slot, bit)| self.0[slot] & bit != 0)
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
