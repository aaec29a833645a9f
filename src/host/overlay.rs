//! A host of which some answers are supplied, and the rest is its own.
//!
//! The lab supplies what a service manager and a journal would say of its agent; what is supplied says so itself.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::recorder::{Answer, again};
use super::*;
use crate::contract::token::TokenShape;

/// An answer, and the question that it is for, if it is for one alone.
type Supplied = (Option<Value>, Box<dyn Answer>);

/// Lays answers over a host.
pub struct Overlay<H> {
    host: H,
    /// By the name of the method.
    answers: HashMap<&'static str, Vec<Supplied>>,
}

impl<H: Host> Overlay<H> {
    /// The host as it is.
    pub fn new(host: H) -> Self {
        Self {
            host,
            answers: HashMap::new(),
        }
    }

    /// Supplies the answer to a question, by the name of the method, whatever exactly is asked. An answer that is not of
    /// the question's type is not used: the host is asked instead.
    #[must_use]
    pub fn supply<A: Serialize + Clone + Send + Sync + 'static>(
        mut self,
        ask: &'static str,
        answer: &A,
    ) -> Self {
        let answer: Box<dyn Answer> = Box::new(answer.clone());
        self.answers.insert(ask, vec![(None, answer)]);
        self
    }

    /// The same for one question alone: the others go to the host.
    #[must_use]
    pub fn supply_to<A: Serialize + Clone + Send + Sync + 'static>(
        mut self,
        ask: &'static str,
        question: &impl Serialize,
        answer: &A,
    ) -> Self {
        if let Ok(question) = serde_json::to_value(question) {
            let answers = self.answers.entry(ask).or_default();
            answers.push((Some(question), Box::new(answer.clone())));
        }
        self
    }

    fn supplied<A: DeserializeOwned + Clone + 'static>(
        &self,
        ask: &str,
        question: &impl Serialize,
    ) -> Option<A> {
        let answers = self.answers.get(ask)?;
        let is_it = |only: &Option<Value>| match only {
            None => true,
            Some(only) => serde_json::to_value(question).is_ok_and(|question| *only == question),
        };
        let (_, answer) = answers.iter().find(|(only, _)| is_it(only))?;
        // One of another type may read as one of this: what came from JSON does.
        again(&**answer).or_else(|| serde_json::from_value(answer.written()).ok())
    }
}

macro_rules! lay_over {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl<H: Host> Host for Overlay<H> {
            $(
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer> {
                    match self.supplied(stringify!($name), &question) {
                        Some(answer) => Box::pin(ready(answer)),
                        None => self.host.$name(question),
                    }
                }
            )*
        }
    };
}
questions!(lay_over);
