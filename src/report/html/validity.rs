//! When certificates are valid, against the host's clock and the control plane's: in words, and as windows in time.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::graph::units;
use super::text;
use crate::model::{CertificateReport, Certificates, Clocks, spoken_duration};

/// What a moment is to a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The window has yet to begin.
    Before,
    /// It is open.
    Within,
    /// It is over.
    After,
}

/// A certificate's validity by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    host: DateTime<Utc>,
    /// By the control plane's clock, where it told the time, as near as that is known.
    control_plane: Option<DateTime<Utc>>,
}

impl Validity {
    pub(super) fn of(certificate: &CertificateReport, clocks: &Clocks) -> Self {
        Self {
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            host: clocks.host,
            control_plane: clocks
                .control_plane
                .map(|(earliest, latest)| earliest + (latest - earliest) / 2),
        }
    }

    fn side(&self, at: DateTime<Utc>) -> Side {
        match at {
            at if at < self.not_before => Side::Before,
            at if at > self.not_after => Side::After,
            _ => Side::Within,
        }
    }

    pub(super) fn is_wrong(&self) -> bool {
        let clocks = [Some(self.host), self.control_plane];
        clocks
            .into_iter()
            .flatten()
            .any(|at| self.side(at) != Side::Within)
    }

    pub(super) fn class(&self) -> &'static str {
        if self.is_wrong() {
            "valid problem"
        } else {
            "valid"
        }
    }

    /// In a sentence.
    pub(super) fn words(&self) -> String {
        let window = format!("{} to {}", day(self.not_before), day(self.not_after));
        let said = match self.control_plane {
            None => self.told(self.host, "this host's clock, which nothing confirms"),
            Some(at) if self.side(at) == self.side(self.host) => self.told(at, "both clocks"),
            Some(at) => {
                let by_host = self.told(self.host, "this host's clock");
                format!("{by_host}; {}", self.told(at, "the control plane's"))
            }
        };
        format!("{window}: {said}")
    }

    fn told(&self, at: DateTime<Utc>, whose: &str) -> String {
        match self.side(at) {
            Side::Before => format!(
                "not valid yet by {whose}, for another {}",
                span(self.not_before - at)
            ),
            Side::Within => format!("valid by {whose}, {} left", span(self.not_after - at)),
            Side::After => format!("expired by {whose}, {} ago", span(at - self.not_after)),
        }
    }
}

/// A window for each certificate, on a scale of its own: lives of certificates differ too much for one.
pub(super) fn windows(certificates: &Certificates) -> Markup {
    let chain = certificates.server.iter().flat_map(|chain| &chain.line);
    let all: Vec<&CertificateReport> = chain.chain(&certificates.agent).collect();
    let clocks = &certificates.clocks;
    html! {
        h3 { "When they are valid" }
        ul.clocks {
            li { span.swatch.host aria-hidden="true" {} "this host's clock: " (moment(clocks.host)) }
            li {
                span.swatch.plane aria-hidden="true" {}
                @match clocks.control_plane {
                    Some((earliest, latest)) => { "the control plane's clock: " (moment(earliest)) " to " (latest.format("%H:%M:%S")) }
                    None => { "the control plane's clock: it told no time" }
                }
            }
        }
        table.windows {
            caption { "Validity, each on its own scale" }
            thead { tr { th scope="col" { "Certificate" } th scope="col" { "Window" } } }
            tbody {
                @for certificate in all {
                    tr {
                        th scope="row" { (text::line(&certificate.subject)) }
                        td { (window(&Validity::of(certificate, clocks))) }
                    }
                }
            }
        }
    }
}

fn window(validity: &Validity) -> Markup {
    let scale = Scale::of(validity);
    let (from, to) = (
        scale.place(validity.not_before),
        scale.place(validity.not_after),
    );
    let class = if validity.is_wrong() {
        "span wrong"
    } else {
        "span"
    };
    html! {
        svg.window viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="7" width="1000" height="6" {}
            rect class=(class) x=(units(from)) y="4" width=(units((to - from).max(4.0))) height="12" {}
            @if let Some(at) = validity.control_plane {
                rect.plane x=(units(scale.place(at) - 4.0)) y="0" width="8" height="20" {}
            }
            rect.host x=(units(scale.place(validity.host) - 1.5)) y="0" width="3" height="20" {}
        }
        span class=(validity.class()) { (validity.words()) }
    }
}

/// From the first moment of a row to the last, with a little room on both sides.
struct Scale {
    first: DateTime<Utc>,
    seconds: f64,
}

impl Scale {
    fn of(validity: &Validity) -> Self {
        let ends = [
            Some(validity.not_before),
            Some(validity.not_after),
            Some(validity.host),
            validity.control_plane,
        ];
        let moments = || ends.into_iter().flatten();
        let first = moments().min().unwrap_or(validity.host);
        let last = moments().max().unwrap_or(validity.host);
        Self {
            first,
            seconds: seconds(last - first).max(1.0),
        }
    }

    fn place(&self, at: DateTime<Utc>) -> f64 {
        30.0 + seconds(at - self.first) / self.seconds * 940.0
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1e3
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-24 10:07:11 UTC`.
pub(super) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `396 days`, `12 years`, `3 h 5 min`.
fn span(span: TimeDelta) -> String {
    match span.num_days() {
        days @ 1096.. => format!("{} years", days / 365),
        days @ 2.. => format!("{days} days"),
        _ => spoken_duration(
            TimeDelta::seconds(span.num_seconds())
                .to_std()
                .unwrap_or_default(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn valid(host: i64, control_plane: Option<i64>) -> Validity {
        Validity {
            not_before: at(100),
            not_after: at(200),
            host: at(host),
            control_plane: control_plane.map(at),
        }
    }

    #[test]
    fn whose_clock_says_what_is_told() {
        let told = |validity: Validity| {
            let words = validity.words();
            let (_, said) = words.split_once(": ").unwrap_or_default();
            (said.to_owned(), validity.is_wrong())
        };
        assert_eq!(
            told(valid(150, Some(150))),
            ("valid by both clocks, 2 days left".into(), false)
        );
        assert_eq!(
            told(valid(90, Some(80))),
            (
                "not valid yet by both clocks, for another 20 h".into(),
                true
            )
        );
        assert_eq!(
            told(valid(90, Some(150))),
            ("not valid yet by this host's clock, for another 10 h; valid by the control plane's, 2 days left".into(), true)
        );
        assert_eq!(
            told(valid(248, None)),
            (
                "expired by this host's clock, which nothing confirms, 2 days ago".into(),
                true
            )
        );
    }

    #[test]
    fn every_moment_is_on_the_scale_however_far_the_clocks_are_apart() {
        for validity in [
            valid(150, None),
            valid(-1_000_000, Some(1_000_000)),
            valid(100, Some(100)),
        ] {
            let scale = Scale::of(&validity);
            let moments = [
                validity.not_before,
                validity.not_after,
                validity.host,
                validity.control_plane.unwrap_or(validity.host),
            ];
            for moment in moments {
                let place = scale.place(moment);
                assert!((4.0..=996.0).contains(&place), "{place}");
            }
        }
        let never = Validity {
            not_before: DateTime::<Utc>::MIN_UTC,
            not_after: DateTime::<Utc>::MAX_UTC,
            ..valid(0, None)
        };
        assert!(Scale::of(&never).place(never.not_after).is_finite());
    }
}
