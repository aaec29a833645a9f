//! GitHub's workflow commands: an annotation for each case that did not pass, at its place in a file.

use super::{Case, Message, Outcome, Suite};
use crate::model::printable;

/// One line a case; nothing for those that passed.
pub fn annotations(suite: &Suite) -> String {
    suite.cases.iter().filter_map(annotation).collect()
}

fn annotation(case: &Case) -> Option<String> {
    let (command, message) = match &case.outcome {
        Outcome::Passed | Outcome::Skipped(_) => return None,
        Outcome::Warned(message) => ("warning", message),
        Outcome::Failed(message) | Outcome::Broken(message) => ("error", message),
    };
    let mut properties = Vec::new();
    if let Some(place) = &case.place {
        properties.push(format!("file={}", property(&place.file)));
        for (key, value) in [("line", place.line), ("col", place.column)] {
            properties.extend(value.map(|value| format!("{key}={value}")));
        }
    }
    properties.push(format!("title={}", property(&case.name)));
    Some(written(command, &properties.join(","), message))
}

/// An annotation at no place: `error`, `warning` or `notice`.
pub fn annotation_of(command: &str, title: &str, message: &Message) -> String {
    written(command, &format!("title={}", property(title)), message)
}

fn written(command: &str, properties: &str, message: &Message) -> String {
    format!("::{command} {properties}::{}\n", data(message))
}

/// A message: percent signs and line ends are written so that they end nothing.
fn data(message: &Message) -> String {
    let text = message.text();
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// A property's value, which a colon or a comma would end.
fn property(text: &str) -> String {
    printable(text)
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace(',', "%2C")
}
