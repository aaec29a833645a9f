//! What is encoded in a text: Base64 and hexadecimal runs, percent-encoded words, JSON within a string. A secret does not
//! cease to be one because a log or a header has it in another alphabet.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{MARK, Plain, SecretKind};

/// An encoding may be within another.
const DEPTH: usize = 3;
/// Shorter runs hold no secret with what gives it away.
const RUN: usize = 16;
/// Shorter pieces of readable text among decoded bytes are chance.
const READABLE: usize = 10;
/// A shorter sequence of DER is neither a certificate nor a key.
const SEQUENCE: usize = 64;
/// What cannot stand in a percent-encoded word as it is.
const NOT_IN_WORD: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// So often at most, where what is left looks like a secret again.
const ROUNDS: usize = 4;

/// Applies `plain` to a text and to what is encoded in it, until once more makes no difference: what is looked through at the door
/// and again before it is written stays the same.
pub(super) fn through(text: &str, plain: &Plain<'_>, found: &mut dyn FnMut(SecretKind)) -> String {
    let mut once = layer(text, DEPTH, plain, found);
    if once == text {
        return once;
    }
    for _ in 0..ROUNDS {
        let again = layer(&once, DEPTH, plain, &mut |_| {});
        if again == once {
            break;
        }
        once = again;
    }
    once
}

fn layer(text: &str, depth: usize, plain: &Plain<'_>, found: &mut dyn FnMut(SecretKind)) -> String {
    let text = plain(text, found);
    let Some(below) = depth.checked_sub(1) else {
        return text;
    };
    let mut inner = |inner: &str| {
        let without = layer(inner, below, plain, found);
        (without != inner).then_some(without)
    };
    let text = runs(&text, &mut inner);
    let text = words(&text, &mut inner);
    let text = entities(&text, &mut inner);
    escaped(&text, &mut inner).into_owned()
}

/// What is left of a decoded text, if something had to be left out.
type Inner<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Base64 and hexadecimal: a run that holds a secret goes as a whole.
fn runs<'a>(text: &'a str, inner: &mut Inner<'_>) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut kept = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_digit(bytes[at]) {
            at += 1;
            continue;
        }
        let end = end_of_run(bytes, at);
        if end - at >= RUN && holds_secret(&bytes[at..end], inner) {
            let padding = bytes[end..].iter().take_while(|byte| **byte == b'=');
            let end = end + padding.count();
            kept.push_str(&text[copied..at]);
            kept.push_str(MARK);
            copied = end;
            at = end;
        } else {
            at = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

/// A digit of Base64, in either alphabet.
const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Where a run ends, which may go over lines; a line that is not full is the last.
fn end_of_run(bytes: &[u8], begin: usize) -> usize {
    let digits = |at: usize| {
        bytes[at..]
            .iter()
            .take_while(|byte| is_digit(**byte))
            .count()
    };
    let mut end = begin + digits(begin);
    let width = end - begin;
    loop {
        let blanks = bytes[end..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace());
        let next = end + blanks.count();
        let is_line = width >= 60 && bytes[end..next].contains(&b'\n');
        let more = if is_line && next < bytes.len() {
            digits(next)
        } else {
            0
        };
        if more == 0 || more > width {
            return end;
        }
        end = next + more;
        if more < width {
            return end;
        }
    }
}

fn holds_secret(run: &[u8], inner: &mut Inner<'_>) -> bool {
    let digits: Vec<u8> = run.iter().copied().filter(|byte| is_digit(*byte)).collect();
    let mut holds = |decoded: Option<Vec<u8>>| {
        decoded.is_some_and(|mut bytes| {
            // UTF-16, as PowerShell has it.
            if bytes.get(1) == Some(&0) {
                bytes.retain(|byte| *byte != 0);
            }
            readable(&bytes).any(|text| inner(text).is_some())
        })
    };
    if digits.iter().all(u8::is_ascii_hexdigit) && holds(hexadecimal(&digits)) {
        return true;
    }
    let alphabet = match digits.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    let engine = GeneralPurpose::new(alphabet, LENIENT);
    if is_der(&digits) {
        return false;
    }
    // What stands before it may be of the same alphabet: a path, a name.
    (0..4).any(|skipped| {
        let digits = &digits[skipped..];
        // A single digit at the end is none.
        let whole = digits.len() - usize::from(digits.len() % 4 == 1);
        holds(engine.decode(&digits[..whole]).ok())
    })
}

/// Whether Base64 stands for one sequence of DER from end to end, such as a certificate or a public key: what can be read in it by
/// chance is no secret, and without it the rest would be of no use.
fn is_der(digits: &[u8]) -> bool {
    // The line that ends PEM may stand directly below.
    let end = digits.iter().position(|byte| *byte == b'-');
    let engine = GeneralPurpose::new(&STANDARD, LENIENT);
    let Ok(bytes) = engine.decode(&digits[..end.unwrap_or(digits.len())]) else {
        return false;
    };
    let (length, header) = match bytes.as_slice() {
        [0x30, 0x81, length, ..] => (usize::from(*length), 3),
        [0x30, 0x82, high, low, ..] => (usize::from(u16::from_be_bytes([*high, *low])), 4),
        [0x30, length, ..] if *length < 0x80 => (usize::from(*length), 2),
        _ => return false,
    };
    length >= SEQUENCE && header + length == bytes.len()
}

fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.as_chunks::<2>().0.iter().map(pair).collect()
}

