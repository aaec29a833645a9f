//! Changes to a configuration that somebody wrote: one key or one value, and every other byte stays as it is.
//!
//! Comments, order, quotation marks, indentation, line ends and a byte order mark are the owner's. What comes out is read
//! again before it is handed out: a text that would say anything else than what was asked for is refused, however it is written.

use saphyr_parser::ScalarStyle;

use super::Key;
use super::document::{Document, Entry, Value};

/// Why a text is not changed: a person does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotEdit {
    /// It cannot be read, or is no mapping.
    #[error("it cannot be read as lines of `key: value`")]
    Unreadable,
    /// The key is not in it.
    #[error("`{0}` is not in it")]
    NotThere(Key),
    /// No key is in it that is spelt like this.
    #[error("the misspelt key is not in it")]
    NoSuchKey,
    /// The key is in it already, beside the one that would get its name.
    #[error("`{0}` is in it already")]
    AlreadyThere(Key),
    /// It is written in a way that a change in one place could not keep.
    #[error(
        "it is written in a way that cannot be changed in one place (a block of lines, a reference, a list in braces)"
    )]
    Form,
}

/// The text with a key of it spelt as the agent reads it.
///
/// # Errors
/// When that cannot be done without changing more.
pub fn rename_key(text: &str, from: &str, to: Key) -> Result<String, CannotEdit> {
    let source = Source::read(text)?;
    if source.find(to.as_str()).is_some() {
        return Err(CannotEdit::AlreadyThere(to));
    }
    let entry = source.find(from).ok_or(CannotEdit::NoSuchKey)?;
    let start = source.byte(entry.place.key.start)?;
    let (end, spelt) = match text[start..].chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let spelt = format!("{quote}{to}{quote}");
            (quoted_end(text, start, quote)?, spelt)
        }
        _ => (source.byte(entry.place.key.end)?, to.to_string()),
    };
    let mut wanted = source.says();
    for (key, _) in &mut wanted {
        if key == from {
            to.as_str().clone_into(key);
        }
    }
    proven(splice(text, start, end, &spelt), &wanted)
}

/// The text with another value for a key, or with a line for it where it has none.
///
/// # Errors
/// When that cannot be done without changing more.
pub fn set_value(text: &str, key: Key, value: &str) -> Result<String, CannotEdit> {
    if value.is_empty()
        || value.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
    {
        return Err(CannotEdit::Form);
    }
    let source = Source::read(text)?;
    let mut wanted = source.says();
    let edited = match source.find(key.as_str()) {
        Some(entry) => {
            for (name, said) in &mut wanted {
                if name == key.as_str() {
                    *said = Some(value.to_owned());
                }
            }
            source.replaced(entry, value)?
        }
        None => {
            let (at, edited) = source.with_line(key, value)?;
            wanted.insert(at, (key.to_string(), Some(value.to_owned())));
            edited
        }
    };
    proven(edited, &wanted)
}

/// The text without a key: its whole line goes.
///
/// # Errors
/// When that cannot be done without changing more.
pub fn remove_key(text: &str, key: Key) -> Result<String, CannotEdit> {
    let source = Source::read(text)?;
    let entry = source.find(key.as_str()).ok_or(CannotEdit::NotThere(key))?;
    let start = source.byte(entry.place.key.start)?;
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    // The byte order mark is the text's, and not the line's.
    let line = if text[line..].starts_with('\u{feff}') {
        line + '\u{feff}'.len_utf8()
    } else {
        line
    };
    let end = line_end(text, source.value_end(entry)?);
    let mut wanted = source.says();
    wanted.retain(|(name, _)| name != key.as_str());
    proven(splice(text, line, end, ""), &wanted)
}

/// A text and what it says.
struct Source<'a> {
    text: &'a str,
    /// Bytes before what the places count from.
    mark: usize,
    document: Document,
}

/// Keys with their values; `None` for one that is no text.
type Says = Vec<(String, Option<String>)>;

fn says(document: &Document) -> Says {
    let value = |entry: &Entry| match &entry.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        Value::Null { .. } => None,
        Value::Nested { what, .. } => Some(format!("\0{what}")),
    };
    let entries = document.entries.iter();
    entries
        .map(|entry| (entry.key.clone(), value(entry)))
        .collect()
}

/// The edited text, if it says what it should.
fn proven(edited: String, wanted: &Says) -> Result<String, CannotEdit> {
    let document = Document::read(&edited, None);
    let sound = document.problem.is_none() && document.wrong_root.is_none();
    if sound && says(&document) == *wanted {
        Ok(edited)
    } else {
        Err(CannotEdit::Form)
    }
}

