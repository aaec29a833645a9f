//! What looks like a secret and is none: a port behind `-p`, a placeholder, a word of prose.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::Captures;

use super::MARK;

/// Programs to which a word behind `-p` is no password: a directory and all above it, a priority, a property, a package. None that
/// runs another one (`sudo`, `ssh`, `sh`), and none whose name is a word of prose.
const OTHERWISE: [&str; 10] = [
    "cargo",
    "cp",
    "grep",
    "journalctl",
    "mkdir",
    "netstat",
    "pgrep",
    "rsync",
    "systemctl",
    "tar",
];
/// Programs that take it without a blank, whatever it is.
const ATTACHED: [&str; 8] = [
    "7z",
    "7za",
    "mariadb",
    "mariadb-dump",
    "mysql",
    "mysqladmin",
    "mysqldump",
    "sshpass",
];
/// Words of a sentence about a flag.
const PROSE: [&str; 34] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "does", "flag", "for", "from", "given",
    "has", "if", "in", "is", "it", "may", "must", "not", "of", "on", "option", "or", "that", "the",
    "to", "was", "which", "will", "with", "without",
];
/// What a setting says that has no value of its own.
const SETTINGS: [&str; 11] = [
    "disabled", "enabled", "false", "no", "none", "null", "off", "ok", "on", "true", "yes",
];
/// What placeholders are made of.
const PLACEHOLDERS: [&str; 6] = ["TOKEN", "FILE", "PASS", "KEY", "SECRET", "VALUE"];

fn value<'a>(captures: &'a Captures<'_>) -> &'a str {
    captures.name("value").map_or("", |value| value.as_str())
}

/// A mark, and what closes what it stands in.
pub(super) fn is_left_out(captures: &Captures<'_>) -> bool {
    let rest = value(captures).strip_prefix(MARK);
    rest.is_some_and(|rest| rest.chars().all(|c| "]})/>".contains(c)))
}

fn is_quoted(value: &str) -> bool {
    value.starts_with(['"', '\''])
}

/// `Basic constraints` and its like: `Basic` says user and password, the others something long.
pub(super) fn no_credentials(captures: &Captures<'_>, _: &str) -> bool {
    let value = value(captures);
    let is = |scheme: &str| captures["scheme"].eq_ignore_ascii_case(scheme);
    if is("bearer") {
        return false;
    }
    let digits = value.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(digits);
    match is("basic") {
        true => !decoded.is_ok_and(|bytes| bytes.contains(&b':')),
        false => decoded.is_err() || digits.len() < 24,
    }
}

/// Behind `-p`: a port or ports, a process, a path, or what a program takes that means something else by it.
pub(super) fn no_password(captures: &Captures<'_>, text: &str) -> bool {
    let written = value(captures);
    let value = written.trim_matches(['"', '\'']);
    let is_number = value.starts_with(|c: char| c.is_ascii_digit())
        && value
            .trim_end_matches("/tcp")
            .trim_end_matches("/udp")
            .bytes()
            .all(|b| b.is_ascii_digit() || b".:/,-".contains(&b));
    let is_path = value.starts_with(['/', '.', '~', '-', '<']) || value.contains(":\\");
    if is_number || is_path || is_variable(value) {
        return true;
    }
    let begin = captures.get(0).map_or(0, |it| it.start());
    let before = text[..begin]
        .rsplit(['\n', ';', '|', '&'])
        .next()
        .unwrap_or_default();
    let is_of = |programs: &[&str]| {
        let mut words = before.split(|c: char| {
            c.is_whitespace() || matches!(c, '/' | '\\' | '"' | '\'' | '=' | '(' | '`')
        });
        words.any(|word| programs.contains(&word.trim_end_matches(".exe")))
    };
    match captures["is"].is_empty() {
        false => is_of(&OTHERWISE),
        // Another flag that begins like it: `-path`, `-port=8080`, `-proto_default`.
        true => is_flag(value) && !is_of(&ATTACHED),
    }
}

fn is_flag(value: &str) -> bool {
    let word = value.split(['=', ':']).next().unwrap_or_default();
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
}

/// Behind `--token` and its like: a placeholder, or the sentence goes on.
pub(super) fn no_argument(captures: &Captures<'_>, _: &str) -> bool {
    let value = value(captures);
    let is_placeholder = value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        && PLACEHOLDERS.iter().any(|it| value.contains(it));
    let word = value.trim_end_matches(['.', ':', ')']);
    !is_quoted(value)
        && (value.starts_with('-')
            || (value.starts_with('<') && word.ends_with('>'))
            || is_placeholder
            || is_variable(value)
            || PROSE.contains(&word))
}

/// `$TOKEN`, `${TOKEN}`, `%TOKEN%`.
fn is_variable(value: &str) -> bool {
    let name = value
        .strip_prefix('$')
        .map(|name| name.trim_start_matches('{').trim_end_matches('}'))
        .or_else(|| value.strip_prefix('%')?.strip_suffix('%'));
    name.is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// Of a short name: a directory (`PWD=/root`), a count (`pass=12`), a setting (`login: true`).
pub(super) fn no_value(captures: &Captures<'_>, _: &str) -> bool {
    match captures.name("name") {
        Some(name) => is_no_value(name.as_str(), value(captures)),
        None => false,
    }
}

pub(super) fn is_no_value(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let short = ["auth", "login", "pass", "pin", "pwd"];
    let word = name.rsplit(['_', '-', '.']).next().unwrap_or_default();
    let is_short = short.contains(&word) && !name.ends_with("_pass") && !name.ends_with("_pwd");
    let is_path = value.starts_with(['/', '~']) || value.contains(":\\");
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    is_short
        && !is_quoted(value)
        && (SETTINGS.contains(&value.to_ascii_lowercase().as_str())
            || (word == "pwd" && is_path)
            || (matches!(word, "auth" | "login" | "pass") && is_number))
}

/// Of an element: nothing but blanks, or the words behind a field of a form; and what only looks like one, `--token <TOKEN> …`.
pub(super) fn no_content(captures: &Captures<'_>, text: &str) -> bool {
    let tag = &captures[1];
    let is_of_form = ["<input", "<label", "</"].iter().any(|it| {
        let begin = tag.get(..it.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(it))
    });
    let is_placeholder = || {
        let end = captures.get(0).map_or(text.len(), |it| it.end());
        !tag.contains(|c: char| c.is_ascii_lowercase()) && !text[end..].starts_with("</")
    };
    is_of_form || value(captures).trim().is_empty() || is_placeholder()
}
