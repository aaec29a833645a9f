//! A definition of a job, launchd.plist(5), in either form that property lists have. Pure.

use std::io::Cursor;

use plist::stream::{Event, Reader};
use plist::{Dictionary, Value};

use super::yes_or_no;
use crate::host::{Seen, Unseen};

/// The largest definition that is read, in bytes.
pub(super) const LIMIT: u64 = 256 << 10;

/// The most values, and how deep they may stand in one another: a small file of the binary form can stand for any number of them.
const VALUES: usize = 10_000;
const DEPTH: usize = 32;

/// What a definition says, as far as it is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) program: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    /// Other keys that are read, under the names that the answer has.
    pub(super) keys: Vec<(&'static str, String)>,
    /// `Disabled`, which launchd's own list overrides.
    pub(super) disabled: bool,
}

/// Keys with one value, and the property that each becomes.
const TEXTS: [(&str, &str); 6] = [
    ("UserName", "User"),
    ("GroupName", "Group"),
    ("WorkingDirectory", "WorkingDirectory"),
    ("StandardErrorPath", "StandardErrorPath"),
    ("StandardOutPath", "StandardOutPath"),
    ("ThrottleInterval", "ThrottleInterval"),
];

/// Reads a definition.
///
/// # Errors
/// Why launchd would not take it.
pub(super) fn definition(bytes: &[u8], label: &str) -> Seen<Written> {
    let no_list =
        |error: plist::Error| Unseen::malformed(format!("it is no property list: {error}"));
    let mut depth = 0_usize;
    for (count, event) in Reader::new(Cursor::new(bytes)).enumerate() {
        match event.map_err(no_list)? {
            Event::StartArray(_) | Event::StartDictionary(_) => depth += 1,
            Event::EndCollection => depth = depth.saturating_sub(1),
            _ => {}
        }
        if count == VALUES || depth > DEPTH {
            return Err(Unseen::malformed(
                "there is more in it than in any definition",
            ));
        }
    }
    let value = Value::from_reader(Cursor::new(bytes)).map_err(no_list)?;
    let keys = value
        .as_dictionary()
        .ok_or_else(|| Unseen::malformed("it is no dictionary"))?;
    match keys.get("Label").and_then(Value::as_string) {
        Some(named) if named == label => {}
        Some(named) => {
            return Err(Unseen::malformed(format!(
                "its Label is `{named}` instead of `{label}`"
            )));
        }
        None => return Err(Unseen::malformed("it has no Label")),
    }
    let mut written = Written {
        program: text(keys, "Program"),
        arguments: texts(keys, "ProgramArguments")?,
        disabled: keys.get("Disabled").and_then(Value::as_boolean) == Some(true),
        ..Written::default()
    };
    if written.program.is_none() && written.arguments.is_empty() {
        return Err(Unseen::malformed(
            "it has neither Program nor ProgramArguments",
        ));
    }
    if let Some(variables) = keys.get("EnvironmentVariables") {
        let variables = variables
            .as_dictionary()
            .ok_or_else(|| Unseen::malformed("its EnvironmentVariables are no dictionary"))?;
        let pairs = variables.iter();
        let pairs =
            pairs.filter_map(|(name, value)| Some((name.clone(), value.as_string()?.to_owned())));
        written.variables = pairs.collect();
    }
    for (key, property) in TEXTS {
        written
            .keys
            .extend(text(keys, key).map(|value| (property, value)));
    }
    if let Some(run) = keys.get("RunAtLoad").and_then(Value::as_boolean) {
        written.keys.push(("RunAtLoad", yes_or_no(run)));
    }
    written
        .keys
        .extend(keep_alive(keys).map(|value| ("KeepAlive", value)));
    Ok(written)
}

