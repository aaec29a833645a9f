//! TAP, version 14: a line a case, and a block of YAML where one did not pass. Can be written case by case, with the plan at the end.

use std::fmt::Write as _;

use super::{Case, Message, Outcome, Suite};
use crate::model::printable;

/// The whole document, the plan first.
pub fn lines(suite: &Suite) -> String {
    let mut text = format!("TAP version 14\n{}", plan(suite.cases.len()));
    for (i, case) in suite.cases.iter().enumerate() {
        text.push_str(&of_case(i + 1, case));
    }
    text
}

/// How many cases there are: before the first, or after the last.
pub fn plan(count: usize) -> String {
    match count {
        0 => "1..0 # SKIP nothing to test\n".to_owned(),
        count => format!("1..{count}\n"),
    }
}

/// The lines of one case; the first has number 1.
pub fn of_case(number: usize, case: &Case) -> String {
    let ok = if case.outcome.fails() { "not ok" } else { "ok" };
    let mut text = format!("{ok} {number} - {}", description(&case.name));
    if let Outcome::Skipped(why) = &case.outcome {
        text.push_str(&format!(" # SKIP {}", description(why)));
    }
    text.push('\n');
    let (kind, message) = match &case.outcome {
        Outcome::Passed | Outcome::Skipped(_) => return text,
        Outcome::Warned(message) => ("warning", message),
        Outcome::Failed(message) => ("fail", message),
        Outcome::Broken(message) => ("error", message),
    };
    text.push_str(&block(kind, case, message));
    text
}

/// A YAML block, whose texts are all in quotation marks.
fn block(severity: &str, case: &Case, message: &Message) -> String {
    let mut text = format!(
        "  ---\n  message: {}\n  severity: {severity}\n",
        quoted(&message.line)
    );
    if let Some(place) = &case.place {
        text.push_str(&format!("  file: {}\n", quoted(&place.file)));
        for (key, value) in [("line", place.line), ("column", place.column)] {
            if let Some(value) = value {
                text.push_str(&format!("  {key}: {value}\n"));
            }
        }
    }
    if !message.detail.is_empty() {
        text.push_str("  detail:\n");
        for line in &message.detail {
            text.push_str(&format!("    - {}\n", item(&quoted(line))));
        }
    }
    let milliseconds = case.duration.as_secs_f64() * 1e3;
    text.push_str(&format!("  duration_ms: {milliseconds:.3}\n  ...\n"));
    text
}

/// One line, in which `#` and `\` mean themselves.
fn description(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// An item of a list. Perl's own reader takes one for a key whose first word ends in a colon, in quotation marks too.
fn item(quoted: &str) -> String {
    match quoted.split_once(':') {
        Some((word, rest)) if rest.starts_with([' ', '"']) && !word.contains(' ') => {
            format!("{word}\\x3a{rest}")
        }
        _ => quoted.to_owned(),
    }
}

/// A YAML text in quotation marks.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in printable(text).chars() {
        match c {
            '"' | '\\' => {
                let _ = write!(quoted, "\\{c}");
            }
            // What Unicode has set apart for ever is no character of YAML.
            c if u32::from(c) & 0xfffe == 0xfffe => quoted.push(char::REPLACEMENT_CHARACTER),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
