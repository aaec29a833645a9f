//! A host that asks once and remembers: the second time the answer comes from memory, and all answers together are a recording.
//!
//! It also keeps the promise that nothing is read twice, however many checks want the same thing.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::timed::{Answered, Asked, Timed, timed};
use super::*;
use crate::model::{excerpt, printable};

/// A question and its answer, as they stand in a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which question: the name of a method of [`Host`].
    pub ask: String,
    /// What was asked.
    pub question: Value,
    /// What was answered.
    pub answer: Value,
    /// When it was asked, in milliseconds since the recording began; older recordings do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_ms: Option<f64>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// All that came through the door.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recording {
    /// Questions and answers, in the order of their names and questions.
    pub entries: Vec<Entry>,
}

/// An answer as it was given. It is written down when somebody wants the recording: most runs are not recorded.
pub(super) trait Answer: Any + Send + Sync {
    fn written(&self) -> Value;
}

impl<A: Any + Send + Sync + Serialize> Answer for A {
    fn written(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// The answer once more, if it is one of this type.
pub(super) fn again<A: Clone + 'static>(answer: &dyn Answer) -> Option<A> {
    let answer: &dyn Any = answer;
    answer.downcast_ref().cloned()
}

/// An answer, when it was asked for, how long it took, and what is told of that.
struct Given {
    answer: Box<dyn Answer>,
    /// Since the recording began.
    asked: Duration,
    took: Duration,
    timed: Timed,
}

type Cell = Arc<OnceCell<Given>>;

/// Wraps a host and remembers what it answered.
pub struct Recorder<H> {
    host: H,
    /// When the recording began.
    began: Instant,
    /// By name and question; a cell is filled by the first who asks, and the others wait for it.
    asked: Mutex<BTreeMap<(&'static str, String), Cell>>,
}

impl<H: Host> Recorder<H> {
    /// Nothing asked yet.
    pub fn new(host: H) -> Self {
        Self {
            host,
            began: Instant::now(),
            asked: Mutex::new(BTreeMap::new()),
        }
    }

    /// The host itself, for what is no question.
    pub fn live(&self) -> &H {
        &self.host
    }

    /// Everything that was asked and answered so far.
    pub fn recording(&self) -> Recording {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = asked
            .iter()
            .filter_map(|((ask, question), cell)| {
                let given = cell.get()?;
                Some(Entry {
                    ask: (*ask).to_owned(),
                    question: serde_json::from_str(question).ok()?,
                    answer: given.answer.written(),
                    began_ms: Some(millis(given.asked)),
                    duration_ms: millis(given.took),
                })
            })
            .collect();
        Recording { entries }
    }

    async fn once<Q, A, F>(&self, name: &'static str, question: Q, ask: F) -> A
    where
        Q: Serialize + Asked + Clone,
        A: Answer + Answered + Clone,
        F: AsyncFnOnce(Q) -> A,
    {
        let Ok(key) = serde_json::to_string(&question) else {
            // Not a question that can be written down; there is none such among ours.
            return ask(question).await;
        };
        let asked = key.clone();
        let cell = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry((name, key)).or_default())
        };
        let given = cell
            .get_or_init(async || {
                let began = Instant::now();
                let answer = ask(question.clone()).await;
                let (since, took) = (began.duration_since(self.began), began.elapsed());
                let duration_ms = took.as_secs_f64() * 1e3;
                tracing::info!("asked {name} {} ({duration_ms:.1} ms)", excerpt(&asked));
                tracing::debug!(
                    "{name}: {asked} gave {}",
                    printable(&answer.written().to_string())
                );
                Given {
                    timed: timed(name, &question, &answer, Some(since), took),
                    answer: Box::new(answer),
                    asked: since,
                    took,
                }
            })
            .await;
        meter::count(Some(given.asked), given.took, || Timed::clone(&given.timed));
        again(&*given.answer)
            .unwrap_or_else(|| unreachable!("an answer to {name} is of {name}'s type"))
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

macro_rules! record {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl<H: Host> Host for Recorder<H> {
            $(
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer> {
                    Box::pin(self.once(stringify!($name), question, async |question| self.host.$name(question).await))
                }
            )*
        }
    };
}
questions!(record);

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
