//! The time of a line: the first one that stands before its words, in any of the forms that logs use.
//!
//! Where the zone is written, or is UTC by definition (epochs, the journal), the time is told in UTC; where it is not, as it stands,
//! without an offset. A form without a year gets the newest year in which the line is not of the future.

use std::cmp::Ordering;
use std::fmt;

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat,
    TimeDelta, Utc,
};
use serde_json::{Map, Value};

use super::json::field;

/// A prefix is not longer.
const PREFIX: usize = 200;
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// When a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// A point in time.
    Utc(DateTime<Utc>),
    /// What a clock showed in a zone that the line does not tell.
    Local(NaiveDateTime),
}

impl Stamp {
    /// For order alone: a time without a zone is taken for UTC.
    fn order(&self) -> NaiveDateTime {
        match self {
            Self::Utc(time) => time.naive_utc(),
            Self::Local(time) => *time,
        }
    }

    pub(super) fn from_micros(micros: i64) -> Option<Self> {
        // Nothing was logged before there were clocks that count so.
        let micros = (micros >= 0).then_some(micros)?;
        DateTime::from_timestamp_micros(micros).map(Self::Utc)
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Stamp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for Stamp {
    /// RFC 3339, in UTC; without an offset where the zone is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utc(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Local(time) => time.format("%Y-%m-%dT%H:%M:%S%.f").fmt(f),
        }
    }
}

/// The first time that the text begins with, or has in its prefix. `newest` is when the log was written at the latest.
pub(super) fn find(text: &str, newest: DateTime<Utc>) -> Option<Stamp> {
    let bytes = &text.as_bytes()[..text.len().min(PREFIX)];
    let mut boundary = true;
    for at in 0..bytes.len() {
        let byte = bytes[at];
        if boundary && byte.is_ascii_alphanumeric() {
            let rest = Scan { rest: &bytes[at..] };
            let found = rest
                .iso()
                .or_else(|| rest.by_month(newest))
                .or_else(|| rest.day_first())
                .or_else(|| rest.klog(newest))
                .or_else(|| is_value(&bytes[..at]).then(|| rest.epoch()).flatten());
            if found.is_some() {
                return found;
            }
        }
        boundary = !byte.is_ascii_alphanumeric();
    }
    None
}

/// The time that an object of JSON tells.
pub(super) fn of_object(fields: &Map<String, Value>, newest: DateTime<Utc>) -> Option<Stamp> {
    const NAMES: [&str; 12] = [
        "__REALTIME_TIMESTAMP",
        "time",
        "ts",
        "timestamp",
        "@timestamp",
        "@t",
        "t",
        "datetime",
        "date",
        "asctime",
        "eventtime",
        "timecreated",
    ];
    NAMES.iter().find_map(|name| match field(fields, name)? {
        Value::String(text) if *name == "__REALTIME_TIMESTAMP" => {
            Stamp::from_micros(text.parse().ok()?)
        }
        Value::String(text) => find(text, newest),
        Value::Number(number) => epoch(number.as_f64()?),
        _ => None,
    })
}

/// Whether what comes next is a value of its own, and not a number within words.
fn is_value(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"[").unwrap_or(before);
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    before.is_empty()
        || [&b"ts="[..], b"time=", b"timestamp=", b"ts\":", b"time\":"]
            .iter()
            .any(|name| before.ends_with(name))
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, whichever is of this age.
fn epoch(number: f64) -> Option<Stamp> {
    const FROM: f64 = 946_684_800.0; // 2000
    const TO: f64 = 4_102_444_800.0; // 2100
    [1.0, 1e3, 1e6, 1e9].into_iter().find_map(|unit| {
        let seconds = number / unit;
        let millis = (seconds * 1e3).round();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range above is far within an i64"
        )]
        let time = DateTime::from_timestamp_millis(millis as i64).map(Stamp::Utc);
        (FROM..TO).contains(&seconds).then_some(time).flatten()
    })
}

