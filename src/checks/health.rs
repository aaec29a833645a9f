//! Is the control plane itself well, and is it the control plane that answers?
//!
//! Asked anonymously on the diagnostic connection, whoever the peer is; where the control plane wants a client certificate
//! for that too, over the strict connection, which sends one only to a peer that it has verified.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join;

use super::{Check, Facts, Judgement, Known, api, config, tcp, tls};
use crate::contract::api::Health;
use crate::contract::url::ControlPlane;
use crate::host::{ApiAnswer, ApiCall, Exchange, Handshake, HealthQuestion, Host, Seen, Unseen};
use crate::model::{Code, Finding, excerpt, spoken_duration};

const UNHEALTHY: Code = Code::from_static("health.unhealthy");
const CAPTIVE_PORTAL: Code = Code::from_static("health.captive_portal");
const SERVER_ERROR: Code = Code::from_static("health.server_error");
const NOT_CONTROL_PLANE: Code = Code::from_static("health.not_control_plane");
const TIMEOUT: Code = Code::from_static("health.timeout");
const CLOSED: Code = Code::from_static("health.closed");
const SLOW: Code = Code::from_static("health.slow");

/// An HTTP answer to `GET /health`, whoever gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The request and its answer.
    pub exchange: Exchange,
    /// Whether strict verification had accepted the peer before it was asked.
    pub peer_verified: bool,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    /// Who was asked.
    address: Option<SocketAddr>,
    anonymous: Seen<Exchange>,
    /// Asked only where the peer wants a client certificate and refused without.
    strict: Option<ApiAnswer>,
    /// What TLS makes of the other family's address meanwhile: it costs no time, where both are as they should be.
    other_family: Option<(SocketAddr, Seen<Handshake>)>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "health";
    const CODES: &'static [Code] = &[
        UNHEALTHY,
        CAPTIVE_PORTAL,
        SERVER_ERROR,
        NOT_CONTROL_PLANE,
        TIMEOUT,
        CLOSED,
        SLOW,
    ];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let control_plane = config::told(known).control_plane;
        let connected = known.get::<tcp::Connected>();
        let (Some(control_plane), Some(connected)) = (control_plane, connected) else {
            return Evidence {
                address: None,
                anonymous: Err(Unseen::unsupported("no connection is open")),
                strict: None,
                other_family: None,
            };
        };
        let question = HealthQuestion {
            address: connected.winner,
            authority: control_plane.authority(),
        };
        let (anonymous, other_family) = join(
            host.health(question),
            tls::with_other_family(host, known),
        )
        .await;
        let strict = if wants_certificate(known.get::<tls::Peer>(), &anonymous) {
            let told = config::told(known);
            let identity = Some((told.cert, told.key));
            api::call(host, known, identity, ApiCall::Health).await
        } else {
            None
        };
        Evidence {
            address: Some(connected.winner),
            anonymous,
            strict,
            other_family,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let other_family = evidence.other_family.as_ref();
        let besides = other_family.map(|(address, seen)| tls::other_family(known, *address, seen));
        let mut judgement = judge_answer(evidence, known, facts);
        if let Some(besides) = besides {
            judgement.findings.extend(besides.findings);
            judgement.notes.extend(besides.notes);
        }
        judgement
    }
}

fn judge_answer(evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let Some(control_plane) = config::told(known).control_plane else {
            return Judgement::unknown("no control plane is known, so none could be asked");
        };
        let (answer, peer_verified) = match evidence.strict {
            Some(ApiAnswer::Reply(reply)) => (Ok(reply.exchange), true),
            // Asked with a certificate it does the same: it was not for want of one.
            Some(ApiAnswer::Failed(unseen)) if evidence.anonymous.is_err() => (Err(unseen), true),
            // Who wants a certificate says so, in HTTP or by an alert; an orderly end is neither.
            Some(_) if evidence.anonymous == Err(Unseen::Closed) => (evidence.anonymous, false),
            Some(other) => {
                publish(facts, evidence.anonymous.ok(), false);
                return not_asked(&other);
            }
            None => (evidence.anonymous, false),
        };
        let mut judgement = match &answer {
            Ok(exchange) => judge(exchange, &control_plane),
            Err(unseen) => no_answer(unseen, known),
        };
        if let Ok(exchange) = &answer {
            judgement.findings.extend(slow(exchange, known.target.timeout));
        }
        // Over the strict connection the host is free to take another of the addresses that work.
        if let Some(address) = evidence.address.filter(|_| !peer_verified) {
            judgement = judgement.seen_at(address);
        }
        publish(facts, answer.ok(), peer_verified);
        judgement
}

