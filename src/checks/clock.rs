//! Is the host's time right, measured against the control plane's, and is anything keeping it right?
//!
//! The witness is the Date of any HTTP answer, even of a peer that is not trusted; no clock is ever set from it. The time
//! servers of this host's configuration are asked as well, beside everything else: where Date and NTP disagree, both are
//! reported, and the finding says whose clock is off. A diagnosis waits for them only where the Date leaves something open.

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesOrdered;

use super::{Check, Decision, Facts, Judgement, Known, health};
use crate::host::{Exchange, Host, Seen, TimeServer, TimeSync};
use crate::model::{Code, Finding, spoken_duration};

pub(super) mod keeping;
mod offset;
mod witness;

pub use offset::Offset;
use witness::Witness;

const SKEW: Code = Code::from_static("clock.skew");
const DRIFT: Code = Code::from_static("clock.drift");
const UNSYNCHRONIZED: Code = Code::from_static("clock.unsynchronized");

/// Further away than this, certificates that were just made are refused.
const SKEWED: TimeDelta = TimeDelta::minutes(5);
/// Further away than this is worth a warning.
const DRIFTED: TimeDelta = TimeDelta::seconds(30);

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    time_sync: Seen<TimeSync>,
    witnesses: Vec<Witness>,
    /// Servers that were asked, and had not answered when nothing depended on it any more.
    unheard: Vec<TimeServer>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "clock";
    const CODES: &'static [Code] = &[SKEW, DRIFT, UNSYNCHRONIZED];
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&[]);

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let time_sync = host.time_sync(()).await;
        let servers: Vec<_> = time_sync
            .as_ref()
            .map(|sync| sync.servers.iter().take(witness::MOST).cloned().collect())
            .unwrap_or_default();
        // Why nothing keeps the clock, the servers know best.
        let unkept = matches!(&time_sync, Ok(sync) if keeping::judge(sync, &[]).is_some());
        let mut asked: FuturesOrdered<_> = servers
            .iter()
            .map(|server| witness::ask(host, server))
            .collect();
        let mut witnesses = Vec::new();
        let mut enough = std::pin::pin!(async {
            let later = known.later.facts().await;
            if unkept || !agrees(&later) {
                std::future::pending::<()>().await;
            }
        });
        loop {
            tokio::select! {
                biased;
                witness = asked.next() => match witness {
                    Some(witness) => witnesses.push(witness),
                    None => break,
                },
                () = &mut enough => break,
            }
        }
        drop(asked);
        witnesses.retain(Witness::is_heard);
        let heard = |server: &TimeServer| witnesses.iter().any(|it| it.server == *server);
        Evidence {
            unheard: servers.iter().filter(|it| !heard(it)).cloned().collect(),
            time_sync,
            witnesses,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let answer = known.get::<health::Answer>();
        let offset = answer.and_then(|answer| Offset::of(&answer.exchange));
        let mut judgement = match (answer, offset) {
            (Some(answer), Some(offset)) => {
                facts.publish(offset);
                compared(offset, &answer.exchange, &evidence.witnesses)
            }
            (answer, _) => not_compared(answer.is_some(), &evidence),
        };
        match &evidence.time_sync {
            Ok(sync) => {
                judgement
                    .findings
                    .extend(keeping::judge(sync, &evidence.witnesses));
                noted(judgement, sync, &evidence)
            }
            Err(unseen) => judgement.note(
                "time synchronization",
                format!("whether it is on could not be asked: {unseen}"),
            ),
        }
    }
}

/// Those of the time servers that this host is told to follow which answer, and could be followed.
pub(super) async fn answering(host: &dyn Host, sync: &TimeSync) -> Vec<String> {
    let asked = sync.servers.iter().take(witness::MOST);
    let heard = join_all(asked.map(|server| witness::ask(host, server))).await;
    let usable = heard.iter().filter(|witness| witness.why_not().is_none());
    usable.map(Witness::name).collect()
}

/// Whether the control plane's Date is there, and says that nothing is wrong.
fn agrees(facts: &Facts) -> bool {
    let answer = facts.get::<health::Answer>();
    let offset = answer.and_then(|answer| Offset::of(&answer.exchange));
    offset.is_some_and(|offset| offset.least() <= DRIFTED)
}

