//! What the time servers of this host's configuration say: who is asked, how an answer is read, and whose side it takes.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::offset::Offset;
use super::DRIFTED;
use crate::host::{Host, Leap, NtpQuestion, NtpReply, Seen, TimeServer, Unseen};
use crate::model::{Fact, excerpt};

/// As many servers are asked: enough to see one that is alone with what it says.
pub(super) const MOST: usize = 3;

/// `MAXDISP` of RFC 5905.
const MAX_DISTANCE_MS: f64 = 16_000.0;

/// A time server and what it said.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    /// Who names it, and where.
    pub(super) server: TimeServer,
    /// Where its name leads.
    address: Option<IpAddr>,
    /// What it said.
    reply: Seen<NtpReply>,
}

/// Asks one.
pub(super) async fn ask(host: &dyn Host, server: &TimeServer) -> Witness {
    let (address, reply) = match address(host, &server.name).await {
        Ok(address) => {
            let question = NtpQuestion { server: address };
            (Some(address), host.ntp(question).await)
        }
        Err(unseen) => (None, Err(unseen)),
    };
    Witness {
        server: server.clone(),
        address,
        reply,
    }
}

async fn address(host: &dyn Host, name: &str) -> Seen<IpAddr> {
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let addresses = host.lookup(name.to_owned()).await?;
    addresses.first().copied().ok_or(Unseen::Absent)
}

/// How far a server may be from the clock of reference (RFC 5905, section 11.2).
fn distance_ms(reply: &NtpReply) -> f64 {
    reply.root_delay_ms / 2.0 + reply.root_dispersion_ms
}

impl Witness {
    /// Whether it was heard at all: a recording has no answer of a server that was not waited for.
    pub(super) fn is_heard(&self) -> bool {
        self.reply != Err(Unseen::NotRecorded)
    }

    /// The server's time minus the host's: by the four timestamps, and by how far it may be from its own source.
    ///
    /// Nothing from a server that is not synchronised, or whose timestamps are none.
    pub(super) fn offset(&self) -> Option<Offset> {
        let reply = self.reply.as_ref().ok()?;
        let (received, transmitted) = (reply.received?, reply.transmitted?);
        if self.why_not().is_some() || transmitted < received || reply.received_at < reply.sent_at {
            return None;
        }
        let distance = TimeDelta::microseconds((distance_ms(reply) * 1e3) as i64);
        Some(Offset {
            low: transmitted - reply.received_at - distance,
            high: received - reply.sent_at + distance,
        })
    }

    /// Why it is no use to anybody who follows it.
    pub(super) fn why_not(&self) -> Option<String> {
        let reply = match &self.reply {
            Ok(reply) => reply,
            Err(Unseen::TimedOut { .. }) => return Some("does not answer".to_owned()),
            Err(Unseen::Refused) => return Some("has no time service on UDP port 123".to_owned()),
            Err(Unseen::Absent) => return Some("has a name that does not resolve".to_owned()),
            Err(unseen) if self.address.is_none() => {
                return Some(format!("has a name that does not resolve: {unseen}"));
            }
            Err(unseen) => return Some(format!("does not answer: {unseen}")),
        };
        match (reply.stratum, reply.leap) {
            // RFC 5905, appendix A.5.1.1: who is so far from its source counts as not synchronised.
            (1..=15, Leap::None | Leap::Added | Leap::Removed)
                if distance_ms(reply) >= MAX_DISTANCE_MS =>
            {
                Some("answers that it has long lost its own source".to_owned())
            }
            // In a packet, 0 also stands for 16; INIT and STEP are not meant for this host (RFC 5905, figures 11 and 13).
            (0, _) if !matches!(reply.reference.as_str(), "" | "INIT" | "STEP") => Some(format!(
                "refuses this host (kiss-of-death {})",
                excerpt(&reply.reference)
            )),
            (0 | 16.., _) | (_, Leap::Unsynchronized) => {
                Some("answers that it is not synchronized itself".to_owned())
            }
            _ => None,
        }
    }

    /// `192.0.2.1 (ntp.example.com)`.
    pub(super) fn name(&self) -> String {
        match self.address.map(|address| address.to_string()) {
            Some(address) if address != self.server.name => {
                format!("{address} ({})", excerpt(&self.server.name))
            }
            _ => excerpt(&self.server.name),
        }
    }

    /// What it said, as evidence.
    pub(super) fn fact(&self) -> Fact {
        let value = match (self.why_not(), self.offset(), &self.reply) {
            (None, Some(offset), Ok(reply)) => format!(
                "this host is {} (stratum {})",
                offset.words_against("it"),
                reply.stratum
            ),
            (Some(why), ..) => why,
            _ => "answers without a usable time".to_owned(),
        };
        Fact {
            what: format!("NTP {}", self.name()),
            value: format!("{value}; named in {}", excerpt(&self.server.named_in)),
        }
    }

    /// Whose side it takes, where the control plane says `date`.
    pub(super) fn side(&self, date: Offset) -> Option<Side> {
        let offset = self.offset()?;
        Some(match (offset.least() <= DRIFTED, offset.gap(&date) <= DRIFTED) {
            (_, true) => Side::ControlPlane,
            (true, false) => Side::Host,
            (false, false) => Side::Neither,
        })
    }
}

/// With whose clock a time server agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// With the control plane's, whatever the host's says.
    ControlPlane,
    /// With the host's, against the control plane's.
    Host,
    /// With neither.
    Neither,
}

/// What the time servers make of a difference between host and control plane, in a sentence or more.
pub(super) fn verdict(witnesses: &[Witness], date: Offset) -> Option<String> {
    let sides: Vec<_> = witnesses
        .iter()
        .filter_map(|witness| Some((witness, witness.side(date)?)))
        .collect();
    let named = |wanted: Side| {
        let names = sides.iter().filter(|(_, side)| *side == wanted);
        let names: Vec<_> = names.map(|(witness, _)| witness.name()).collect();
        names.join(", ")
    };
    let all = |wanted: Side| !sides.is_empty() && sides.iter().all(|(_, side)| *side == wanted);
    if sides.is_empty() {
        return None;
    }
    Some(if all(Side::ControlPlane) {
        format!("NTP agrees with the control plane: {}.", named(Side::ControlPlane))
    } else if all(Side::Host) {
        format!(
            "NTP says otherwise: by {} this host's clock is right, so it is the control plane's clock that is off and needs fixing.",
            named(Side::Host)
        )
    } else if all(Side::Neither) {
        format!("NTP agrees with neither: {} says a third time.", named(Side::Neither))
    } else {
        let parts = [
            (Side::ControlPlane, "with the control plane"),
            (Side::Host, "with this host"),
            (Side::Neither, "with neither"),
        ];
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(side, words)| (named(side), words))
            .filter(|(names, _)| !names.is_empty())
            .map(|(names, words)| format!("{names} agrees {words}"))
            .collect();
        format!("The time servers disagree: {}.", parts.join(", "))
    })
}