/// The pieces of decoded bytes that can be read.
fn readable(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    bytes
        .split(move |byte| !is_text(byte))
        .filter(|piece| piece.len() >= READABLE)
        .filter_map(|piece| std::str::from_utf8(piece).ok())
}

/// Percent-encoded words: what holds a secret is written decoded, without it.
fn words<'a>(text: &'a str, inner: &mut Inner<'_>) -> Cow<'a, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut changed = false;
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>');
    for word in text.split_inclusive(ends) {
        let (body, end) = match word.strip_suffix(ends) {
            Some(body) => word.split_at(body.len()),
            None => (word, ""),
        };
        let decoded = percent_decode_str(body).decode_utf8_lossy();
        match (decoded != body).then(|| inner(&decoded)).flatten() {
            Some(without) => {
                changed = true;
                kept.push_str(&utf8_percent_encode(&without, NOT_IN_WORD).to_string());
            }
            None => kept.push_str(body),
        }
        kept.push_str(end);
    }
    match changed {
        // The mark stays what people know it by.
        true => Cow::Owned(kept.replace("%E2%80%A6", MARK)),
        false => Cow::Borrowed(text),
    }
}

/// What is escaped for HTML: a line that holds a secret is written again without it.
fn entities<'a>(text: &'a str, inner: &mut Inner<'_>) -> Cow<'a, str> {
    let is_escaped = |text: &str| ENTITIES.iter().any(|(entity, _)| text.contains(entity));
    if !text.contains('&') || !is_escaped(text) {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let plain = |line: String, (entity, c): &(&str, &str)| line.replace(entity, c);
        let without = is_escaped(line)
            .then(|| inner(&ENTITIES.iter().fold(line.to_owned(), plain)))
            .flatten();
        match without {
            Some(without) => {
                let escaped = |line: String, (entity, c): &(&str, &str)| line.replace(c, entity);
                ENTITIES.iter().rev().fold(without, escaped)
            }
            None => line.to_owned(),
        }
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

/// The ampersand last: it is in the others.
const ENTITIES: [(&str, &str); 5] = [
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// JSON in a string of JSON: a string that holds a secret is read, and written again without it. A string ends at a quotation mark
/// that is not escaped, and with its line.
fn escaped<'a>(text: &'a str, inner: &mut Inner<'_>) -> Cow<'a, str> {
    if !has_escapes(text) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut copied = 0;
    let mut begin = 0;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' | b'\n' => {
                string(text, begin..at, (&mut kept, &mut copied), inner);
                begin = at + 1;
            }
            _ => {}
        }
    }
    string(text, begin..text.len(), (&mut kept, &mut copied), inner);
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

fn has_escapes(text: &str) -> bool {
    ["\\\"", "\\u00", "\\n"].iter().any(|it| text.contains(it))
}

fn string(
    text: &str,
    at: Range<usize>,
    (kept, copied): (&mut String, &mut usize),
    inner: &mut Inner<'_>,
) {
    let string = &text[at.clone()];
    if !has_escapes(string) {
        return;
    }
    if let Some(without) = inner(&unescape(string)) {
        kept.push_str(&text[*copied..at.start]);
        kept.push_str(&escape(&without));
        *copied = at.end;
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            plain.push('\\');
            break;
        };
        rest = &rest[c.len_utf8()..];
        match c {
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            '"' | '\\' | '/' => plain.push(c),
            'u' => match rest
                .get(..4)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            {
                Some(code) => {
                    plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    rest = &rest[4..];
                }
                None => plain.push_str("\\u"),
            },
            c => {
                plain.push('\\');
                plain.push(c);
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '"' | '\\' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};

    use super::*;
    use crate::model::redact;

    const SECRETS: [&str; 6] = [
        "nxe_S3NT1NELS3NT1NEL",
        "Authorization: Bearer S3NT1NEL-S3NT1NEL",
        "{\"password\": \"S3NT1NEL\"}",
        "http://user:S3NT1NEL@proxy:3128",
        "-----BEGIN PRIVATE KEY-----\nS3NT1NEL\n-----END PRIVATE KEY-----",
        "Set-Cookie: session=S3NT1NEL",
    ];

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    fn percent(text: &str) -> String {
        utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    fn html(text: &str) -> String {
        let escaped = |text: String, (entity, c): &(&str, &str)| text.replace(c, entity);
        ENTITIES.iter().rev().fold(text.to_owned(), escaped)
    }

    fn base64_of_utf_16(text: &str) -> String {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        BASE64.encode(bytes)
    }

    fn json(text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    /// Whether a secret is still there, in whichever of these encodings.
    fn is_in(text: &str, secret: &str) -> bool {
        let forms = [
            secret.to_owned(),
            BASE64.encode(secret),
            hex(secret),
            percent(secret),
            json(secret),
            html(secret),
            base64_of_utf_16(secret),
        ];
        text.contains("S3NT1NEL") || forms.iter().any(|form| text.contains(form))
    }

    #[test]
    fn a_secret_is_left_out_in_every_encoding_and_in_two_at_once() {
        let encodings: [&dyn Fn(&str) -> String; 8] = [
            &|text| BASE64.encode(text),
            &|text| URL_SAFE_NO_PAD.encode(text),
            &hex,
            &percent,
            &json,
            &html,
            &base64_of_utf_16,
            &|text| text.to_owned(),
        ];
        for secret in SECRETS {
            for outer in encodings {
                for inner in encodings {
                    let text = format!("before {} after", outer(&inner(secret)));
                    let without = redact(&text);
                    assert!(!is_in(&without, secret), "{text}: {without}");
                    assert!(without.starts_with("before "), "{without}");
                    assert_ne!(without, text);
                }
            }
        }
    }

    #[test]
    fn a_secret_is_found_behind_what_looks_like_its_encoding_and_over_lines() {
        for before in ["", "a", "ab", "abc", "path/to/"] {
            let text = format!("{before}{}", BASE64.encode("--token S3NT1NEL-S3NT1NEL-1"));
            assert_eq!(redact(&text), MARK, "{text}");
        }
        let long = BASE64.encode(format!(
            "{} password=S3NT1NEL {}",
            "x".repeat(70),
            "y".repeat(40)
        ));
        let (first, rest) = long.split_at(76);
        let (second, rest) = rest.split_at(76);
        let text = format!("data: {first}\n  {second}\n  {rest}\nend");
        assert_eq!(redact(&text), "data: …\nend");
    }

    #[test]
    fn what_is_encoded_and_no_secret_stays_as_it_is() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQm9vdHN0cmFwIGNlcnRpZmljYXRl\n-----END CERTIFICATE-----\n",
            "/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml",
            "https://portal.example/login?next=https%3A%2F%2Fnexplane.example.com%3A8000%2Fhealth",
            r#"{"detail": "a \"quoted\" word\n"}"#,
            "http://%…",
            "100% of C:\\new\\u00\\table",
            "d3b07384d113edec49eaa6238ad5ff00d3b07384d113edec49eaa6238ad5ff00",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn what_stands_around_a_secret_in_a_url_stays() {
        let text = "302 https://portal.example/?next=https%3A%2F%2Fu%3AS3NT1NEL%40h%2Fa%20b";
        assert_eq!(redact(text), "302 https://…@h/a%20b");
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_through_and_once_is_enough(text in "[ -~\\n\\t%\\\\é…]{0,200}") {
            let once = redact(&text);
            proptest::prop_assert_eq!(redact(&once), once);
        }
    }
}
