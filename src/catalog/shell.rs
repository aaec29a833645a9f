//! Values from outside, made safe: for a line of text, and as one word of a command that somebody will paste.

use crate::model::{Os, is_unprintable};

/// The shell that commands for an operating system are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    /// POSIX `sh` and what descends from it (bash, zsh, dash).
    Posix,
    /// Windows PowerShell 5.1 and PowerShell 7.
    PowerShell,
}

impl Shell {
    /// The shell of an operating system.
    pub(super) const fn of(os: Os) -> Self {
        match os {
            Os::Linux | Os::Macos => Self::Posix,
            Os::Windows => Self::PowerShell,
        }
    }

    /// Whether a character means itself anywhere in a word of this shell.
    pub(super) const fn is_plain(self, c: char) -> bool {
        match self {
            Self::Posix => {
                c.is_ascii_alphanumeric()
                    || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | '@' | '%' | '+' | ',')
            }
            // A comma makes an array, `@` splats, `%` is a command's alias.
            Self::PowerShell => {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | ':' | '=')
            }
        }
    }

    /// Whether a value can be a word of a command at all.
    ///
    /// A line break or an escape sequence would reach the terminal that it is pasted into, quoted or not; PowerShell 5.1
    /// hands a double quote to a program unescaped, where it ends the argument.
    pub(super) fn can_carry(self, value: &str) -> bool {
        let ends_argument = self == Self::PowerShell && value.contains('"');
        !ends_argument && !value.chars().any(is_unprintable)
    }

    /// A whole word, quoted if it has to be.
    pub(super) fn quote(self, word: &str) -> String {
        // zsh expands a leading `=`, and an empty word would vanish.
        let bare = !word.is_empty()
            && !word.starts_with(['=', '%'])
            && word.chars().all(|c| self.is_plain(c));
        if bare {
            return word.to_owned();
        }
        let mut quoted = String::with_capacity(word.len() + 2);
        quoted.push('\'');
        for c in word.chars() {
            match (self, c) {
                (Self::Posix, '\'') => quoted.push_str(r"'\''"),
                // PowerShell takes the typographic ones for quotes too; each is escaped by itself.
                (Self::PowerShell, '\'' | '\u{2018}'..='\u{201b}') => quoted.extend([c, c]),
                _ => quoted.push(c),
            }
        }
        quoted.push('\'');
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        for (word, posix, powershell) in [
            (
                "https://a.example:8000",
                "https://a.example:8000",
                "https://a.example:8000",
            ),
            ("a b", "'a b'", "'a b'"),
            ("", "''", "''"),
            ("it's", r"'it'\''s'", "'it''s'"),
            ("$(reboot)", "'$(reboot)'", "'$(reboot)'"),
            ("`id`", "'`id`'", "'`id`'"),
            ("a;b|c&d", "'a;b|c&d'", "'a;b|c&d'"),
            (r"C:\x\y.crt", r"'C:\x\y.crt'", r"C:\x\y.crt"),
            ("a,b", "a,b", "'a,b'"),
            ("=ls", "'=ls'", "'=ls'"),
            ("~root", "'~root'", "'~root'"),
            ("a\u{2019}; b", "'a\u{2019}; b'", "'a\u{2019}\u{2019}; b'"),
        ] {
            assert_eq!(Shell::Posix.quote(word), posix);
            assert_eq!(Shell::PowerShell.quote(word), powershell);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_no_word() {
        for bad in ["a\nb", "a\u{1b}[2Jb", "a\u{202e}b", "a\u{9b}b", "a\0b"] {
            assert!(!Shell::Posix.can_carry(bad), "{bad:?}");
            assert!(!Shell::PowerShell.can_carry(bad), "{bad:?}");
        }
        assert!(Shell::Posix.can_carry("a\"b"));
        assert!(!Shell::PowerShell.can_carry("a\" --insecure-skip-verify \"b"));
    }
}
