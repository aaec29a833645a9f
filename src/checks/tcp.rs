//! Does the port open, on any of the name's addresses, and on all of them?
//!
//! The host races the addresses as RFC 8305 says and keeps the winner's connection for the handshake. That a connection
//! which opened is reset before a byte comes back only the handshake can see: `tls` hands that finding to this check.

use std::net::SocketAddr;
use std::time::Duration;

use super::proxy::{self, Way};
use super::{Check, Facts, Judgement, Known, config, dns};
use crate::host::{Attempt, ConnectQuestion, FROM_A_ROUTER, Host, Race, Unseen};
use crate::model::{Code, Fact, Finding, Placeholder, spoken_duration};

const REFUSED: Code = Code::from_static("tcp.refused");
const TIMEOUT: Code = Code::from_static("tcp.timeout");
const UNREACHABLE: Code = Code::from_static("tcp.unreachable");
pub(super) const RESET: Code = Code::from_static("tcp.reset");
const PARTIAL: Code = Code::from_static("tcp.partial");

/// Addresses to which a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The one that won; its connection is kept by the host.
    pub winner: SocketAddr,
    /// All that work, the winner first.
    pub working: Vec<SocketAddr>,
}

impl Connected {
    /// The first that works of the family that did not win.
    pub(super) fn of_other_family(&self) -> Option<SocketAddr> {
        let mut working = self.working.iter();
        let other = working.find(|address| address.is_ipv6() != self.winner.is_ipv6());
        other.copied()
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    way: Way,
    race: Option<Race>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "tcp";
    const CODES: &'static [Code] = &[REFUSED, TIMEOUT, UNREACHABLE, RESET, PARTIAL];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let way = proxy::of_agent(host, known).await;
        let control_plane = config::told(known).control_plane;
        let (Some(control_plane), Some(resolved)) = (control_plane, known.get::<dns::Resolved>())
        else {
            return Evidence { way, race: None };
        };
        let question = question(resolved, way.peer(&control_plane).1);
        Evidence {
            way,
            race: Some(host.connect(question).await),
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let Some(race) = evidence.race.filter(|race| !race.attempts.is_empty()) else {
            return Judgement::unknown(
                "no connection was tried, because no address of the control plane is known",
            );
        };
        let name = config::told(known)
            .control_plane
            .map_or_else(String::new, |control_plane| {
                evidence.way.peer(&control_plane).0
            });
        let seen = Attempts::of(&race);
        match race.winner {
            Some(winner) => {
                let mut working = seen.working();
                working.retain(|address| *address != winner);
                working.insert(0, winner);
                let judgement = seen.partial(&name);
                facts.publish(Connected { winner, working });
                judgement.note("connected to", with_family(winner))
            }
            // Reached only where `proxy` was left out: whether a proxy's port opens is for it to judge.
            None if evidence.way.proxy().is_some() => {
                Judgement::unknown("the proxy's port does not open")
            }
            None => evidence.way.direct_alone(seen.none(&name)),
        }
    }
}

/// A connection that opened, and was reset before a byte came back.
pub(super) fn reset(address: SocketAddr, name: &str) -> Finding {
    Finding::new(RESET, reset_detail(address))
        .saw(
            with_family(address),
            "opened, then reset without an answer to the first TLS message",
        )
        .value(Placeholder::Host, name)
        .value(Placeholder::Port, address.port().to_string())
        .value(Placeholder::Address, address.ip().to_string())
}

/// An address of the other family that opened, and of which the handshake shows that it does not work all the same.
pub(super) fn other_family_fails(
    winner: SocketAddr,
    other: SocketAddr,
    why: &str,
    name: &str,
) -> Finding {
    let (this, that) = (family(winner), family(other));
    let detail = format!(
        "Over {this}, {winner} works. Over {that} a connection opens too, and that is all: {why} The agent fails whenever it begins with {that}, because it does not change the family once a connection is open."
    );
    Finding::new(PARTIAL, detail)
        .saw(with_family(winner), "completes the TLS handshake")
        .value(Placeholder::Host, name)
        .value(Placeholder::Address, other.ip().to_string())
}

pub(super) fn reset_detail(address: SocketAddr) -> String {
    format!(
        "{address} opened the connection and reset it before a single byte came back: something that stands before the control plane cuts it off, or what listens on the port does."
    )
}

/// What is asked for these addresses; everybody asks it in the same words, so that one connection is made.
pub(super) fn question(resolved: &dns::Resolved, port: u16) -> ConnectQuestion {
    ConnectQuestion {
        addresses: resolved.at(port),
    }
}

/// The attempts that count.
struct Attempts<'a> {
    /// Of families that this host has a route for; all, if it has none for any.
    counting: Vec<&'a Attempt>,
    /// Of the others.
    routeless: Vec<&'a Attempt>,
}

