//! The agent's `config.yaml`: what it may say, read so that everything wrong with it is told at once, and written.
//!
//! [`parse`] never stops at the first problem: what is usable is used, what is not is told with key, line and column.
//! It opens no file; the text is bounded, and so is what nests in it.

mod document;
mod edit;
mod key;
mod write;

pub use document::Position;
pub use edit::{CannotEdit, remove_key, rename_key, set_value};
pub use key::Key;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::proxy::Proxy;
use super::url::{ControlPlane, UrlProblem};
use crate::model::{Secret, parse_duration};
use document::{Document, Entry, Value};

/// The most that is read of a configuration, in bytes; a real one has a few hundred.
pub const MAX_BYTES: usize = 1 << 20;
/// How often the agent asks when the configuration does not say.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// How much the agent logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may become a problem.
    Warning,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// As the configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a configuration says; where it says nothing, or nothing usable, the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// The control plane's address as written; see [`AgentConfig::control_plane_url`].
    pub control_plane: Option<String>,
    /// How often the agent asks for tasks.
    pub poll_interval: Duration,
    /// How much it logs.
    pub log_level: LogLevel,
    /// The client certificate; without it, `client.crt` beside the configuration.
    pub cert_path: Option<PathBuf>,
    /// Its key; without it, `client.key` beside the configuration.
    pub key_path: Option<PathBuf>,
    /// A CA file beside the system's store.
    pub ca_cert: Option<PathBuf>,
    /// Whether the control plane's certificate is verified.
    pub verification: Verification,
    /// The URL of the proxy to go through, as written: it may hold a password. It wins over the environment.
    pub proxy: Option<Secret>,
}

/// Whether the agent verifies the control plane's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verification {
    /// It does.
    #[default]
    On,
    /// `insecure_skip_verify: true`.
    Off,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            control_plane: None,
            poll_interval: DEFAULT_POLL_INTERVAL,
            log_level: LogLevel::default(),
            cert_path: None,
            key_path: None,
            ca_cert: None,
            verification: Verification::default(),
            proxy: None,
        }
    }
}

