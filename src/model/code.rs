//! Names that other people depend on: finding codes, check ids, sections of the runbook.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A name that does not have the form its kind asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not {wanted}")]
pub struct InvalidName {
    name: String,
    wanted: &'static str,
}

/// Whether `bytes` is a word: a lower-case letter, then lower-case letters, digits and underscores.
const fn is_word(bytes: &[u8], start: usize, end: usize) -> bool {
    if start >= end || !bytes[start].is_ascii_lowercase() {
        return false;
    }
    let mut i = start;
    while i < end {
        let b = bytes[i];
        if !(b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether two names are the same one.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// Position of the only dot of `check.problem`, if the name has that form.
const fn code_dot(bytes: &[u8]) -> Option<usize> {
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'.' {
            if is_word(bytes, 0, i) && is_word(bytes, i + 1, bytes.len()) {
                return Some(i);
            }
            return None;
        }
        i += 1;
    }
    None
}

/// A finding code, `<check>.<problem>`, such as `dns.not_found`. Never renamed once published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A code known at compile time; a malformed one does not compile when used in a `const`.
    ///
    /// # Panics
    /// When `name` is not of the form `check.problem`.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            code_dot(name.as_bytes()).is_some(),
            "a code is `check.problem`"
        );
        Self(Cow::Borrowed(name))
    }

    /// Reads a code from text.
    ///
    /// # Errors
    /// When `name` is not of the form `check.problem`.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        match code_dot(name.as_bytes()) {
            Some(_) => Ok(Self(Cow::Owned(name))),
            None => Err(InvalidName {
                name,
                wanted: "a finding code: `check.problem`, both of lower-case letters, digits and underscores",
            }),
        }
    }

    /// The whole code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the check that the code belongs to: what stands before the dot.
    pub fn check(&self) -> CheckId {
        let end = code_dot(self.0.as_bytes()).unwrap_or(self.0.len());
        CheckId(Cow::Owned(self.0[..end].to_owned()))
    }
}

/// The id of a check: one word, such as `dns`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckId(Cow<'static, str>);

impl CheckId {
    /// An id known at compile time.
    ///
    /// # Panics
    /// When `name` is not one word of lower-case letters, digits and underscores.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            is_word(name.as_bytes(), 0, name.len()),
            "a check's id is one lower-case word"
        );
        Self(Cow::Borrowed(name))
    }

    /// Reads an id from text.
    ///
    /// # Errors
    /// When `name` is not one word of lower-case letters, digits and underscores.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        if is_word(name.as_bytes(), 0, name.len()) {
            Ok(Self(Cow::Owned(name)))
        } else {
            Err(InvalidName {
                name,
                wanted: "a check's id: one word of lower-case letters, digits and underscores",
            })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A section of the runbook, such as `symptom-1/token-used`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SectionId(Cow<'static, str>);

impl SectionId {
    /// Every section that the runbook has, in its order.
    pub const ALL: [&'static str; 11] = [
        "symptom-1/service",
        "symptom-1/reach",
        "symptom-1/token-used",
        "symptom-1/unknown-authority",
        "symptom-1/clock-skew",
        "symptom-2/service",
        "symptom-2/certificate-expired",
        "symptom-2/deleted",
        "symptom-3/approved",
        "symptom-3/correct-agent",
        "symptom-3/task-errors",
    ];

    /// A section known at compile time.
    ///
    /// # Panics
    /// When the runbook has no such section.
    pub const fn from_static(name: &'static str) -> Self {
        let mut i = 0;
        while i < Self::ALL.len() {
            if is_same(Self::ALL[i].as_bytes(), name.as_bytes()) {
                return Self(Cow::Borrowed(name));
            }
            i += 1;
        }
        panic!("the runbook has no such section")
    }

    /// Reads a section id from text.
    ///
    /// # Errors
    /// When the runbook has no such section.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        if Self::ALL.contains(&name.as_str()) {
            Ok(Self(Cow::Owned(name)))
        } else {
            Err(InvalidName {
                name,
                wanted: "a section of the runbook, such as `symptom-1/service`",
            })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What every name here shares: how it is shown and how it comes from and goes to text.
macro_rules! name {
    ($kind:ty) => {
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $kind {
            type Error = InvalidName;
            fn try_from(name: String) -> Result<Self, InvalidName> {
                Self::new(name)
            }
        }
        impl From<$kind> for String {
            fn from(name: $kind) -> String {
                name.0.into_owned()
            }
        }
        impl std::str::FromStr for $kind {
            type Err = InvalidName;
            fn from_str(name: &str) -> Result<Self, InvalidName> {
                Self::new(name)
            }
        }
        impl PartialEq<str> for $kind {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
        impl PartialEq<&str> for $kind {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}
name!(Code);
name!(CheckId);
name!(SectionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_two_words_and_a_dot() {
        for good in ["dns.not_found", "a.b", "my_check2.x9"] {
            assert_eq!(Code::new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "", ".", "dns", "dns.", ".x", "Dns.x", "dns.x.y", "dns.x y", "1a.b", "dns.é",
        ] {
            assert!(Code::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Code::from_static("tcp.refused").check(), "tcp");
    }
}
