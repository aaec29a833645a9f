//! What systemd says, asked with its own programs: `systemctl show`, `journalctl -o json`, `timedatectl show`.
//!
//! A host without systemd, without its bus, or that does not let this user look has no such answer, and says why.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use chrono::DateTime;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::commands::{self, Lines, Output};
use super::deadline::Deadline;
use super::files::Root;
use super::history::HistoryQuestion;
use crate::host::{JournalQuestion, LogEntry, NetworkSettings, Seen, Service, TimeSync, Unseen};

pub(super) use super::accounts::{listed as listed_account, listed_group};
pub(super) use super::inside::look as inside;

/// Where programs are when the search path is short, as in a service or a cron job.
pub(super) const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Programs whose versions an engineer asks for first: what it is, the program, and what it is asked with.
pub(super) const VERSIONED: [(&str, &str, &str); 2] = [
    ("systemd", "systemctl", "--version"),
    ("openssl", "openssl", "version"),
];

/// The one place that says which operating systems have their service manager, log and time service here.
pub(super) fn known_system(what: &str) -> Seen<()> {
    if cfg!(target_os = "linux") {
        Ok(())
    } else {
        Err(Unseen::unsupported(format!(
            "{what} of this system cannot be asked for: look with its own commands"
        )))
    }
}

/// Services that are no units are none here.
pub(super) fn defined(_root: &Root, name: &str) -> Seen<Service> {
    Err(Unseen::malformed(format!("`{name}` is no service's name")))
}

/// They are in files, which are read as such.
pub(super) async fn network_settings(_deadline: Deadline) -> Seen<NetworkSettings> {
    Err(Unseen::unsupported("this system keeps them in files"))
}

/// Asks `systemctl` for all properties of a unit.
pub(super) async fn service(deadline: Deadline, unit: &str) -> Seen<Service> {
    check_unit(unit)?;
    let output = ask(deadline, "systemctl", &["show", "--no-pager", "--", unit]).await?;
    let properties = parse_properties(&String::from_utf8_lossy(&output.stdout));
    if properties.contains_key("LoadState") {
        Ok(Service {
            properties,
            supplied: false,
        })
    } else {
        Err(refused("systemctl", &output))
    }
}

/// The fields of an entry that are read.
const FIELDS: [&str; 8] = [
    "__REALTIME_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "INVOCATION_ID",
    "_SYSTEMD_INVOCATION_ID",
    "MESSAGE_ID",
];

/// Asks `journalctl` for the last entries of a unit's log.
pub(super) async fn journal(deadline: Deadline, question: &JournalQuestion) -> Seen<Vec<LogEntry>> {
    check_unit(&question.unit)?;
    let lines = question.lines.to_string();
    // The other fields are most of what there is. Before systemd 236 it cannot leave them out.
    let fields = format!("--output-fields={}", FIELDS.join(","));
    let args = [
        &fields,
        "--no-pager",
        "--output=json",
        "--all",
        "--lines",
        &lines,
        "--unit",
        &question.unit,
    ];
    let output = match ask(deadline, "journalctl", &args).await {
        Err(Unseen::Unsupported { .. }) => ask(deadline, "journalctl", &args[1..]).await?,
        answered => answered?,
    };
    let entries = parse_journal(&String::from_utf8_lossy(&output.stdout));
    // Nothing, and a word about it: no journal is kept, or this user is not shown it.
    if entries.is_empty() && output.complaint().is_some() {
        return Err(refused("journalctl", &output));
    }
    if entries.is_empty() && !deadline.blocking(is_journal_kept).await? {
        return Err(Unseen::unsupported("no journal is kept on this host"));
    }
    Ok(entries)
}

/// Hands on the entries of a unit's log, the newest first, until `each` has enough.
pub(super) async fn history(
    deadline: Deadline,
    question: &HistoryQuestion,
    each: &mut (dyn FnMut(LogEntry) -> ControlFlow<()> + Send),
) -> Seen<Lines> {
    check_unit(&question.unit)?;
    let path = program(deadline, "journalctl").await?;
    let fields = format!("--output-fields={}", FIELDS.join(","));
    let since = question
        .since
        .map(|time| format!("--since=@{}", time.timestamp()));
    let priority = question.priority.map(|worst| format!("--priority={worst}"));
    let mut args = vec![
        "--no-pager",
        "--output=json",
        "--all",
        "--reverse",
        "--unit",
        &question.unit,
    ];
    args.extend(since.as_deref().into_iter().chain(priority.as_deref()));
    let mut parsed = |line: &[u8]| match serde_json::from_slice(line) {
        Ok(fields) => each(parse_entry(&fields)),
        Err(_) => ControlFlow::Continue(()),
    };
    let mut fewer = args.clone();
    fewer.push(&fields);
    // Before systemd 236 it cannot leave the other fields out, and says so before it prints anything.
    match commands::lines(deadline, &path, &fewer, &mut parsed).await {
        Err(Unseen::Unsupported { .. }) => {
            commands::lines(deadline, &path, &args, &mut parsed).await
        }
        ended => ended,
    }
}

