//! Text that came from outside, made fit for a terminal and for a line.

use std::borrow::Cow;

/// `text` without anything that acts instead of being seen: line breaks and tabs become blanks, everything else of that
/// kind U+FFFD, so that nothing that a server, a log or a file says can move the cursor, colour a terminal or forge a line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let safe = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if is_unprintable(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    Cow::Owned(safe.collect())
}

/// How many of something: `1 address`, `2 addresses`.
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// Whether a character would act on a terminal or hide from a reader instead of being seen: control characters, line
/// and paragraph separators, what reorders or has no width, and what is no character (XML and YAML cannot hold it).
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fffe}'
                | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let said = [0, 1, 2].map(|count| counted(count, "address", "addresses"));
        assert_eq!(said, ["0 addresses", "1 address", "2 addresses"]);
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(printable("plain — text"), "plain — text");
        assert_eq!(
            printable("a\x1b[31mb\r\nc\u{202e}d\u{9b}e"),
            "a\u{fffd}[31mb  c\u{fffd}d\u{fffd}e"
        );
    }
}
