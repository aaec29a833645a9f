//! The families of patterns as they are written, and the words without which a pattern cannot match.
//!
//! The build script turns them into `super::family`'s table, so that a diagnosis parses none of this; the tests read the
//! examples through it. It knows nothing of the crate, because the build script has none.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::Deserialize;

/// The families, in the order in which they are tried: what is more special stands before what wraps it.
pub(crate) const FAMILIES: [&str; 15] = [
    "tasks",
    "runbook",
    "systemd",
    "control_plane",
    "dns",
    "proxy",
    "identity",
    "interception",
    "rustls",
    "go_tls",
    "openssl",
    "local",
    "go_net",
    "http",
    "outer",
];

/// The family of what makes a line harmless; it has no codes.
pub(crate) const HARMLESS: &str = "harmless";

/// The family of what shows that all is well again; it has no codes either.
pub(crate) const WELL: &str = "well";

/// Words that are known, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) id: String,
    /// A regular expression (the regex crate's, case ignored) over the unwrapped line with single blanks.
    pub(crate) pattern: String,
    /// The problem that the words speak of; none for words that are harmless.
    pub(crate) code: Option<String>,
    /// Problems that the same words may mean as well, the likelier first.
    #[serde(default)]
    pub(crate) also: Vec<String>,
    /// Whether the agent cannot go on after such a line, whatever the line's level.
    #[serde(default)]
    pub(crate) fatal: bool,
    /// Where harmless words have to stand: `anywhere`, `before` or `after` the words that they make harmless.
    pub(crate) place: Option<String>,
    /// Lines that must match this pattern and no other before it; for harmless words, lines that must match nothing.
    pub(crate) examples: Vec<String>,
    /// Lines that must match nothing.
    #[serde(default)]
    pub(crate) counter_examples: Vec<String>,
}

/// Longer words make the automaton larger and hardly any more selective.
const LONGEST: usize = 20;
/// More alternatives than this are not multiplied out.
const MOST: usize = 100;

/// Words of which one, in whatever case, is in every text that the pattern matches; none where there are no such words.
pub(crate) fn literals(pattern: &str) -> Result<Vec<String>, Box<regex_syntax::Error>> {
    let hir = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(true)
        .build()
        .parse(pattern)?;
    let mut found = required(&hir).unwrap_or_default();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Every text that the expression can be, if these are few.
fn exact(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(vec![String::new()]),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![text.to_ascii_lowercase()])
        }
        HirKind::Class(class) => class_letters(class),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Repetition(repetition) if repetition.max == Some(1) && repetition.min == 0 => {
            let mut all = exact(&repetition.sub)?;
            all.push(String::new());
            Some(all)
        }
        HirKind::Repetition(_) => None,
        HirKind::Concat(parts) => parts.iter().try_fold(vec![String::new()], |all, part| {
            product(&all, &exact(part)?)
        }),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(exact(part)?);
            }
            (all.len() <= MOST).then_some(all)
        }
    }
}

fn class_letters(class: &Class) -> Option<Vec<String>> {
    let Class::Bytes(bytes) = class else {
        return None;
    };
    let mut letters: Vec<String> = bytes
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .take(2 * MOST)
        .filter(u8::is_ascii)
        .map(|byte| char::from(byte.to_ascii_lowercase()).to_string())
        .collect();
    letters.sort();
    letters.dedup();
    // A class with other letters than ASCII's may match what is not listed.
    let ascii = bytes
        .ranges()
        .last()
        .is_some_and(|range| range.end() < 0x80);
    (ascii && letters.len() <= 10).then_some(letters)
}

fn product(left: &[String], right: &[String]) -> Option<Vec<String>> {
    (left.len() * right.len() <= MOST).then(|| {
        left.iter()
            .flat_map(|l| right.iter().map(move |r| format!("{l}{r}")))
            .collect()
    })
}

fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let mut best = None;
            let mut run = vec![String::new()];
            for part in parts {
                let joined = exact(part).and_then(|part| product(&run, &part));
                match joined {
                    Some(joined) => run = joined,
                    None => {
                        best = better(best, words(&run));
                        best = better(best, required(part));
                        run = exact(part).unwrap_or_else(|| vec![String::new()]);
                    }
                }
            }
            better(best, words(&run))
        }
        HirKind::Alternation(parts) => {
            if let Some(all) = exact(hir).and_then(|all| words(&all)) {
                return Some(all);
            }
            let mut all = Vec::new();
            for part in parts {
                all.extend(required(part)?);
            }
            Some(all)
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        _ => words(&exact(hir)?),
    }
}

/// The longest piece of each text that stands in a log as it is here: not what may be quoted, escaped or encoded.
fn words(texts: &[String]) -> Option<Vec<String>> {
    let plain = |c: char| !matches!(c, '"' | '\'' | '\\' | '<' | '>' | '&' | '/' | '`');
    texts
        .iter()
        .map(|text| {
            let pieces = text.split(|c: char| !plain(c) || !c.is_ascii() || c.is_control());
            let longest = pieces.max_by_key(|piece| piece.len())?;
            let piece = &longest[..longest.len().min(LONGEST)];
            (piece.trim().len() >= 3).then(|| piece.to_owned())
        })
        .collect()
}

/// What is in fewer lines by accident.
fn better(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    // A word that half of all lines have is worth little, however long.
    let worth = |word: &String| match word.trim() {
        "error" | "failed" | "http" | "https" | "status" | "code" | "response" | "task" | "job"
        | "nexplane" | "certificate" | "client" => 2,
        word => word.len(),
    };
    let shortest = |words: &Vec<String>| words.iter().map(worth).min().unwrap_or(0);
    match (a, b) {
        (Some(a), Some(b)) if shortest(&b) > shortest(&a) => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}