/// The first line of what a program says of its version.
pub(super) async fn version(deadline: Deadline, program: &str, argument: &str) -> Seen<String> {
    let output = ask(deadline, program, &[argument]).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or(Unseen::Absent)
}

/// Whether there is a directory with journal files: where there is none, journalctl says nothing, as of a silent service.
fn is_journal_kept() -> bool {
    ["/run/log/journal", "/var/log/journal"]
        .iter()
        .any(|directory| {
            std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
        })
}

/// What files and the kernel tell of time synchronisation; where they do not (systemd before 236), what `timedatectl` does.
pub(super) async fn time_sync(deadline: Deadline) -> Seen<TimeSync> {
    #[cfg(target_os = "linux")]
    if let Some(seen) = super::time_sync::ask(deadline).await? {
        return Ok(seen);
    }
    timedatectl(deadline).await
}

/// Asks `timedatectl` about time synchronisation; systemd before 239 has only the form for people.
async fn timedatectl(deadline: Deadline) -> Seen<TimeSync> {
    let shown = ask(deadline, "timedatectl", &["show", "--no-pager"]).await;
    let properties = match shown {
        Ok(output) => parse_properties(&String::from_utf8_lossy(&output.stdout)),
        Err(unseen) => match ask(deadline, "timedatectl", &["status", "--no-pager"]).await {
            Ok(output) => parse_status(&String::from_utf8_lossy(&output.stdout)),
            Err(_) => return Err(unseen),
        },
    };
    if properties.is_empty() {
        return Err(Unseen::unsupported(
            "timedatectl told nothing: ask the time service of this host itself (chronyc tracking, ntpq -p)",
        ));
    }
    let flag = |name: &str| properties.get(name).map(|value| value == "yes");
    Ok(TimeSync {
        enabled: flag("NTP"),
        synchronized: flag("NTPSynchronized"),
        properties,
        keeper: None,
        servers: Vec::new(),
        supplied: false,
    })
}

/// A unit's name goes to a program as an argument: nothing that it would take for an option or a pattern.
fn check_unit(unit: &str) -> Seen<()> {
    let ok = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    if !unit.is_empty() && !unit.starts_with('-') && unit.chars().all(ok) {
        Ok(())
    } else {
        Err(Unseen::malformed(format!("`{unit}` is no unit's name")))
    }
}

/// Where a program of systemd's is.
async fn program(deadline: Deadline, program: &str) -> Seen<PathBuf> {
    let name = program.to_owned();
    deadline
        .blocking(move || commands::find(&Root::new(None), &name))
        .await?
        .map_err(|_| {
            Unseen::unsupported(format!(
                "{program} is not here: this host runs no systemd, or not one that the doctor can ask"
            ))
        })
}

pub(super) async fn ask(deadline: Deadline, name: &str, args: &[&str]) -> Seen<Output> {
    let path = program(deadline, name).await?;
    let output = commands::run(deadline, &path, args).await?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(refused(name, &output))
    }
}

fn refused(program: &str, output: &Output) -> Unseen {
    Unseen::unsupported(match output.complaint() {
        Some(complaint) => format!("{program} does not answer: {complaint}"),
        None => format!("{program} does not answer ({})", output.status),
    })
}

/// `Name=value` lines; the values of a name that occurs again are lines of one value.
fn parse_properties(text: &str) -> BTreeMap<String, String> {
    let mut properties: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        properties
            .entry(name.to_owned())
            .and_modify(|before| {
                before.push('\n');
                before.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    properties
}

/// `timedatectl status` of old versions, under the names that `timedatectl show` has.
fn parse_status(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (label, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let name = match label.trim() {
            "NTP enabled" | "Network time on" | "systemd-timesyncd.service active" => "NTP",
            "NTP service" => "NTP",
            "NTP synchronized" | "System clock synchronized" => "NTPSynchronized",
            other => other,
        };
        let value = match value.trim() {
            "active" if name == "NTP" => "yes",
            "inactive" | "n/a" if name == "NTP" => "no",
            other => other,
        };
        properties.insert(name.to_owned(), value.to_owned());
    }
    properties
}

/// One JSON object a line; what is none is left out.
fn parse_journal(text: &str) -> Vec<LogEntry> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|fields| parse_entry(&fields))
        .collect()
}

