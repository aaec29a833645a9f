//! Whether anything keeps the host's clock right: what systemd, the kernel and chrony say, and what is wrong with the sources.

use super::UNSYNCHRONIZED;
use super::witness::Witness;
use crate::host::TimeSync;
use crate::model::{Case, Fact, Finding, excerpt};

/// Off, or on and without a source. Something that systemd does not manage (a hypervisor, another daemon) may keep the
/// time as well: where no service could be switched on and the kernel's clock is disciplined, nothing is wrong.
pub(super) fn judge(sync: &TimeSync, witnesses: &[Witness]) -> Option<Finding> {
    let property = |name: &str| sync.properties.get(name).map(String::as_str);
    // It has a source, and says of the clock itself how wrong it is.
    if is_slewed(sync) {
        return None;
    }
    let manageable = property("CanNTP") != Some("no") && property("Container").is_none();
    let (case, detail) = match (sync.enabled, sync.synchronized) {
        (Some(false), Some(true)) if !manageable => return None,
        // Who keeps the time where there is no service manager, nobody can say; the kernel's word alone is no fault.
        (None, Some(false)) => return None,
        (Some(false), Some(true)) => (
            Case::Off,
            "Time synchronization is switched off: the clock is right for now, and nothing keeps it so.".to_owned(),
        ),
        (Some(false), _) => (Case::Off, format!(
            "Time synchronization is switched off: the clock drifts.{}",
            property("Hypervisor").map_or_else(String::new, |helper| format!(
                " {helper} runs, and has not set the clock so that the kernel counts it as synchronized."
            ))
        )),
        (_, Some(false)) => (Case::NoSource, format!(
            "Time synchronization is on{} and has no source: {}.",
            sync.keeper
                .as_deref()
                .map_or_else(String::new, |keeper| format!(" ({})", excerpt(keeper))),
            sources(sync, witnesses)
        )),
        _ => return None,
    };
    let shown: Vec<_> = ["NTP", "NTPSynchronized", "CanNTP"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", property(name)?)))
        .collect();
    let mut finding = Finding::new(UNSYNCHRONIZED, detail).case(case);
    if case == Case::NoSource {
        // It is on: nothing on this host makes a source answer.
        finding = finding.beyond_repair();
    }
    if !shown.is_empty() {
        let teller = match (property("W32Time"), property("TimedTeller")) {
            (Some(_), _) => "Windows Time",
            (None, Some(teller)) => teller,
            (None, None) => "timedatectl",
        };
        finding = finding.saw(teller, shown.join(" "));
    }
    Some(finding.saw_all(chrony(sync)).saw_all(witnesses.iter().map(Witness::fact)))
}

/// What is wrong with the sources, as far as it is seen from here.
fn sources(sync: &TimeSync, witnesses: &[Witness]) -> String {
    if sync.servers.is_empty() && sync.keeper.is_some() {
        return "no time server is configured on this host, and those that its program comes with have not answered it"
            .to_owned();
    }
    let mut wrong: Vec<String> = Vec::new();
    for witness in witnesses {
        wrong.push(match witness.why_not() {
            Some(why) => format!("{} {why}", witness.name()),
            None => format!("{} answers here, and is not followed yet", witness.name()),
        });
    }
    match wrong.is_empty() {
        true => "the clock is not synchronized".to_owned(),
        false => wrong.join("; "),
    }
}

/// How far a clock may be from its source so that chrony still tells the kernel that it is synchronized, in seconds
/// (`MAX_SYNC_ERROR` in its `sys_timex.c`).
const FAR: f64 = 10.0;

/// Whether chrony follows a source from which the clock is so far that the kernel does not count it as synchronized: unless it
/// is told to step, it makes up for a difference slowly, for hours where it is minutes.
pub(in crate::checks) fn is_slewed(sync: &TimeSync) -> bool {
    let told = sync.properties.get("chronyc");
    let tracking = told.and_then(|told| told.lines().next());
    let fields: Vec<&str> = tracking.unwrap_or_default().split(',').collect();
    match fields.as_slice() {
        [_, _, _, _, correction, .., leap] if fields.len() == 14 => {
            let far = correction.parse::<f64>().is_ok_and(|it| it.abs() >= FAR);
            far && *leap != "Not synchronised"
        }
        _ => false,
    }
}

/// What chrony says of itself, as `chronyc -c -n -m tracking sources` prints it: one line of tracking, one for each source.
pub(super) fn chrony(sync: &TimeSync) -> Vec<Fact> {
    let Some(told) = sync.properties.get("chronyc") else {
        return Vec::new();
    };
    let mut facts = Vec::new();
    for line in told.lines().take(32) {
        let fields: Vec<&str> = line.split(',').collect();
        match fields.as_slice() {
            // chronyc(1), "tracking": id, name, stratum, reference time, correction, last offset, …, leap status.
            [_, name, stratum, _, correction, .., dispersion, _, leap] if fields.len() == 14 => facts.push(Fact {
                what: "chrony".into(),
                value: match *leap {
                    "Not synchronised" => "not synchronized".to_owned(),
                    _ => format!(
                        "follows {} (stratum {}); this host's clock is corrected by {} s, root dispersion {} s",
                        excerpt(name), excerpt(stratum), excerpt(correction), excerpt(dispersion)
                    ),
                },
            }),
            // "sources": mode, state, name, stratum, poll, reach (octal), last answer, offsets and bound.
            [mode @ ("^" | "=" | "#"), state, name, stratum, _, reach, ..] if fields.len() == 10 => facts.push(Fact {
                what: format!("chrony's source {}", excerpt(name)),
                value: format!(
                    "{}, {} of the last 8 questions answered, stratum {}{}",
                    state_words(state),
                    u8::from_str_radix(reach, 8).map_or(0, u8::count_ones),
                    excerpt(stratum),
                    if *mode == "#" { ", a clock of this machine" } else { "" },
                ),
            }),
            _ if facts.is_empty() => facts.push(Fact {
                what: "chronyc".into(),
                value: excerpt(line),
            }),
            _ => {}
        }
    }
    facts
}

fn state_words(state: &str) -> &'static str {
    match state {
        "*" => "followed",
        "+" => "combined with others",
        "-" => "not combined",
        "x" => "found false by the others",
        "~" => "too variable",
        _ => "not usable",
    }
}
