//! Log lines to finding codes: the only place where the words of an error are matched.
//!
//! The words are data: one YAML file a family (whose words they are), each pattern with the code that it speaks of,
//! the codes that the same words may mean as well, and examples that must and must not match. The build script makes one
//! automaton's worth of them. The first pattern that matches wins, in the order of the families and of their files, so
//! that a cause within ("connection refused") stands above what wraps it ("enrollment failed"). What makes words
//! harmless ("recovered", "0 errors") is a family of its own: a false alarm is worse than a miss.
//!
//! Two ways lead in: [`classify`] takes entries that the door gave, [`read`] whole logs of any size and form.
//! A line is evidence, not a finding: whether it still holds is for the checks to say.

mod family;
mod history;
mod input;
mod json;
mod last_fatal;
mod scan;
#[cfg(test)]
#[expect(dead_code, reason = "the build script uses the rest")]
mod source;
mod stamp;
mod start;
mod stream;
mod unwrap;
mod utf16;

pub use family::{Pattern, patterns};
pub use history::{History, Standing, histories};
pub use input::{Source, WINDOW_LOG, decoded};
pub use last_fatal::{LastFatal, last_fatal};
pub use scan::{KEPT as LINE_BOUND, Overlong};
pub use stamp::Stamp;
pub use start::{is_restart, is_systemd, last_run};
pub use stream::{Ended, Found, Log, Reader, read};

use std::ops::Range;

use family::first_match;
use memchr::memmem;
use unwrap::unwrap;

use crate::host::LogEntry;
use crate::model::{Code, excerpt, redact};

/// A log entry whose words are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Position of the entry; of the first one where a line was wrapped over two.
    pub index: usize,
    /// The pattern: family and id, such as `go_tls.unknown_authority`.
    pub pattern: &'static str,
    /// The problem that the words speak of.
    pub code: Code,
    /// Problems that the same words may mean as well, the likelier first.
    pub also: Vec<Code>,
    /// Whether the agent cannot go on after it.
    pub fatal: bool,
    /// The line, fit to be shown.
    pub excerpt: String,
}

impl Match {
    /// Every code that the words may mean, the likeliest first.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        std::iter::once(&self.code).chain(&self.also)
    }

    /// Whether the words say what is wrong, and not only that something is.
    pub fn names_its_cause(&self) -> bool {
        !self.pattern.starts_with(OUTER)
    }

    /// Whether the runbook itself says what the line means, so that it means nothing else.
    pub fn is_the_runbooks(&self) -> bool {
        self.pattern.starts_with("runbook.")
    }
}

/// The family of words that wrap a reason.
const OUTER: &str = "outer.";

/// The pattern that a line matches, if its words are known and name a problem.
pub fn classify_line(line: &str) -> Option<&'static Pattern> {
    let unwrapped = unwrap(line.as_bytes());
    Some(first_match(&unwrapped.text)?.0)
}

/// The entries whose words are known, in their order.
pub fn classify(entries: &[LogEntry]) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut index = 0;
    while let Some(entry) = entries.get(index) {
        let mut line = unwrap(entry.message.as_bytes()).text;
        let next = entries.get(index + 1).filter(|next| continues(entry, next));
        if let Some(next) = next {
            line.push(' ');
            line.push_str(&unwrap(next.message.as_bytes()).text);
        }
        matches.extend(match_line(index, &line, entry.priority));
        index += if next.is_some() { 2 } else { 1 };
    }
    matches
}

fn match_line(index: usize, line: &str, priority: Option<u8>) -> Option<Match> {
    let (pattern, at) = first_match(line)?;
    Some(Match {
        index,
        pattern: pattern.name,
        code: pattern.code.clone(),
        also: pattern.also.to_vec(),
        fatal: pattern.fatal || is_fatal(line, priority),
        excerpt: excerpt_of(line, &at),
    })
}

/// Whether the second entry is the rest of the first one's line: Go wraps a long error after its colon.
fn continues(entry: &LogEntry, next: &LogEntry) -> bool {
    let indented = next.message.starts_with([' ', '\t']);
    (continues_at(&entry.message) || indented)
        && !entry.message.is_empty()
        && entry.identifier == next.identifier
        && entry.invocation == next.invocation
        && !is_fatal(&next.message, None)
}

/// Whether the line ends where its reason would follow.
fn continues_at(line: &str) -> bool {
    line.trim_end().ends_with(':')
}

/// Whether the pattern is of words that wrap a reason, which may be on the next line.
fn wraps(pattern: &Pattern) -> bool {
    pattern.name.starts_with(OUTER)
}

/// Whether the line begins with a level, as a line of its own does.
fn starts_anew(line: &str) -> bool {
    const LEVELS: [&str; 9] = [
        "FATAL", "PANIC", "ERROR", "ERR", "WARN", "INFO", "DEBUG", "TRACE", "NOTICE",
    ];
    let first = line
        .split(|c: char| !c.is_alphabetic())
        .find(|word| !word.is_empty());
    first.is_some_and(|word| LEVELS.iter().any(|level| word.starts_with(level)))
}

