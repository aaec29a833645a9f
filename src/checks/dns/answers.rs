//! What several nameservers' answers about one name come to.
//!
//! An answer beats NXDOMAIN and NODATA, these beat SERVFAIL and REFUSED, and those beat silence.

use std::net::IpAddr;

use crate::host::{DnsQuestion, DnsReply, RecordType, Seen, Unseen};
use crate::model::Fact;

/// One nameserver's answer to one question.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) question: DnsQuestion,
    pub(super) reply: Seen<DnsReply>,
}

/// All that was answered about one candidate for the name.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) answers: Vec<Answer>,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has these addresses.
    Addresses(Vec<IpAddr>),
    /// It does not exist.
    NotFound,
    /// It exists and has no address.
    NoAddress,
    /// Nameservers answered, and none of them could say.
    ServerFailure,
    /// None answered.
    Silence,
    /// It could not be asked (a name that DNS cannot hold, a question that is not in the recording).
    NotAsked(String),
}

/// One answer, sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    NotAsked,
    Silence,
    Failure,
    NotFound,
    Empty,
    Addresses,
}

pub(super) fn rank(reply: &Seen<DnsReply>) -> Rank {
    match reply {
        Ok(reply) if !reply.addresses.is_empty() => Rank::Addresses,
        Ok(reply) => match reply.code.as_str() {
            "NOERROR" => Rank::Empty,
            "NXDOMAIN" => Rank::NotFound,
            _ => Rank::Failure,
        },
        // What is no DNS answer at all is a nameserver's failure; an unreachable nameserver is silent.
        Err(Unseen::Malformed { .. }) => Rank::Failure,
        Err(Unseen::NotRecorded | Unseen::Unsupported { .. }) => Rank::NotAsked,
        Err(_) => Rank::Silence,
    }
}

impl Candidate {
    /// What the nameservers' answers come to.
    pub(super) fn outcome(&self) -> Outcome {
        let addresses = self.addresses();
        if !addresses.is_empty() {
            return Outcome::Addresses(addresses);
        }
        // A name without an IPv4 address may have an IPv6 one that nobody could tell: both types have to be denied.
        let worst = [RecordType::A, RecordType::Aaaa]
            .map(|record| self.best(record))
            .into_iter()
            .min();
        let best = self.answers.iter().map(|answer| rank(&answer.reply)).max();
        match (best, worst) {
            (Some(Rank::NotFound), _) => Outcome::NotFound,
            (_, Some(Rank::Empty)) => Outcome::NoAddress,
            (Some(Rank::Empty), Some(Rank::NotFound)) => Outcome::NoAddress,
            (_, Some(Rank::Failure)) => Outcome::ServerFailure,
            (_, Some(Rank::Silence)) if best == Some(Rank::Failure) => Outcome::ServerFailure,
            (_, Some(Rank::Silence)) => Outcome::Silence,
            _ => Outcome::NotAsked(self.why_not_asked()),
        }
    }

    /// Addresses of all nameservers, each once, in the order in which they were told.
    fn addresses(&self) -> Vec<IpAddr> {
        let mut all = Vec::new();
        for reply in self
            .answers
            .iter()
            .filter_map(|answer| answer.reply.as_ref().ok())
        {
            for address in &reply.addresses {
                if !all.contains(address) {
                    all.push(*address);
                }
            }
        }
        all
    }

    /// The best answer for a type of record.
    pub(super) fn best(&self, record: RecordType) -> Rank {
        let of_type = self
            .answers
            .iter()
            .filter(|answer| answer.question.record == record);
        of_type
            .map(|answer| rank(&answer.reply))
            .max()
            .unwrap_or(Rank::NotAsked)
    }

    fn why_not_asked(&self) -> String {
        let why = self
            .answers
            .iter()
            .find_map(|answer| answer.reply.as_ref().err());
        why.map_or_else(|| "nobody was asked".to_owned(), ToString::to_string)
    }
}

/// A reply in a few words, for evidence.
pub(super) fn words(reply: &Seen<DnsReply>) -> String {
    match reply {
        Err(unseen) => unseen.to_string(),
        Ok(reply) => {
            let said = match reply.addresses.as_slice() {
                [] if reply.code == "NOERROR" => "no such record".to_owned(),
                [] => reply.code.clone(),
                addresses => list(addresses),
            };
            let aliases = match reply.aliases.as_slice() {
                [] => String::new(),
                aliases => format!(" by way of {}", aliases.join(", ")),
            };
            format!("{said}{aliases} ({:.1} ms)", reply.duration_ms)
        }
    }
}

/// Addresses, one after the other; a long list is cut short.
pub(super) fn list(addresses: &[IpAddr]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = addresses
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = addresses.len().saturating_sub(SHOWN);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The order in which to try addresses (RFC 8305, section 4): IPv6 first, then in turns; each once.
pub(super) fn interleave(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let of_family = |v6: bool| {
        addresses
            .iter()
            .copied()
            .filter(move |ip| ip.is_ipv6() == v6)
    };
    let (mut six, mut four) = (of_family(true), of_family(false));
    let mut ordered = Vec::new();
    loop {
        let (a, b) = (six.next(), four.next());
        if a.is_none() && b.is_none() {
            return ordered;
        }
        for address in a.into_iter().chain(b) {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
}

/// Who was asked for what, and what the answer was.
pub(super) fn answers(candidates: &[Candidate]) -> Vec<Fact> {
    let all = candidates.iter().flat_map(|candidate| &candidate.answers);
    all.map(|answer| Fact {
        what: format!(
            "{} {} from {}",
            answer.question.name,
            record(answer.question.record),
            answer.question.server
        ),
        value: words(&answer.reply),
    })
    .collect()
}

pub(super) const fn record(record: RecordType) -> &'static str {
    match record {
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
    }
}

/// Each nameserver and what it said, in a sentence; where A and AAAA got the same answer, it is said once.
pub(super) fn said_by(candidate: &Candidate) -> String {
    let mut said: Vec<String> = Vec::new();
    for answer in &candidate.answers {
        let server = answer.question.server;
        let sentence = match &answer.reply {
            Ok(reply) if reply.code == "NOERROR" => format!("{server} has no such record"),
            Ok(reply) => format!("{server} answered {}", reply.code),
            Err(Unseen::TimedOut { .. }) => format!("{server} did not answer"),
            Err(unseen) => format!("{server}: {unseen}"),
        };
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said.join("; ")
}
