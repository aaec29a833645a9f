//! A time limit for everything that one answer waits for, and the way to do what may block within it.
//!
//! What blocks (a file on a dead network mount, the system's resolver) runs on a thread that does nothing else, which nobody
//! waits for beyond the limit: neither the answer nor the end of the program.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::threads;
use crate::host::{Seen, Unseen};

/// When an answer has to be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    end: Instant,
    budget: Duration,
}

impl Deadline {
    /// This long from now.
    pub(super) fn after(budget: Duration) -> Self {
        Self {
            end: Instant::now() + budget,
            budget,
        }
    }

    /// What is left.
    pub(super) fn remaining(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// "No answer in time", with the whole of the time.
    pub(super) fn timed_out(self) -> Unseen {
        Unseen::TimedOut {
            after_ms: whole_millis(self.budget),
        }
    }

    /// Waits for `future`, but not beyond the limit.
    pub(super) async fn run<F: Future>(self, future: F) -> Seen<F::Output> {
        timeout_at(self.end, future)
            .await
            .map_err(|_| self.timed_out())
    }

    /// Runs `work`, which may block, on a thread of its own, and waits for it, but not beyond the limit.
    pub(super) async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Seen<T> {
        let (sender, receiver) = oneshot::channel();
        // Nobody listens any more when the time was over.
        threads::run(move || drop(sender.send(work())))
            .map_err(|error| Unseen::failed(format!("cannot start a thread: {error}")))?;
        self.run(receiver)
            .await?
            .map_err(|_| Unseen::failed("looking ended early: a defect of the doctor"))
    }
}

/// A duration in whole milliseconds.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in milliseconds, to the microsecond.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_thread_that_hangs() {
        let (_keep, forever) = std::sync::mpsc::channel::<()>();
        let deadline = Deadline::after(Duration::from_millis(50));
        let seen = deadline.blocking(move || forever.recv().is_ok()).await;
        assert_eq!(seen, Err(Unseen::TimedOut { after_ms: 50 }));
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_no_panic_of_the_answer() {
        let deadline = Deadline::after(Duration::from_secs(5));
        let seen = deadline.blocking(|| -> u8 { panic!("on purpose") }).await;
        assert!(matches!(seen, Err(Unseen::Failed { .. })));
        assert_eq!(deadline.blocking(|| 7).await, Ok(7));
    }
}
