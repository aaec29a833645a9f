//! How far two clocks are apart: an interval, never a number, so that neither latency nor resolution counts as skew.

use chrono::{DateTime, TimeDelta, Utc};

use crate::host::Exchange;
use crate::model::spoken_duration;

/// The resolution of the Date header (RFC 9110, section 5.6.7).
const RESOLUTION: TimeDelta = TimeDelta::seconds(1);

/// The control plane's time minus the host's, as an interval: positive means that the host is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// At least this.
    pub low: TimeDelta,
    /// At most this.
    pub high: TimeDelta,
}

impl Offset {
    /// From an answer: it was written between asking and hearing, at some moment of the second that its Date names.
    ///
    /// What a cache kept is older by its Age. Nothing if there is no Date, or the host's clock was set back meanwhile.
    pub fn of(exchange: &Exchange) -> Option<Self> {
        let date = DateTime::parse_from_rfc2822(exchange.header("date")?.trim()).ok()?;
        let age: u32 = exchange
            .header("age")
            .and_then(|age| age.trim().parse().ok())
            .unwrap_or(0);
        let resolution = if age > 0 { RESOLUTION * 2 } else { RESOLUTION };
        let written = date
            .to_utc()
            .checked_add_signed(TimeDelta::seconds(age.into()))?;
        (exchange.sent_at <= exchange.received_at).then(|| Self {
            low: written - exchange.received_at,
            high: written - exchange.sent_at + resolution,
        })
    }

    /// The true time at a moment of the host's clock: not before, and not after.
    pub fn true_time(&self, host: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let clamp = |moment: Option<DateTime<Utc>>| moment.unwrap_or(host);
        (
            clamp(host.checked_add_signed(self.low)),
            clamp(host.checked_add_signed(self.high)),
        )
    }

    /// How far the clocks are apart at least.
    pub(super) fn least(&self) -> TimeDelta {
        self.low.max(-self.high).max(TimeDelta::zero())
    }

    /// `10 min behind the control plane, ±0.6 s`; `level with the control plane, ±0.6 s`
    /// where no difference shows.
    pub fn words(&self) -> String {
        self.words_against("the control plane")
    }

    /// The same, against another clock than the control plane's.
    pub(super) fn words_against(&self, whom: &str) -> String {
        let middle = self.low + (self.high - self.low) / 2;
        let direction = if middle >= TimeDelta::zero() {
            "behind"
        } else {
            "ahead of"
        };
        let (half, away) = (seconds((self.high - self.low) / 2), seconds(middle.abs()));
        // What is known to a millisecond is told in milliseconds.
        let fine = half < 0.05 && away < 0.05;
        let bound = match half < 0.05 {
            true => format!("{:.1} ms", half * 1e3),
            false => format!("{half:.1} s"),
        };
        let away = match fine {
            true => format!("{:.1} ms", away * 1e3),
            false => span(middle.abs()),
        };
        match away.strip_prefix("0.0 ") {
            Some(_) => format!("level with {whom}, ±{bound}"),
            None => format!("{away} {direction} {whom}, ±{bound}"),
        }
    }

    /// How far two clocks are apart at least, by what each is away from the host's.
    pub(super) fn gap(&self, other: &Self) -> TimeDelta {
        let apart = (self.low - other.high).max(other.low - self.high);
        apart.max(TimeDelta::zero())
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

/// `10 min`, `2 h 3 min`, `12 days`, `0.3 s`.
fn span(exact: TimeDelta) -> String {
    // To the nearest second: 599.9 s are 10 minutes, to whoever reads minutes.
    let span = match exact < TimeDelta::minutes(1) {
        true => exact,
        false => exact + TimeDelta::milliseconds(500),
    };
    let whole = TimeDelta::seconds(span.num_seconds());
    match whole < TimeDelta::minutes(1) {
        true => format!("{:.1} s", seconds(exact)),
        false => spoken_duration(whole.to_std().unwrap_or_default()),
    }
}
