//! Do the configured nameservers agree about a name, and if not, what does the agent notice of it?
//!
//! They are compared for each type of record of which anybody knows an address (where nobody does, for both), by what the answer comes to: addresses, no such record, no such name, a
//! failure (whatever its code), silence. Where these differ, they disagree. Two that give addresses agree as soon as they
//! have one in common: the order and the share of a longer list differ from one answer to the next, and mean nothing.
//! One that could not be asked says nothing. One that is silent is waited for like all the others while nobody knows the
//! name; once somebody does, it only gets the door's short grace (`host/live/grace.rs`), and what it says after that is
//! not heard. So how long it was silent is told beside it.
//!
//! A resolver, Go's and the system's alike, asks the nameservers in their order. It goes on to the next only from one that
//! fails or is silent; "no such name" and "no such record" it takes for the last word.

use std::net::IpAddr;
use std::time::Duration;

use super::answers::{Answer, Candidate, Rank, rank, record, words};
use super::files::ResolvConf;
use crate::host::{RecordType, Unseen};
use crate::model::spoken_duration;

/// That nameservers disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disagreement {
    /// The first one that says something else than the best.
    pub(super) odd: IpAddr,
    /// Who says what, in a sentence.
    pub(super) detail: String,
    /// What the agent notices of it, in a sentence; nothing if that is nothing.
    pub(super) noticed: String,
}

/// Compares all that was answered about a name.
pub(super) fn disagreement(candidate: &Candidate, conf: &ResolvConf) -> Option<Disagreement> {
    let types = [RecordType::A, RecordType::Aaaa];
    let known = types.map(|record| candidate.best(record) == Rank::Addresses);
    // Who has no IPv6 address has nothing to say of one: some nameservers refuse what others answer with "none".
    let matters = |i: usize| known[i] || known == [false; 2];
    let (best, odd) = types
        .into_iter()
        .enumerate()
        .filter(|(i, _)| matters(*i))
        .map(|(_, record)| record)
        .find_map(|record| differing(candidate, record))?;
    let said = |answer: &Answer| format!("{} says {}", answer.question.server, in_words(answer));
    Some(Disagreement {
        odd: odd.question.server,
        detail: format!(
            "Asked for `{}` ({}), {}, and {}.",
            candidate.name,
            record(odd.question.record),
            said(best),
            said(odd),
        ),
        noticed: noticed(candidate, conf),
    })
}

/// The best answer of a type, and the first that differs from it.
fn differing(candidate: &Candidate, record: RecordType) -> Option<(&Answer, &Answer)> {
    let asked = || {
        let of_type = candidate.answers.iter().filter(move |answer| answer.question.record == record);
        of_type.filter(|answer| rank(&answer.reply) != Rank::NotAsked)
    };
    // Of several that are equally good, the one that the agent asks first.
    let best = asked().reduce(|best, other| {
        if rank(&other.reply) > rank(&best.reply) { other } else { best }
    })?;
    let odd = asked().find(|answer| !agree(best, answer))?;
    Some((best, odd))
}

fn agree(one: &Answer, other: &Answer) -> bool {
    match (rank(&one.reply), rank(&other.reply)) {
        (Rank::Addresses, Rank::Addresses) => {
            addresses(one).any(|address| addresses(other).any(|same| same == address))
        }
        (first, second) => first == second,
    }
}

fn addresses(answer: &Answer) -> impl Iterator<Item = IpAddr> {
    let reply = answer.reply.iter();
    reply.flat_map(|reply| reply.addresses.iter().copied())
}

fn in_words(answer: &Answer) -> String {
    match &answer.reply {
        Ok(reply) if !reply.addresses.is_empty() => super::answers::list(&reply.addresses),
        Ok(reply) if reply.code == "NOERROR" => "that there is no such record".to_owned(),
        Ok(reply) => reply.code.clone(),
        Err(Unseen::TimedOut { after_ms }) => format!(
            "nothing within {}",
            spoken_duration(Duration::from_millis(*after_ms))
        ),
        Err(_) => format!("nothing: {}", words(&answer.reply)),
    }
}

/// What a resolver that asks in the configured order comes to.
fn noticed(candidate: &Candidate, conf: &ResolvConf) -> String {
    if conf.rotate {
        return "The agent begins with another one each time (`options rotate`): what it gets changes from lookup to lookup."
            .to_owned();
    }
    let ends = [RecordType::A, RecordType::Aaaa].map(|record| resolve(candidate, record, conf.timeout));
    // Both types are asked for at once, and both have to end.
    let waits = ends.iter().map(|end| end.waits).max().unwrap_or_default();
    let by = |wanted| ends.iter().find(|end| end.rank == wanted).and_then(|end| end.by);
    let known = candidate.answers.iter().any(|answer| rank(&answer.reply) == Rank::Addresses);
    let denied = by(Rank::NotFound).or_else(|| by(Rank::Empty));
    match (by(Rank::Addresses), denied) {
        (Some((i, server)), _) => answered(server, i, waits),
        (None, Some((_, server))) if known => format!(
            "The agent asks {server} before those that know the name, takes its word and asks no other: for the agent the name does not resolve."
        ),
        _ => String::new(),
    }
}

/// How a resolver's question for one type of record ends.
struct End {
    rank: Rank,
    /// Whose word it takes, and how many it has asked in vain before.
    by: Option<(usize, IpAddr)>,
    waits: Duration,
}

fn resolve(candidate: &Candidate, record: RecordType, timeout: Duration) -> End {
    let mut waits = Duration::ZERO;
    let of_type = candidate.answers.iter().filter(|answer| answer.question.record == record);
    for (i, answer) in of_type.enumerate() {
        let rank = rank(&answer.reply);
        if rank >= Rank::NotFound {
            let by = Some((i, answer.question.server));
            return End { rank, by, waits };
        }
        if matches!(answer.reply, Err(Unseen::TimedOut { .. })) {
            waits += timeout;
        }
    }
    End { rank: Rank::Silence, by: None, waits }
}

fn answered(server: IpAddr, before: usize, waits: Duration) -> String {
    match (before, waits) {
        (_, Duration::ZERO) if before > 0 => {
            format!("The agent goes on at once from what fails to {server}, which answers.")
        }
        (_, Duration::ZERO) => {
            format!("The agent asks {server} first and takes its answer: it notices on the day that this one does not answer.")
        }
        _ => format!(
            "At every lookup the agent waits for what is silent, up to {}, before it has the answer of {server}.",
            spoken_duration(waits)
        ),
    }
}
