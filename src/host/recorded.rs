//! A host that was recorded: it answers what was answered then, and says so of what was never asked.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::timed::{Answered, Asked, millis, said, timed};
use super::*;
use crate::contract::token::TokenShape;
use crate::model::{excerpt, printable, unread_there};

/// So many questions without an answer are remembered; more would say nothing more.
const MOST_UNANSWERED: usize = 100;

/// Plays a recording back.
pub struct Recorded {
    /// The text of which answers are parts.
    text: String,
    /// By name and question.
    answers: HashMap<String, Given>,
    troubles: Mutex<Troubles>,
}

/// An answer, and when it was given.
struct Given {
    answer: Kept,
    began: Option<Duration>,
    took: Duration,
}

/// An answer, as it was handed in.
enum Kept {
    Value(Value),
    /// A part of the text: it is read when it is asked for, into the type that it is of.
    Part(Range<usize>),
}

/// An entry of a recording whose question and answer are still the text that they were written as.
#[derive(Debug, Deserialize)]
pub struct RawEntry<'a> {
    /// Which question: the name of a method of [`Host`].
    #[serde(borrow)]
    pub ask: Cow<'a, str>,
    /// What was asked.
    #[serde(borrow)]
    pub question: &'a RawValue,
    /// What was answered.
    #[serde(borrow)]
    pub answer: &'a RawValue,
    /// When it was asked, in milliseconds since the recording began; older recordings do not say.
    #[serde(default)]
    pub began_ms: Option<f64>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub duration_ms: f64,
}

/// What a diagnosis wanted of a recording, and did not get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Troubles {
    /// Answers that are none to their question.
    pub misfits: Vec<Misfit>,
    /// Questions that are not in the recording, each with its name: the first hundred.
    pub unanswered: BTreeSet<String>,
}

/// An answer that is none to its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The name of the question.
    pub ask: String,
    /// What is wrong with it.
    pub why: String,
    /// Where that is in the text, in bytes, if the answer is a part of one.
    pub at: Option<usize>,
}

/// What a host says when a question is not in the recording.
trait Unrecorded {
    fn unrecorded() -> Self;
}

impl<T> Unrecorded for Seen<T> {
    fn unrecorded() -> Self {
        Err(Unseen::NotRecorded)
    }
}

impl<T> Unrecorded for Option<T> {
    fn unrecorded() -> Self {
        None
    }
}

impl<K: Ord, V> Unrecorded for BTreeMap<K, V> {
    fn unrecorded() -> Self {
        Self::new()
    }
}

impl Unrecorded for System {
    fn unrecorded() -> Self {
        Self::unknown()
    }
}

impl Unrecorded for DateTime<Utc> {
    fn unrecorded() -> Self {
        DateTime::UNIX_EPOCH
    }
}

impl Unrecorded for Race {
    fn unrecorded() -> Self {
        Self {
            attempts: Vec::new(),
            winner: None,
        }
    }
}

impl Unrecorded for ApiAnswer {
    fn unrecorded() -> Self {
        Self::Failed(Unseen::NotRecorded)
    }
}

impl Kept {
    /// For a log: a format argument, so that nothing is written where nobody logs.
    fn shown<'a>(&'a self, text: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |out| match self {
            Self::Value(value) => out.write_str(&printable(&value.to_string())),
            Self::Part(part) => {
                let part = text.get(part.clone()).unwrap_or_default();
                out.write_str(&printable(part))
            }
        })
    }
}

impl Given {
    fn new(answer: Kept, began_ms: Option<f64>, duration_ms: f64) -> Self {
        Self {
            answer,
            began: began_ms.and_then(millis),
            took: millis(duration_ms).unwrap_or_default(),
        }
    }
}

impl Recorded {
    /// The host that a recording describes.
    pub fn new(recording: Recording) -> Self {
        let entries = recording.entries.into_iter();
        let answers = entries.map(|it| {
            let key = key(&it.ask, &it.question.to_string());
            let answer = Kept::Value(it.answer);
            (key, Given::new(answer, it.began_ms, it.duration_ms))
        });
        Self {
            text: String::new(),
            answers: answers.collect(),
            troubles: Mutex::default(),
        }
    }

