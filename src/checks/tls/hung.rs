//! A handshake that hung: what it hung on, as far as that can be told.
//!
//! Packets of full size that get lost on the way while small ones pass (a path MTU that nobody is told of) are told by
//! comparison: the same handshake is tried again as it was, and with small packets. Only where it hung again and small
//! packets passed each time is it said to be so; where the comparison shows something else, or nothing, that is said.

use std::net::SocketAddr;
use std::time::Duration;

use crate::host::{Ending, Handshake, Hung, Trial};
use crate::model::{Fact, counted, spoken_duration};

/// What the comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Small packets pass, large ones do not.
    LargePacketsLost,
    /// Small packets passed, once.
    MaybeLargePacketsLost,
    /// Small packets make no difference.
    NotTheSize,
    /// Another connection like the first completed.
    ThisConnectionAlone,
    /// Nothing.
    Nothing,
}

fn shown(hung: &Hung, waited_ms: u64) -> Shown {
    let complete = |trial: &&Trial| trial.ended == Ok(Ending::Complete);
    // One that began when the time was nearly over has not hung.
    let hangs = |trial: &&Trial| {
        matches!(trial.ended, Ok(Ending::TimedOut { after_ms }) if after_ms >= waited_ms / 4)
    };
    let as_before = hung.trials.iter().find(|trial| trial.segment.is_none());
    let small: Vec<&Trial> = hung.trials.iter().filter(|trial| trial.segment.is_some()).collect();
    if as_before.as_ref().is_some_and(complete) {
        return Shown::ThisConnectionAlone;
    }
    match small.iter().copied().filter(|trial| complete(trial)).count() {
        0 if small.iter().any(&hangs) => Shown::NotTheSize,
        0 => Shown::Nothing,
        passed if as_before.as_ref().is_some_and(hangs) && passed > 1 && passed == small.len() => {
            Shown::LargePacketsLost
        }
        _ => Shown::MaybeLargePacketsLost,
    }
}

/// What hung, and on what, in sentences.
pub(super) fn detail(address: SocketAddr, handshake: &Handshake, after: Duration) -> String {
    let waited = spoken_duration(after);
    let what = match handshake.received {
        0 => format!("{address} accepted the connection and said nothing within {waited}."),
        bytes => format!(
            "{address} sent {} and then nothing within {waited}.",
            counted(bytes, "byte", "bytes")
        ),
    };
    let waited_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    let why = match &handshake.details.hung {
        Some(hung) => why(hung, shown(hung, waited_ms)),
        None => UNKNOWN.to_owned(),
    };
    format!("{what} {why}")
}

const UNKNOWN: &str = "Whether the service behind the port hangs, or large packets get lost on the way (an MTU that is too small somewhere, with ICMP filtered), could not be told.";

fn why(hung: &Hung, shown: Shown) -> String {
    let small = hung.trials.iter().find_map(|trial| trial.segment).unwrap_or_default();
    match shown {
        Shown::LargePacketsLost => format!(
            "Tried again as it was, it hung again; with packets of at most {small} bytes it was complete each time: full-sized packets get lost on the way, because its MTU is smaller somewhere and the ICMP messages that would say so are filtered."
        ),
        Shown::MaybeLargePacketsLost => format!(
            "With packets of at most {small} bytes a handshake was complete: full-sized packets may get lost on the way (an MTU that is too small somewhere, with ICMP filtered), which one success does not prove."
        ),
        Shown::NotTheSize => format!("With packets of at most {small} bytes it hung as well, so it is not their size. {}", arrival(hung)),
        Shown::ThisConnectionAlone => "Another connection to the same address, begun while this one hung, completed its handshake: the peer serves some and leaves others hanging, as a load balancer with a dead backend does, or is overloaded.".to_owned(),
        Shown::Nothing => format!("{UNKNOWN} {}", arrival(hung)),
    }
}

