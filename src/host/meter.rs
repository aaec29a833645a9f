//! What a check asked and how long that took, whoever asked it first: an answer that is there already took its time all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::timed::Timed;
use crate::model::Timing;

tokio::task_local! {
    /// Whose questions are asked here.
    static METER: Meter;
}

/// The questions of one check, as they are answered.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// From when to when they were asked and answered, counted from the first of all; older recordings do not say.
    spans: Vec<(Duration, Duration)>,
    /// What they were.
    questions: Vec<Timed>,
}

impl Meter {
    /// Counts the questions that a future asks of a [`Recorder`](super::Recorder).
    pub async fn measure<F: Future>(&self, asking: F) -> F::Output {
        METER.scope(self.clone(), asking).await
    }

    /// How long there was a question without its answer, those at the same time once; nothing where no answer was timed.
    pub fn took(&self) -> Option<Duration> {
        let mut spans = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spans
            .clone();
        spans.sort_unstable();
        let mut until = spans.first()?.0;
        let mut took = Duration::ZERO;
        for (asked, answered) in spans {
            took = took.saturating_add(answered.saturating_sub(asked.max(until)));
            until = until.max(answered);
        }
        Some(took)
    }

    /// What was asked, as often as it was.
    pub fn timings(&self) -> Vec<Timing> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timings = counted.questions.iter().flat_map(|timed| timed.iter());
        timings.cloned().collect()
    }
}

/// A question of whoever asks now was asked then, and its answer took so long.
pub(super) fn count(asked: Option<Duration>, took: Duration, question: impl FnOnce() -> Timed) {
    // Where nobody counts, there is nothing to do.
    let _uncounted = METER.try_with(|meter| {
        let mut counted = meter.0.lock().unwrap_or_else(PoisonError::into_inner);
        let span = asked.map(|asked| (asked, asked.saturating_add(took)));
        counted.spans.extend(span);
        counted.questions.push(question());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_at_the_same_time_counts_once_and_waiting_for_others_does_not() {
        let meter = Meter::default();
        assert_eq!(meter.took(), None);
        let ms = Duration::from_millis;
        let count = |asked, answered| count(Some(ms(asked)), ms(answered - asked), Timed::default);
        meter
            .measure(async {
                count(50, 60);
                count(0, 20);
                count(10, 30);
                count(12, 15);
            })
            .await;
        count(100, 200);
        assert_eq!(meter.took(), Some(Duration::from_millis(40)));
    }
}