/// What every witness said, where no finding has it as evidence.
fn noted(mut judgement: Judgement, sync: &TimeSync, evidence: &Evidence) -> Judgement {
    if judgement.findings.is_empty() {
        judgement.notes.extend(keeping::chrony(sync));
        let facts = evidence.witnesses.iter().map(Witness::fact);
        judgement.notes.extend(facts);
    }
    for server in &evidence.unheard {
        judgement = judgement.note(
            format!("NTP {}", server.name),
            "had not answered when all else was known, and was not waited for",
        );
    }
    match sync.supplied {
        true => judgement.note("time synchronization", "supplied by the lab"),
        false => judgement,
    }
}

fn compared(offset: Offset, exchange: &Exchange, witnesses: &[Witness]) -> Judgement {
    let words = offset.words();
    let code = match offset.least() {
        least if least > SKEWED => SKEW,
        least if least > DRIFTED => DRIFT,
        _ => {
            let judgement = Judgement::pass().note(
                "clock",
                format!("{words}; a Date header is exact to 1 s"),
            );
            return disagreeing(judgement, offset, witnesses);
        }
    };
    let round_trip = exchange.received_at - exchange.sent_at;
    let mut detail =
        format!("The host's clock is {words}, by the Date header of the answer to GET /health.");
    if let Some(verdict) = witness::verdict(witnesses, offset) {
        detail = format!("{detail} {verdict}");
    }
    Finding::new(code, detail)
        .saw("Date", exchange.header("date").unwrap_or_default())
        .saw("host's clock when asked", exchange.sent_at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string())
        .saw(
            "round trip",
            spoken_duration(round_trip.to_std().unwrap_or_default()),
        )
        .saw_all(witnesses.iter().map(Witness::fact))
        .into()
}

/// Host and control plane agree: a time server that does not is worth a line.
fn disagreeing(mut judgement: Judgement, offset: Offset, witnesses: &[Witness]) -> Judgement {
    for witness in witnesses {
        if witness.side(offset) == Some(witness::Side::Neither) {
            judgement = judgement.note(
                "disagreement",
                format!(
                    "the time server {} tells another time than this host and the control plane, which agree; as soon as it is followed, they will not",
                    witness.name()
                ),
            );
        }
    }
    judgement
}

/// Without a Date, NTP is the only witness of the true time: the servers themselves, or the kernel's clock that follows them.
fn not_compared(answered: bool, evidence: &Evidence) -> Judgement {
    let why = if answered {
        "the control plane's answer has no usable Date header"
    } else {
        "no HTTP answer came that could tell the control plane's time"
    };
    let told: Vec<_> = evidence
        .witnesses
        .iter()
        .filter_map(|witness| Some((witness, witness.offset()?)))
        .collect();
    let apart = |a: &Offset, b: &Offset| a.gap(b) > DRIFTED;
    let contradicted = told
        .iter()
        .any(|(_, one)| told.iter().any(|(_, other)| apart(one, other)));
    match told.first() {
        _ if contradicted => Judgement::unknown(format!(
            "whether the host's time is right is not known: {why}, and the time servers contradict one another"
        )),
        Some((witness, offset)) => by_ntp(witness, *offset, why),
        None => by_kernel(&evidence.time_sync, why),
    }
}

fn by_ntp(witness: &Witness, offset: Offset, why: &str) -> Judgement {
    let words = offset.words_against(&format!("the time server {}", witness.name()));
    let code = match offset.least() {
        least if least > SKEWED => SKEW,
        least if least > DRIFTED => DRIFT,
        _ => return Judgement::pass().note("clock", format!("{words}; not compared with the control plane: {why}")),
    };
    let detail = format!("The host's clock is {words}. The control plane's own time is not known: {why}.");
    let fact = witness.fact();
    Finding::new(code, detail).saw(fact.what, fact.value).into()
}

fn by_kernel(sync: &Seen<TimeSync>, why: &str) -> Judgement {
    match sync {
        Ok(sync) if sync.synchronized == Some(true) && sync.enabled != Some(false) => {
            Judgement::pass().note(
                "clock",
                format!("synchronized by NTP; not compared with the control plane: {why}"),
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

#[cfg(test)]
mod tests;
