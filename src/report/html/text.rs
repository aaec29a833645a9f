//! Text from outside, made fit for a page: what would act or hide is shown as a symbol, and what has no end is cut.
//!
//! The template escapes what is markup; this is about what a reader could not see.

use maud::{Markup, html};

use crate::model::is_unprintable;

/// So many characters of one value; a page is to be read, and the whole is in `--format json`.
const MOST: usize = 8192;

/// One line.
pub(super) fn line(text: &str) -> String {
    shown(text, false)
}

/// Lines, as they stand.
pub(super) fn lines(text: &str) -> String {
    shown(text, true)
}

/// Sentences of ours with names in `backquotes`, which are set as such.
pub(super) fn prose(text: &str) -> Markup {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    // Without a partner, a backquote is itself.
    let paired = parts.len() % 2 == 1;
    html! {
        @if paired {
            @for (i, part) in parts.iter().enumerate() {
                @if i % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

fn shown(text: &str, keeps_lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        if i == MOST {
            let more = text.chars().count() - MOST;
            shown.push_str(&format!("\u{2026} ({more} more characters)"));
            break;
        }
        match c {
            '\n' | '\t' if keeps_lines => shown.push(c),
            '\u{0}'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => shown.push('\u{2421}'),
            c if hides(c) => shown.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// Beside what acts on a terminal: what only a page hides, and what is no character at all.
fn hides(c: char) -> bool {
    is_unprintable(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180e}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_as_a_symbol() {
        assert_eq!(line("a\u{1b}[31m\r\n\tb\u{7f}"), "a␛[31m␍␊␉b␡");
        assert_eq!(lines("a\r\n\tb"), "a␍\n\tb");
        assert_eq!(
            line("\u{202e}x\u{200b}\u{ad}\u{85}\u{fffe}\u{e0041}"),
            "⟨U+202E⟩x⟨U+200B⟩⟨U+00AD⟩⟨U+0085⟩⟨U+FFFE⟩⟨U+E0041⟩"
        );
        assert_eq!(line("Grüße, 世界 → ok"), "Grüße, 世界 → ok");
    }

    #[test]
    fn what_has_no_end_is_cut() {
        let long = line(&"x".repeat(100_000));
        assert_eq!(
            long.chars().count(),
            MOST + "… (91808 more characters)".chars().count()
        );
        assert!(long.ends_with("… (91808 more characters)"));
    }

    #[test]
    fn names_are_set_as_such_and_markup_is_not() {
        let page = prose("the chain of `CN=<b>` ends").into_string();
        assert_eq!(page, "the chain of <code>CN=&lt;b&gt;</code> ends");
        assert_eq!(prose("a ` alone").into_string(), "a ` alone");
    }
}