impl AgentConfig {
    /// The control plane's address, validated; `None` when the configuration names none.
    pub fn control_plane_url(&self) -> Option<Result<ControlPlane, UrlProblem>> {
        self.control_plane.as_deref().map(ControlPlane::parse)
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigProblem {
    /// It is no YAML, or no text: the agent can read nothing of it (`config.syntax`).
    Syntax {
        /// Where.
        at: Position,
        /// What the parser says.
        why: String,
    },
    /// It is YAML, and no mapping of keys to values (`config.invalid`).
    NotAMapping {
        /// Where.
        at: Position,
        /// What it is instead.
        found: &'static str,
    },
    /// A required key is not there, or has no value (`config.invalid`).
    Missing {
        /// Which.
        key: Key,
        /// Where it stands without a value, if it stands there.
        at: Option<Position>,
    },
    /// A value is not what its key takes (`config.invalid`).
    Invalid {
        /// The key.
        key: Key,
        /// Where the value stands.
        at: Position,
        /// What stands there, shortened.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A key that nobody reads (`config.unknown_key`).
    UnknownKey {
        /// The key as written, shortened.
        key: String,
        /// Where.
        at: Position,
        /// The known key that was perhaps meant.
        nearest: Option<Key>,
    },
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, why } => write!(f, "{at}: {why}"),
            Self::NotAMapping { at, found } => {
                write!(f, "{at}: {found}, where lines of `key: value` are expected")
            }
            Self::Missing { key, at: None } => write!(f, "`{key}` is required and missing"),
            Self::Missing { key, at: Some(at) } => {
                write!(f, "{at}: `{key}` is required and has no value")
            }
            Self::Invalid {
                key,
                at,
                found,
                allowed,
            } => write!(f, "{at}: `{key}` is {found}; allowed is {allowed}"),
            Self::UnknownKey { key, at, nearest } => {
                write!(f, "{at}: nobody reads the key `{key}`")?;
                match nearest {
                    Some(nearest) => write!(f, "; perhaps `{nearest}` is meant"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A configuration as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigReading {
    /// What is usable of it, with defaults for the rest.
    pub config: AgentConfig,
    /// Everything that is wrong, in the order of the file.
    pub problems: Vec<ConfigProblem>,
    /// Where the value of each known key stands.
    pub positions: BTreeMap<Key, Position>,
}

/// Reads a configuration.
///
/// `invalid_utf8_at` is the position, in bytes, of the first byte that was no UTF-8, for a text in which such bytes were replaced.
pub fn parse(text: &str, invalid_utf8_at: Option<usize>) -> ConfigReading {
    let document = Document::read(text, invalid_utf8_at);
    let mut reading = ConfigReading::default();
    let readable = document.problem.is_none();
    for entry in &document.entries {
        reading.take(entry);
    }
    // What a syntax error hides is not called missing.
    if readable && document.wrong_root.is_none() {
        reading.require(&document);
    }
    reading.problems.extend(document.wrong_root);
    reading.problems.extend(document.problem);
    reading
}

impl ConfigReading {
    /// Whether a problem keeps the agent from reading anything at all.
    pub fn is_yaml(&self) -> bool {
        !self
            .problems
            .iter()
            .any(|problem| matches!(problem, ConfigProblem::Syntax { .. }))
    }

    fn take(&mut self, entry: &Entry) {
        let Some(key) = Key::read(&entry.key) else {
            self.problems.push(ConfigProblem::UnknownKey {
                key: shown(&entry.key),
                at: entry.at,
                nearest: Key::nearest(&entry.key),
            });
            return;
        };
        self.positions.insert(key, entry.value.at());
        match &entry.value {
            // An empty value is the same as none: Go leaves the default.
            Value::Null { .. } => {}
            Value::Scalar { text, at } => {
                if let Err(allowed) = self.set(key, text) {
                    let found = match key {
                        Key::Proxy => "not one".to_owned(), // It may hold a password.
                        _ => format!("`{}`", shown(text)),
                    };
                    self.invalid(key, *at, found, allowed);
                }
            }
            Value::Nested { what, at } => {
                self.invalid(key, *at, (*what).to_owned(), key.allowed());
            }
        }
    }

    fn invalid(&mut self, key: Key, at: Position, found: String, allowed: &'static str) {
        self.problems.push(ConfigProblem::Invalid {
            key,
            at,
            found,
            allowed,
        });
    }

    /// Takes a value over, or says what is allowed instead.
    fn set(&mut self, key: Key, text: &str) -> Result<(), &'static str> {
        let config = &mut self.config;
        let path = || match is_path(text) {
            true => Ok(Some(PathBuf::from(text))),
            false => Err(key.allowed()),
        };
        match key {
            Key::ControlPlane => config.control_plane = Some(text.to_owned()),
            Key::PollInterval => {
                config.poll_interval = parse_duration(text)
                    .ok()
                    .filter(|interval| !interval.is_zero())
                    .ok_or(key.allowed())?;
            }
            Key::LogLevel => {
                config.log_level = LogLevel::ALL
                    .into_iter()
                    .find(|level| level.as_str() == text)
                    .ok_or(key.allowed())?;
            }
            Key::CertPath => config.cert_path = path()?,
            Key::KeyPath => config.key_path = path()?,
            Key::CaCert => config.ca_cert = path()?,
            Key::InsecureSkipVerify => {
                config.verification = match read_bool(text).ok_or(key.allowed())? {
                    true => Verification::Off,
                    false => Verification::On,
                };
            }
            Key::Proxy => match Proxy::parse(text) {
                Some(_) => config.proxy = Some(Secret::new(text)),
                None => return Err(key.allowed()),
            },
        }
        Ok(())
    }

    /// `control_plane` alone has no default.
    fn require(&mut self, document: &Document) {
        let key = Key::ControlPlane;
        let entry = document
            .entries
            .iter()
            .find(|entry| Key::read(&entry.key) == Some(key));
        let at = match entry {
            None => None,
            Some(entry) if matches!(entry.value, Value::Null { .. }) => Some(entry.at),
            Some(_) => return,
        };
        self.problems.insert(0, ConfigProblem::Missing { key, at });
    }
}

/// Whether it can be a path. In double quotes YAML reads `"C:\ProgramData\NexplaneAgent"` as a paragraph separator and a line end.
fn is_path(text: &str) -> bool {
    !text.trim().is_empty()
        && !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// As Go's YAML library reads a value into a boolean: YAML 1.1's words, in three spellings each.
fn read_bool(text: &str) -> Option<bool> {
    const TRUE: [&str; 11] = [
        "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y",
    ];
    const FALSE: [&str; 11] = [
        "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N",
    ];
    if TRUE.contains(&text) {
        Some(true)
    } else if FALSE.contains(&text) {
        Some(false)
    } else {
        None
    }
}

/// At most 60 characters, none of them a control character.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(60)
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