impl<'a> Attempts<'a> {
    fn of(race: &'a Race) -> Self {
        let (routeless, counting): (Vec<_>, Vec<_>) = race
            .attempts
            .iter()
            .partition(|attempt| has_no_route(race, attempt.address.is_ipv6()));
        if counting.is_empty() {
            return Self {
                counting: routeless,
                routeless: counting,
            };
        }
        Self {
            counting,
            routeless,
        }
    }

    fn working(&self) -> Vec<SocketAddr> {
        let working = self
            .counting
            .iter()
            .filter(|attempt| attempt.outcome.is_ok());
        working.map(|attempt| attempt.address).collect()
    }

    fn failed(&self) -> impl Iterator<Item = (&'a Attempt, Failure)> {
        self.counting
            .iter()
            .filter_map(|attempt| Some((*attempt, Failure::of(attempt.outcome.as_ref().err()?)?)))
    }

    /// One works: do the others?
    fn partial(&self, name: &str) -> Judgement {
        let failed: Vec<_> = self.failed().collect();
        if failed.is_empty() {
            return self.with_routeless(Judgement::pass());
        }
        let which: Vec<_> = failed
            .iter()
            .map(|(attempt, failure)| format!("{} {}", attempt.address, failure.words(attempt)))
            .collect();
        let working = self.working().len();
        let detail = format!(
            "Of the {} addresses of `{name}`, {}; {}. {}",
            working + failed.len(),
            match working {
                1 => "one works".to_owned(),
                count => format!("{count} work"),
            },
            which.join("; "),
            consequence(&failed, &self.working())
        );
        let finding = Finding::new(PARTIAL, detail)
            .saw_all(self.facts())
            .value(Placeholder::Host, name)
            .value(Placeholder::Address, failed[0].0.address.ip().to_string());
        self.with_routeless(finding.into())
    }

    /// None works: which failure says most?
    fn none(&self, name: &str) -> Judgement {
        let Some(worst) = self.failed().map(|(_, failure)| failure).min() else {
            let why = self
                .counting
                .iter()
                .find_map(|attempt| attempt.outcome.as_ref().err());
            let why = why.map_or_else(|| "nothing was tried".to_owned(), ToString::to_string);
            return Judgement::unknown(format!("whether the port opens could not be seen: {why}"));
        };
        let Some((attempt, _)) = self.failed().find(|(_, failure)| *failure == worst) else {
            return Judgement::unknown("whether the port opens could not be seen");
        };
        let port = attempt.address.port();
        let (code, detail) = match worst {
            Failure::Reset => (RESET, reset_detail(attempt.address)),
            Failure::Refused => (
                REFUSED,
                format!(
                    "`{name}` is up and refuses connections to port {port}: nothing listens there, or a firewall rejects them."
                ),
            ),
            Failure::TimedOut => (
                TIMEOUT,
                format!(
                    "`{name}` did not answer on port {port} within {}: a firewall or a security group drops the packets, or the host is down.",
                    waited(attempt)
                ),
            ),
            Failure::Unreachable => (
                UNREACHABLE,
                format!(
                    "`{name}` cannot be reached on port {port}: {}.",
                    self.reasons()
                ),
            ),
        };
        let detail = format!("{detail}{}", self.by_family());
        let finding = Finding::new(code, detail)
            .saw_all(self.facts())
            .value(Placeholder::Host, name)
            .value(Placeholder::Port, port.to_string())
            .value(Placeholder::Address, attempt.address.ip().to_string());
        self.with_routeless(finding.into())
    }

    /// What each family does, where they do not do the same.
    fn by_family(&self) -> String {
        let worst = |ipv6: bool| {
            let of_family = self
                .failed()
                .filter(|(attempt, _)| attempt.address.is_ipv6() == ipv6);
            of_family.min_by_key(|(_, failure)| *failure)
        };
        match (worst(true), worst(false)) {
            (Some((six, of_six)), Some((four, of_four))) if of_six != of_four => format!(
                " The families differ: over IPv6 {} {}, over IPv4 {} {}.",
                six.address,
                of_six.words(six),
                four.address,
                of_four.words(four)
            ),
            _ => String::new(),
        }
    }

    fn reasons(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for attempt in &self.counting {
            if let Err(Unseen::Unreachable { error }) = &attempt.outcome {
                let reason = format!("{} ({error})", meaning(error));
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        reasons.join("; ")
    }

    fn facts(&self) -> Vec<Fact> {
        self.counting
            .iter()
            .map(|attempt| Fact {
                what: attempt.address.to_string(),
                value: match &attempt.outcome {
                    Ok(()) => format!("connected ({:.1} ms)", attempt.duration_ms),
                    Err(unseen) => unseen.to_string(),
                },
            })
            .collect()
    }

    fn with_routeless(&self, judgement: Judgement) -> Judgement {
        let Some(first) = self.routeless.first() else {
            return judgement;
        };
        let family = family(first.address);
        judgement.note(
            format!("no {family} here"),
            match self.routeless.len() {
                1 => "one of the name's addresses is not counted".to_owned(),
                count => format!("{count} of the name's addresses are not counted"),
            },
        )
    }
}

/// The name of an address's family.
pub(super) const fn family(address: SocketAddr) -> &'static str {
    match address {
        SocketAddr::V4(_) => "IPv4",
        SocketAddr::V6(_) => "IPv6",
    }
}

/// An address with the name of its family, for those who do not read it off the address.
pub(super) fn with_family(address: SocketAddr) -> String {
    format!("{address} ({})", family(address))
}

/// How an attempt failed; the first says most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    Reset,
    Refused,
    TimedOut,
    Unreachable,
}

