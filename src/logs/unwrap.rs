//! What a line says, without what programs between the agent and the reader wrapped around it: escape codes of
//! terminals, JSON in JSON, escaped quotes, HTML's entities, runs of blanks.
//!
//! It only takes away; a prefix such as syslog's stays, because patterns do not mind it and a reader may want it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::json;
use super::stamp::{self, Stamp};

/// No line is looked at beyond this many bytes: what is kept of one.
const LINE: usize = super::scan::KEPT;
/// No deeper is JSON in JSON, or an escape in an escape, taken apart.
const DEPTH: usize = 6;

/// A line, unwrapped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unwrapped {
    /// One line of plain words.
    pub(super) text: String,
    /// What stood before an object of JSON, and the object.
    object: Option<(String, Map<String, Value>)>,
}

impl Unwrapped {
    /// When the line was written: the first time that it tells before its words begin.
    pub(super) fn time(&self, words: usize, newest: DateTime<Utc>) -> Option<Stamp> {
        let told = self.object.as_ref().and_then(|(before, fields)| {
            stamp::find(before, newest).or_else(|| stamp::of_object(fields, newest))
        });
        told.or_else(|| stamp::find(self.text.get(..words)?, newest))
    }
}

/// The line as one line of plain words.
pub(super) fn unwrap(raw: &[u8]) -> Unwrapped {
    let text = String::from_utf8_lossy(&raw[..raw.len().min(LINE)]);
    let text = text.trim_start_matches(['\u{feff}', '\u{1e}']);
    let text = without_terminal_codes(text);
    match object(&text) {
        Some((before, fields)) if let Some(message) = json::message(&fields) => Unwrapped {
            text: one_line(&format!("{before} {}", peel(&message, DEPTH))),
            object: Some((before.to_owned(), fields)),
        },
        _ => Unwrapped {
            text: one_line(&peel(&text, DEPTH)),
            object: None,
        },
    }
}

/// Bounded, with every run of white space made one blank: patterns never see the end of a line.
pub(super) fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(LINE);
    let mut line = String::with_capacity(end);
    // A NUL is what is left of a line that a crash tore.
    let blank = |c: char| c.is_whitespace() || c == '\0';
    for word in text[..end].split(blank).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// What breaks words apart or hides them, so that a line may say something else unwrapped than as it stands.
pub(super) const WRAPPINGS: [&str; 7] = [
    "\u{1b}",
    "\0",
    "#033[",
    "\\u001b",
    "\"message\":[",
    "\"message\": [",
    "\"message\" : [",
];

fn peel(text: &str, depth: usize) -> Cow<'_, str> {
    let text = without_terminal_codes(text);
    if depth == 0 {
        return text;
    }
    if let Some((before, fields)) = object(&text)
        && let Some(message) = json::message(&fields)
    {
        let inner = peel(&message, depth - 1);
        return Cow::Owned(format!("{before} {inner}"));
    }
    match unescape(&text) {
        Cow::Owned(plain) => Cow::Owned(peel(&plain, depth - 1).into_owned()),
        Cow::Borrowed(_) => text,
    }
}

/// The JSON object that the line ends with, and what stands before it.
fn object(text: &str) -> Option<(&str, Map<String, Value>)> {
    let trimmed = text.trim_end_matches(|c: char| c.is_whitespace() || c == '\0');
    if !trimmed.ends_with('}') {
        return None;
    }
    let start = trimmed.find('{')?;
    let (before, object) = trimmed.split_at(start);
    let fields = serde_json::from_str(object).ok()?;
    Some((before, fields))
}

/// Without ECMA-48 control sequences, whole or with their escape character written out or lost.
fn without_terminal_codes(text: &str) -> Cow<'_, str> {
    const ESCAPES: [&str; 7] = [
        "\u{1b}", "#033", "\\033", "\\x1b", "\\u001b", "\\u001B", "\\e",
    ];
    let may_be_whole = memchr::memchr3(0x1b, b'#', b'\\', text.as_bytes()).is_some();
    let whole = may_be_whole && ESCAPES.iter().any(|escape| text.contains(escape));
    let debris = memchr::memchr_iter(b'[', text.as_bytes()).any(|at| colour(&text[at..]).is_some());
    if !whole && !debris {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = ESCAPES.iter().find(|escape| rest.starts_with(**escape));
        let sequence = match escape {
            Some(escape) => {
                sequence(&rest[escape.len()..], c == '\u{1b}').map(|n| escape.len() + n)
            }
            None if c == '[' => colour(rest),
            None => None,
        };
        match sequence {
            Some(length) => rest = &rest[length..],
            None => {
                plain.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    if plain.len() == text.len() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(plain)
}

/// The length of a control sequence after its escape character.
fn sequence(rest: &str, real: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'[') => {
            let end = bytes[1..].iter().position(|b| (0x40..=0x7e).contains(b))?;
            let parameters = bytes[1..=end].iter().all(|b| (0x20..=0x3f).contains(b));
            parameters.then_some(end + 2)
        }
        // An operating system command, such as a window's title or a link.
        Some(b']') if real => {
            let end = bytes.iter().position(|b| matches!(b, 0x07 | 0x1b))?;
            let tail = if bytes.get(end + 1) == Some(&b'\\') {
                2
            } else {
                1
            };
            Some(end + tail)
        }
        _ => real.then_some(0),
    }
}