fn publish(facts: &mut Facts, exchange: Option<Exchange>, peer_verified: bool) {
    if let Some(exchange) = exchange {
        facts.publish(Answer {
            exchange,
            peer_verified,
        });
    }
}

/// Whether it is for want of a client certificate that the anonymous request was not answered.
fn wants_certificate(peer: Option<&tls::Peer>, answer: &Seen<Exchange>) -> bool {
    let requested = peer.is_some_and(|peer| peer.handshake.client_certificate_requested);
    requested
        && match answer {
            // nginx says 400 to a missing certificate.
            Ok(exchange) => matches!(exchange.status, 400 | 401 | 403 | 495 | 496),
            Err(Unseen::TimedOut { .. } | Unseen::NotRecorded) => false,
            Err(_) => true,
        }
}

fn not_asked(answer: &ApiAnswer) -> Judgement {
    let why = match answer {
        ApiAnswer::PeerNotAccepted { why } => format!(
            "and none is sent to a peer that verification does not accept: {}",
            excerpt(why)
        ),
        ApiAnswer::NotAsked { why } => format!("and there is none to show: {}", excerpt(why)),
        ApiAnswer::Alert { name } => format!("and does not take this agent's (alert {name})"),
        ApiAnswer::Failed(unseen) => format!("and the request with it failed: {unseen}"),
        ApiAnswer::Reply(_) => "and answered".to_owned(),
    };
    Judgement::unknown(format!(
        "the control plane wants a client certificate even for GET /health, {why}"
    ))
}

fn no_answer(unseen: &Unseen, known: &Known) -> Judgement {
    match unseen {
        Unseen::TimedOut { .. } => Finding::new(
            TIMEOUT,
            format!(
                "The connection stands, and GET /health was not answered within {}.",
                spoken_duration(known.target.timeout)
            ),
        )
        .into(),
        Unseen::Closed | Unseen::Reset => Finding::new(
            CLOSED,
            match unseen {
                Unseen::Reset => "The peer reset the connection on GET /health, without an answer.",
                _ => "The peer hung up on GET /health, without an answer.",
            },
        )
        .into(),
        Unseen::Malformed { why } => Finding::new(
            NOT_CONTROL_PLANE,
            format!("What answers GET /health does not speak HTTP as it is written: {}.", excerpt(why)),
        )
        .into(),
        unseen => Judgement::unknown(format!("GET /health could not be asked: {unseen}")),
    }
}

/// The first that matches, in the order of the findings' description.
fn judge(exchange: &Exchange, control_plane: &ControlPlane) -> Judgement {
    let own =
        Health::recognise(&exchange.body).filter(|health| health.db.is_some() || health.is_well());
    if let Some(health) = own.as_ref().filter(|health| !health.is_well()) {
        return unhealthy(exchange, health);
    }
    if let Some(finding) = captive_portal(exchange, control_plane) {
        return finding.into();
    }
    match (exchange.status, own) {
        (500..=599, _) => described(
            SERVER_ERROR,
            exchange,
            format!(
                "The control plane answered GET /health with HTTP {}.",
                status(exchange.status)
            ),
        )
        .into(),
        (200, Some(health)) => {
            let version = health.version.map_or_else(String::new, |version| {
                format!(", version {}", excerpt(&version))
            });
            Judgement::pass().note("control plane", format!("ok{version}"))
        }
        _ => described(
            NOT_CONTROL_PLANE,
            exchange,
            format!(
                "What answers at {control_plane} is not Nexplane's control plane: HTTP {} {}.",
                status(exchange.status),
                content(exchange)
            ),
        )
        .into(),
    }
}

