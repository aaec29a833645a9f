//! What somebody who misspelt a name probably meant.

use strsim::damerau_levenshtein;

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
        .map(|candidate| (damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about an unknown name: `: did you mean X?`, or the names that there are.
pub(crate) fn or_one_of<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!(": did you mean `{near}`?"),
        None => format!(": one of {}", list(known)),
    }
}

/// Names in a row, each in backticks.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
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
