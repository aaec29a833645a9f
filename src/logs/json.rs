//! The words in an object of JSON: which of its fields carry what a program wanted to say.
//!
//! A field that nobody names is not looked at: a description or a setting would be a false alarm.

use serde_json::{Map, Value};

/// Where a logger puts its message.
const MESSAGES: [&str; 12] = [
    "message",
    "msg",
    "log",
    "event",
    "@message",
    "text",
    "short_message",
    "body",
    "line",
    "data",
    "@m",
    "textpayload",
];
/// Where it puts the error that the message is about.
const ERRORS: [&str; 19] = [
    "err",
    "error",
    "errors",
    "error_message",
    "error.message",
    "errmsg",
    "err_msg",
    "exception",
    "exc_info",
    "cause",
    "reason",
    "detail",
    "details",
    "stderr",
    "full_message",
    "error_description",
    "failure",
    "@x",
    "inner",
];
/// Where it puts the status of an answer.
const STATUSES: [&str; 5] = ["status", "status_code", "statuscode", "http_status", "code"];
/// Where it puts how bad it is.
const LEVELS: [&str; 6] = ["level", "lvl", "severity", "levelname", "log.level", "@l"];
/// What it puts there where the program ends with the message; other numbers than this one mean something else elsewhere.
const FATAL: [&str; 8] = [
    "fatal",
    "panic",
    "dpanic",
    "critical",
    "crit",
    "emerg",
    "emergency",
    "60",
];
/// The same as the journal has it: syslog's numbers.
const PRIORITY: &str = "PRIORITY";
const PRIORITIES: [&str; 3] = ["0", "1", "2"];
/// No deeper are objects in objects looked through.
const DEPTH: usize = 4;

/// What the object says, if it says something in fields that are known.
pub(super) fn message(fields: &Map<String, Value>) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let said = MESSAGES.iter().find_map(|name| field(fields, name));
    let message = text(said?, DEPTH)?;
    // What stands in a field of its own elsewhere stands at the beginning of a line of text.
    if is_fatal(fields) && !message.contains("FATAL") {
        parts.push("FATAL".to_owned());
    }
    parts.push(message);
    for name in ERRORS {
        let Some(value) = field(fields, name) else {
            continue;
        };
        match value {
            Value::Number(number) => parts.push(format!("{name}={number}")),
            value => parts.extend(text(value, DEPTH).filter(|text| !text.trim().is_empty())),
        }
    }
    for name in STATUSES {
        if let Some(Value::Number(number)) = field(fields, name) {
            parts.push(format!("{name}={number}"));
        }
    }
    Some(parts.join(": "))
}

/// Whether the object says that the program ends with its message.
fn is_fatal(fields: &Map<String, Value>) -> bool {
    let is = |value: Option<&Value>, words: &[&str]| match value {
        Some(Value::String(level)) => words.iter().any(|word| level.eq_ignore_ascii_case(word)),
        Some(Value::Number(level)) => words.contains(&level.to_string().as_str()),
        _ => false,
    };
    let level = LEVELS.iter().find_map(|name| field(fields, name));
    is(level, &FATAL) || is(fields.get(PRIORITY), &PRIORITIES)
}

/// The value of a field, whatever the case of its name.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| {
        fields
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// A text, or what an object or a list of them says; journald writes what is no plain text as a list of bytes.
pub(super) fn text(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
            let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
            Some(String::from_utf8_lossy(&bytes?).into_owned())
        }
        Value::Array(items) if depth > 0 => {
            let texts: Vec<String> = items
                .iter()
                .filter_map(|item| text(item, depth - 1))
                .collect();
            (!texts.is_empty()).then(|| texts.join(" "))
        }
        Value::Object(fields) if depth > 0 => {
            let names = MESSAGES.iter().chain(&ERRORS);
            let texts: Vec<String> = names
                .filter_map(|name| text(field(fields, name)?, depth - 1))
                .collect();
            (!texts.is_empty()).then(|| texts.join(": "))
        }
        _ => None,
    }
}

fn byte(value: &Value) -> Option<u8> {
    u8::try_from(value.as_u64()?).ok()
}
