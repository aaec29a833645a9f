//! What a check asked and how long that took, whoever asked it first: an answer that is there already took its time all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// From when to when they were asked and answered, by a clock that is never set; a recording has no such times.
    spans: Vec<(Instant, Instant)>,
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
            took += answered.saturating_duration_since(asked.max(until));
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

/// A question of whoever asks now was asked and answered at these times.
pub(super) fn count(asked: Instant, answered: Instant, question: &Timed) {
    counted(|counted| {
        counted.spans.push((asked, answered));
        counted.questions.push(Timed::clone(question));
    });
}

/// A question of whoever asks now was answered from a recording.
pub(super) fn count_recorded(question: impl FnOnce() -> Timed) {
    counted(|counted| counted.questions.push(question()));
}

fn counted(count: impl FnOnce(&mut Counted)) {
    // Where nobody counts, there is nothing to do.
    let _uncounted = METER.try_with(|meter| {
        count(&mut meter.0.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_at_the_same_time_counts_once_and_waiting_for_others_does_not() {
        let meter = Meter::default();
        assert_eq!(meter.took(), None);
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let count = |asked, answered| count(asked, answered, &Timed::default());
        meter
            .measure(async {
                count(at(50), at(60));
                count(at(0), at(20));
                count(at(10), at(30));
                count(at(12), at(15));
            })
            .await;
        count(at(100), at(200));
        assert_eq!(meter.took(), Some(Duration::from_millis(40)));
    }
}
