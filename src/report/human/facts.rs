//! Facts that belong together: one thing, and after it what is told of it, `certificate 1` and `certificate 1: valid`.

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
