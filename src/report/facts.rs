//! Facts that belong together: one thing, and after it what is told of it, `certificate 1` and `certificate 1: valid`.

use textwrap::WordSeparator;
use textwrap::core::Word;

use crate::model::Fact;

/// The facts in groups: each begins with one that tells nothing of the one before.
pub(super) fn groups(facts: &[Fact]) -> Vec<&[Fact]> {
    let mut groups = Vec::new();
    let mut rest = facts;
    while let Some((head, after)) = rest.split_first() {
        let parts = after
            .iter()
            .take_while(|fact| part(head, fact).is_some())
            .count();
        let (group, others) = rest.split_at(parts + 1);
        groups.push(group);
        rest = others;
    }
    groups
}

/// The facts of a group, each with what stands before its value: the details are indented, and do not repeat whose they are.
pub(super) fn labelled(group: &[Fact]) -> Vec<(String, &str)> {
    let Some(head) = group.first() else {
        return Vec::new();
    };
    let label = |fact: &Fact| match part(head, fact) {
        Some(part) => format!("  {part}"),
        None => fact.what.clone(),
    };
    group
        .iter()
        .map(|fact| (label(fact), fact.value.as_str()))
        .collect()
}

/// What of `head` a fact tells.
fn part<'a>(head: &Fact, fact: &'a Fact) -> Option<&'a str> {
    fact.what.strip_prefix(&head.what)?.strip_prefix(": ")
}

/// The words of a line; a fingerprint is one for each of its bytes, so that it wraps between them.
pub(super) fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    Box::new(WordSeparator::AsciiSpace.find_words(line).flat_map(bytes))
}

fn bytes(word: Word<'_>) -> Vec<Word<'_>> {
    // At the end of a sentence, its full stop goes with the last byte.
    let hash = word.word.trim_end_matches(['.', ',', ';']);
    let is_fingerprint = hash.len() == 95 && hash.split(':').all(|byte| byte.len() == 2);
    if !is_fingerprint {
        return vec![word];
    }
    let mut bytes: Vec<Word<'_>> = word.word.split_inclusive(':').map(Word::from).collect();
    if let Some(last) = bytes.last_mut() {
        last.whitespace = word.whitespace;
    }
    bytes
}
