//! Misspelt keys.

use crate::contract::config::{
    self, CannotEdit, ConfigProblem, ConfigReading, Key, Verification, rename_key,
};
use crate::contract::url::ControlPlane;

/// A key that nobody reads, and the one that was surely meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repair) struct Misspelt {
    /// As it stands there.
    pub(in crate::repair) written: String,
    /// As the agent reads it.
    pub(in crate::repair) meant: Key,
    /// Where.
    pub(in crate::repair) line: usize,
}

/// The misspelt keys of a configuration of which it is certain what was meant: by their letters, or by the name that other
/// programs give to a value of this kind. Never one that is there in the right spelling too, or misspelt twice; never one that would
/// switch verification off; and never one whose value would be none for it.
pub(in crate::repair) fn misspelt(text: &str) -> Vec<Misspelt> {
    let reading = config::parse(text, None);
    let candidates: Vec<Misspelt> = reading.problems.iter().filter_map(candidate).collect();
    let is_alone = |one: &&Misspelt| {
        let same = candidates.iter().filter(|other| other.meant == one.meant);
        same.count() == 1
    };
    let alone = candidates.iter().filter(is_alone);
    alone
        .filter(|one| fits(text, &reading, one))
        .cloned()
        .collect()
}

/// The text with these keys spelt right.
///
/// # Errors
/// When one of them cannot be renamed without changing more.
pub(in crate::repair) fn mend_keys(text: &str, keys: &[Misspelt]) -> Result<String, CannotEdit> {
    let mut text = text.to_owned();
    for key in keys {
        text = rename_key(&text, &key.written, key.meant)?;
    }
    Ok(text)
}

fn candidate(problem: &ConfigProblem) -> Option<Misspelt> {
    let ConfigProblem::UnknownKey { key, at, .. } = problem else {
        return None;
    };
    Some(Misspelt {
        written: key.clone(),
        meant: Key::misspelt(key).or_else(|| Key::synonym(key))?,
        line: at.line,
    })
}

/// Whether the value is one for the key that was meant.
fn fits(text: &str, before: &ConfigReading, one: &Misspelt) -> bool {
    let Ok(renamed) = rename_key(text, &one.written, one.meant) else {
        return false;
    };
    let reading = config::parse(&renamed, None);
    let is_invalid = |problem: &ConfigProblem| matches!(problem, ConfigProblem::Invalid { key, .. } if *key == one.meant);
    if reading.problems.iter().any(is_invalid) {
        return false;
    }
    let config = &reading.config;
    // Only misspelt, it is what its letters say; another name for it may be for something else of the same owner's.
    let surely = Key::misspelt(&one.written) == Some(one.meant);
    let is_place = |path: &Option<std::path::PathBuf>| {
        let path = path.as_ref().map(|path| path.to_string_lossy());
        path.is_some_and(|path| path.contains(['/', '\\']))
    };
    match one.meant {
        Key::ControlPlane => {
            let url = config.control_plane.as_deref();
            surely || url.is_some_and(|url| ControlPlane::parse(url).is_ok())
        }
        Key::CertPath => surely || is_place(&config.cert_path),
        Key::KeyPath => surely || is_place(&config.key_path),
        Key::CaCert => surely || is_place(&config.ca_cert),
        Key::InsecureSkipVerify => {
            config.verification == Verification::On
                || before.config.verification == Verification::Off
        }
        Key::PollInterval | Key::LogLevel | Key::Proxy => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> Vec<(String, Key)> {
        let keys = misspelt(text).into_iter();
        keys.map(|key| (key.written, key.meant)).collect()
    }

    #[test]
    fn what_is_certain_is_mended() {
        let text = "# ours\r\ncontrol-plane:  'https://cp.example.com:8000' # the one\r\nLogLevel: debug\r\nca_file: /etc/ca.crt\r\n";
        let keys = misspelt(text);
        let mended = mend_keys(text, &keys).unwrap_or_default();
        assert_eq!(
            mended,
            "# ours\r\ncontrol_plane:  'https://cp.example.com:8000' # the one\r\nlog_level: debug\r\nca_cert: /etc/ca.crt\r\n"
        );
        assert!(misspelt(&mended).is_empty());
    }

    #[test]
    fn what_is_not_is_left() {
        for text in [
            // Both spellings, in either order; two misspellings of one.
            "log_level: info\nloglevel: debug\n",
            "loglevel: debug\nlog_level: info\n",
            "loglevel: debug\nlog-level: info\n",
            // No value for it.
            "loglevel: loud\n",
            "host: web-01\n",
            "key: hunter2\n",
            // Nearly as near to another.
            "kert_path: /x\n",
            // Nobody's.
            "colour: red\n",
            // It would switch verification off.
            "insecure: true\n",
            "insecureskipverify: yes\n",
            // No configuration at all.
            "loglevel: debug\n\t- x\n",
            "- loglevel: debug\n",
        ] {
            assert_eq!(meant(text), [], "{text}");
        }
        assert_eq!(
            meant("loglevel: loud\nurl: https://cp:8000\n"),
            [("url".to_owned(), Key::ControlPlane)]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_mended_text_says_the_same_by_other_names(
            text in r"((control[ _-]?plane|log[ _-]?level|ca[ _-]?file|proxy|[a-z]{1,4}): ?(https://a:1|debug|/a|[a-z]{0,3})( #c)?\r?\n){0,5}"
        ) {
            let keys = misspelt(&text);
            if let Ok(mended) = mend_keys(&text, &keys) {
                let lines = text.lines().zip(mended.lines());
                for (number, (before, after)) in lines.enumerate() {
                    let renamed = keys.iter().find(|key| key.line == number + 1);
                    let rest = |line: &str| line.split_once(':').map(|(_, rest)| rest.to_owned());
                    match renamed {
                        None => proptest::prop_assert_eq!(before, after),
                        Some(_) => proptest::prop_assert_eq!(rest(before), rest(after)),
                    }
                }
                proptest::prop_assert!(misspelt(&mended).is_empty() || !keys.is_empty());
            }
        }
    }
}
