//! Events of the Windows Event Log, as its interface renders them (XML), made entries of a log. Pure.
//!
//! The service control manager's words are in the language of the system and are told by its numbers: they are said here in the
//! words of its English documentation, with the values that the event has.

use chrono::{DateTime, Utc};
use roxmltree::{Document, Node};

use crate::host::LogEntry;

/// Who writes of services that end and start.
pub(super) const MANAGER: &str = "Service Control Manager";

/// Reads an event; nothing, if it is none.
pub(super) fn entry(xml: &str) -> Option<LogEntry> {
    let document = Document::parse(xml).ok()?;
    let system = child(document.root_element(), "System")?;
    let provider = child(system, "Provider")?;
    let name = provider
        .attribute("EventSourceName")
        .or_else(|| provider.attribute("Name"))?;
    let id = child(system, "EventID")?.text()?.trim().to_owned();
    let created = child(system, "TimeCreated").and_then(|it| it.attribute("SystemTime"));
    let time = created.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let level = child(system, "Level").and_then(|it| it.text()?.trim().parse().ok());
    let data: Vec<&str> = child(document.root_element(), "EventData")
        .into_iter()
        .flat_map(|data| {
            data.children()
                .filter(|it| it.has_tag_name("Data") || it.tag_name().name() == "Data")
        })
        .map(|data| data.text().unwrap_or_default())
        .collect();
    let is_manager = name == MANAGER;
    Some(LogEntry {
        time: time.map(|time| time.with_timezone(&Utc)),
        message: match is_manager {
            true => said(&id, &data),
            false => data.join("\n").trim_end().to_owned(),
        },
        priority: priority(level),
        identifier: Some(name.to_owned()),
        invocation: None,
        message_id: is_manager.then_some(id),
    })
}

/// The service that an event of the service control manager is about: its first value.
pub(super) fn subject(xml: &str) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    let data = child(document.root_element(), "EventData")?;
    let first = data.children().find(|it| it.tag_name().name() == "Data")?;
    first.text().map(str::to_owned)
}

/// Windows' levels (winmeta.h) as syslog's priorities.
fn priority(level: Option<u8>) -> Option<u8> {
    Some(match level? {
        1 => 2,
        2 => 3,
        3 => 4,
        5 => 7,
        _ => 6,
    })
}

/// What the service control manager says with a number and its values.
fn said(id: &str, data: &[&str]) -> String {
    let value = |at: usize| data.get(at).copied().unwrap_or("?");
    let service = value(0);
    match id {
        "7000" => format!(
            "The {service} service failed to start due to the following error: {}",
            value(1)
        ),
        "7001" => format!(
            "The {service} service depends on the {} service which failed to start because of the following error: {}",
            value(1),
            value(2)
        ),
        "7009" => format!(
            "A timeout was reached ({service} milliseconds) while waiting for the {} service to connect.",
            value(1)
        ),
        "7011" => format!(
            "A timeout ({service} milliseconds) was reached while waiting for a transaction response from the {} service.",
            value(1)
        ),
        "7023" => format!(
            "The {service} service terminated with the following error: {}",
            value(1)
        ),
        "7024" => format!(
            "The {service} service terminated with the following service-specific error: {}",
            value(1)
        ),
        "7031" => format!(
            "The {service} service terminated unexpectedly. It has done this {} time(s). The following corrective action will be taken in {} milliseconds: {}.",
            value(1),
            value(2),
            // In numbers: nothing, restart, reboot, a command.
            match value(3) {
                "1" => "Restart the service",
                "2" => "Restart the computer",
                "3" => "Run the configured recovery program",
                _ => "No action",
            }
        ),
        "7034" => format!(
            "The {service} service terminated unexpectedly. It has done this {} time(s).",
            value(1)
        ),
        "7036" => format!("The {service} service entered the {} state.", value(1)),
        "7038" => format!(
            "The {service} service was unable to log on as {} with the currently configured password.",
            value(1)
        ),
        "7040" => format!(
            "The start type of the {service} service was changed from {} to {}.",
            value(1),
            value(2)
        ),
        other => format!("event {other}: {}", data.join("; ")),
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|it| it.tag_name().name() == name)
}