/// The length of a colour whose escape character was lost: `[31m`, `[1;31m`, `[0m`.
fn colour(rest: &str) -> Option<usize> {
    let end = rest.bytes().take(12).position(|b| b == b'm')?;
    let inner = &rest[1..end];
    let numbers = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit() || b == b';');
    numbers.then_some(end + 1)
}

/// One level of backslashes and of HTML's entities.
fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\\', b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let replaced = match c {
            '\\' => backslash(rest, before),
            '&' => entity(rest),
            _ => None,
        };
        let (with, length) = replaced.unwrap_or((c, c.len_utf8()));
        plain.push(with);
        before = with;
        rest = &rest[length..];
    }
    if plain == text {
        return Cow::Borrowed(text);
    }
    Cow::Owned(plain)
}

fn backslash(rest: &str, before: char) -> Option<(char, usize)> {
    let next = rest[1..].chars().next()?;
    match next {
        '"' | '\'' | '/' | '\\' | '`' => Some((next, 2)),
        'u' => {
            let digits = rest.get(2..6)?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(code)?, 6))
        }
        // An end of line; in a path of Windows a name begins with such a letter.
        'n' | 't' | 'r' => {
            let after = rest[2..].chars().next();
            let name = after.is_some_and(|c| c.is_ascii_lowercase()) || before == ':';
            (!name || before.is_whitespace()).then_some((' ', 2))
        }
        _ => None,
    }
}

fn entity(rest: &str) -> Option<(char, usize)> {
    let end = rest.bytes().take(10).position(|b| b == b';')?;
    let name = &rest[1..end];
    let c = match name {
        "quot" => '"',
        "amp" => '&',
        "apos" => '\'',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wraps_the_words_goes() {
        let wanted = r#"FATAL: Post "https://n:8000/x": x509: bad"#;
        for raw in [
            "\u{1b}[31mFATAL:\u{1b}[0m Post \"https://n:8000/x\": x509: bad",
            "#033[31mFATAL:#033[0m Post \"https://n:8000/x\": x509: bad",
            "[1;31mFATAL:[0m Post \"https://n:8000/x\": x509: bad",
            r#"FATAL: Post \"https://n:8000/x\": x509: bad"#,
            r#"FATAL: Post \\\"https://n:8000/x\\\": x509: bad"#,
            r#"FATAL: Post \"https:\/\/n:8000\/x\": \n  x509: bad"#,
            "FATAL: Post &quot;https://n:8000/x&quot;: x509: bad",
            "FATAL: Post &#34;https://n:8000/x&#x22;: x509: bad",
            "FATAL: Post &amp;quot;https://n:8000/x&amp;#34;: x509: bad",
            "FATAL:\0 Post\t\"https://n:8000/x\":   x509: bad\r\n",
            r#"{"log":"FATAL: Post \"https://n:8000/x\": x509: bad\n","stream":"stderr"}"#,
            r#"{"MESSAGE":"{\"level\":\"info\",\"msg\":\"FATAL: Post \\\"https://n:8000/x\\\"\",\"err\":\"x509: bad\"}"}"#,
            "{\"MESSAGE\":[70,65,84,65,76,58,27,91,109,32,80,111,115,116,32,34,104,116,116,112,115,58,47,47,110,58,56,48,48,48,47,120,34,58,32,120,53,48,57,58,32,98,97,100]}",
        ] {
            assert_eq!(unwrap(raw.as_bytes()).text, wanted, "{raw}");
        }
    }

    #[test]
    fn paths_of_windows_and_brackets_stay() {
        for text in [
            r"open C:\ProgramData\nexplane\tmp\readme: Access is denied.",
            "agent[31]: [ok] [12m away",
            "a & b && c &unknown;",
        ] {
            let plain = text.replace("[12m ", "");
            assert_eq!(unwrap(text.as_bytes()).text, plain, "{text}");
        }
    }
}
