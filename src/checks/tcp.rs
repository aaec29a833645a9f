//! Does the port open, on any of the name's addresses, and on all of them?
//!
//! The host races the addresses as RFC 8305 says and keeps the winner's connection for the handshake.

use std::net::SocketAddr;
use std::time::Duration;

use super::proxy::{self, Way};
use super::{Check, Facts, Judgement, Known, config, dns};
use crate::host::{Attempt, ConnectQuestion, Host, Race, Unseen};
use crate::model::{Code, Fact, Finding, Placeholder, format_duration};

const REFUSED: Code = Code::from_static("tcp.refused");
const TIMEOUT: Code = Code::from_static("tcp.timeout");
const UNREACHABLE: Code = Code::from_static("tcp.unreachable");
const PARTIAL: Code = Code::from_static("tcp.partial");

/// Addresses to which a connection opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The one that won; its connection is kept by the host.
    pub winner: SocketAddr,
    /// All that work, the winner first.
    pub working: Vec<SocketAddr>,
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
    /// `tcp.reset` comes later: a connection that opens and is reset before any byte shows in the handshake.
    const CODES: &'static [Code] = &[REFUSED, TIMEOUT, UNREACHABLE, PARTIAL];

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
                judgement.note("connected to", winner.to_string())
            }
            // Reached only where `proxy` was left out: whether a proxy's port opens is for it to judge.
            None if evidence.way.proxy().is_some() => {
                Judgement::unknown("the proxy's port does not open")
            }
            None => evidence.way.direct_alone(seen.none(&name)),
        }
    }
}

/// What is asked for these addresses; everybody asks it in the same words, so that one connection is made.
pub(super) fn question(resolved: &dns::Resolved, port: u16) -> ConnectQuestion {
    let addresses = resolved.addresses.iter();
    ConnectQuestion {
        addresses: addresses.map(|ip| SocketAddr::new(*ip, port)).collect(),
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
        let detail = format!(
            "{} of {} addresses of `{name}` work; {}. {}",
            self.working().len(),
            self.working().len() + failed.len(),
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
                    "There is no way to `{name}`, port {port}: {}.",
                    self.reasons()
                ),
            ),
        };
        let finding = Finding::new(code, detail)
            .saw_all(self.facts())
            .value(Placeholder::Host, name)
            .value(Placeholder::Port, port.to_string())
            .value(Placeholder::Address, attempt.address.ip().to_string());
        self.with_routeless(finding.into())
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
        let family = if first.address.is_ipv6() {
            "IPv6"
        } else {
            "IPv4"
        };
        judgement.note(
            format!("no {family} here"),
            format!(
                "{} of the name's addresses are not counted",
                self.routeless.len()
            ),
        )
    }
}

/// How an attempt failed; the first says most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    Refused,
    TimedOut,
    Unreachable,
}

impl Failure {
    /// What was not seen for another reason (not tried, not recorded) is no failure of the network.
    const fn of(unseen: &Unseen) -> Option<Self> {
        match unseen {
            // A host that resets while the connection opens is up, and has nothing there for us.
            Unseen::Refused | Unseen::Reset | Unseen::Closed => Some(Self::Refused),
            Unseen::TimedOut { .. } => Some(Self::TimedOut),
            Unseen::Unreachable { .. } | Unseen::Denied => Some(Self::Unreachable),
            _ => None,
        }
    }

    fn words(self, attempt: &Attempt) -> String {
        match (self, &attempt.outcome) {
            (Self::Refused, _) => "refuses".to_owned(),
            (Self::TimedOut, _) => format!("did not answer within {}", waited(attempt)),
            (Self::Unreachable, Err(Unseen::Unreachable { error })) => {
                format!("is unreachable ({error})")
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
    format_duration(match attempt.outcome {
        Err(Unseen::TimedOut { after_ms }) if after_ms > 0 => Duration::from_millis(after_ms),
        _ => Duration::try_from_secs_f64(attempt.duration_ms / 1e3).unwrap_or_default(),
    })
}

/// What an operating system's error means for the way to the host.
fn meaning(error: &str) -> &'static str {
    match error {
        "EACCES" | "EPERM" => {
            "this host's own firewall or routing forbids it, or a router on the way does"
        }
        "EINVAL" => "this host's own routing discards it",
        "EHOSTUNREACH" => {
            "a router on the way, or this host's routing, says that the host cannot be reached"
        }
        "ENETUNREACH" => "this host has no route to that network",
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
    match (silent, one_family) {
        (false, _) => "The agent notices at once and takes the next address.",
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
