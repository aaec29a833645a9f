//! Where the time went: a line for each question, by when it was asked and how long its answer took.
//!
//! What was asked of the network and of programs stands open, what was looked up on the machine itself is folded: it is
//! much, and mostly quick.

use std::time::Duration;

use maud::{Markup, html};

use super::graph::units;
use super::text;
use crate::model::{Layer, Reply, Report, Timing, spoken_duration};

/// So many questions of a list at most.
const MOST: usize = 300;
/// The breadth of a bar's picture; it is stretched to what the page has.
const BREADTH: f64 = 1000.0;
/// What can be seen of the shortest answer.
const LEAST: f64 = 4.0;

/// All of it, or nothing where nothing was timed.
pub(super) fn times(report: &Report) -> Markup {
    let (local, asked): (Vec<&Timing>, Vec<&Timing>) = report
        .timings
        .iter()
        .partition(|timing| timing.layer == Layer::Local);
    let scale = Scale::of(&report.timings);
    html! {
        @if !report.timings.is_empty() {
            section aria-labelledby="times" {
                h2 id="times" { "Where the time went" }
                (summary(report, scale))
                (table(&asked, scale, "Questions to the network and to programs of the host"))
                @if !local.is_empty() {
                    details {
                        summary { "Files, users and other things of the machine itself " span.count { (local.len()) } }
                        (table(&local, scale, "Questions to the machine itself"))
                    }
                }
            }
        }
    }
}

fn summary(report: &Report, scale: Scale) -> Markup {
    let layers = Layer::ALL.map(|layer| (layer, busy(&report.timings, layer)));
    let took = layers.iter().filter(|(_, took)| !took.is_zero());
    let slowest = report.timings.iter().max_by_key(|timing| timing.took);
    html! {
        @if let Some(slowest) = slowest {
            p {
                "The longest was " strong { (text::line(&slowest.what)) } ", with " (fine(slowest.took))
                @if scale.begins { " of the " (fine(scale.whole)) " that all of it took" } "."
            }
        }
        ul.layers {
            @for (layer, took) in took {
                li { span.swatch.(paint(*layer)) aria-hidden="true" {} (name(*layer)) " " strong { (fine(*took)) } }
            }
        }
        @if !scale.begins {
            p { "The recording does not say when each question was asked: the lengths can be compared, the places cannot." }
        }
    }
}

/// The class by which the page paints a layer.
fn paint(layer: Layer) -> String {
    format!("layer-{}", layer.as_str())
}

/// For people.
const fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Dns => "DNS",
        Layer::Tcp => "TCP",
        Layer::Proxy => "proxy",
        Layer::Tls => "TLS",
        Layer::Http => "HTTP",
        Layer::Ntp => "NTP",
        Layer::Command => "commands",
        Layer::Local => "this machine",
    }
}

fn table(timings: &[&Timing], scale: Scale, caption: &str) -> Markup {
    let shown = &timings[..timings.len().min(MOST)];
    html! {
        @if !shown.is_empty() {
            table.times {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { "Layer" }
                        th scope="col" { "Question and answer" }
                        th.number scope="col" { "Took" }
                        th scope="col" { "When" }
                    }
                }
                tbody { @for timing in shown { (row(timing, scale)) } }
            }
        }
        @if timings.len() > shown.len() {
            p { "And " (timings.len() - shown.len()) " more, which " code { "--format json" } " has." }
        }
    }
}

fn row(timing: &Timing, scale: Scale) -> Markup {
    let (class, reply) = match &timing.reply {
        Reply::Given(reply) => ("answer", reply),
        Reply::Failed(why) => ("answer failed", why),
    };
    let checks: Vec<&str> = timing.checks.iter().map(|check| check.as_str()).collect();
    html! {
        tr {
            td { span.swatch.(paint(timing.layer)) aria-hidden="true" {} (name(timing.layer)) }
            td {
                (text::line(&timing.what))
                span.reply {
                    @if !reply.is_empty() { span class=(class) { (text::line(reply)) } " \u{b7} " }
                    span.after { "for " (checks.join(", ")) }
                }
            }
            td.number { (fine(timing.took)) }
            td.when { (bar(timing, scale)) }
        }
    }
}