/// Whether the line's own level says that the program ends with it.
fn is_fatal(line: &str, priority: Option<u8>) -> bool {
    const LEVELS: [&str; 5] = [
        "FATAL",
        "PANIC",
        "panic:",
        "level=fatal",
        "\"level\":\"fatal\"",
    ];
    let end = line.char_indices().nth(80).map_or(line.len(), |(at, _)| at);
    let head = &line.as_bytes()[..end];
    priority.is_some_and(|priority| priority <= 2)
        || LEVELS
            .iter()
            .any(|level| memmem::find(head, level.as_bytes()).is_some())
}

/// How much stands before the words where a line is too long to be shown.
const LEAD: usize = 60;

/// The line, fit to be shown; of a long one, the part in which the words are.
fn excerpt_of(line: &str, at: &Range<usize>) -> String {
    let whole = excerpt(line);
    let Some(shown) = whole.strip_suffix('…') else {
        return whole;
    };
    if shown.len() >= at.end {
        return whole;
    }
    // Secrets go before anything is cut: half of one would not be recognised.
    let redacted = redact(line);
    let words = line.get(at.clone()).and_then(|words| redacted.find(words));
    match words {
        Some(start) => {
            let start = redacted.floor_char_boundary(start.saturating_sub(LEAD));
            let lead = if start > 0 { "…" } else { "" };
            format!("{lead}{}", excerpt(&redacted[start..]))
        }
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{api, log_lines};

    fn entry(message: &str) -> LogEntry {
        LogEntry {
            time: None,
            message: message.into(),
            priority: None,
            identifier: None,
            invocation: None,
            message_id: None,
        }
    }

    fn codes(messages: &[&str]) -> Vec<String> {
        let entries: Vec<_> = messages.iter().map(|message| entry(message)).collect();
        classify(&entries)
            .iter()
            .map(|found| format!("{}@{}", found.code, found.index))
            .collect()
    }

    #[test]
    fn a_cause_within_beats_what_wraps_it() {
        assert_eq!(
            codes(&[
                r#"FATAL: enrollment failed: Post "https://n:8000/agent/enroll": proxyconnect tcp: dial tcp: lookup p: no such host"#,
                "FATAL: enrollment failed: nobody knows why",
            ]),
            ["dns.not_found@0", "registration.rejected@1"]
        );
    }

    #[test]
    fn the_agent_s_own_lines_are_known_to_the_letter() {
        let post = log_lines::post_failed(
            "https://n:8000/agent/enroll",
            "x509: certificate signed by unknown authority",
        );
        let clock = log_lines::certificate_validation("certificate not yet valid");
        for (line, code) in [
            (log_lines::enrollment_failed(api::TOKEN_USED), "token.used"),
            (
                log_lines::enrollment_failed(api::TOKEN_EXPIRED),
                "token.expired",
            ),
            (
                log_lines::enrollment_failed(api::TOKEN_INVALID),
                "token.invalid",
            ),
            (
                log_lines::enrollment_failed(post),
                "trust.unknown_authority",
            ),
            (log_lines::enrollment_failed(clock), "clock.skew"),
            (
                log_lines::heartbeat_rejected(api::AGENT_REVOKED),
                "registration.revoked",
            ),
            (
                log_lines::heartbeat_rejected(api::CERTIFICATE_EXPIRED),
                "identity.expired",
            ),
            (
                log_lines::heartbeat_rejected(api::CERTIFICATE_REQUIRED),
                "registration.certificate_refused",
            ),
            (
                log_lines::rotation_failed(api::EXPIRED_TOO_LONG),
                "identity.expired",
            ),
        ] {
            assert_eq!(codes(&[&line]), [format!("{code}@0")], "{line}");
        }
    }

    #[test]
    fn a_wrapped_line_is_one() {
        let lines = [
            "INFO: starting",
            r#"FATAL: enrollment failed: Post "https://n:8000/agent/enroll":"#,
            "x509: certificate signed by unknown authority",
            "ERROR: heartbeat rejected: agent not found or revoked",
        ];
        assert_eq!(
            codes(&lines),
            ["trust.unknown_authority@1", "registration.revoked@3"]
        );
        assert_eq!(
            codes(&["FATAL: x: \n   x509: certificate signed by unknown authority"]),
            ["trust.unknown_authority@0"]
        );
    }

    #[test]
    fn fatal_is_the_pattern_s_or_the_line_s() {
        let found = |message| classify(&[entry(message)]).first().map(|m| m.fatal);
        assert_eq!(
            found("FATAL: dial tcp 1.2.3.4:1: connection refused"),
            Some(true)
        );
        assert_eq!(
            found("WARN: dial tcp 1.2.3.4:1: connection refused"),
            Some(false)
        );
        assert_eq!(
            found("ERROR: heartbeat rejected: agent not found or revoked"),
            Some(true)
        );
    }

    #[test]
    fn hostile_lines_are_bounded_and_redacted() {
        let found = classify(&[entry(&format!(
            "FATAL: enrollment failed: --token nxe_0123456789abcdef \u{1b}[2J {}",
            "é".repeat(1 << 20)
        ))]);
        let shown = &found[0].excerpt;
        assert!(
            shown.chars().count() <= 201 && !shown.contains("nxe_") && !shown.contains('\u{1b}')
        );
    }
}
