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

use super::*;
use crate::contract::token::TokenShape;

/// Lays answers over a host.
pub struct Overlay<H> {
    host: H,
    answers: HashMap<&'static str, Value>,
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
    pub fn supply(mut self, ask: &'static str, answer: &impl Serialize) -> Self {
        if let Ok(answer) = serde_json::to_value(answer) {
            self.answers.insert(ask, answer);
        }
        self
    }

    fn supplied<A: DeserializeOwned>(&self, ask: &str) -> Option<A> {
        serde_json::from_value(self.answers.get(ask)?.clone()).ok()
    }
}

macro_rules! lay_over {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl<H: Host> Host for Overlay<H> {
            $(
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer> {
                    match self.supplied(stringify!($name)) {
                        Some(answer) => Box::pin(ready(answer)),
                        None => self.host.$name(question),
                    }
                }
            )*
        }
    };
}
questions!(lay_over);
