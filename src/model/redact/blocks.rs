//! Secrets that are more than a word: what stands in brackets, in the lines below a name, in quotes over lines, in a whole line.
//!
//! Lines stay as many as they are and as deep as they are: what is said of a file names its lines, and a file of YAML stays one.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::shapes::{name, short_name};
use super::signs::Signs;
use super::spared::is_no_value;
use super::{MARK, SecretKind};

/// A name at the beginning of a line, what stands between it and its value, and the value.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?im)^(?<before>[ \t]*(?:-[ \t]+)*)(?:export[ \t]+)?["']?(?:(?:[A-Za-z0-9_.-]*\.)?(?<name>"#,
        name!(),
        ")|(?<short>",
        short_name!(),
        r#"))["']?(?:[ \t]*(?<colon>:)|[ \t]+=)(?:[ \t]+(?<value>[^\r\n]*))?\r?$"#
    ))
    .ok()
});

/// A name, and a bracket that opens.
static OPENED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        "(?i)(?:",
        name!(),
        r#"["']?\]?[ \t]*(?::|:=|=>|=)[ \t]*[\[{]|"#,
        short_name!(),
        r#"["']?\]?[ \t]*(?::|:=|=>|=)[ \t]*\[)"#
    ))
    .ok()
});

/// The text without them, if there is one; each is told.
pub(super) fn leave_out(
    text: &str,
    signs: &Signs,
    found: &mut dyn FnMut(SecretKind),
) -> Option<String> {
    if !signs.name_a_value() {
        return None;
    }
    let once = in_brackets(text, found);
    let twice = in_lines(once.as_deref().unwrap_or(text), found);
    twice.or(once)
}

/// `tokens: [a, b]`, `"credentials": {…}`, also over lines.
fn in_brackets(text: &str, found: &mut dyn FnMut(SecretKind)) -> Option<String> {
    let mut pieces = Pieces::of(text);
    for opened in OPENED.as_ref()?.find_iter(text) {
        let begin = opened.end() - 1;
        if begin < pieces.copied {
            continue;
        }
        if let Some(end) = closed(&text[begin..]) {
            pieces.hide(begin..begin + end, found);
        }
    }
    pieces.end()
}

/// Where what begins with a bracket ends. A text may break off within it; that is told from a bracket in prose by the quotes.
fn closed(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(b'"'), b'\\') => escaped = true,
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'[' | b'{') => depth += 1,
            (None, b']' | b'}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    let is_json = text[1..].trim_start().starts_with(['"', '\'', '{', '[']);
    is_json.then_some(text.len())
}

/// What a name at the beginning of a line has for a value, in this line and in those below.
fn in_lines(text: &str, found: &mut dyn FnMut(SecretKind)) -> Option<String> {
    let mut pieces = Pieces::of(text);
    for line in LINE.as_ref()?.captures_iter(text) {
        let Some(whole) = line.get(0) else { continue };
        if whole.start() < pieces.copied {
            continue;
        }
        let (value, at) = match line.name("value") {
            Some(value) => (value.as_str(), value.start()),
            None => ("", whole.end()),
        };
        let column = line["before"].len();
        let below = || lines_below(text, whole.end(), column);
        let is_yaml = line.name("colon").is_some();
        let short = line.name("short").map(|short| short.as_str());
        match (kind(value), is_yaml) {
            (Value::None | Value::Block, true) => {
                let all = short.is_none() || kind(value) == Value::Block;
                for line in below() {
                    if all || !is_entry(&text[line.clone()]) {
                        pieces.hide(line, found);
                    }
                }
            }
            // Over lines; within one, the patterns know it.
            (Value::Quoted(quote), true) => {
                let end = text[at + 1..].find(quote).map(|end| at + 1 + end + 1);
                if let Some(end) = end.filter(|end| *end > whole.end()) {
                    pieces.hide(at..end, found);
                }
            }
            (Value::Plain(length), _) => {
                let plain = &value[..length];
                let strong = line.name("name").map(|name| name.as_str());
                if is_secret(strong, short, plain, is_yaml) {
                    pieces.hide(at..at + length, found);
                    let more = || below().take_while(|line| !is_entry(&text[line.clone()]));
                    if is_yaml {
                        more().for_each(|line| pieces.hide(line, found));
                    }
                }
            }
            (Value::None | Value::Block | Value::Quoted(_), _) => {}
        }
    }
    pieces.end()
}