/// Puts the entries of both logs in order, and marks to which run of the service each belongs: a run ends with the service control
/// manager's word that it has, and the next begins with whatever follows.
pub(super) fn in_order(mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
    entries.sort_by_key(|entry| entry.time);
    let (mut run, mut ended) = (1_u32, false);
    for entry in &mut entries {
        let ends = matches!(
            entry.message_id.as_deref(),
            Some("7023" | "7024" | "7031" | "7034")
        );
        let manager = entry.identifier.as_deref() == Some(MANAGER);
        // What the manager says of the end that it just told belongs to it still.
        if ended && !ends && (!manager || entry.message.ends_with("entered the running state.")) {
            run += 1;
            ended = false;
        }
        ended |= ends;
        entry.invocation = Some(run.to_string());
    }
    entries
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const CRASH: &str = r#"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Service Control Manager' Guid='{555908d1-a6d7-4695-8e1e-26931d2012f4}' EventSourceName='Service Control Manager'/><EventID Qualifiers='49152'>7031</EventID><Version>0</Version><Level>2</Level><Task>0</Task><Opcode>0</Opcode><Keywords>0x8080000000000000</Keywords><TimeCreated SystemTime='2026-11-24T09:12:01.1234567Z'/><EventRecordID>1234</EventRecordID><Channel>System</Channel><Computer>web-server-01</Computer><Security/></System><EventData><Data Name='param1'>Nexplane Agent</Data><Data Name='param2'>3</Data><Data Name='param3'>5000</Data><Data Name='param4'>1</Data><Data Name='param5'>Den Dienst neu starten</Data></EventData></Event>"#;
    const AGENT: &str = r#"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='NexplaneAgent'/><EventID Qualifiers='0'>1</EventID><Level>2</Level><TimeCreated SystemTime='2026-11-24T09:12:00.0000000Z'/><Channel>Application</Channel></System><EventData><Data>FATAL: enrollment failed: Post &quot;https://nexplane.example.com:8000/agent/enroll&quot;: x509: certificate signed by unknown authority
</Data></EventData></Event>"#;

    #[test]
    fn the_agent_s_line_is_its_text() {
        let entry = entry(AGENT).unwrap();
        assert_eq!(entry.identifier.as_deref(), Some("NexplaneAgent"));
        assert_eq!(
            entry.message,
            "FATAL: enrollment failed: Post \"https://nexplane.example.com:8000/agent/enroll\": x509: certificate signed by unknown authority"
        );
        assert_eq!((entry.priority, entry.message_id), (Some(3), None));
        assert_eq!(
            entry.time.unwrap().to_rfc3339(),
            "2026-11-24T09:12:00+00:00"
        );
    }

    #[test]
    fn the_manager_s_word_is_told_by_its_number() {
        let entry = entry(CRASH).unwrap();
        assert_eq!(
            entry.message,
            "The Nexplane Agent service terminated unexpectedly. It has done this 3 time(s). The following corrective action will be taken in 5000 milliseconds: Restart the service."
        );
        assert_eq!(entry.message_id.as_deref(), Some("7031"));
        assert_eq!(entry.identifier.as_deref(), Some(MANAGER));
        assert_eq!(subject(CRASH).as_deref(), Some("Nexplane Agent"));
    }

    /// An event of the agent, as rendered: its source has no file of messages, so that there is nothing but its values.
    fn of_agent(level: u8, data: &str) -> String {
        format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='NexplaneAgent'/><EventID Qualifiers='0'>1</EventID><Version>0</Version><Level>{level}</Level><Task>0</Task><Opcode>0</Opcode><Keywords>0x80000000000000</Keywords><TimeCreated SystemTime='2026-11-24T09:12:00.5000000Z'/><EventRecordID>4711</EventRecordID><Correlation/><Execution ProcessID='0' ThreadID='0'/><Channel>Application</Channel><Computer>büro-01</Computer><Security UserID='S-1-5-18'/></System>{data}</Event>"
        )
    }

    #[test]
    fn an_event_s_values_are_its_text_however_many_there_are() {
        for (level, data, message, priority) in [
            (
                4,
                "<EventData><Data>INFO: heartbeat</Data></EventData>",
                "INFO: heartbeat",
                6,
            ),
            (
                0,
                "<EventData><Data>INFO: Zeit ä ü 😀</Data></EventData>",
                "INFO: Zeit ä ü 😀",
                6,
            ),
            (
                3,
                "<EventData><Data>WARNING: 1</Data><Data>2</Data></EventData>",
                "WARNING: 1\n2",
                4,
            ),
            (
                2,
                "<EventData><Data Name='a'>ERROR: x &lt;y&gt; &#x2019;</Data><Binary>00FF</Binary></EventData>",
                "ERROR: x <y> \u{2019}",
                3,
            ),
            (1, "<EventData><Data></Data></EventData>", "", 2),
            (5, "<EventData/>", "", 7),
            (
                2,
                "<UserData><Text xmlns='http://example.com'>other</Text></UserData>",
                "",
                3,
            ),
            (
                2,
                "<EventData><Data>ERROR: task</Data></EventData><RenderingInfo Culture='de-DE'><Message>Die Beschreibung</Message></RenderingInfo>",
                "ERROR: task",
                3,
            ),
        ] {
            let entry = entry(&of_agent(level, data)).unwrap();
            assert_eq!(
                (entry.message.as_str(), entry.priority),
                (message, Some(priority)),
                "{data}"
            );
            assert_eq!(entry.time.unwrap().timestamp_subsec_millis(), 500);
        }
    }

    #[test]
    fn what_the_manager_says_is_told_whatever_is_missing_of_it() {
        let of_manager = |id: &str, data: &[&str]| {
            let data: String = data.iter().map(|it| format!("<Data>{it}</Data>")).collect();
            let xml = format!(
                "<Event><System><Provider Name='Microsoft-Windows-Service Control Manager' EventSourceName='Service Control Manager'/><EventID>{id}</EventID><Level>2</Level></System><EventData>{data}</EventData></Event>"
            );
            entry(&xml).unwrap().message
        };
        for (id, data, message) in [
            (
                "7000",
                &["Nexplane Agent", "%%2"][..],
                "The Nexplane Agent service failed to start due to the following error: %%2",
            ),
            (
                "7009",
                &["30000", "Nexplane Agent"],
                "A timeout was reached (30000 milliseconds) while waiting for the Nexplane Agent service to connect.",
            ),
            (
                "7024",
                &["Nexplane Agent", "%%1"],
                "The Nexplane Agent service terminated with the following service-specific error: %%1",
            ),
            (
                "7034",
                &["Nexplane Agent", "2"],
                "The Nexplane Agent service terminated unexpectedly. It has done this 2 time(s).",
            ),
            (
                "7038",
                &["Nexplane Agent", "EXAMPLE\\svc"],
                "The Nexplane Agent service was unable to log on as EXAMPLE\\svc with the currently configured password.",
            ),
            (
                "7031",
                &[],
                "The ? service terminated unexpectedly. It has done this ? time(s). The following corrective action will be taken in ? milliseconds: No action.",
            ),
            ("9999", &["a", "b"], "event 9999: a; b"),
        ] {
            assert_eq!(of_manager(id, data), message);
        }
    }

    #[test]
    fn what_is_no_event_is_none() {
        for text in [
            "",
            "<Event/>",
            "<Event><System/></Event>",
            "<Event",
            "\u{0}",
            "<a xmlns:b='c'><b:d/></a>",
        ] {
            assert_eq!(entry(text), None, "{text}");
            assert_eq!(subject(text), None, "{text}");
        }
    }

    #[test]
    fn a_run_ends_with_the_manager_s_word() {
        let at = |second: i64, xml: &str| {
            let mut entry = entry(xml).unwrap();
            entry.time = DateTime::from_timestamp(1_700_000_000 + second, 0);
            entry
        };
        let entries = vec![
            at(3, CRASH),
            at(2, AGENT),
            at(6, CRASH),
            at(5, AGENT),
            at(9, AGENT),
        ];
        let runs: Vec<_> = in_order(entries)
            .into_iter()
            .map(|it| it.invocation.unwrap())
            .collect();
        assert_eq!(runs, ["1", "1", "2", "2", "3"]);
    }
}
