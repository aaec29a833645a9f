//! What the agent, or a doctor at its start, last diagnosed by itself: worth a line, and no finding. It may be out of date.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::checks::Judgement;
use crate::contract::paths::{AgentPaths, DIAGNOSIS_FILE};
use crate::host::{Content, HostPath, ReadQuestion, Seen};
use crate::model::{Code, Os, excerpt};

/// An older one is of another day, and says nothing any more.
const AGE: TimeDelta = TimeDelta::days(1);
/// So many of its causes are named.
const NAMED: usize = 5;

/// What of its report matters here.
#[derive(Deserialize)]
struct Diagnosis {
    started_at: DateTime<Utc>,
    verdict: String,
    #[serde(default)]
    root_causes: Vec<Code>,
}

/// Where it would be.
pub(super) fn question(os: Os) -> ReadQuestion {
    let directory = AgentPaths::of(os).state_dir;
    ReadQuestion::new(HostPath::host(format!("{directory}/{DIAGNOSIS_FILE}")))
}

/// Adds a line about it, if it is there and of this day.
pub(super) fn note(
    judgement: Judgement,
    seen: &Seen<Content>,
    now: DateTime<Utc>,
) -> Judgement {
    let diagnosis = seen
        .as_ref()
        .ok()
        .and_then(|content| serde_json::from_str::<Diagnosis>(&content.text).ok())
        .filter(|diagnosis| (now - diagnosis.started_at).abs() < AGE);
    let Some(diagnosis) = diagnosis else {
        return judgement;
    };
    let codes: Vec<&str> = diagnosis
        .root_causes
        .iter()
        .take(NAMED)
        .map(Code::as_str)
        .collect();
    let causes = match codes.is_empty() {
        true => String::new(),
        false => format!(": {}", codes.join(", ")),
    };
    let when = diagnosis.started_at.format("%Y-%m-%d %H:%M:%S UTC");
    judgement.note(
        "its own last diagnosis",
        excerpt(&format!("{when}, {}{causes}", diagnosis.verdict)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Unseen;

    fn noted(text: &str) -> Vec<String> {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let text = text.replace("NOW", &now.to_rfc3339());
        let content = Content {
            text,
            invalid_utf8_at: None,
        };
        let judgement = note(Judgement::pass(), &Ok(content), now);
        assert!(judgement.findings.is_empty());
        judgement.notes.into_iter().map(|note| note.value).collect()
    }

    #[test]
    fn one_of_this_day_is_worth_a_line() {
        assert_eq!(
            noted(r#"{"started_at": "NOW", "verdict": "failed", "root_causes": ["tcp.refused"]}"#),
            ["2024-10-04 00:00:00 UTC, failed: tcp.refused"]
        );
        assert_eq!(
            noted(r#"{"started_at": "NOW", "verdict": "healthy", "root_causes": []}"#),
            ["2024-10-04 00:00:00 UTC, healthy"]
        );
    }

    #[test]
    fn what_is_old_or_no_report_is_passed_over() {
        for text in [
            r#"{"started_at": "2024-10-02T23:00:00Z", "verdict": "failed"}"#,
            r#"{"started_at": "NOW", "verdict": "failed", "root_causes": ["not a code"]}"#,
            r#"{"verdict": "failed"}"#,
            "",
            "[]",
        ] {
            assert!(noted(text).is_empty(), "{text}");
        }
        let absent = note(Judgement::pass(), &Err(Unseen::Absent), DateTime::UNIX_EPOCH);
        assert!(absent.notes.is_empty());
    }

    #[test]
    fn its_words_are_data() {
        let said = noted(r#"{"started_at": "NOW", "verdict": "f\u001b[31m\n"}"#);
        assert!(!said[0].contains(['\u{1b}', '\n']), "{said:?}");
    }
}