/// What kind of value stands in a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// None, or only what YAML has before one.
    None,
    /// `|` or `>`: it stands below.
    Block,
    /// In such quotes.
    Quoted(char),
    /// To here, without what is said behind it.
    Plain(usize),
}

fn kind(value: &str) -> Value {
    let value = value.trim_end();
    match value.chars().next() {
        None | Some('#' | '&' | '!') => Value::None,
        Some('|' | '>')
            if value[1..]
                .bytes()
                .all(|b| b.is_ascii_digit() || b"+- ".contains(&b)) =>
        {
            Value::Block
        }
        Some(quote @ ('"' | '\'')) => Value::Quoted(quote),
        Some(_) => {
            let end = value.find(" #").unwrap_or(value.len());
            Value::Plain(value[..end].trim_end_matches([',', ';', ' ', '\t']).len())
        }
    }
}

/// Words with which a sentence goes on that begins with a name.
const PROSE: [&str; 14] = [
    "already", "bad", "expired", "failed", "has", "invalid", "is", "missing", "no", "not",
    "required", "unknown", "used", "was",
];

/// Whether a whole line is a secret. A name of passwords leaves no doubt; the others begin sentences, too.
fn is_secret(name: Option<&str>, short: Option<&str>, value: &str, is_yaml: bool) -> bool {
    let mut words = value.split_whitespace();
    let (Some(first), rest) = (words.next(), words) else {
        return false;
    };
    let is_word = rest.clone().next().is_none();
    // What the brackets' own look has left, and what a value in quotes has become: what follows is something else.
    if first.starts_with(['[', '{']) || (first == MARK && !is_word) {
        return false;
    }
    match (name, short) {
        (_, Some(short)) => match is_word {
            true => !is_no_value(short, first),
            false => first.contains(':') && !first.ends_with(':'),
        },
        (Some(_), None) if is_word || !is_yaml => true,
        (Some(name), None) => {
            let name = name.to_ascii_lowercase();
            let of_passwords = ["passw", "passphrase", "_pass", "_pwd"];
            of_passwords.iter().any(|it| name.contains(it))
                || !value.split_whitespace().any(|word| PROSE.contains(&word))
        }
        (None, None) => false,
    }
}

/// The content of the lines below that are deeper than this column, or a list at it, without what stands before it.
fn lines_below(text: &str, from: usize, column: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = from;
    std::iter::from_fn(move || {
        loop {
            let begin = at + text[at..].find('\n')? + 1;
            let end = text[begin..]
                .find('\n')
                .map_or(text.len(), |end| begin + end);
            at = end;
            let line = text[begin..end].trim_end();
            let content = line.trim_start_matches([' ', '\t']);
            if content.is_empty() {
                if end == text.len() {
                    return None;
                }
                continue;
            }
            let depth = line.len() - content.len();
            let item = content.trim_start_matches("- ").trim_start();
            let is_below = depth > column || (depth == column && content.starts_with("- "));
            let begin = begin + line.len() - item.len();
            return is_below.then_some(begin..begin + item.len());
        }
    })
}

/// Whether a line is an entry of its own: `key: value`, `key = value`.
fn is_entry(line: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    let rest = line.trim_start_matches(name);
    let rest = (rest.len() < line.len()).then(|| rest.trim_start());
    rest.is_some_and(|rest| rest == ":" || rest.starts_with(": ") || rest.starts_with('='))
}

/// A text of which pieces are left out.
struct Pieces<'a> {
    text: &'a str,
    copied: usize,
    kept: String,
}

impl<'a> Pieces<'a> {
    const fn of(text: &'a str) -> Self {
        Self {
            text,
            copied: 0,
            kept: String::new(),
        }
    }

    /// Leaves this out, but for its ends of lines.
    fn hide(&mut self, range: Range<usize>, found: &mut dyn FnMut(SecretKind)) {
        let hidden = &self.text[range.clone()];
        let lines = hidden.matches('\n').count();
        let mark: Cow<'_, str> = match lines {
            0 => MARK.into(),
            lines => (MARK.to_owned() + &"\n".repeat(lines)).into(),
        };
        if hidden == mark || range.start < self.copied {
            return;
        }
        found(SecretKind::Named);
        self.kept.push_str(&self.text[self.copied..range.start]);
        self.kept.push_str(&mark);
        self.copied = range.end;
    }

    fn end(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.kept.push_str(&self.text[self.copied..]);
        Some(self.kept)
    }
}
