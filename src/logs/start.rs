//! Where in a log the service's last start is, and which lines tell of automatic restarts.

use chrono::{DateTime, TimeDelta, Utc};

use crate::host::LogEntry;

/// systemd's ids of its messages "Starting …" and "Started …" (sd-messages.h).
const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";
const STARTED: &str = "39f53479d3a045ac8e11786248231fbf";
/// systemd's id of its message "Scheduled restart job …".
const RESTART_SCHEDULED: &str = "5eb03494b6584870a536b337290809b3";

/// The same in its words, of all its versions, and in those of Windows' service control manager.
const RESTARTS: [&str; 2] = ["Scheduled restart job", ", scheduling restart"];
const RESTARTED_BY_WINDOWS: (&str, &str) = ("7031", "Restart the service");

/// systemd's ids of its messages that a process has exited, that the unit failed, and that it came to a good end.
const ENDED: [&str; 7] = [
    "98e322203f7a4ed290d09fe03c09fe15",
    "d9b373ed55a64feb8242e02dbe79a49c",
    "7ad2d189f7e94e70a38c781354912448",
    // Of Windows' service control manager: ended with an error, with one of its own, unexpectedly (twice).
    "7023",
    "7024",
    "7031",
    "7034",
];
/// The same in its words, of versions that give no id.
const ENDS: [&str; 3] = [
    "main process exited",
    "Main process exited",
    "entered failed state",
];

/// So many automatic restarts within [`LOOP`] before now make the newest start one of many, which will end as they did.
const LOOP_RESTARTS: usize = 2;
const LOOP: TimeDelta = TimeDelta::minutes(10);

/// The journal takes systemd's words and the service's from two sockets: what a service said at its end may arrive this much later than
/// systemd's word of that end.
const ON_THEIR_WAY: TimeDelta = TimeDelta::seconds(2);

/// The entries of the service's last start, or all where the log does not say.
///
/// In a loop of automatic restarts, a start that has not come to its end yet says nothing of it: then the start before is among them;
/// also while the last words may still be on their way.
pub fn last_run(entries: &[LogEntry], now: DateTime<Utc>) -> &[LogEntry] {
    let start = last_start(entries);
    let (before, run) = entries.split_at(start);
    let previous = &entries[last_start(before)..];
    let ended = |entry: &LogEntry| {
        is_end(entry) && entry.time.is_none_or(|time| now - time >= ON_THEIR_WAY)
    };
    match looping(entries, now) && previous.iter().any(is_restart) && !run.iter().any(ended) {
        true => previous,
        false => run,
    }
}

fn looping(entries: &[LogEntry], now: DateTime<Utc>) -> bool {
    let restarts = entries.iter().filter(|entry| is_restart(entry));
    let lately = restarts.filter(|entry| entry.time.is_some_and(|time| now - time < LOOP));
    lately.count() >= LOOP_RESTARTS
}

/// Whether the entry says that the service has come to its end.
fn is_end(entry: &LogEntry) -> bool {
    match &entry.message_id {
        Some(id) => ENDED.contains(&id.as_str()),
        None => is_systemd(entry) && ENDS.iter().any(|words| entry.message.contains(words)),
    }
}

/// Whether systemd says it, not the service.
fn is_systemd(entry: &LogEntry) -> bool {
    entry.identifier.as_deref() == Some("systemd")
}

/// Whether the service manager says it, not the service.
pub fn is_manager(entry: &LogEntry) -> bool {
    is_systemd(entry) || entry.identifier.as_deref() == Some("Service Control Manager")
}

/// Position of the first entry that belongs to the service's last start; 0 where the log does not say.
fn last_start(entries: &[LogEntry]) -> usize {
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
        Some(id) if id == RESTARTED_BY_WINDOWS.0 => entry.message.contains(RESTARTED_BY_WINDOWS.1),
        Some(id) => id == RESTART_SCHEDULED,
        None => is_systemd(entry) && RESTARTS.iter().any(|words| entry.message.contains(words)),
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
    fn in_a_loop_a_start_without_its_end_is_read_with_the_one_before() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let at = |seconds, entry: LogEntry| LogEntry {
            time: Some(now - TimeDelta::seconds(seconds)),
            ..entry
        };
        let restart = |seconds, of| at(seconds, entry("", Some(of), Some(RESTART_SCHEDULED)));
        let start = |seconds, of| at(seconds, entry("", Some(of), Some(STARTED)));
        let mut entries = vec![
            start(9, "1"),
            restart(8, "1"),
            start(7, "2"),
            at(6, entry("FATAL", Some("2"), None)),
            at(6, entry("Main process exited", Some("2"), Some(ENDED[0]))),
            restart(5, "2"),
            start(4, "3"),
        ];
        assert_eq!(last_run(&entries, now).len(), 5);
        let later = now + TimeDelta::minutes(11);
        assert_eq!(last_run(&entries, later).len(), 1, "the loop is over");
        entries.push(at(
            1,
            entry("Main process exited", Some("3"), Some(ENDED[0])),
        ));
        assert_eq!(last_run(&entries, now).len(), 6, "it may still speak");
        entries[7].time = Some(now - TimeDelta::seconds(3));
        assert_eq!(last_run(&entries, now).len(), 2, "it ended in silence");
        let by_hand = [&entries[..5], &entries[6..7]].concat();
        assert_eq!(last_run(&by_hand, now).len(), 1, "somebody started it");
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
        let restart = "… milliseconds: Restart the service.";
        assert!(is_restart(&entry(restart, None, Some("7031"))));
        assert!(!is_restart(&entry(
            "… milliseconds: No action.",
            None,
            Some("7031")
        )));
    }
}
