//! How long to wait before something is tried again: longer each time, and never at the same moment as everybody else.
//!
//! Exponential, with full jitter: anything between the shortest wait and a ceiling that doubles from failure to failure.

use std::time::Duration;

use rustls::crypto::ring;

/// Where chance comes from: a number for each question, any of them as likely as another.
pub(super) struct Chance(Box<dyn FnMut() -> u32 + Send>);

impl Chance {
    /// The system's. Where it has none to give, the middle: waiting must not depend on it.
    pub(super) fn system() -> Self {
        Self::of(|| {
            let mut bytes = [0; 4];
            match ring::default_provider().secure_random.fill(&mut bytes) {
                Ok(()) => u32::from_ne_bytes(bytes),
                Err(_) => u32::MAX / 2,
            }
        })
    }

    /// Another one.
    pub(super) fn of(source: impl FnMut() -> u32 + Send + 'static) -> Self {
        Self(Box::new(source))
    }

    /// Between these two, both included.
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let share = f64::from((self.0)()) / f64::from(u32::MAX);
        least + most.saturating_sub(least).mul_f64(share)
    }
}

/// Between which bounds one kind of failure waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Never shorter than this.
    pub(super) least: Duration,
    /// The ceiling after the first failure.
    pub(super) first: Duration,
    /// The ceiling that it does not grow beyond.
    pub(super) most: Duration,
}

/// No answer, or one that says nothing of this agent: the control plane or the way to it may be back at any moment.
pub(super) const UNREACHED: Bounds = Bounds {
    least: Duration::from_millis(100),
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
};

/// A refusal of this agent: somebody has to do something about it first.
pub(super) const REFUSED: Bounds = Bounds {
    least: Duration::from_secs(10),
    first: Duration::from_secs(30),
    most: Duration::from_secs(15 * 60),
};

/// Failures in a row, and what to wait after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// After one more failure: how long to wait.
    pub(super) fn next(&mut self, bounds: Bounds, chance: &mut Chance) -> Duration {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let ceiling = bounds.first.saturating_mul(1 << doublings).min(bounds.most);
        chance.between(bounds.least, ceiling)
    }

    /// How many there were in a row.
    pub(super) const fn failures(self) -> u32 {
        self.failures
    }

    /// It worked: says how many failures that ended.
    pub(super) const fn reset(&mut self) -> u32 {
        let failures = self.failures;
        self.failures = 0;
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(share: u32, bounds: Bounds) -> Vec<Duration> {
        let (mut backoff, mut chance) = (Backoff::default(), Chance::of(move || share));
        (0..40).map(|_| backoff.next(bounds, &mut chance)).collect()
    }

    #[test]
    fn the_ceiling_doubles_up_to_its_bound() {
        let waits = waits(u32::MAX, UNREACHED);
        let seconds: Vec<u64> = waits.iter().take(8).map(Duration::as_secs).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(waits[6..].iter().all(|wait| *wait == UNREACHED.most));
    }

    #[test]
    fn full_jitter_goes_down_to_the_least() {
        for bounds in [UNREACHED, REFUSED] {
            assert!(waits(0, bounds).iter().all(|wait| *wait == bounds.least));
            let middle = waits(u32::MAX / 2, bounds)[39];
            assert!(bounds.least < middle && middle < bounds.most);
        }
    }

    #[test]
    fn success_begins_anew() {
        let mut chance = Chance::of(|| u32::MAX);
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next(UNREACHED, &mut chance);
        }
        assert_eq!(backoff.reset(), 5);
        assert_eq!(backoff.next(UNREACHED, &mut chance), UNREACHED.first);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn chance_is_not_always_the_same() {
        let mut chance = Chance::system();
        let waits: Vec<Duration> = (0..8)
            .map(|_| chance.between(Duration::ZERO, Duration::from_secs(1)))
            .collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
