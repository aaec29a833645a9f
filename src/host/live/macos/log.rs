//! The unified log, as `log show --style ndjson` prints it: an object a line, the oldest first, a count behind the last. Pure, but for
//! what asks.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::contract::paths::AgentPaths;
use crate::host::{LogEntry, Seen};
use crate::model::Os;

/// The longest that is looked back for people.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// The fields of an entry that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    event_message: Option<String>,
    timestamp: Option<String>,
    message_type: Option<String>,
    process_image_path: Option<String>,
    #[serde(rename = "processID")]
    process_id: Option<u64>,
    subsystem: Option<String>,
}

/// What a job's log is looked for by: the runbook's predicate.
///
/// # Errors
/// When the label cannot stand in one.
pub(super) fn predicate(label: &str) -> Seen<String> {
    super::job::check_label(label)?;
    let paths = AgentPaths::of(Os::Macos);
    let source = if label == paths.unit {
        paths.log_source
    } else {
        label
    };
    Ok(format!("subsystem == \"{source}\""))
}

/// How far back `log` has to look for what is not older than this.
pub(super) fn back(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let age = since.map_or(LONGEST, |since| now - since);
    let age = age.clamp(TimeDelta::minutes(1), LONGEST);
    format!("{}m", age.num_minutes() + 1)
}

/// Reads a line; nothing, if it is no entry.
pub(super) fn entry(line: &[u8]) -> Option<LogEntry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let process = line
        .process_image_path
        .as_deref()
        .and_then(|path| path.rsplit('/').next());
    Some(LogEntry {
        message: line.event_message?,
        time: line.timestamp.as_deref().and_then(time),
        priority: line.message_type.as_deref().and_then(priority),
        identifier: process.map(str::to_owned).or(line.subsystem),
        // A process is one run of the service.
        invocation: line.process_id.map(|id| id.to_string()),
        message_id: None,
    })
}

/// `2026-11-24 09:12:01.123456+0100`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z").ok()?;
    Some(time.with_timezone(&Utc))
}

/// The unified log's types as syslog's priorities.
fn priority(kind: &str) -> Option<u8> {
    Some(match kind {
        "Fault" => 2,
        "Error" => 3,
        "Default" => 5,
        "Info" => 6,
        "Debug" => 7,
        _ => return None,
    })
}

/// The last entries of what is handed in line by line.
pub(super) struct Last {
    entries: VecDeque<LogEntry>,
    most: usize,
}

impl Last {
    pub(super) fn of(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most: most.max(1),
        }
    }

    pub(super) fn add(&mut self, line: &[u8]) {
        if let Some(entry) = entry(line) {
            if self.entries.len() == self.most {
                self.entries.pop_front();
            }
            self.entries.push_back(entry);
        }
    }

    pub(super) fn into_entries(self) -> Vec<LogEntry> {
        self.entries.into()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    const FATAL: &str = r#"{"traceID":30399498321952772,"eventMessage":"FATAL: enrollment failed: token has already been used","eventType":"logEvent","source":null,"formatString":"%{public}s","userID":0,"activityIdentifier":0,"subsystem":"ai.nexplane.agent","category":"agent","threadID":51344,"senderImageUUID":"0C1D","backtrace":{"frames":[{"imageOffset":12968,"imageUUID":"0C1D"}]},"bootUUID":"9A","processImagePath":"\/usr\/local\/bin\/nexplane-agent","senderImagePath":"\/usr\/local\/bin\/nexplane-agent","timestamp":"2026-11-24 09:12:01.123456+0100","machTimestamp":211939,"messageType":"Fault","processImageUUID":"0C1D","processID":4711,"senderProgramCounter":12968,"parentActivityIdentifier":0,"timezoneName":""}"#;

    #[test]
    fn an_entry_as_log_prints_it() {
        let entry = entry(FATAL.as_bytes()).unwrap();
        assert_eq!(
            entry.message,
            "FATAL: enrollment failed: token has already been used"
        );
        assert_eq!(
            entry.time.unwrap().to_rfc3339(),
            "2026-11-24T08:12:01.123456+00:00"
        );
        assert_eq!(entry.identifier.as_deref(), Some("nexplane-agent"));
        assert_eq!(
            (entry.invocation.as_deref(), entry.priority),
            (Some("4711"), Some(2))
        );
    }

    #[test]
    fn only_the_last_are_kept_and_what_is_none_is_left_out() {
        let mut last = Last::of(2);
        for number in 0..5 {
            last.add(FATAL.replace("4711", &number.to_string()).as_bytes());
            last.add(br#"{"count":5,"finished":1}"#);
            last.add(b"Filtering the log data using \"subsystem ==\"");
        }
        let runs: Vec<_> = last
            .into_entries()
            .into_iter()
            .filter_map(|it| it.invocation)
            .collect();
        assert_eq!(runs, ["3", "4"]);
    }

    #[test]
    fn the_runbook_s_predicate_and_no_other_s() {
        assert_eq!(
            predicate("ai.nexplane.agent").unwrap(),
            "subsystem == \"ai.nexplane.agent\""
        );
        assert!(predicate("x\" OR TRUEPREDICATE OR \"").is_err());
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        assert_eq!(back(Some(now - TimeDelta::hours(2)), now), "121m");
        assert_eq!(back(None, now), "10081m");
        assert_eq!(back(Some(now + TimeDelta::hours(2)), now), "2m");
        assert_eq!(back(Some(DateTime::<Utc>::MIN_UTC), now), "10081m");
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in prop::collection::vec(any::<u8>(), 0..200), value in "[-0-9: +.Z]{0,40}") {
            entry(&line);
            entry(format!("{{\"eventMessage\":\"x\",\"timestamp\":\"{value}\",\"processID\":-1}}").as_bytes());
            entry(format!("{{\"eventMessage\":\"x\",\"timestamp\":\"{value}\"}}").as_bytes());
        }
    }
}