    /// The host that the entries of a text describe, which keeps the text instead of copies of its parts; and whatever else
    /// `parse` takes from there. A question that cannot be read is none that anybody asks.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn of_text<T, E>(
        text: String,
        parse: impl FnOnce(&str) -> Result<(T, Vec<RawEntry<'_>>), E>,
    ) -> Result<(T, Self), E> {
        let (besides, entries) = parse(&text)?;
        let mut answers = HashMap::with_capacity(entries.len());
        for entry in entries {
            let Ok(question) = serde_json::from_str::<Value>(entry.question.get()) else {
                continue;
            };
            let answer = entry.answer.get();
            let start = (answer.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
            let part = start..start.wrapping_add(answer.len());
            let given = Given::new(Kept::Part(part), entry.began_ms, entry.duration_ms);
            answers.insert(key(&entry.ask, &question.to_string()), given);
        }
        let host = Self {
            text,
            answers,
            troubles: Mutex::default(),
        };
        Ok((besides, host))
    }

    /// What was wanted and not there, so far.
    pub fn troubles(&self) -> Troubles {
        self.troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The text of which its answers are parts.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn answer<Q: Serialize + Asked, A: DeserializeOwned + Unrecorded + Answered>(
        &self,
        name: &'static str,
        question: &Q,
    ) -> A {
        let written = serde_json::to_value(question).map(|question| question.to_string());
        let key = key(name, &written.unwrap_or_default());
        let Some(given) = self.answers.get(&key) else {
            self.note(|troubles| {
                if troubles.unanswered.len() < MOST_UNANSWERED {
                    troubles.unanswered.insert(key);
                }
            });
            return A::unrecorded();
        };
        tracing::info!("asked {}", excerpt(&key));
        let read = match &given.answer {
            Kept::Value(value) => A::deserialize(value).map_err(|error| (error, None)),
            Kept::Part(part) => {
                let text = self.text.get(part.clone()).unwrap_or_default();
                serde_json::from_str(text).map_err(|error| {
                    let at = part.start + offset(text, error.line(), error.column());
                    (error, Some(at))
                })
            }
        };
        match read {
            Ok(answer) => {
                tracing::debug!("{key} gave {}", given.answer.shown(&self.text));
                meter::count(given.began, given.took, || {
                    timed(name, question, &answer, given.began, given.took)
                });
                answer
            }
            Err((error, at)) => {
                // The library's place is one within the answer: the text's is told instead.
                let why = unread_there(&error);
                let ask = name.to_owned();
                self.note(|troubles| troubles.misfits.push(Misfit { ask, why, at }));
                A::unrecorded()
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Troubles)) {
        note(&mut self.troubles.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn key(name: &str, question: &str) -> String {
    format!("{name} {question}")
}

/// The byte of a text at a line and a column, both from 1; a column counts bytes here.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

macro_rules! name {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        /// The names of all questions.
        pub const ASKS: &[&str] = &[$(stringify!($name)),*];

        /// Whether a value is an answer to the question of a name.
        ///
        /// # Errors
        /// Why it is not.
        pub fn is_answer(name: &str, answer: &Value) -> Result<(), serde_json::Error> {
            match name {
                $(stringify!($name) => <$answer>::deserialize(answer).map(drop),)*
                _ => Err(serde::de::Error::custom("no such question")),
            }
        }

        /// A recorded question in words; as it is written, if it is none that is known here.
        pub fn question_in_words(name: &str, question: &Value) -> String {
            let said = match name {
                $(stringify!($name) => {
                    let question = <$question>::deserialize(question).ok();
                    question.map(|question| said(stringify!($name), &question))
                })*
                _ => None,
            };
            said.unwrap_or_else(|| match question {
                Value::Null => name.to_owned(),
                question => format!("{name} {}", excerpt(&question.to_string())),
            })
        }
    };
}
questions!(name);

macro_rules! play {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl Host for Recorded {
            $(
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer> {
                    Box::pin(ready(self.answer(stringify!($name), &question)))
                }
            )*
        }
    };
}
questions!(play);
