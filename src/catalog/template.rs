//! Texts and commands with placeholders, checked when they are read and filled in once: a value is data, whatever braces it holds.
//!
//! What is kept is the text as it was written: few of them are ever filled in.

use std::borrow::Cow;

use super::Values;
use super::shell::Shell;
use crate::model::Placeholder;
use crate::model::{Os, printable};

/// What is wrong with a template, and the part of it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateError {
    /// The offending part, as written; found again in the source to point at it.
    pub(super) part: String,
    /// What is wrong and what is allowed.
    pub(super) message: String,
}

impl TemplateError {
    fn new(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            message: message.into(),
        }
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value(Placeholder),
    /// An option with its value, `{--ca-cert ca_cert}`: both, or nothing where the value is not known.
    Flag(String, Placeholder),
}

impl Part {
    /// As it is written.
    fn written(&self) -> Option<String> {
        match self {
            Self::Literal(_) => None,
            Self::Value(placeholder) => Some(format!("{{{placeholder}}}")),
            Self::Flag(flag, placeholder) => Some(format!("{{{flag} {placeholder}}}")),
        }
    }
}

/// A text for people with placeholders, such as `Ask {nameserver} for {host}.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Cow<'static, str>);

impl Template {
    /// Reads a text: `{name}` is a placeholder, `{--flag name}` an option with one, `{{` and `}}` are braces.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        parse(text).map(|_| Self(Cow::Owned(text.to_owned())))
    }

    /// A text of the built-in catalogue, which the tests read with [`Self::parse`].
    pub(super) const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text with this host's values; what is unprintable in them is replaced.
    pub fn render(&self, values: &Values, os: Os) -> String {
        let mut text = String::new();
        for part in parse(&self.0).unwrap_or_default() {
            match part {
                Part::Literal(literal) => text.push_str(&literal),
                Part::Value(placeholder) => text.push_str(&printable(
                    values
                        .get(placeholder)
                        .unwrap_or_else(|| placeholder.fallback(os)),
                )),
                Part::Flag(flag, placeholder) => {
                    if let Some(value) = values.get(placeholder) {
                        text.push_str(&format!("{flag} {}", printable(value)));
                    }
                }
            }
        }
        text
    }
}

/// A command line with placeholders, such as `nslookup {host}`, for the shells of the systems that it was read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(Cow<'static, str>);

/// A piece of a command: the words that hold placeholders are quoted whole.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Word(Vec<Part>),
}

impl Command {
    /// Reads a command for the shells of `systems`.
    ///
    /// A placeholder has to stand outside quotes, in a word of plain characters: only then can the word be quoted
    /// around its value, and only then does a value stay one argument.
    pub(super) fn parse(text: &str, systems: &[Os]) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        if text.contains(['\n', '\r']) {
            errors.push(TemplateError::new(
                "",
                "a command is one line: make each line a step of its own",
            ));
        }
        let parts = parse(text).unwrap_or_else(|found| {
            errors.extend(found);
            Vec::new()
        });
        let shells: Vec<Shell> = systems.iter().map(|os| Shell::of(*os)).collect();
        let pieces = words(parts);
        check_words(&pieces, &shells, &mut errors);
        if errors.is_empty() {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(errors)
        }
    }

    /// A command of the built-in catalogue, which the tests read with [`Self::parse`].
    pub(super) const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A command that stands in the program itself, for every system.
    pub fn ours(text: &str) -> Self {
        Self::parse(text, &Os::ALL)
            .unwrap_or_else(|errors| unreachable!("a command of our own: {errors:?}"))
    }

    /// The command with this host's values, quoted for the system's shell where they have to be.
    ///
    /// A value that cannot be part of a command safely (line breaks, escape sequences) is left out: the placeholder's
    /// fallback stands in its place.
    pub fn render(&self, values: &Values, os: Os) -> String {
        let shell = Shell::of(os);
        let mut line = String::new();
        for piece in &words(parse(&self.0).unwrap_or_default()) {
            match piece {
                Piece::Literal(literal) => line.push_str(literal),
                Piece::Word(parts) if let [Part::Flag(flag, placeholder)] = parts.as_slice() => {
                    match carried(*placeholder, values, shell, true) {
                        Some(value) => line.push_str(&format!("{flag} {}", shell.quote(value))),
                        None => line.truncate(line.trim_end().len()),
                    }
                }
                Piece::Word(parts) => {
                    let word = shell.quote(&substitute(parts, values, os, shell));
                    // PowerShell takes a quoted word where a command is expected for a text to print.
                    if shell == Shell::PowerShell
                        && word.starts_with('\'')
                        && expects_command(&line)
                    {
                        line.push_str("& ");
                    }
                    line.push_str(&word);
                }
            }
        }
        line
    }
}

/// One word with its values, not quoted yet.
fn substitute(parts: &[Part], values: &Values, os: Os, shell: Shell) -> String {
    let mut word = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => word.push_str(literal),
            Part::Value(placeholder) | Part::Flag(_, placeholder) => {
                let known = carried(*placeholder, values, shell, word.is_empty());
                word.push_str(known.unwrap_or_else(|| placeholder.fallback(os)));
            }
        }
    }
    word
}

