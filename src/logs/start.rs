//! Where in a log the service's last start is, and which lines tell of automatic restarts.

use crate::host::LogEntry;

/// systemd's ids of its messages "Starting …" and "Started …" (sd-messages.h).
const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";
const STARTED: &str = "39f53479d3a045ac8e11786248231fbf";
/// systemd's id of its message "Scheduled restart job …".
const RESTART_SCHEDULED: &str = "5eb03494b6584870a536b337290809b3";

/// The same in its words, of all its versions.
const RESTARTS: [&str; 2] = ["Scheduled restart job", ", scheduling restart"];

/// Position of the first entry that belongs to the service's last start; 0 where the log does not say.
pub fn last_start(entries: &[LogEntry]) -> usize {
    if let Some(last) = entries
        .iter()
        .rev()
        .find_map(|entry| entry.invocation.as_ref())
    {
        return position(entries, |entry| entry.invocation.as_ref() == Some(last));
    }
    // systemd before 232 knows no invocations.
    let is = |entry: &LogEntry, id: &str| entry.message_id.as_deref() == Some(id);
    [STARTING, STARTED]
        .iter()
        .find_map(|id| entries.iter().rposition(|entry| is(entry, id)))
        .unwrap_or(0)
}

fn position(entries: &[LogEntry], is: impl Fn(&LogEntry) -> bool) -> usize {
    entries.iter().position(is).unwrap_or(0)
}

/// Whether the entry says that the service manager is about to restart the service by itself.
pub fn is_restart(entry: &LogEntry) -> bool {
    match &entry.message_id {
        Some(id) => id == RESTART_SCHEDULED,
        None => {
            entry.identifier.as_deref() == Some("systemd")
                && RESTARTS.iter().any(|words| entry.message.contains(words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str, invocation: Option<&str>, message_id: Option<&str>) -> LogEntry {
        LogEntry {
            time: None,
            message: message.into(),
            priority: None,
            identifier: Some("systemd".into()),
            invocation: invocation.map(Into::into),
            message_id: message_id.map(Into::into),
        }
    }

    #[test]
    fn the_last_start_is_the_last_invocation() {
        let entries = [
            entry("a", Some("1"), None),
            entry("b", Some("2"), None),
            entry("c", Some("2"), None),
            entry("d", None, None),
        ];
        assert_eq!(last_start(&entries), 1);
        assert_eq!(last_start(&[]), 0);
    }

    #[test]
    fn without_invocations_systemd_s_words_tell() {
        let entries = [
            entry("Started", None, Some(STARTED)),
            entry("Starting", None, Some(STARTING)),
            entry("x", None, None),
            entry("Started", None, Some(STARTED)),
        ];
        assert_eq!(last_start(&entries), 1);
    }

    #[test]
    fn restarts_are_told_by_id_and_by_words() {
        assert!(is_restart(&entry(
            "whatever",
            None,
            Some(RESTART_SCHEDULED)
        )));
        assert!(is_restart(&entry(
            "nexplane-agent.service holdoff time over, scheduling restart.",
            None,
            None
        )));
        assert!(!is_restart(&entry("Started", None, Some(STARTED))));
    }
}
