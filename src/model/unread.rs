//! What a JSON library says of a document that it cannot read, in words for who wrote it: no name of a type of ours, and none of the
//! document's own values, which may be anything.

use serde_json::error::Category;

/// Why it cannot be read, and where: `a number stands where a text belongs (line 1, column 24)`.
pub fn unread(error: &serde_json::Error) -> String {
    match (error.line(), error.column()) {
        (0, _) => unread_there(error),
        (line, column) => format!("{} (line {line}, column {column})", unread_there(error)),
    }
}

/// The same without the place, for who says that first.
pub fn unread_there(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    match error.classify() {
        Category::Eof => "it breaks off".to_owned(),
        Category::Syntax => "it is no JSON".to_owned(),
        Category::Io | Category::Data => in_words(message),
    }
}

fn in_words(message: &str) -> String {
    let quoted = |rest: &str| rest.split('`').nth(1).unwrap_or_default().to_owned();
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("it has no `{}`", quoted(field));
    }
    if let Some(field) = message.strip_prefix("duplicate field ") {
        return format!("it has `{}` twice", quoted(field));
    }
    let wrong = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((found, expected)) = wrong {
        return match (kind(found), kind(expected)) {
            (found, Some(expected)) => {
                let found = found.unwrap_or("something else");
                match found == expected {
                    true => format!("{found} of another kind or size belongs there"),
                    false => format!("{found} stands where {expected} belongs"),
                }
            }
            (found, None) => format!("{} does not belong there", found.unwrap_or("this")),
        };
    }
    if let Some((_, expected)) = message
        .strip_prefix("invalid length ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        let expected = kind(expected).unwrap_or("another one");
        return format!("a list stands where {expected} belongs, or one of another length");
    }
    if message.starts_with("unknown variant ")
        && let Some((_, known)) = message.rsplit_once(", expected ")
    {
        return format!(
            "a word stands there that is none of {}",
            known.trim_start_matches("one of ")
        );
    }
    message.to_owned()
}

/// What something is called, by the library's words for what was found or expected.
fn kind(words: &str) -> Option<&'static str> {
    let first = words.trim_start_matches("a ").trim_start_matches("an ");
    let first = first.split([' ', '`']).next().unwrap_or_default();
    Some(match first {
        "string" | "str" | "borrowed" | "character" | "RFC" | "formatted" => "a text",
        "integer" | "floating" | "number" | "u8" | "u16" | "u32" | "u64" | "usize" | "i8"
        | "i16" | "i32" | "i64" | "f32" | "f64" | "nonzero" => "a number",
        "boolean" => "true or false",
        "null" | "unit" => "nothing (null)",
        "sequence" | "array" | "tuple" => "a list",
        "map" | "struct" => "an object",
        "enum" | "variant" => "one of the words that are known there",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Document {
        number: u32,
        text: Option<String>,
        #[serde(default)]
        map: BTreeMap<String, bool>,
        word: Option<Word>,
    }

    fn said(text: &str) -> String {
        unread(&serde_json::from_str::<Document>(text).unwrap_err())
    }

    #[test]
    fn no_type_of_ours_and_no_value_of_theirs_is_named() {
        for (text, words) in [
            ("", "it breaks off (line 1, column 0)"),
            ("{", "it breaks off (line 1, column 1)"),
            ("secret", "it is no JSON (line 1, column 1)"),
            (
                r#""secret""#,
                "a text stands where an object belongs (line 1, column 8)",
            ),
            (
                "[]",
                "a list stands where an object belongs, or one of another length (line 1, column 2)",
            ),
            ("{}", "it has no `number` (line 1, column 2)"),
            (
                r#"{"number": "secret"}"#,
                "a text stands where a number belongs (line 1, column 19)",
            ),
            (
                r#"{"number": -1}"#,
                "a number of another kind or size belongs there (line 1, column 13)",
            ),
            (
                r#"{"number": 1, "text": 5}"#,
                "a number stands where a text belongs (line 1, column 23)",
            ),
            (
                r#"{"number": 1, "map": {"a": null}}"#,
                "nothing (null) stands where true or false belongs (line 1, column 31)",
            ),
            (
                r#"{"number": 1, "number": 2}"#,
                "it has `number` twice (line 1, column 22)",
            ),
            (
                r#"{"number": 1, "word": "secret"}"#,
                "a word stands there that is none of `one` or `two` (line 1, column 30)",
            ),
        ] {
            assert_eq!(said(text), words, "{text}");
        }
    }
}
