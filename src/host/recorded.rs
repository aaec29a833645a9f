//! A host that was recorded: it answers what was answered then, and says so of what was never asked.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::timed::{Answered, Asked, millis, timed};
use super::*;
use crate::contract::token::TokenShape;

/// Plays a recording back.
pub struct Recorded {
    answers: HashMap<(String, String), Given>,
}

/// An answer, and when it was given.
struct Given {
    answer: Value,
    began: Option<Duration>,
    took: Duration,
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

impl Recorded {
    /// The host that a recording describes.
    pub fn new(recording: Recording) -> Self {
        let answers = recording
            .entries
            .into_iter()
            .map(|entry| {
                let given = Given {
                    answer: entry.answer,
                    began: entry.began_ms.and_then(millis),
                    took: millis(entry.duration_ms).unwrap_or_default(),
                };
                ((entry.ask, entry.question.to_string()), given)
            })
            .collect();
        Self { answers }
    }

    fn answer<Q: Serialize + Asked, A: DeserializeOwned + Unrecorded + Answered>(
        &self,
        name: &'static str,
        question: &Q,
    ) -> A {
        let written = serde_json::to_value(question).ok();
        let given =
            written.and_then(|question| self.answers.get(&(name.to_owned(), question.to_string())));
        let answer = given.and_then(|given| serde_json::from_value(given.answer.clone()).ok());
        if let (Some(given), Some(answer)) = (given, &answer) {
            meter::count(given.began, given.took, || {
                timed(name, question, answer, given.began, given.took)
            });
        }
        answer.unwrap_or_else(A::unrecorded)
    }
}

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