/// The fields of an entry that are read, in the order of [`FIELDS`]; the others are passed over.
#[derive(Default)]
struct Fields([Option<Value>; FIELDS.len()]);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a journal")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entry: A) -> Result<Self, A::Error> {
        while let Some(name) = entry.next_key::<Cow<'de, str>>()? {
            match FIELDS.iter().position(|field| *field == name) {
                Some(place) => self.0[place] = Some(entry.next_value()?),
                None => drop(entry.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

fn parse_entry(fields: &Fields) -> LogEntry {
    let text = |name: &str| {
        let place = FIELDS.iter().position(|field| *field == name)?;
        fields.0[place].as_ref().and_then(field_text)
    };
    LogEntry {
        time: text("__REALTIME_TIMESTAMP")
            .and_then(|micros| micros.parse().ok())
            .and_then(DateTime::from_timestamp_micros),
        message: text("MESSAGE").unwrap_or_default(),
        priority: text("PRIORITY").and_then(|priority| priority.parse().ok()),
        identifier: text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")),
        invocation: text("INVOCATION_ID").or_else(|| text("_SYSTEMD_INVOCATION_ID")),
        message_id: text("MESSAGE_ID"),
    }
}

/// A field's text: journald gives what is no UTF-8 as an array of bytes, and a field that occurs twice as an array of those.
fn field_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = items
                .iter()
                .filter_map(Value::as_u64)
                .filter_map(|byte| u8::try_from(byte).ok())
                .collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Array(items) => items.first().and_then(field_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_as_systemctl_prints_them() {
        let text = "Restart=always\nExecStart={ path=/a ; argv[]=/a run --x=1 ; }\nExecStart={ path=/b ; }\n\
                    Environment=\"A=b c\" D=e\nLoadState=loaded\nUser=\n";
        let properties = parse_properties(text);
        assert_eq!(
            properties["ExecStart"],
            "{ path=/a ; argv[]=/a run --x=1 ; }\n{ path=/b ; }"
        );
        assert_eq!(properties["Environment"], "\"A=b c\" D=e");
        assert_eq!(properties["User"], "");
    }

    #[test]
    fn entries_as_journalctl_prints_them() {
        let text = concat!(
            r#"{"__REALTIME_TIMESTAMP":"1763900000123456","MESSAGE":"FATAL: x","PRIORITY":"3","SYSLOG_IDENTIFIER":"nexplane-agent","_SYSTEMD_INVOCATION_ID":"aa"}"#,
            "\n",
            r#"{"__REALTIME_TIMESTAMP":"1763900001000000","MESSAGE":[72,105,255],"MESSAGE_ID":"39f5","INVOCATION_ID":"bb","_SYSTEMD_INVOCATION_ID":"cc","_COMM":"systemd"}"#,
            "\n",
            r#"{"MESSAGE":null,"PRIORITY":["4","5"]}"#,
            "\nnot json\n"
        );
        let entries = parse_journal(text);
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].message, "FATAL: x");
        assert_eq!(entries[0].priority, Some(3));
        assert_eq!(entries[0].invocation.as_deref(), Some("aa"));
        assert_eq!(
            entries[0].time.map(|time| time.to_rfc3339()),
            Some("2025-11-23T12:13:20.123456+00:00".into())
        );
        assert_eq!(entries[1].message, "Hi\u{fffd}");
        assert_eq!(entries[1].invocation.as_deref(), Some("bb"));
        assert_eq!(entries[1].identifier.as_deref(), Some("systemd"));
        assert_eq!(entries[2].message, "");
        assert_eq!(entries[2].priority, Some(4));
    }

    #[test]
    fn old_timedatectl_is_understood() {
        let rhel7 = "      Local time: Mon 2026-11-23 20:50:00 UTC\n     NTP enabled: yes\nNTP synchronized: no\n";
        let ubuntu = "System clock synchronized: yes\nsystemd-timesyncd.service active: yes\n";
        let newer = "System clock synchronized: no\n              NTP service: inactive\n";
        for (text, enabled, synchronized) in [
            (rhel7, "yes", "no"),
            (ubuntu, "yes", "yes"),
            (newer, "no", "no"),
        ] {
            let properties = parse_status(text);
            assert_eq!(properties["NTP"], enabled);
            assert_eq!(properties["NTPSynchronized"], synchronized);
        }
    }

    #[test]
    fn a_name_that_is_no_unit_is_not_asked_for() {
        for bad in ["", "-x", "a b", "*.service", "a;b"] {
            assert!(check_unit(bad).is_err(), "{bad}");
        }
        assert_eq!(check_unit("nexplane-agent@1.service"), Ok(()));
    }
}