/// The control plane's own answer, its complaints and its errors, when it took more than half of what a probe may take.
/// What answers in its place is no measure of it.
fn slow(exchange: &Exchange, timeout: Duration) -> Option<Finding> {
    let own = Health::recognise(&exchange.body).is_some() || exchange.status >= 500;
    let took = Duration::try_from_secs_f64(exchange.duration_ms / 1e3).ok()?;
    (own && took > timeout / 2).then(|| {
        Finding::new(
            SLOW,
            format!(
                "GET /health was answered after {}, more than half of the {} that a probe may take; later than that, it counts as no answer.",
                spoken_duration(took),
                spoken_duration(timeout)
            ),
        )
        .saw("duration", spoken_duration(took))
    })
}

fn unhealthy(exchange: &Exchange, health: &Health) -> Judgement {
    let db = health.db.as_deref().unwrap_or("not told");
    described(
        UNHEALTHY,
        exchange,
        format!(
            "The control plane answers, and says of itself: status `{}`, database `{}`.",
            excerpt(&health.status),
            excerpt(db)
        ),
    )
    .into()
}

/// A redirect to somebody else, or a page for people where JSON should be.
fn captive_portal(exchange: &Exchange, control_plane: &ControlPlane) -> Option<Finding> {
    if let Some(elsewhere) = redirected_to(exchange, control_plane) {
        return Some(described(
            CAPTIVE_PORTAL,
            exchange,
            format!(
                "GET /health is redirected to another site, {elsewhere}: a portal or a proxy answers instead of the control plane."
            ),
        ));
    }
    let page = is_html(exchange) && (exchange.status == 200 || has_login(&exchange.body));
    (page || exchange.status == 511).then(|| {
        described(
            CAPTIVE_PORTAL,
            exchange,
            format!(
                "A web page{} answers GET /health (HTTP {}), not the control plane: a portal or a proxy stands in between, or the URL leads to something else.",
                title(&exchange.body).map_or_else(String::new, |title| format!(" titled `{title}`")),
                status(exchange.status)
            ),
        )
    })
}

/// Another host that the answer sends us to.
fn redirected_to(exchange: &Exchange, control_plane: &ControlPlane) -> Option<String> {
    if !matches!(exchange.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let base = url::Url::parse(&control_plane.url("/health")).ok()?;
    let location = base.join(exchange.header("location")?).ok()?;
    let host = location.host_str()?;
    (!host.eq_ignore_ascii_case(base.host_str()?)).then(|| excerpt(host))
}

fn is_html(exchange: &Exchange) -> bool {
    let declared = exchange
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let start: String = exchange.body.trim_start().chars().take(15).collect();
    let start = start.to_ascii_lowercase();
    declared || start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn has_login(body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    [
        "type=\"password\"",
        "type='password'",
        "type=password",
        "login",
        "log in",
        "sign in",
        "signin",
    ]
    .iter()
    .any(|mark| body.contains(mark))
}

fn title(body: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    Some(excerpt(body.get(start..end)?)).filter(|title| !title.is_empty())
}

/// What came instead of the control plane's JSON.
fn content(exchange: &Exchange) -> String {
    let server = exchange
        .header("server")
        .map_or_else(String::new, |server| format!(" from `{}`", excerpt(server)));
    let kind = if is_html(exchange) {
        "with a web page"
    } else if serde_json::from_str::<serde_json::Value>(&exchange.body).is_ok() {
        "with JSON that is not its own"
    } else if exchange.body.trim().is_empty() {
        "with nothing in it"
    } else {
        "with something that is no JSON"
    };
    format!("{kind}{server}")
}

fn status(status: u16) -> String {
    let name = match status {
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        511 => "Network Authentication Required",
        _ => return status.to_string(),
    };
    format!("{status} {name}")
}

fn described(code: Code, exchange: &Exchange, detail: String) -> Finding {
    let mut finding = Finding::new(code, detail).saw("HTTP status", status(exchange.status));
    for header in ["location", "content-type", "server"] {
        if let Some(value) = exchange.header(header) {
            finding = finding.saw(header, excerpt(value));
        }
    }
    if !exchange.body.trim().is_empty() {
        finding = finding.saw("body", excerpt(&exchange.body));
    }
    finding
}

#[cfg(test)]
mod tests;