impl<'a> Source<'a> {
    fn read(text: &'a str) -> Result<Self, CannotEdit> {
        let document = Document::read(text, None);
        if document.problem.is_some() || document.wrong_root.is_some() {
            return Err(CannotEdit::Unreadable);
        }
        Ok(Self {
            text,
            mark: if text.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            },
            document,
        })
    }

    fn says(&self) -> Says {
        says(&self.document)
    }

    fn find(&self, key: &str) -> Option<&Entry> {
        self.document.entries.iter().find(|entry| entry.key == key)
    }

    /// The byte where a character begins; the end of the text where the characters end.
    fn byte(&self, character: usize) -> Result<usize, CannotEdit> {
        let text = &self.text[self.mark..];
        let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let at = starts.nth(character).ok_or(CannotEdit::Form)?;
        Ok(self.mark + at)
    }

    /// Where a value ends. The parser calls a comment after closing quotation marks a part of the value.
    fn value_end(&self, entry: &Entry) -> Result<usize, CannotEdit> {
        let start = self.byte(entry.place.value.start)?;
        let quote = match entry.place.style {
            Some(ScalarStyle::SingleQuoted) => '\'',
            Some(ScalarStyle::DoubleQuoted) => '"',
            Some(ScalarStyle::Plain) | None => return self.byte(entry.place.value.end),
            Some(ScalarStyle::Literal | ScalarStyle::Folded) => return Err(CannotEdit::Form),
        };
        quoted_end(self.text, start, quote)
    }

    /// With this value instead of the entry's, in quotation marks of the same kind.
    fn replaced(&self, entry: &Entry, value: &str) -> Result<String, CannotEdit> {
        if let Value::Null { .. } = entry.value
            && entry.place.value.is_empty()
        {
            // Nothing stands there: the place that the parser names may be anywhere up to the next key.
            let key = self.byte(entry.place.key.start)?;
            let end = line_end(self.text, key);
            let colon = self.text[key..end].find(':').ok_or(CannotEdit::Form)? + key + 1;
            return Ok(splice(
                self.text,
                colon,
                colon,
                &format!(" {}", scalar(value)),
            ));
        }
        let (start, end) = (self.byte(entry.place.value.start)?, self.value_end(entry)?);
        let written = match entry.place.style {
            Some(ScalarStyle::SingleQuoted) => single_quoted(value),
            Some(ScalarStyle::DoubleQuoted) => {
                format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Some(ScalarStyle::Plain) => scalar(value),
            _ => return Err(CannotEdit::Form),
        };
        Ok(splice(self.text, start, end, &written))
    }

    /// With a line for a key that is not there, after the key that `install` would write before it, and its place among the entries.
    fn with_line(&self, key: Key, value: &str) -> Result<(usize, String), CannotEdit> {
        let entries = &self.document.entries;
        let before = Key::ALL.iter().rev().skip_while(|other| **other != key);
        let after = before
            .filter_map(|other| entries.iter().position(|entry| entry.key == other.as_str()))
            .next()
            .or_else(|| entries.len().checked_sub(1));
        let Some(after) = after else {
            return Err(CannotEdit::Form);
        };
        let entry = &entries[after];
        let start = self.byte(entry.place.key.start)?;
        let line = self.text[..start]
            .rfind('\n')
            .map_or(self.mark, |end| end + 1);
        let indentation = &self.text[line..start];
        if indentation.contains(|c| c != ' ') {
            return Err(CannotEdit::Form);
        }
        let end = line_end(self.text, self.value_end(entry)?);
        let new = format!("{indentation}{key}: {}", scalar(value));
        let terminator = if self.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let line = if self.text[..end].ends_with('\n') {
            format!("{new}{terminator}")
        } else {
            format!("{terminator}{new}")
        };
        Ok((after + 1, splice(self.text, end, end, &line)))
    }
}

fn splice(text: &str, start: usize, end: usize, new: &str) -> String {
    format!("{}{new}{}", &text[..start], &text[end..])
}

/// Where the next line begins.
fn line_end(text: &str, from: usize) -> usize {
    text[from..]
        .find('\n')
        .map_or(text.len(), |at| from + at + 1)
}

/// Where a text in quotation marks that begins at `start` ends.
fn quoted_end(text: &str, start: usize, quote: char) -> Result<usize, CannotEdit> {
    let inside = text[start..].strip_prefix(quote).ok_or(CannotEdit::Form)?;
    let mut characters = inside.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' if quote == '"' => {
                characters.next();
            }
            c if c == quote => {
                let doubled = characters.next_if(|(_, next)| quote == '\'' && *next == quote);
                if doubled.is_none() {
                    return Ok(start + 1 + at + 1);
                }
            }
            _ => {}
        }
    }
    Err(CannotEdit::Form)
}

/// As it is, where YAML then reads it as the same text; in quotation marks else.
fn scalar(value: &str) -> String {
    let ordinary = |c: char| c.is_ascii_alphanumeric() || "/\\._:@%+~-[]".contains(c);
    let begins = value.starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
    let is_text = value.contains(['/', '\\']);
    if begins && is_text && value.chars().all(ordinary) && !value.ends_with(':') {
        value.to_owned()
    } else {
        single_quoted(value)
    }
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests;
