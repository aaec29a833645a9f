//! A host that was recorded: it answers what was answered then, and says so of what was never asked.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::contract::token::TokenShape;

/// Plays a recording back.
pub struct Recorded {
    answers: HashMap<(String, String), Value>,
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
            .map(|entry| ((entry.ask, entry.question.to_string()), entry.answer))
            .collect();
        Self { answers }
    }

    fn answer<Q: Serialize, A: DeserializeOwned + Unrecorded>(
        &self,
        name: &str,
        question: &Q,
    ) -> A {
        serde_json::to_value(question)
            .ok()
            .and_then(|question| self.answers.get(&(name.to_owned(), question.to_string())))
            .and_then(|answer| serde_json::from_value(answer.clone()).ok())
            .unwrap_or_else(A::unrecorded)
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
