//! What may be said of an enrollment token without telling it.
//!
//! Nothing here keeps a character of a token: only how long it is, and why it cannot be one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Secret;

/// What the tokens of our control plane begin with.
pub const PREFIX: &str = "nxe_";
/// How many base64url characters follow the prefix: 32 random bytes.
pub const BODY_LENGTH: usize = 43;
/// Fewer characters than this make no token of any control plane: too few to be unguessable.
pub const SHORTEST: usize = 16;

/// The shape of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenShape {
    /// How many characters it has.
    pub length: usize,
    /// Why it cannot be a token, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<TokenProblem>,
}

/// Why a text cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenProblem {
    /// Nothing at all.
    Empty,
    /// A name that stands for a token in an example, such as `YOUR_TOKEN`.
    Placeholder,
    /// Blanks or line ends in it or around it.
    Blanks,
    /// Quotation marks that came along.
    Quotes,
    /// Control characters.
    ControlCharacters,
    /// Characters that no token has.
    ForeignCharacters,
    /// Too short to be any token.
    TooShort,
    /// It begins as a token of ours and is not as long as one.
    WrongLength,
    /// It begins as a token of ours and has characters that those do not have.
    WrongAlphabet,
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Placeholder => {
                f.write_str("it is an example's placeholder, to be replaced by a real token")
            }
            Self::Blanks => f.write_str("it has blanks or line ends in it or around it"),
            Self::Quotes => f.write_str("it has quotation marks in it or around it"),
            Self::ControlCharacters => f.write_str("it has control characters in it"),
            Self::ForeignCharacters => f.write_str(
                "it has characters in it that are not ASCII, such as a typographic dash",
            ),
            Self::TooShort => write!(
                f,
                "it is shorter than {SHORTEST} characters: cut short, or no token"
            ),
            Self::WrongLength => write!(
                f,
                "a token that begins with `{PREFIX}` has {} characters: this one was cut short, or something was added",
                PREFIX.len() + BODY_LENGTH
            ),
            Self::WrongAlphabet => write!(
                f,
                "a token that begins with `{PREFIX}` goes on in letters, digits, `-` and `_` alone"
            ),
        }
    }
}

impl TokenShape {
    /// The shape of `token`.
    pub fn of(token: &Secret) -> Self {
        let text = token.expose();
        Self {
            length: text.chars().count(),
            problem: problem(text),
        }
    }
}

/// The first reason that is true.
fn problem(text: &str) -> Option<TokenProblem> {
    if text.is_empty() {
        return Some(TokenProblem::Empty);
    }
    if is_placeholder(text) {
        return Some(TokenProblem::Placeholder);
    }
    if text.chars().any(char::is_whitespace) {
        return Some(TokenProblem::Blanks);
    }
    if text.chars().any(char::is_control) {
        return Some(TokenProblem::ControlCharacters);
    }
    if text.contains(is_quote) {
        return Some(TokenProblem::Quotes);
    }
    if !text.is_ascii() {
        return Some(TokenProblem::ForeignCharacters);
    }
    match text.strip_prefix(PREFIX) {
        Some(body) if body.len() != BODY_LENGTH => Some(TokenProblem::WrongLength),
        Some(body) if !body.bytes().all(is_base64url) => Some(TokenProblem::WrongAlphabet),
        Some(_) => None,
        None if text.len() < SHORTEST => Some(TokenProblem::TooShort),
        None => None,
    }
}

/// Straight and typographic quotation marks.
pub(super) const fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}'
    )
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether it is what a manual writes where a token belongs: `YOUR_TOKEN`, `<token>`, `${TOKEN}`, `nxe_…`, `xxxx`.
fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_matches(is_quote);
    let framed = [("<", ">"), ("[", "]"), ("{", "}"), ("${", "}"), ("%", "%")]
        .iter()
        .any(|(open, close)| {
            text.len() > open.len() + close.len() && text.starts_with(open) && text.ends_with(close)
        });
    if framed || text.starts_with('$') || text.ends_with("...") || text.ends_with('…') {
        return true;
    }
    let plain = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    matches!(
        plain.as_str(),
        "token"
            | "yourtoken"
            | "newtoken"
            | "mytoken"
            | "thetoken"
            | "enrollmenttoken"
            | "yourenrollmenttoken"
            | "newenrollmenttoken"
            | "tokenhere"
            | "yourtokenhere"
            | "changeme"
            | "replaceme"
            | "todo"
    ) || (!plain.is_empty() && plain.bytes().all(|b| b == b'x' || b == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<TokenProblem> {
        TokenShape::of(&Secret::new(text)).problem
    }

    #[test]
    fn ours_and_plausible_others_pass() {
        let ours = format!(
            "{PREFIX}{}",
            "aB3-_".repeat(9).get(..43).unwrap_or_default()
        );
        assert_eq!(of(&ours), None);
        for other in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "0123456789abcdef",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_one_says_why() {
        let body = "a".repeat(43);
        for (text, problem) in [
            ("", TokenProblem::Empty),
            ("YOUR_TOKEN", TokenProblem::Placeholder),
            ("NEW_TOKEN", TokenProblem::Placeholder),
            ("<token>", TokenProblem::Placeholder),
            ("${TOKEN}", TokenProblem::Placeholder),
            ("$NEXPLANE_TOKEN", TokenProblem::Placeholder),
            ("nxe_...", TokenProblem::Placeholder),
            ("\"YOUR_TOKEN\"", TokenProblem::Placeholder),
            ("xxxxxxxxxxxxxxxx", TokenProblem::Placeholder),
            (&format!("nxe_{body} "), TokenProblem::Blanks),
            (&format!("nxe_{body}\n"), TokenProblem::Blanks),
            (&format!("'nxe_{body}'"), TokenProblem::Quotes),
            (&format!("“nxe_{body}”"), TokenProblem::Quotes),
            (
                &format!("nxe_{body}\u{1b}"),
                TokenProblem::ControlCharacters,
            ),
            ("0123456789–abcdef", TokenProblem::ForeignCharacters),
            ("abc123", TokenProblem::TooShort),
            (&format!("nxe_{}", &body[1..]), TokenProblem::WrongLength),
            (&format!("nxe_{}+", &body[1..]), TokenProblem::WrongAlphabet),
        ] {
            assert_eq!(of(text), Some(problem), "{text:?}");
        }
    }

    #[test]
    fn a_shape_tells_nothing_of_the_token() {
        let shape = TokenShape::of(&Secret::new("hunter2hunter2hunter2'"));
        assert!(!format!("{shape:?}").contains("hunter"));
        assert!(
            !shape
                .problem
                .map(|p| p.to_string())
                .unwrap_or_default()
                .contains("hunter")
        );
    }
}