fn bar(timing: &Timing, scale: Scale) -> Markup {
    let (begin, length) = scale.place(timing);
    let class = match timing.reply {
        Reply::Given(_) => paint(timing.layer),
        Reply::Failed(_) => format!("{} failed", paint(timing.layer)),
    };
    let began = match timing.began {
        Some(began) => format!("after {}", fine(began)),
        None => String::new(),
    };
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="1000" height="10" {}
            rect class=(class) x=(units(begin)) y="0" width=(units(length)) height="10" {}
        }
        span.began { (began) }
    }
}

/// What the bars are measured by.
#[derive(Debug, Clone, Copy)]
struct Scale {
    whole: Duration,
    /// Whether it is known when questions were asked.
    begins: bool,
}

impl Scale {
    fn of(timings: &[Timing]) -> Self {
        let end = |timing: &Timing| timing.began.unwrap_or_default().saturating_add(timing.took);
        Self {
            whole: timings.iter().map(end).max().unwrap_or_default(),
            begins: timings.iter().any(|timing| timing.began.is_some()),
        }
    }

    /// Where a bar begins and how long it is.
    fn place(self, timing: &Timing) -> (f64, f64) {
        let share = |time: Duration| match self.whole.is_zero() {
            true => 0.0,
            false => time.as_secs_f64() / self.whole.as_secs_f64() * BREADTH,
        };
        let length = share(timing.took).clamp(LEAST, BREADTH);
        let begin = share(timing.began.unwrap_or_default());
        (begin.min(BREADTH - length), length)
    }
}

/// How long a layer was busy, what went on at the same time counted once where that is known.
fn busy(timings: &[Timing], layer: Layer) -> Duration {
    let mut spans: Vec<(Duration, Duration)> = Vec::new();
    let mut busy = Duration::ZERO;
    for timing in timings.iter().filter(|timing| timing.layer == layer) {
        match timing.began {
            Some(began) => spans.push((began, began.saturating_add(timing.took))),
            None => busy = busy.saturating_add(timing.took),
        }
    }
    spans.sort_unstable();
    let mut until = Duration::ZERO;
    for (begin, end) in spans {
        busy = busy.saturating_add(end.saturating_sub(begin.max(until)));
        until = until.max(end);
    }
    busy
}

/// A duration to the part of a millisecond that matters: `0.69 ms`, `12.3 ms`, `1.52 s`, `2 min 3 s`.
pub(super) fn fine(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ..0.995 => format!("{ms:.2} ms"),
        ..99.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        ..59_995.0 => format!("{:.2} s", ms / 1e3),
        _ => spoken_duration(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn timing(layer: Layer, began: Option<u32>, took: u32) -> Timing {
        Timing {
            layer,
            what: "it".into(),
            reply: Reply::Given(String::new()),
            began: began.map(|began| began * MS),
            took: took * MS,
            checks: Vec::new(),
        }
    }

    #[test]
    fn what_goes_on_at_the_same_time_counts_once() {
        let timings = [
            timing(Layer::Dns, Some(0), 20),
            timing(Layer::Dns, Some(10), 5),
            timing(Layer::Dns, Some(40), 10),
            timing(Layer::Tcp, Some(50), 50),
        ];
        assert_eq!(busy(&timings, Layer::Dns), 30 * MS);
        assert_eq!(Scale::of(&timings).place(&timings[3]), (500.0, 500.0));
    }

    #[test]
    fn a_bar_can_be_seen_and_stays_within() {
        let timings = [
            timing(Layer::Dns, Some(0), 60_000),
            timing(Layer::Tcp, Some(60_000), 0),
        ];
        assert_eq!(Scale::of(&timings).place(&timings[1]), (996.0, LEAST));
        let nothing = [timing(Layer::Dns, None, 0)];
        assert_eq!(Scale::of(&nothing).place(&nothing[0]), (0.0, LEAST));
        let endless = Timing {
            began: Some(Duration::MAX),
            took: Duration::MAX,
            ..timing(Layer::Dns, None, 0)
        };
        let (begin, length) = Scale::of(std::slice::from_ref(&endless)).place(&endless);
        assert!(begin >= 0.0 && begin + length <= BREADTH);
    }

    #[test]
    fn a_duration_is_told_as_finely_as_it_matters() {
        let told = [690, 12_340, 652_400, 999_700, 1_520_000, 123_000_000]
            .map(|us| fine(Duration::from_micros(us)));
        assert_eq!(
            told,
            [
                "0.69 ms",
                "12.3 ms",
                "652 ms",
                "1.00 s",
                "1.52 s",
                "2 min 3 s"
            ]
        );
    }
}
