//! Does a TLS handshake complete, whoever the peer is?
//!
//! Who the peer is, `trust` judges. What the first bytes are is looked at before how the connection ended: a server that
//! speaks plain HTTP answers in HTTP, however it hangs up afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use super::proxy::{self, Way};
use super::{Check, Facts, Judgement, Known, config, tcp};
use crate::host::{Ending, Handshake, HandshakeQuestion, Host, Seen, Unseen};
use crate::model::{Code, Finding, counted, excerpt, spoken_duration};

mod facts;
mod families;
mod foreign;
mod hung;

pub(super) use families::{other_family, with_other_family};

const PLAINTEXT: Code = Code::from_static("tls.plaintext");
const NOT_TLS: Code = Code::from_static("tls.not_tls");
const TIMEOUT: Code = Code::from_static("tls.timeout");
const CLOSED: Code = Code::from_static("tls.closed");
const VERSION: Code = Code::from_static("tls.version");
const ALERT: Code = Code::from_static("tls.alert");

/// The handshake with the peer; known whenever it was completed or the peer showed certificates.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// How it went.
    pub handshake: Handshake,
    /// With whom.
    pub address: SocketAddr,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    way: Way,
    address: Option<SocketAddr>,
    handshake: Seen<Handshake>,
    /// The same with an address of the other family, where this one did not end well and there is such an address.
    other: Option<(SocketAddr, Seen<Handshake>)>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "tls";
    const CODES: &'static [Code] = &[PLAINTEXT, NOT_TLS, TIMEOUT, CLOSED, VERSION, ALERT];
    /// Only the handshake shows that a connection that opened is reset before a byte comes back.
    const WITNESSES: &'static [Code] = &[tcp::RESET];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let way = proxy::of_agent(host, known).await;
        let control_plane = config::told(known).control_plane;
        let (Some(control_plane), Some(connected)) = (control_plane, known.get::<tcp::Connected>())
        else {
            return Evidence {
                way,
                address: None,
                handshake: Err(Unseen::unsupported("no connection is open")),
                other: None,
            };
        };
        let question = |address| HandshakeQuestion {
            address,
            server_name: control_plane.host(),
            tunnel: way.clone().tunnel(address, &control_plane),
        };
        let handshake = host.handshake(question(connected.winner)).await;
        let other = match connected.of_other_family() {
            // Behind a proxy the addresses are the proxy's.
            Some(other) if way.proxy().is_none() && !ended_well(&handshake) => {
                Some((other, host.handshake(question(other)).await))
            }
            _ => None,
        };
        Evidence {
            way,
            address: Some(connected.winner),
            handshake,
            other,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        if let Ok(handshake) = &evidence.handshake
            && let Some(address) = evidence.address
            && (!handshake.chain.is_empty() || handshake.ending == Ending::Complete)
        {
            facts.publish(Peer {
                handshake: handshake.clone(),
                address,
            });
        }
        let judgement = evidence.judge(known);
        match (config::told(known).control_plane, evidence.address) {
            (Some(control_plane), Some(address)) => {
                evidence.way.behind(judgement, &control_plane, address)
            }
            _ => judgement,
        }
    }
}

impl Evidence {
    fn judge(&self, known: &Known) -> Judgement {
        let mut judgement = if let Some(address) = self.reset_by() {
            let told = config::told(known).control_plane;
            let name = told.map_or_else(String::new, |control_plane| control_plane.host());
            tcp::reset(address, &name).into()
        } else {
            match (self.address, &self.handshake) {
                (Some(address), Ok(handshake)) => judge(address, handshake),
                (_, handshake) => unseen(handshake.as_ref().err(), known.target.timeout),
            }
        };
        for finding in &mut judgement.findings {
            families::compare(self, finding);
        }
        judgement
    }

    /// Who reset the connection before a byte came from it, if that is what happened.
    fn reset_by(&self) -> Option<SocketAddr> {
        let reset = match &self.handshake {
            Ok(handshake) => is_reset(handshake),
            Err(unseen) => *unseen == Unseen::Reset,
        };
        // The proxy has answered before, when it opened the tunnel.
        self.address.filter(|_| reset && self.way.proxy().is_none())
    }
}

/// A reset before a byte came.
fn is_reset(handshake: &Handshake) -> bool {
    handshake.ending == Ending::Reset && handshake.received == 0
}

fn unseen(unseen: Option<&Unseen>, timeout: Duration) -> Judgement {
    match unseen {
        Some(Unseen::TimedOut { .. }) => Finding::new(
            TIMEOUT,
            format!(
                "The TLS handshake was not over within {}.",
                spoken_duration(timeout)
            ),
        )
        .into(),
        Some(Unseen::Closed) => {
            Finding::new(CLOSED, "The peer hung up during the TLS handshake.").into()
        }
        Some(unseen) => Judgement::unknown(format!("no TLS handshake could be made: {unseen}")),
        None => Judgement::unknown("no TLS handshake was tried, because no connection is open"),
    }
}

/// Nothing is left to compare with.
fn ended_well(handshake: &Seen<Handshake>) -> bool {
    match handshake {
        Ok(handshake) => match &handshake.ending {
            Ending::Complete => true,
            Ending::Alert { name, .. } => wants_certificate(handshake, name),
            _ => false,
        },
        Err(Unseen::Reset | Unseen::Closed | Unseen::TimedOut { .. }) => false,
        Err(_) => true,
    }
}