/// Reads forms of a time, each from the same beginning.
#[derive(Clone, Copy)]
struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let count = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if !digits.contains(&count) {
            return None;
        }
        let text = std::str::from_utf8(&self.rest[..count]).ok()?;
        self.rest = &self.rest[count..];
        text.parse().ok()
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let first = *self.rest.first()?;
        if !bytes.contains(&first) {
            return None;
        }
        self.rest = &self.rest[1..];
        Some(first)
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn month(&mut self) -> Option<u32> {
        let name = self.rest.get(..3)?.to_ascii_lowercase();
        let at = MONTHS.iter().position(|month| month.as_bytes() == name)?;
        self.rest = &self.rest[3..];
        u32::try_from(at + 1).ok()
    }

    /// `20:50:00`, with a fraction after a dot or a comma.
    fn clock(&mut self) -> Option<NaiveTime> {
        let hour = self.number(1..=2)?;
        self.one_of(b":")?;
        let minute = self.number(2..=2)?;
        self.one_of(b":")?;
        let second = self.number(2..=2)?;
        let mut nanos = 0;
        let mut fraction = *self;
        if fraction.one_of(b".,").is_some() {
            let digits = fraction
                .rest
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if digits > 0 {
                for place in 0..9 {
                    let digit = fraction.rest[..digits].get(place).map_or(0, |b| b - b'0');
                    nanos = nanos * 10 + u32::from(digit);
                }
                fraction.rest = &fraction.rest[digits..];
                *self = fraction;
            }
        }
        // A leap second is the last one of its minute for this purpose.
        NaiveTime::from_hms_nano_opt(hour, minute, second.min(59), nanos)
    }

    /// `Z`, `UTC`, `+01:00`, `-0700`, `+01`.
    fn zone(&mut self) -> Option<FixedOffset> {
        let mut scan = *self;
        scan.blanks();
        for name in [&b"utc"[..], b"gmt", b"z"] {
            let Some(head) = scan.rest.get(..name.len()) else {
                continue;
            };
            let ends = !scan
                .rest
                .get(name.len())
                .is_some_and(u8::is_ascii_alphanumeric);
            if head.eq_ignore_ascii_case(name) && ends {
                self.rest = &scan.rest[name.len()..];
                return FixedOffset::east_opt(0);
            }
        }
        let sign = scan.one_of(b"+-")?;
        let digits = scan.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (hours, minutes) = match digits {
            4 => {
                let both = scan.number(4..=4)?;
                (both / 100, both % 100)
            }
            2 => {
                let hours = scan.number(2..=2)?;
                let minutes = scan.one_of(b":").and_then(|_| scan.number(2..=2));
                (hours, minutes.unwrap_or(0))
            }
            _ => return None,
        };
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        let offset = FixedOffset::east_opt(if sign == b'-' { -seconds } else { seconds })?;
        *self = scan;
        Some(offset)
    }

    fn stamp(mut self, date: NaiveDate, time: NaiveTime) -> Option<Stamp> {
        let local = date.and_time(time);
        match self.zone() {
            Some(offset) => Some(Stamp::Utc((local - offset).and_utc())),
            None => Some(Stamp::Local(local)),
        }
    }

    /// `2026-11-23T20:50:00.123+01:00`, `2026/11/23 20:50:00`, `2026-11-23 20:50:00,123`, `20261123T205000Z`.
    fn iso(mut self) -> Option<Stamp> {
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 8 && self.rest.get(8) == Some(&b'T') {
            return self.basic();
        }
        let year = self.number(4..=4)?;
        let separator = self.one_of(b"-/.")?;
        let month = self.number(2..=2)?;
        self.one_of(&[separator])?;
        let day = self.number(2..=2)?;
        self.one_of(b"Tt _")?;
        let time = self.clock()?;
        self.stamp(date(year, month, day)?, time)
    }

    fn basic(mut self) -> Option<Stamp> {
        let day = self.number(8..=8)?;
        self.one_of(b"T")?;
        let clock = self.number(6..=6)?;
        let time = NaiveTime::from_hms_opt(clock / 10_000, clock / 100 % 100, clock % 100)?;
        self.stamp(date(day / 10_000, day / 100 % 100, day % 100)?, time)
    }

    /// `Nov 23 20:50:00`, `Nov 3 2026 20:50:00`, `Nov 23 20:50:00 2026`, `Nov 23 20:50:00 UTC 2026`.
    fn by_month(mut self, newest: DateTime<Utc>) -> Option<Stamp> {
        let month = self.month()?;
        self.blanks();
        let day = self.number(1..=2)?;
        self.one_of(b",");
        self.blanks();
        let mut with_year = self;
        let year = with_year.number(4..=4);
        if year.is_some() {
            self = with_year;
            self.blanks();
        }
        let time = self.clock()?;
        if let Some(year) = year {
            return self.stamp(date(year, month, day)?, time);
        }
        let mut after = self;
        let zone = after.zone();
        after.blanks();
        match after.number(4..=4) {
            Some(year) => {
                let local = date(year, month, day)?.and_time(time);
                Some(zone.map_or(Stamp::Local(local), |offset| {
                    Stamp::Utc((local - offset).and_utc())
                }))
            }
            None => without_year(month, day, time, newest).map(Stamp::Local),
        }
    }

    /// `23/Nov/2026:20:50:00 +0000`, `23 Nov 2026 20:50:00 GMT`.
    fn day_first(mut self) -> Option<Stamp> {
        let day = self.number(1..=2)?;
        let separator = self.one_of(b"/ -")?;
        let month = self.month()?;
        self.one_of(&[separator])?;
        let year = self.number(4..=4)?;
        self.one_of(b": ")?;
        let time = self.clock()?;
        self.stamp(date(year, month, day)?, time)
    }

    /// `E1123 20:50:00.123456`.
    fn klog(mut self, newest: DateTime<Utc>) -> Option<Stamp> {
        self.one_of(b"IWEF")?;
        let day = self.number(4..=4)?;
        self.one_of(b" ")?;
        let time = self.clock()?;
        without_year(day / 100, day % 100, time, newest).map(Stamp::Local)
    }

    /// `1763900000`, `1763900000.123456`, `1763900000123`.
    fn epoch(self) -> Option<Stamp> {
        let end = self
            .rest
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
        let text = std::str::from_utf8(&self.rest[..end]).ok()?;
        let text = text.trim_end_matches('.');
        (text.len() >= 10).then_some(())?;
        epoch(text.parse().ok()?)
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// The newest year in which this is not after the log's end; whatever the zone, that is at most a day off.
fn without_year(
    month: u32,
    day: u32,
    time: NaiveTime,
    newest: DateTime<Utc>,
) -> Option<NaiveDateTime> {
    let limit = newest.naive_utc() + TimeDelta::days(1);
    let year = limit.year();
    // The 29th of February comes every eight years at the worst.
    (year - 8..=year).rev().find_map(|year| {
        let time = NaiveDate::from_ymd_opt(year, month, day)?.and_time(time);
        (time <= limit).then_some(time)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest() -> DateTime<Utc> {
        "2026-11-24T08:00:00Z".parse().unwrap_or_default()
    }

    fn found(text: &str) -> Option<String> {
        find(text, newest()).map(|stamp| stamp.to_string())
    }

    #[test]
    fn every_form_of_a_time() {
        for (text, time) in [
            ("2026-11-23T20:50:00Z FATAL", "2026-11-23T20:50:00Z"),
            (
                "2026-11-23T21:50:00.123456+01:00 h x: y",
                "2026-11-23T20:50:00.123456Z",
            ),
            ("2026-11-23 20:50:00,123 ERROR x", "2026-11-23T20:50:00.123"),
            ("2026-11-23 20:50:00 -0700 x", "2026-11-24T03:50:00Z"),
            ("2026/11/23 20:50:00 FATAL", "2026-11-23T20:50:00"),
            ("2026/11/23 20:50:00.000001 x", "2026-11-23T20:50:00.000001"),
            ("20261123T205000Z x", "2026-11-23T20:50:00Z"),
            (
                "<134>1 2026-11-23T20:50:00Z host app 1 - - x",
                "2026-11-23T20:50:00Z",
            ),
            ("Nov 23 20:50:00 host app[1]: x", "2026-11-23T20:50:00"),
            ("<13>Nov  3 20:50:00 host app[1]: x", "2026-11-03T20:50:00"),
            ("Dec 31 23:59:59 host app[1]: x", "2025-12-31T23:59:59"),
            ("Feb 29 00:00:00 host app[1]: x", "2024-02-29T00:00:00"),
            ("Mon 2026-11-23 20:50:00 UTC host x", "2026-11-23T20:50:00Z"),
            ("Mon Nov 23 20:50:00 2026 x", "2026-11-23T20:50:00"),
            ("Mon Nov 23 20:50:00 UTC 2026 x", "2026-11-23T20:50:00Z"),
            ("[23/Nov/2026:20:50:00 +0000] x", "2026-11-23T20:50:00Z"),
            ("Mon, 23 Nov 2026 20:50:00 GMT x", "2026-11-23T20:50:00Z"),
            (
                "E1123 20:50:00.123456  12 f.go:1] x",
                "2026-11-23T20:50:00.123456",
            ),
            ("1763900000.5 host x", "2025-11-23T12:13:20.500Z"),
            ("[1763900000] x", "2025-11-23T12:13:20Z"),
            (
                "level=error ts=1763900000123 msg=x",
                "2025-11-23T12:13:20.123Z",
            ),
            (
                "level=error time=\"2026-11-23T20:50:00Z\" msg=x",
                "2026-11-23T20:50:00Z",
            ),
        ] {
            assert_eq!(found(text).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "FATAL: x",
            "[   12.345678] usb 1-1: x",
            "2026-13-45T20:50:00Z",
            "Feb 30 00:00:00 x",
            "Nov 99",
            "version 1763900000 of x",
            "E9999 99:99:99",
            "99999999T999999",
            "2026-11-23",
            "😀 2026",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
