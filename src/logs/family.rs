//! The families of patterns, from YAML to one automaton.

use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::model::Code;

/// Declares the families in the order in which they are tried.
macro_rules! families {
    ($($name:literal)*) => {
        const FAMILIES: &[(&str, &str)] = &[$(($name, include_str!(concat!($name, ".yaml")))),*];
    };
}

families! {
    "harmless"
    "tasks"
    "runbook"
    "control_plane"
    "go_dns"
    "go_proxy"
    "rustls"
    "go_tls"
    "local"
    "go_net"
    "outer"
    "systemd"
}

/// Words that are known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Family and id, `go_tls.unknown_authority`; in the file the id alone.
    #[serde(rename = "id")]
    pub name: String,
    /// A regular expression (the regex crate's) over the line with single blanks.
    pub pattern: String,
    /// The problem that the words speak of; none for words that are harmless.
    pub code: Option<Code>,
    /// Problems that the same words may mean as well, the likelier first.
    #[serde(default)]
    pub also: Vec<Code>,
    /// Whether the agent cannot go on after such a line, whatever the line's level.
    #[serde(default)]
    pub fatal: bool,
    /// Lines that must match this pattern and no other before it.
    pub examples: Vec<String>,
    /// Lines that must match nothing.
    #[serde(default)]
    pub counter_examples: Vec<String>,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    FAMILIES
        .iter()
        .flat_map(|(family, text)| read(family, text))
        .collect()
});

#[expect(
    clippy::expect_used,
    reason = "the families are built in, and every test of this room reads them"
)]
fn read(family: &str, text: &str) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = serde_yaml::from_str(text).expect("a built-in family");
    for pattern in &mut patterns {
        pattern.name = format!("{family}.{}", pattern.name);
    }
    patterns
}

/// All patterns at once.
pub(super) struct Automaton {
    set: RegexSet,
}

impl Automaton {
    /// The automaton of the built-in families.
    #[expect(
        clippy::expect_used,
        reason = "the families are built in, and every test of this room compiles them"
    )]
    pub(super) fn built_in() -> Self {
        let set = RegexSetBuilder::new(PATTERNS.iter().map(|pattern| &pattern.pattern))
            // What agents and systems log is ASCII where it matters; Unicode's tables take long to build.
            .unicode(false)
            .size_limit(32 << 20)
            .build()
            .expect("built-in patterns");
        Self { set }
    }

    /// The first pattern that matches.
    pub(super) fn first_match(&self, line: &str) -> Option<&'static Pattern> {
        let first = self.set.matches(line.as_bytes()).iter().next()?;
        PATTERNS.get(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::classify_line;

    #[test]
    fn every_example_matches_its_own_pattern_and_no_counter_example_matches() {
        let automaton = Automaton::built_in();
        let mut wrong = Vec::new();
        for pattern in PATTERNS.iter() {
            assert!(
                !pattern.examples.is_empty(),
                "{} has no example",
                pattern.name
            );
            for line in &pattern.examples {
                let found = automaton.first_match(line).map(|found| &found.name);
                if found != Some(&pattern.name) {
                    wrong.push(format!("{}: {line}: {found:?}", pattern.name));
                }
            }
            for line in &pattern.counter_examples {
                if let Some(found) = classify_line(line) {
                    wrong.push(format!("{}: {line}: {}", pattern.name, found.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn names_are_unique_and_only_the_harmless_have_no_code() {
        let mut names: Vec<_> = PATTERNS.iter().map(|pattern| &pattern.name).collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for pattern in PATTERNS.iter() {
            let harmless = pattern.name.starts_with("harmless.");
            assert_eq!(pattern.code.is_none(), harmless, "{}", pattern.name);
            assert!(
                !pattern
                    .also
                    .iter()
                    .any(|code| Some(code) == pattern.code.as_ref())
            );
        }
    }
}
