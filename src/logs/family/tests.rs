//! Every pattern is held to the examples that stand beside it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::logs::classify_line;
use crate::logs::source::{self, Written};
use crate::logs::unwrap::unwrap;

fn written(family: &str) -> Vec<Written> {
    let path = format!("{}/src/logs/{family}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

fn all() -> impl Iterator<Item = (String, Written)> {
    source::FAMILIES.iter().flat_map(|family| {
        let named = |written: Written| (format!("{family}.{}", written.id), written);
        written(family).into_iter().map(named).collect::<Vec<_>>()
    })
}

#[test]
fn every_example_matches_its_own_pattern_and_no_counter_example_matches() {
    let mut wrong = Vec::new();
    for (name, written) in all() {
        assert!(!written.examples.is_empty(), "{name} has no example");
        for line in &written.examples {
            let found = classify_line(line).map(|found| found.name);
            if found != Some(name.as_str()) {
                wrong.push(format!("{name}: {line}: {found:?}"));
            }
        }
        for line in &written.counter_examples {
            if let Some(found) = classify_line(line) {
                wrong.push(format!("not {name}: {line}: {}", found.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_harmless_matches_nothing() {
    let mut wrong = Vec::new();
    for written in written(source::HARMLESS) {
        let known = HARMLESS
            .iter()
            .any(|harmless| harmless.words.pattern.contains(&written.pattern));
        assert!(known, "{}", written.id);
        for line in &written.examples {
            if let Some(found) = classify_line(line) {
                wrong.push(format!("harmless.{}: {line}: {}", written.id, found.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_healthy_agent_logs_matches_nothing() {
    let path = format!("{}/src/logs/quiet.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<String> = serde_yaml::from_str(&text).unwrap();
    assert!(lines.len() > 100, "{}", lines.len());
    let named = |line: &String| Some(format!("{line}: {}", classify_line(line)?.name));
    let wrong: Vec<String> = lines.iter().filter_map(named).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_shows_that_all_is_well_does_and_nothing_else() {
    for written in written(source::WELL) {
        assert!(written.code.is_none(), "{}", written.id);
        for line in &written.examples {
            assert!(is_well(line), "{line}");
        }
        for line in &written.counter_examples {
            assert!(!is_well(line), "{line}");
        }
    }
}

#[test]
fn the_automaton_finds_whatever_a_pattern_alone_finds() {
    let automaton = Automaton::new();
    for (name, written) in all() {
        let place = PATTERNS.iter().position(|p| p.name == name).unwrap();
        let pattern = &PATTERNS[place];
        let of_pattern = LITERALS
            .iter()
            .filter(|(_, owners)| owners.contains(&place));
        let literals: Vec<&str> = of_pattern.map(|(word, _)| *word).collect();
        assert!(!literals.is_empty(), "{name}");
        for line in &written.examples {
            let text = unwrap(line.as_bytes()).text;
            assert!(
                pattern.words.find(text.as_bytes()).is_some(),
                "{name}: {line}"
            );
            let lower = text.to_ascii_lowercase();
            let has = literals.iter().any(|word| lower.contains(word));
            assert!(has, "{name}: {literals:?}: {line}");
            assert!(automaton.is_candidate(line.as_bytes()), "{name}: {line}");
        }
    }
}

#[test]
fn without_the_automaton_the_same_is_found() {
    let automaton = Automaton::new();
    for (name, written) in all() {
        for line in written.examples.iter().chain(&written.counter_examples) {
            let text = unwrap(line.as_bytes()).text;
            let lowered = text.to_ascii_lowercase();
            let mut found: Vec<&str> = words_in(lowered.as_bytes())
                .map(|(word, _)| *word)
                .collect();
            let mut there: Vec<&str> = Vec::new();
            for (word, _) in &LITERALS {
                there.extend(lowered.matches(word));
            }
            found.sort_unstable();
            found.dedup();
            there.dedup();
            assert_eq!(found, there, "{name}: {line}");
            let (alone, together) = (first_match(&text), automaton.first_match(&text));
            let told =
                |found: Option<(&Pattern, Range<usize>)>| found.map(|(it, at)| (it.name, at));
            assert_eq!(told(alone), told(together), "{name}: {line}");
        }
    }
}

#[test]
fn words_are_in_order_and_long_enough_to_be_told_by_their_start() {
    assert!(LITERALS.is_sorted_by(|(one, _), (next, _)| one < next));
    assert!(LITERALS.iter().all(|(word, _)| word.len() >= START));
    assert!(STARTS.0.contains(&0), "a full table tells nothing");
    for odd in ["", "a", "ab", "\u{e9}\u{e9}", "\u{1f980}"] {
        assert_eq!(words_in(odd.as_bytes()).count(), 0, "{odd}");
    }
}

#[test]
fn names_are_unique_and_only_the_harmless_have_no_code() {
    let mut names: Vec<_> = PATTERNS.iter().map(|pattern| pattern.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    for pattern in &PATTERNS {
        assert!(!pattern.also.contains(&pattern.code), "{}", pattern.name);
        assert!(pattern.words.regex().as_str() == pattern.expression());
    }
    for written in written(source::HARMLESS) {
        assert!(
            written.code.is_none() && !written.examples.is_empty(),
            "{}",
            written.id
        );
    }
}