fn judge(address: SocketAddr, handshake: &Handshake) -> Judgement {
    if let Some(finding) = foreign::foreign_protocol(address, handshake) {
        return finding.into();
    }
    let mut judgement = by_ending(address, handshake);
    for finding in &mut judgement.findings {
        let offered = facts::offered(&handshake.details.offered);
        finding.evidence.extend(offered);
    }
    judgement
}

fn by_ending(address: SocketAddr, handshake: &Handshake) -> Judgement {
    let finding =
        |code, detail: String| Finding::new(code, detail).saw_all(facts::facts(address, handshake));
    match &handshake.ending {
        Ending::Complete => complete(address, handshake),
        Ending::Alert { name, .. } if wants_certificate(handshake, name) => complete(address, handshake).note(
            "client certificate",
            format!("the peer asks for one already in the handshake (alert {name} without it); its own certificates were seen"),
        ),
        Ending::Alert {
            name,
            before_server_hello: true,
        } if matches!(name.as_str(), "handshake_failure" | "protocol_version" | "insufficient_security") => {
            finding(VERSION, refused(address, name)).into()
        }
        Ending::Alert { name, .. } => finding(
            ALERT,
            format!("{address} ended the handshake with the fatal alert {name}{}.", hint(name)),
        )
        .into(),
        Ending::Incompatible { why } => finding(VERSION, incompatible(address, handshake, why)).into(),
        Ending::NotTls => foreign::not_tls(address, handshake).into(),
        Ending::TimedOut { after_ms } => {
            let after = Duration::from_millis(*after_ms);
            finding(TIMEOUT, hung::detail(address, handshake, after))
                .saw_all(handshake.details.hung.iter().flat_map(hung::facts))
                .into()
        }
        Ending::Closed | Ending::Reset => finding(CLOSED, hung_up(address, handshake)).into(),
        Ending::Failed { why } => Judgement::unknown(format!(
            "the handshake with {address} ended on this side, and what that says of the peer is not known: {}",
            excerpt(why)
        )),
    }
}

/// The peer took nothing of what was offered.
fn refused(address: SocketAddr, alert: &str) -> String {
    let why = match alert {
        "protocol_version" => {
            "neither TLS 1.2 nor 1.3: it speaks older versions alone, or lets no other pass"
        }
        _ => "none of the cipher suites and groups that were offered with TLS 1.2 and 1.3",
    };
    format!("{address} takes {why} (alert {alert}).")
}

/// The peer chose what was not offered.
fn incompatible(address: SocketAddr, handshake: &Handshake, why: &str) -> String {
    match &handshake.version {
        Some(version) if !handshake.details.offered.versions.contains(version) => {
            format!("{address} answers with {version}, which the agent does not speak: it takes TLS 1.2 and 1.3.")
        }
        _ => format!(
            "{address} offers no TLS version or cipher suite that the agent takes: {}.",
            excerpt(why)
        ),
    }
}

fn complete(address: SocketAddr, handshake: &Handshake) -> Judgement {
    let mut judgement = Judgement::pass();
    if let Some(chosen) = facts::chosen(handshake) {
        judgement = judgement.note("TLS", chosen);
    }
    if let Some(protocol) = &handshake.details.application_protocol {
        judgement = judgement.note("application protocol", excerpt(protocol));
    }
    judgement
        .notes
        .extend(facts::offered(&handshake.details.offered));
    judgement.note(
        "handshake",
        format!("{:.1} ms with {}", handshake.duration_ms, tcp::with_family(address)),
    )
}

/// A peer that showed its certificates, asked for ours, and ended because there was none: the handshake did what it should.
fn wants_certificate(handshake: &Handshake, alert: &str) -> bool {
    handshake.client_certificate_requested
        && !handshake.chain.is_empty()
        && matches!(
            alert,
            "certificate_required"
                | "handshake_failure"
                | "no_certificate"
                | "bad_certificate"
                | "certificate_unknown"
                | "access_denied"
        )
}

/// What a person may make of an alert.
fn hint(alert: &str) -> &'static str {
    match alert {
        "unrecognized_name" => ": it serves no host of this name",
        "no_application_protocol" => ": it does not speak the protocol that was asked for",
        "internal_error" => ": it has a problem of its own",
        "certificate_required" => ": it wants a client certificate, and shows nothing of its own",
        "access_denied" => ": its rules do not let this host in",
        "decode_error" | "illegal_parameter" | "unexpected_message" | "unsupported_extension" => {
            ": it does not understand what every TLS client says today, as an old server or a device on the way does"
        }
        _ => "",
    }
}

fn hung_up(address: SocketAddr, handshake: &Handshake) -> String {
    let how = match handshake.ending {
        Ending::Reset => "reset",
        _ => "closed",
    };
    match handshake.received {
        0 => format!(
            "{address} accepted the connection and {how} it, without a single byte in answer to the handshake."
        ),
        bytes => format!(
            "{address} {how} the connection in the middle of the handshake, after {}.",
            counted(bytes, "byte", "bytes")
        ),
    }
}

#[cfg(test)]
mod tests;
