//! Text that came from outside, made fit for a terminal.

use std::borrow::Cow;

/// `text` without control characters and without the invisible marks that turn the direction of writing.
///
/// Line breaks and tabs become blanks, everything else of that kind is replaced by U+FFFD, so that nothing that a
/// server, a log or a file says can move the cursor, colour a terminal or forge a line.
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

fn is_unprintable(c: char) -> bool {
    let turns_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns_direction || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(printable("plain — text"), "plain — text");
        assert_eq!(
            printable("a\x1b[31mb\r\nc\u{202e}d\u{9b}e"),
            "a\u{fffd}[31mb  c\u{fffd}d\u{fffd}e"
        );
    }
}