/// Whether the peer's system has what we sent.
fn arrival(hung: &Hung) -> String {
    match hung.sent {
        Some(sent) if sent.unacknowledged == 0 => {
            "The peer's system has acknowledged our message: what listens on the port does nothing with it.".to_owned()
        }
        Some(sent) => format!(
            "Our message was never acknowledged, though it was sent again {}: something on the way lets connections open and swallows what they carry, or the peer has more of them waiting than it takes.",
            times(sent.retransmissions)
        ),
        None => String::new(),
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// The comparison as evidence.
pub(super) fn facts(hung: &Hung) -> Vec<Fact> {
    let size = |segment: Option<u32>| match segment {
        Some(bytes) => format!("packets of at most {bytes} bytes"),
        None => "packets of full size".to_owned(),
    };
    let mut facts = vec![Fact {
        what: "first handshake".to_owned(),
        value: match hung.segment {
            Some(bytes) => format!("packets of up to {bytes} bytes: hung"),
            None => "packets of full size: hung".to_owned(),
        },
    }];
    facts.extend(hung.sent.map(|sent| Fact {
        what: "our message".to_owned(),
        value: match sent.unacknowledged {
            0 => "acknowledged by the peer's system".to_owned(),
            bytes => format!(
                "{bytes} bytes not acknowledged, sent again {}",
                times(sent.retransmissions)
            ),
        },
    }));
    facts.extend(hung.trials.iter().map(|trial| Fact {
        what: "tried again".to_owned(),
        value: format!("{}: {}", size(trial.segment), ended(trial)),
    }));
    facts
}

fn ended(trial: &Trial) -> String {
    match &trial.ended {
        Ok(Ending::Complete) => {
            let took = Duration::try_from_secs_f64(trial.duration_ms / 1e3);
            format!("complete after {}", spoken_duration(took.unwrap_or_default()))
        },
        Ok(Ending::TimedOut { after_ms }) => format!("not complete after {}", spoken_duration(Duration::from_millis(*after_ms))),
        Ok(other) => super::facts::ended_by(other),
        Err(unseen) => unseen.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Seen, Sent, Unseen};

    fn trial(segment: Option<u32>, ended: Seen<Ending>) -> Trial {
        Trial {
            segment,
            ended,
            duration_ms: 3.0,
        }
    }

    fn hangs() -> Seen<Ending> {
        Ok(Ending::TimedOut { after_ms: 2400 })
    }

    fn said(trials: Vec<Trial>, sent: Option<Sent>) -> String {
        let hung = Hung {
            segment: Some(1448),
            sent,
            trials,
        };
        assert!(facts(&hung).len() > hung.trials.len());
        why(&hung, shown(&hung, 5000))
    }

    const SMALL: Option<u32> = Some(536);
    const COMPLETE: Seen<Ending> = Ok(Ending::Complete);

    #[test]
    fn only_a_repeated_difference_is_proof() {
        let proof = [trial(None, hangs()), trial(SMALL, COMPLETE), trial(SMALL, COMPLETE)];
        assert!(said(proof.to_vec(), None).contains("full-sized packets get lost on the way"));
        for short in [
            vec![trial(None, hangs()), trial(SMALL, COMPLETE)],
            vec![trial(None, hangs()), trial(SMALL, COMPLETE), trial(SMALL, hangs())],
            vec![trial(None, Err(Unseen::Refused)), trial(SMALL, COMPLETE), trial(SMALL, COMPLETE)],
        ] {
            let said = said(short, None);
            assert!(said.contains("does not prove"), "{said}");
        }
    }

    #[test]
    fn what_speaks_against_it_is_said() {
        let some = vec![trial(None, COMPLETE), trial(SMALL, COMPLETE), trial(SMALL, COMPLETE)];
        assert!(said(some, None).contains("load balancer"));
        let neither = || vec![trial(None, hangs()), trial(SMALL, hangs())];
        let sent = |unacknowledged| Some(Sent { unacknowledged, retransmissions: 3 });
        assert!(said(neither(), sent(0)).contains("not their size. The peer's system has acknowledged"));
        assert!(said(neither(), sent(245)).contains("swallows"));
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let late = Ok(Ending::TimedOut { after_ms: 20 });
        for trials in [
            Vec::new(),
            vec![trial(None, hangs()), trial(SMALL, Err(Unseen::Refused))],
            vec![trial(None, hangs()), trial(SMALL, late)],
        ] {
            let said = said(trials, None);
            assert!(said.contains("could not be told"), "{said}");
        }
    }

    #[test]
    fn older_recordings_know_nothing_of_it() {
        let handshake: Handshake = serde_json::from_str(
            r#"{"ending":{"ending":"timed_out","after_ms":1000},"version":null,"cipher_suite":null,"chain":[],"key_proven":null,
                "client_certificate_requested":false,"received":0,"first_bytes":"","duration_ms":1000.5}"#,
        )
        .unwrap_or_else(|error| panic!("{error}"));
        let detail = detail(([10, 0, 0, 5], 8000).into(), &handshake, Duration::from_secs(1));
        assert!(detail.contains("said nothing within 1 s") && detail.contains("could not be told"));
    }
}