/// A value that is known and that the shell can carry.
fn carried(
    placeholder: Placeholder,
    values: &Values,
    shell: Shell,
    starts_a_word: bool,
) -> Option<&str> {
    values.get(placeholder).filter(|value| {
        // At the start of a word, a dash would make an option of a value.
        shell.can_carry(value) && !(starts_a_word && value.starts_with('-'))
    })
}

/// Whether the next word after `line` is the name of a command.
fn expects_command(line: &str) -> bool {
    line.trim_end()
        .chars()
        .next_back()
        .is_none_or(|c| matches!(c, ';' | '|' | '&' | '{' | '('))
}

/// Splits a text at its placeholders.
fn parse(text: &str) -> Result<Vec<Part>, Vec<TemplateError>> {
    let mut parts = Vec::new();
    let mut errors = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or(rest.strip_prefix("}}")) {
            literal.push_str(&rest[..1]);
            rest = after;
        } else if let Some((name, after)) = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            .filter(|(name, _)| !name.contains(['{', '\n']))
        {
            let (flag, name) = match name.split_once(' ') {
                Some((flag, name)) if is_flag(flag) => (Some(flag), name),
                _ => (None, name),
            };
            match name.parse() {
                Ok(placeholder) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(match flag {
                        Some(flag) => Part::Flag(flag.to_owned(), placeholder),
                        None => Part::Value(placeholder),
                    });
                }
                Err(_) => errors.push(unknown(name)),
            }
            rest = after;
        } else {
            errors.push(TemplateError::new(
                &rest[..1],
                format!("a lone `{0}`: write `{0}{0}` for a brace", &rest[..1]),
            ));
            rest = &rest[1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    if errors.is_empty() {
        Ok(parts)
    } else {
        Err(errors)
    }
}

/// Whether this is the name of an option: `--ca-cert`.
fn is_flag(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    })
}

fn unknown(name: &str) -> TemplateError {
    let names = Placeholder::ALL.map(Placeholder::as_str);
    TemplateError::new(
        format!("{{{name}}}"),
        format!(
            "unknown placeholder `{{{name}}}`{} (`{{{{` and `}}}}` write braces)",
            super::nearest::or_one_of(name, names)
        ),
    )
}

/// Puts together the words that hold placeholders.
fn words(parts: Vec<Part>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut word: Vec<Part> = Vec::new();
    let mut plain = String::new();
    for part in parts {
        match part {
            Part::Value(_) | Part::Flag(..) => {
                // The characters right before a placeholder belong to its word.
                let start = plain.rfind(char::is_whitespace).map_or(0, |at| {
                    at + plain[at..].chars().next().map_or(1, char::len_utf8)
                });
                let head = plain.split_off(start);
                if !plain.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut plain)));
                }
                if !head.is_empty() {
                    word.push(Part::Literal(head));
                }
                word.push(part);
            }
            Part::Literal(literal) => {
                let end = literal.find(char::is_whitespace).unwrap_or(literal.len());
                let (tail, after) = literal.split_at(end);
                if word.is_empty() || after.is_empty() {
                    // The word may go on: what follows decides.
                    plain.push_str(&literal);
                } else {
                    if !tail.is_empty() {
                        word.push(Part::Literal(tail.to_owned()));
                    }
                    pieces.push(Piece::Word(std::mem::take(&mut word)));
                    plain.push_str(after);
                }
            }
        }
    }
    if !word.is_empty() {
        if !plain.is_empty() {
            word.push(Part::Literal(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Word(word));
    }
    if !plain.is_empty() {
        pieces.push(Piece::Literal(plain));
    }
    pieces
}

/// Finds placeholders inside quotes, and words that could not be quoted whole.
fn check_words(pieces: &[Piece], shells: &[Shell], errors: &mut Vec<TemplateError>) {
    let mut quote: Option<char> = None;
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => {
                for c in literal.chars() {
                    match (quote, c) {
                        (None, '\'' | '"') => quote = Some(c),
                        (Some(open), c) if c == open => quote = None,
                        _ => {}
                    }
                }
            }
            Piece::Word(parts) => {
                let literals = || {
                    parts.iter().filter_map(|part| match part {
                        Part::Literal(literal) => Some(literal.as_str()),
                        Part::Value(_) | Part::Flag(..) => None,
                    })
                };
                let strange = literals()
                    .flat_map(str::chars)
                    .find(|c| !shells.iter().all(|shell| shell.is_plain(*c)));
                let part = parts.iter().find_map(Part::written).unwrap_or_default();
                let of_flag = parts.iter().any(|part| matches!(part, Part::Flag(..)));
                if of_flag && parts.len() > 1 {
                    let message =
                        format!("`{part}` is two words or none: it stands between blanks");
                    errors.push(TemplateError::new(part, message));
                } else if quote.is_some() || matches!(strange, Some('\'' | '"')) {
                    let message = format!(
                        "`{part}` stands in quotes: leave them out, the value is quoted where it has to be"
                    );
                    errors.push(TemplateError::new(part, message));
                } else if let Some(c) = strange {
                    let message = format!(
                        "`{c}` in the word of `{part}`: such a word is quoted whole, and holds only characters that mean themselves in the shell"
                    );
                    errors.push(TemplateError::new(part, message));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
