//! Takes a mapping of the document apart: known keys, and the types of their values.

use super::nearest::or_one_of;
use super::problem::{At, Place, Reporter, quoted};
use super::yaml::{Kind, Node};
use crate::model::is_unprintable;

/// A key's value as far as it could be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Field<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// It is there, and its value is of no use; told already.
    Wrong,
    /// It is there.
    Is(At<T>),
}

impl<T> Field<T> {
    /// The value, if it is there.
    pub(crate) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Is(at) => Some(at),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// The value of a key that has to be there.
    pub(crate) fn required(
        &self,
        key: &str,
        owner: &str,
        place: Place,
        report: &mut Reporter<'_>,
    ) -> Option<&At<T>> {
        if matches!(self, Self::Absent) {
            report.at(place, format!("{owner} has no `{key}`"));
        }
        self.get()
    }
}

/// Gives every entry of a mapping to `each`, which says whether it knows the key; `known` lists the keys for messages.
pub(crate) fn each(
    node: &Node,
    owner: &str,
    known: &[&str],
    report: &mut Reporter<'_>,
    mut each: impl FnMut(&str, &Node, &mut Reporter<'_>),
) {
    let Kind::Map(entries) = &node.kind else {
        wrong(node, &format!("{owner} is a mapping"), report);
        return;
    };
    for entry in entries {
        if known.contains(&entry.key.as_str()) {
            each(&entry.key, &entry.value, report);
        } else {
            report.at(
                entry.place,
                format!(
                    "{owner} has no key {}{}",
                    quoted(&entry.key),
                    or_one_of(&entry.key, known.iter().copied())
                ),
            );
        }
    }
}

/// Says that a value is of the wrong type, unless it was refused and told already.
pub(crate) fn wrong(node: &Node, wanted: &str, report: &mut Reporter<'_>) {
    if node.kind != Kind::Refused {
        report.at(
            node.place,
            format!("{wanted}, this is {}", node.kind.name()),
        );
    }
}

/// A text that says something; blanks around it do not count.
pub(crate) fn text(node: &Node, key: &str, report: &mut Reporter<'_>) -> Field<String> {
    let Kind::Text(text) = &node.kind else {
        wrong(node, &format!("`{key}` is a text"), report);
        return Field::Wrong;
    };
    if text.trim().is_empty() {
        report.at(node.place, format!("`{key}` is empty"));
        return Field::Wrong;
    }
    if text.trim().chars().any(|c| c != '\n' && is_unprintable(c)) {
        let message =
            format!("`{key}` holds a character that does not print (a tab, an escape sequence)");
        report.at(node.place, message);
        return Field::Wrong;
    }
    Field::Is(At {
        value: text.trim().to_owned(),
        place: node.place,
    })
}

/// A truth value.
pub(crate) fn truth(node: &Node, key: &str, report: &mut Reporter<'_>) -> Field<bool> {
    let Kind::Bool(value) = node.kind else {
        wrong(node, &format!("`{key}` is true or false"), report);
        return Field::Wrong;
    };
    Field::Is(At {
        value,
        place: node.place,
    })
}

/// A whole number within bounds.
pub(crate) fn whole(
    node: &Node,
    key: &str,
    bounds: std::ops::RangeInclusive<u16>,
    report: &mut Reporter<'_>,
) -> Field<u16> {
    let wanted = format!(
        "`{key}` is a whole number from {} to {}",
        bounds.start(),
        bounds.end()
    );
    let Kind::Number(digits) = &node.kind else {
        wrong(node, &wanted, report);
        return Field::Wrong;
    };
    match digits.parse().ok().filter(|value| bounds.contains(value)) {
        Some(value) => Field::Is(At {
            value,
            place: node.place,
        }),
        None => {
            report.at(node.place, format!("{wanted}, not {}", quoted(digits)));
            Field::Wrong
        }
    }
}

/// A list of words.
pub(crate) fn words(node: &Node, key: &str, report: &mut Reporter<'_>) -> Field<Vec<At<String>>> {
    list(node, key, report, |item, report| {
        match text(item, key, report) {
            Field::Is(word) => Some(word),
            Field::Absent | Field::Wrong => None,
        }
    })
}

/// A list, item by item; items that cannot be read are left out, and told by `item`.
pub(crate) fn list<T>(
    node: &Node,
    key: &str,
    report: &mut Reporter<'_>,
    mut item: impl FnMut(&Node, &mut Reporter<'_>) -> Option<T>,
) -> Field<Vec<T>> {
    let Kind::List(items) = &node.kind else {
        wrong(node, &format!("`{key}` is a list"), report);
        return Field::Wrong;
    };
    Field::Is(At {
        value: items.iter().filter_map(|node| item(node, report)).collect(),
        place: node.place,
    })
}