impl Failure {
    /// What was not seen for another reason (not tried, not recorded) is no failure of the network.
    const fn of(unseen: &Unseen) -> Option<Self> {
        match unseen {
            // Connecting does not see a refusal as a reset: it had opened, and was reset before anybody looked.
            Unseen::Reset => Some(Self::Reset),
            Unseen::Refused | Unseen::Closed => Some(Self::Refused),
            Unseen::TimedOut { .. } => Some(Self::TimedOut),
            Unseen::Unreachable { .. } | Unseen::Denied => Some(Self::Unreachable),
            _ => None,
        }
    }

    fn words(self, attempt: &Attempt) -> String {
        match (self, &attempt.outcome) {
            (Self::Reset, _) => "opens and is reset at once".to_owned(),
            (Self::Refused, _) => "refuses".to_owned(),
            (Self::TimedOut, _) => format!("did not answer within {}", waited(attempt)),
            (Self::Unreachable, Err(Unseen::Unreachable { error })) => {
                format!("is unreachable, by {error}")
            }
            (Self::Unreachable, _) => "is unreachable".to_owned(),
        }
    }
}

/// No attempt of this family got further than this host itself.
fn has_no_route(race: &Race, ipv6: bool) -> bool {
    let of_family = race
        .attempts
        .iter()
        .filter(|attempt| attempt.address.is_ipv6() == ipv6);
    let stuck = |attempt: &Attempt| {
        matches!(&attempt.outcome, Err(Unseen::Unreachable { error })
            if matches!(error.as_str(), "ENETUNREACH" | "EADDRNOTAVAIL" | "EAFNOSUPPORT" | "ENETDOWN"))
    };
    let mut any = false;
    let all = of_family.inspect(|_| any = true).all(stuck);
    any && all
}

fn waited(attempt: &Attempt) -> String {
    spoken_duration(match attempt.outcome {
        Err(Unseen::TimedOut { after_ms }) if after_ms > 0 => Duration::from_millis(after_ms),
        _ => Duration::try_from_secs_f64(attempt.duration_ms / 1e3).unwrap_or_default(),
    })
}

/// What an operating system's error means for the way to the host.
fn meaning(error: &str) -> &'static str {
    match error {
        _ if error.ends_with(FROM_A_ROUTER) => {
            "a router on the way says that it has no route to that network"
        }
        "EACCES" | "EPERM" => {
            "this host's own firewall or routing forbids it, or a router on the way does"
        }
        "EINVAL" => "this host's own routing discards it",
        "EHOSTUNREACH" => {
            "a router on the way, or this host's routing, says that the host cannot be reached"
        }
        "ENETUNREACH" => "this host has no route to that network",
        "ENOPROTOOPT" => "a router on the way, or the host, says that it takes no TCP",
        "ENETDOWN" => "this host's network is down",
        "EADDRNOTAVAIL" | "EAFNOSUPPORT" => "this host has no address of that family",
        _ => "the network says so",
    }
}

/// What the agent makes of it (Go's dialer): families are raced with 300 ms between them, addresses of a family are
/// tried one after the other and share the time.
fn consequence(failed: &[(&Attempt, Failure)], working: &[SocketAddr]) -> &'static str {
    let silent = failed
        .iter()
        .any(|(_, failure)| *failure == Failure::TimedOut);
    let one_family = failed.iter().all(|(attempt, _)| {
        working
            .iter()
            .all(|address| address.is_ipv6() != attempt.address.is_ipv6())
    });
    if failed.iter().any(|(_, failure)| *failure == Failure::Reset) {
        return "The agent fails whenever it begins with one that is reset: it does not go on to another once a connection is open.";
    }
    let ipv6_works = working.iter().any(SocketAddr::is_ipv6);
    match (silent, one_family) {
        (false, _) => "The agent notices at once and takes the next address.",
        (true, true) if ipv6_works => {
            "The agent prefers IPv6 as a rule, and then does not notice; where it begins with IPv4, it tries the other family after 300 ms."
        }
        (true, true) => {
            "The agent tries the other family after 300 ms: each of its connections may begin that much later."
        }
        (true, false) => {
            "The agent tries addresses of a family one after the other: a connection that begins with a dead one hangs until it gives up."
        }
    }
}

#[cfg(test)]
mod tests;
