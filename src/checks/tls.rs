//! Does a TLS handshake complete, whoever the peer is?
//!
//! Who the peer is, `trust` judges. What the first bytes are is looked at before how the connection ended: a server that
//! speaks plain HTTP answers in HTTP, however it hangs up afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use super::proxy::{self, Way};
use super::{Check, Facts, Judgement, Known, config, tcp};
use crate::host::{Ending, Handshake, HandshakeQuestion, Host, Seen, Unseen};
use crate::model::{Code, Finding, excerpt, format_duration};

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
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "tls";
    /// Until `tcp.reset` is judged, a reset before any byte counts as `tls.closed`.
    const CODES: &'static [Code] = &[PLAINTEXT, NOT_TLS, TIMEOUT, CLOSED, VERSION, ALERT];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let way = proxy::of_agent(host, known).await;
        let control_plane = config::told(known).control_plane;
        let (Some(control_plane), Some(connected)) = (control_plane, known.get::<tcp::Connected>())
        else {
            return Evidence {
                way,
                address: None,
                handshake: Err(Unseen::unsupported("no connection is open")),
            };
        };
        let question = HandshakeQuestion {
            address: connected.winner,
            server_name: control_plane.host(),
            tunnel: way.clone().tunnel(connected.winner, &control_plane),
        };
        Evidence {
            way,
            address: Some(connected.winner),
            handshake: host.handshake(question).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let timeout = known.target.timeout;
        let (Some(address), Ok(handshake)) = (evidence.address, &evidence.handshake) else {
            return unseen(evidence.handshake.as_ref().err(), timeout);
        };
        if !handshake.chain.is_empty() || handshake.ending == Ending::Complete {
            facts.publish(Peer {
                handshake: handshake.clone(),
                address,
            });
        }
        let judgement = judge(address, handshake);
        match config::told(known).control_plane {
            Some(control_plane) => evidence.way.behind(judgement, &control_plane, address),
            None => judgement,
        }
    }
}

fn unseen(unseen: Option<&Unseen>, timeout: Duration) -> Judgement {
    match unseen {
        Some(Unseen::TimedOut { .. }) => Finding::new(
            TIMEOUT,
            format!(
                "The TLS handshake was not over within {}.",
                format_duration(timeout)
            ),
        )
        .into(),
        Some(Unseen::Closed | Unseen::Reset) => {
            Finding::new(CLOSED, "The peer hung up during the TLS handshake.").into()
        }
        Some(unseen) => Judgement::unknown(format!("no TLS handshake could be made: {unseen}")),
        None => Judgement::unknown("no TLS handshake was tried, because no connection is open"),
    }
}

fn judge(address: SocketAddr, handshake: &Handshake) -> Judgement {
    if let Some(finding) = foreign_protocol(address, handshake) {
        return finding.into();
    }
    let finding =
        |code, detail: String| Finding::new(code, detail).saw("address", address.to_string());
    match &handshake.ending {
        Ending::Complete => complete(handshake),
        Ending::Alert { name, .. } if wants_certificate(handshake, name) => complete(handshake).note(
            "client certificate",
            format!("the peer asks for one already in the handshake (alert {name} without it); its own certificates were seen"),
        ),
        Ending::Alert {
            name,
            before_server_hello: true,
        } if matches!(name.as_str(), "handshake_failure" | "protocol_version" | "insufficient_security") => {
            finding(
                VERSION,
                format!("{address} refuses TLS 1.2 and 1.3 with all cipher suites that the agent offers (alert {name})."),
            )
            .saw("alert", name)
            .into()
        }
        Ending::Alert { name, .. } => finding(
            ALERT,
            format!("{address} ended the handshake with the fatal alert {name}{}.", hint(name)),
        )
        .saw("alert", name)
        .into(),
        Ending::Incompatible { why } => finding(
            VERSION,
            format!("{address} offers no TLS version or cipher suite that the agent takes: {}.", excerpt(why)),
        )
        .into(),
        Ending::NotTls => not_tls(address, handshake).into(),
        Ending::TimedOut { after_ms } => {
            finding(TIMEOUT, hung(address, handshake, Duration::from_millis(*after_ms))).into()
        }
        Ending::Closed | Ending::Reset => finding(CLOSED, hung_up(address, handshake)).into(),
        Ending::Failed { why } => Judgement::unknown(format!(
            "the handshake with {address} ended on this side, for a reason that names no fault of the peer: {}",
            excerpt(why)
        )),
    }
}