/// `KeepAlive`: yes, no, or the conditions under which it is.
fn keep_alive(keys: &Dictionary) -> Option<String> {
    match keys.get("KeepAlive")? {
        Value::Boolean(keep) => Some(yes_or_no(*keep)),
        Value::Dictionary(conditions) => {
            let words = conditions
                .iter()
                .map(|(name, value)| match value.as_boolean() {
                    Some(value) => format!("{name}={}", yes_or_no(value)),
                    None => name.clone(),
                });
            Some(words.collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

fn text(keys: &Dictionary, key: &str) -> Option<String> {
    match keys.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(keys: &Dictionary, key: &str) -> Seen<Vec<String>> {
    let Some(value) = keys.get(key) else {
        return Ok(Vec::new());
    };
    let wrong = || Unseen::malformed(format!("its {key} are no list of texts"));
    let items = value.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| item.as_string().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    const LABEL: &str = "ai.nexplane.agent";

    fn xml(inner: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict><key>Label</key><string>{LABEL}</string>{inner}</dict></plist>\n"
        )
        .into_bytes()
    }

    const ARGUMENTS: &str = "<key>ProgramArguments</key><array><string>/usr/local/bin/nexplane-agent</string><string>run</string></array>";

    #[test]
    fn both_forms_say_the_same() {
        let text = xml(&format!(
            "{ARGUMENTS}<key>UserName</key><string>_nexplane</string><key>RunAtLoad</key><true/>\
             <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict><key>ThrottleInterval</key><integer>30</integer>\
             <key>EnvironmentVariables</key><dict><key>HTTPS_PROXY</key><string>http://p:1</string></dict>"
        ));
        let written = definition(&text, LABEL).unwrap();
        let mut binary = Vec::new();
        Value::from_reader(Cursor::new(&text))
            .unwrap()
            .to_writer_binary(&mut binary)
            .unwrap();
        assert_eq!(definition(&binary, LABEL).unwrap(), written);
        assert_eq!(written.arguments[1], "run");
        assert_eq!(
            written.variables,
            [("HTTPS_PROXY".to_owned(), "http://p:1".to_owned())]
        );
        assert!(written.keys.contains(&("User", "_nexplane".to_owned())));
        assert!(
            written
                .keys
                .contains(&("KeepAlive", "SuccessfulExit=no".to_owned()))
        );
        assert!(
            written
                .keys
                .contains(&("ThrottleInterval", "30".to_owned()))
        );
    }

    #[test]
    fn what_launchd_would_not_take_says_why() {
        for (bytes, why) in [
            (b"not a plist".to_vec(), "no property list"),
            (xml(""), "neither Program nor"),
            (
                xml("<key>ProgramArguments</key><string>x</string>"),
                "no list of texts",
            ),
            (
                xml("<key>Program</key><string>/x</string><key>EnvironmentVariables</key><true/>"),
                "no dictionary",
            ),
            (
                b"<plist version=\"1.0\"><array/></plist>".to_vec(),
                "no dictionary",
            ),
            (
                b"<plist version=\"1.0\"><dict/></plist>".to_vec(),
                "no Label",
            ),
        ] {
            let error = definition(&bytes, LABEL).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = definition(&xml(ARGUMENTS), "other")
            .unwrap_err()
            .to_string();
        assert!(error.contains("instead of `other`"), "{error}");
    }

    #[test]
    fn what_stands_for_more_than_it_holds_is_not_taken_apart() {
        let nested = xml(&format!(
            "<key>X</key>{}{}",
            "<array>".repeat(9000),
            "</array>".repeat(9000)
        ));
        // Forty arrays, each of which is the next one twice: 2^40 values.
        let mut bomb = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for number in 0..40_u8 {
            offsets.push(u8::try_from(bomb.len()).unwrap());
            bomb.extend([0xA2, number + 1, number + 1]);
        }
        offsets.push(u8::try_from(bomb.len()).unwrap());
        bomb.push(0x08);
        let table = u8::try_from(bomb.len()).unwrap();
        bomb.extend(&offsets);
        let mut trailer = [0; 32];
        (trailer[6], trailer[7], trailer[15], trailer[31]) = (1, 1, 41, table);
        bomb.extend(trailer);
        for bytes in [nested, bomb] {
            let error = definition(&bytes, LABEL).unwrap_err().to_string();
            assert!(error.contains("more in it"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_file_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400, marked in any::<bool>()) {
            let magic = if marked { &b"bplist00"[..] } else { b"" };
            let _seen = definition(&[magic, &bytes].concat(), LABEL);
            let whole = xml(ARGUMENTS);
            let _seen = definition(&whole[..cut.min(whole.len())], LABEL);
        }
    }
}
