//! The lab's time: the system's, shifted. A control plane an hour ahead, or a year later, without waiting for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock; its copies are the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds ahead of the system's clock.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that is `ahead` of the system's; behind it, when negative.
    pub fn ahead_by(ahead: TimeDelta) -> Self {
        let clock = Self::default();
        clock.shift(ahead);
        clock
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Sets it forward, or back.
    pub fn shift(&self, by: TimeDelta) {
        self.ahead
            .fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}