fn complete(handshake: &Handshake) -> Judgement {
    let judgement = Judgement::pass();
    match (&handshake.version, &handshake.cipher_suite) {
        (Some(version), Some(suite)) => judgement.note("TLS", format!("{version}, {suite}")),
        (Some(version), None) => judgement.note("TLS", version),
        _ => judgement,
    }
}

/// A peer that showed its certificates, asked for ours, and ended because there was none: the handshake did what it should.
fn wants_certificate(handshake: &Handshake, alert: &str) -> bool {
    handshake.client_certificate_requested
        && !handshake.chain.is_empty()
        && matches!(
            alert,
            "certificate_required" | "handshake_failure" | "bad_certificate" | "access_denied"
        )
}

/// What a person may make of an alert.
fn hint(alert: &str) -> &'static str {
    match alert {
        "unrecognized_name" => ": it serves no host of this name",
        "no_application_protocol" => ": it does not speak the protocol that was asked for",
        "internal_error" => ": it has a problem of its own",
        _ => "",
    }
}

/// The first bytes, where they are no TLS record (RFC 8446, section 5.1: types 20 to 24).
fn foreign_protocol(address: SocketAddr, handshake: &Handshake) -> Option<Finding> {
    let bytes = first_bytes(handshake);
    let foreign = !matches!(bytes.first()?, 20..=24);
    (foreign && handshake.ending != Ending::Complete).then(|| not_tls(address, handshake))
}

fn not_tls(address: SocketAddr, handshake: &Handshake) -> Finding {
    let bytes = first_bytes(handshake);
    let text = excerpt(&String::from_utf8_lossy(&bytes));
    let start = text.to_ascii_lowercase();
    // A server that cannot read the request at all answers without a status line (HTTP/0.9).
    let http = ["http/", "<html", "<!doctype html"]
        .iter()
        .any(|mark| start.starts_with(mark));
    let finding = if http {
        Finding::new(
            PLAINTEXT,
            format!(
                "{address} speaks plain HTTP, not HTTPS: it answered the handshake with `{text}`."
            ),
        )
    } else {
        Finding::new(
            NOT_TLS,
            format!("{address} speaks neither TLS nor HTTP: its first bytes are `{text}`."),
        )
    };
    finding
        .saw("address", address.to_string())
        .saw("first bytes", handshake.first_bytes.clone())
}

fn first_bytes(handshake: &Handshake) -> Vec<u8> {
    let digits = handshake.first_bytes.as_bytes().chunks_exact(2);
    digits
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn hung(address: SocketAddr, handshake: &Handshake, after: Duration) -> String {
    let after = format_duration(after);
    match handshake.received {
        0 => format!(
            "{address} accepted the connection and said nothing within {after}: the service behind the port hangs, or something on the way swallows the handshake."
        ),
        bytes => format!(
            "{address} sent {bytes} bytes and then nothing within {after}: a small MTU on the way whose ICMP messages are dropped looks like this."
        ),
    }
}

fn hung_up(address: SocketAddr, handshake: &Handshake) -> String {
    let how = match handshake.ending {
        Ending::Reset => "reset the connection",
        _ => "closed the connection",
    };
    match handshake.received {
        0 => format!(
            "{address} accepted the connection and {how} without a single byte in answer to the handshake."
        ),
        bytes => format!("{address} {how} in the middle of the handshake, after {bytes} bytes."),
    }
}

#[cfg(test)]
mod tests;
