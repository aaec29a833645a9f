//! Is the host's time right, measured against the control plane's, and is anything keeping it right?
//!
//! The witness is the Date of any HTTP answer, even of a peer that is not trusted; no clock is ever set from it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Decision, Facts, Judgement, Known, health};
use crate::host::{Exchange, Host, Seen, TimeSync};
use crate::model::{Code, Finding};

const SKEW: Code = Code::from_static("clock.skew");
const DRIFT: Code = Code::from_static("clock.drift");
const UNSYNCHRONIZED: Code = Code::from_static("clock.unsynchronized");

/// Further away than this, certificates that were just made are refused.
const SKEWED: TimeDelta = TimeDelta::minutes(5);
/// Further away than this is worth a warning.
const DRIFTED: TimeDelta = TimeDelta::seconds(30);
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
    fn least(&self) -> TimeDelta {
        self.low.max(-self.high).max(TimeDelta::zero())
    }

    /// `10 min 0 s behind the control plane, ±0.6 s`.
    pub fn words(&self) -> String {
        let middle = self.low + (self.high - self.low) / 2;
        let half = seconds((self.high - self.low) / 2);
        let direction = if middle >= TimeDelta::zero() {
            "behind"
        } else {
            "ahead of"
        };
        format!(
            "{} {direction} the control plane, ±{half:.1} s",
            span(middle.abs())
        )
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

/// `10 min 0 s`, `2 h 3 min`, `12 d 4 h`, `0.3 s`.
fn span(span: TimeDelta) -> String {
    let (days, hours, minutes, secs) = (
        span.num_days(),
        span.num_hours() % 24,
        span.num_minutes() % 60,
        span.num_seconds() % 60,
    );
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{:.1} s", seconds(span)),
        (0, 0, _) => format!("{minutes} min {secs} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    time_sync: Seen<TimeSync>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "clock";
    const CODES: &'static [Code] = &[SKEW, DRIFT, UNSYNCHRONIZED];
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&[]);

    async fn collect(&self, host: &dyn Host, _known: &Known) -> Evidence {
        Evidence {
            time_sync: host.time_sync(()).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let answer = known.get::<health::Answer>();
        let offset = answer.and_then(|answer| Offset::of(&answer.exchange));
        let mut judgement = match (answer, offset) {
            (Some(answer), Some(offset)) => {
                facts.publish(offset);
                compared(offset, &answer.exchange)
            }
            (answer, _) => not_compared(answer.is_some(), &evidence.time_sync),
        };
        match &evidence.time_sync {
            Ok(sync) => {
                judgement.findings.extend(unsynchronized(sync));
                if sync.supplied {
                    judgement = judgement.note("time synchronisation", "supplied by the lab");
                }
                judgement
            }
            Err(unseen) => judgement.note(
                "time synchronisation",
                format!("whether it is on could not be asked: {unseen}"),
            ),
        }
    }
}

fn compared(offset: Offset, exchange: &Exchange) -> Judgement {
    let words = offset.words();
    let code = match offset.least() {
        least if least > SKEWED => SKEW,
        least if least > DRIFTED => DRIFT,
        _ => {
            return Judgement::pass().note(
                "clock",
                format!("{words} (the resolution of a Date header is 1 s)"),
            );
        }
    };
    let round_trip = exchange.received_at - exchange.sent_at;
    Finding::new(
        code,
        format!("The host's clock is {words}, by the Date header of the answer to GET /health."),
    )
    .saw("Date", exchange.header("date").unwrap_or_default())
    .saw("host's clock when asked", exchange.sent_at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string())
    .saw(
        "round trip",
        format!("{} ms", round_trip.num_milliseconds()),
    )
    .into()
}

/// Without a Date, NTP is the only witness of the true time: where it answers, the clock follows it.
fn not_compared(answered: bool, sync: &Seen<TimeSync>) -> Judgement {
    let why = if answered {
        "the control plane's answer has no usable Date header"
    } else {
        "no HTTP answer came that could tell the control plane's time"
    };
    match sync {
        Ok(sync) if sync.enabled == Some(true) && sync.synchronized == Some(true) => {
            Judgement::pass().note(
                "clock",
                format!("synchronised by NTP; not compared with the control plane: {why}"),
            )
        }
        _ => Judgement {
            decision: Decision::Unknown(format!(
                "whether the host's time is right is not known: {why}, and NTP does not vouch for it"
            )),
            ..Judgement::default()
        },
    }
}

/// Off, or on and without a source. Something that systemd does not manage (a hypervisor, another daemon) may keep the
/// time as well: where no service could be switched on and the kernel's clock is disciplined, nothing is wrong.
fn unsynchronized(sync: &TimeSync) -> Option<Finding> {
    let manageable = sync.properties.get("CanNTP").is_none_or(|can| can != "no");
    let detail = match (sync.enabled, sync.synchronized) {
        (Some(false), Some(true)) if !manageable => return None,
        (Some(false), Some(true)) => {
            "Time synchronisation is switched off: the clock is right for now, and nothing keeps it so."
        }
        (Some(false), _) => "Time synchronisation is switched off: the clock drifts.",
        (_, Some(false)) => {
            "Time synchronisation is on and has no source: the clock is not synchronised."
        }
        _ => return None,
    };
    let shown = ["NTP", "NTPSynchronized", "CanNTP"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", sync.properties.get(name)?)));
    let shown: Vec<_> = shown.collect();
    let finding = Finding::new(UNSYNCHRONIZED, detail);
    Some(if shown.is_empty() {
        finding
    } else {
        finding.saw("timedatectl", shown.join(" "))
    })
}

#[cfg(test)]
mod tests;
