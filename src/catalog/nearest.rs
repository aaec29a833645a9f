//! What somebody who misspelt a name probably meant.

/// Names longer than this are nobody's misspelling of ours.
const LONGEST: usize = 64;

/// The known name that is nearest to `name`, if one is near: at most a third of it differs, and at most three characters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about an unknown name: `: did you mean X?`, or the names that there are.
pub(super) fn or_one_of<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!(": did you mean `{near}`?"),
        None => format!(": one of {}", list(known)),
    }
}

/// Names in a row, each in backticks.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Insertions, deletions, substitutions and swaps of neighbours that make one name of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut cost = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far() {
        let known = ["title", "summary", "findings", "control_plane"];
        assert_eq!(nearest("tilte", known), Some("title"));
        assert_eq!(nearest("finding", known), Some("findings"));
        assert_eq!(nearest("controlplane", known), Some("control_plane"));
        assert_eq!(nearest("id", known), None);
        assert_eq!(nearest(&"x".repeat(1000), known), None);
        assert_eq!(or_one_of("tilte", known), ": did you mean `title`?");
        assert_eq!(or_one_of("zz", ["a", "b"]), ": one of `a`, `b`");
    }
}
