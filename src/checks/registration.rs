//! Does the control plane still know this agent?
//!
//! A heartbeat, marked as a diagnosis, over a connection of its own that shows the client certificate only to a peer that
//! strict verification has accepted. A refusal of this agent (HTTP 4xx) is a finding; a control plane that cannot answer now
//! (5xx, 429, a broken connection) leaves the question open, and `health` says the rest.

use super::{Check, Facts, Judgement, Known, api, config, identity};
use crate::contract::api::{self as contract, Heartbeat};
use crate::host::{ApiAnswer, ApiCall, Exchange, Host};
use crate::model::{Code, Explained, Finding, Placeholder, excerpt};

const REVOKED: Code = Code::from_static("registration.revoked");
const SUPERSEDED: Code = Code::from_static("registration.superseded");
const CERTIFICATE_REFUSED: Code = Code::from_static("registration.certificate_refused");
const REJECTED: Code = Code::from_static("registration.rejected");
const HOSTNAME_MISMATCH: Code = Code::from_static("registration.hostname_mismatch");

/// What answers `GET /health` in the control plane's place, and may answer the heartbeat too.
const SOMETHING_ELSE: [Code; 2] = [
    Code::from_static("health.captive_portal"),
    Code::from_static("health.not_control_plane"),
];

/// What the control plane holds of this agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It knows it, by this name.
    Accepted {
        /// The name under which the agent is registered.
        registered_as: String,
    },
    /// It does not know it, or no longer.
    Revoked,
    /// It knows it by a newer certificate, which is on the host and not in its place.
    Superseded,
    /// It does not take its certificate.
    CertificateRefused,
    /// It refuses it for another reason.
    Rejected,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    heartbeat: Option<ApiAnswer>,
    /// The pair of a rotation that was cut short, and what it is told, where the one in place is refused.
    pending: Option<(identity::Pair, Option<ApiAnswer>)>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "registration";
    const CODES: &'static [Code] = &[
        REVOKED,
        SUPERSEDED,
        CERTIFICATE_REFUSED,
        REJECTED,
        HOSTNAME_MISMATCH,
    ];
    /// Beside the diagnostic connection, not after any part of it: the strict one opens its own and verifies the peer itself.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&["config", "dns", "proxy"]);

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let told = config::told(known);
        let Some(agent_id) = identity::agent_id(host, &told.cert).await else {
            return Evidence {
                heartbeat: None,
                pending: None,
            };
        };
        let call = |agent_id| ApiCall::Heartbeat {
            agent_id,
            hostname: known.system.hostname.clone(),
        };
        let shown = Some((told.cert.clone(), told.key.clone()));
        let heartbeat = api::call(host, known, shown, call(agent_id)).await;
        let pending = match judged(heartbeat.as_ref(), known) {
            (Some(Standing::Revoked | Standing::CertificateRefused), _) => {
                identity::pending(host, &told.cert, &told.key).await
            }
            _ => None,
        };
        // It changes nothing: the one in place is refused already, and a diagnosis is no sign of life.
        let pending = match pending {
            Some(pair) => {
                let shown = Some((pair.cert.clone(), pair.key.clone()));
                let answer = api::call(host, known, shown, call(pair.agent_id.clone())).await;
                Some((pair, answer))
            }
            None => None,
        };
        Evidence { heartbeat, pending }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let (standing, judgement) = judged(evidence.heartbeat.as_ref(), known);
        let (standing, judgement) = match &evidence.pending {
            Some((pair, answer)) => {
                let new = judged(answer.as_ref(), known);
                superseded((standing, judgement), pair, new)
            }
            None => (standing, judgement),
        };
        if let Some(standing) = standing {
            facts.publish(standing);
        }
        judgement
    }
}

/// What an answer to a heartbeat comes to.
fn judged(heartbeat: Option<&ApiAnswer>, known: &Known) -> (Option<Standing>, Judgement) {
    match heartbeat {
        None => (None, no_heartbeat(known)),
        Some(ApiAnswer::Reply(reply)) => replied(&reply.exchange, known),
        Some(ApiAnswer::Alert { name }) => alert(name),
        Some(ApiAnswer::PeerNotAccepted { why }) => (None, not_accepted(known, why)),
        Some(ApiAnswer::NotAsked { why }) => (
            None,
            Judgement::unknown(format!("no heartbeat was sent: {}", excerpt(why))),
        ),
        Some(ApiAnswer::Failed(unseen)) => (
            None,
            Judgement::unknown(format!(
                "the heartbeat got no answer: {unseen}; run the doctor again once the control plane can be reached"
            )),
        ),
    }
}

/// What comes of it that the certificate in place is refused, and what the one that waits beside it is told.
fn superseded(
    old: (Option<Standing>, Judgement),
    pair: &identity::Pair,
    new: (Option<Standing>, Judgement),
) -> (Option<Standing>, Judgement) {
    let waits = pair.cert.path().display().to_string();
    let (standing, mut judgement) = new;
    match standing {
        Some(Standing::Accepted { .. }) => {
            let detail = format!(
                "The control plane refuses the certificate in place, and knows this agent by the one in {waits}: a rotation was cut short after the new certificate had made its heartbeat. Nothing is lost, and no new token is needed: the agent puts it in its place as soon as it is started or checks itself."
            );
            let finding = Finding::new(SUPERSEDED, detail).saw("pending certificate", waits);
            judgement.findings.insert(0, finding);
            (Some(Standing::Superseded), judgement)
        }
        Some(_) => {
            let (standing, mut judgement) = old;
            let refused = |finding: Finding| finding.saw("pending certificate", format!("{waits}: refused as well"));
            judgement.findings = judgement.findings.into_iter().map(refused).collect();
            (standing, judgement)
        }
        None => (
            None,
            Judgement::unknown(format!(
                "the certificate in place is refused, and whether the one of a rotation that was cut short ({waits}) is accepted could not be told; `nexplane-agent check` asks and puts it in its place"
            )),
        ),
    }
}

/// Alerts by which a peer refuses a client certificate (RFC 8446, section 6.2); others say nothing of it.
fn alert(name: &str) -> (Option<Standing>, Judgement) {
    let about_certificate = matches!(
        name,
        "access_denied"
            | "bad_certificate"
            | "certificate_expired"
            | "certificate_required"
            | "certificate_revoked"
            | "certificate_unknown"
            | "decrypt_error"
            | "handshake_failure"
            | "unknown_ca"
            | "unsupported_certificate"
    );
    if !about_certificate {
        let reason = format!(
            "the control plane ended the connection for the heartbeat with the TLS alert {name}, which does not speak of the agent's certificate"
        );
        return (None, Judgement::unknown(reason));
    }
    let finding = Finding::new(
        CERTIFICATE_REFUSED,
        format!(
            "The control plane refuses the client certificate in the TLS handshake (alert {name})."
        ),
    );
    (
        Some(Standing::CertificateRefused),
        finding.saw("alert", name).into(),
    )
}

fn no_heartbeat(known: &Known) -> Judgement {
    match known.get::<identity::Identity>() {
        Some(identity) if identity.agent_id.is_none() => Judgement::unknown(
            "the client certificate names no agent id in its subject, so no heartbeat could be sent; re-enroll the agent with a new token",
        ),
        _ => Judgement::unknown(
            "no heartbeat was sent, because no connection or no identity of the agent is there",
        ),
    }
}

fn not_accepted(known: &Known, why: &str) -> Judgement {
    let why = excerpt(why);
    Judgement::unknown(if config::told(known).insecure {
        format!(
            "verification is switched off and would not accept the peer, so the doctor shows it no client certificate; configure `ca_cert` instead of `insecure_skip_verify`: {why}"
        )
    } else {
        format!(
            "the strict connection does not accept the peer, so no client certificate was shown to it: {why}"
        )
    })
}

fn replied(exchange: &Exchange, known: &Known) -> (Option<Standing>, Judgement) {
    let detail = contract::error_detail(&exchange.body);
    let says = |text: &str| {
        detail
            .as_deref()
            .is_some_and(|detail| detail.trim().eq_ignore_ascii_case(text))
    };
    match exchange.status {
        200 => accepted(exchange, known),
        _ if says(contract::AGENT_REVOKED) => (
            Some(Standing::Revoked),
            refusal(
                REVOKED,
                exchange,
                "The control plane does not know this agent, or no longer: it was deleted there.",
            ),
        ),
        401 if says(contract::CERTIFICATE_REQUIRED) => (
            Some(Standing::CertificateRefused),
            refusal(
                CERTIFICATE_REFUSED,
                exchange,
                "The control plane did not get or not take the client certificate, although it was shown: something in between ends TLS, or it trusts another CA.",
            ),
        ),
        403 if says(contract::CERTIFICATE_EXPIRED) => (
            Some(Standing::CertificateRefused),
            refusal(
                CERTIFICATE_REFUSED,
                exchange,
                "The control plane says that the client certificate has expired.",
            ),
        ),
        495 | 496 => (
            Some(Standing::CertificateRefused),
            refusal(
                CERTIFICATE_REFUSED,
                exchange,
                "A server in front of the control plane refuses the client certificate.",
            ),
        ),
        // What nginx says of a certificate that it cannot verify.
        400 if exchange.body.contains("SSL certificate") => (
            Some(Standing::CertificateRefused),
            refusal(
                CERTIFICATE_REFUSED,
                exchange,
                "A server in front of the control plane refuses the client certificate.",
            ),
        ),
        429 => (
            None,
            Judgement::unknown(
                "the control plane limits how often it is asked (HTTP 429); run the doctor again in a minute",
            ),
        ),
        500..=599 => (
            None,
            Judgement::unknown(format!(
                "the control plane answered the heartbeat with HTTP {}: what is wrong with it, not with this agent, says nothing of the registration",
                exchange.status
            )),
        ),
        status => {
            let what = detail.map_or_else(|| excerpt(&exchange.body), |detail| excerpt(&detail));
            let said = if what.is_empty() {
                String::new()
            } else {
                format!(": {what}")
            };
            let words = format!("The control plane refuses the heartbeat with HTTP {status}{said}.");
            let mut judgement = refusal(REJECTED, exchange, &words);
            if let (Some(finding), true) = (judgement.findings.last_mut(), by_control_plane(exchange)) {
                finding.explained = Explained::NotBy(SOMETHING_ELSE.to_vec());
            }
            (Some(Standing::Rejected), judgement)
        }
    }
}

/// Whether it is the control plane itself that refuses: in its own form, and by a call that it knows.
fn by_control_plane(exchange: &Exchange) -> bool {
    exchange.status != 404 && contract::error_detail(&exchange.body).is_some()
}

fn refusal(code: Code, exchange: &Exchange, detail: &str) -> Judgement {
    let finding = Finding::new(code, detail).saw("HTTP status", exchange.status.to_string());
    match contract::error_detail(&exchange.body) {
        Some(detail) => finding.saw("detail", excerpt(&detail)).into(),
        None if exchange.body.trim().is_empty() => finding.into(),
        None => finding.saw("body", excerpt(&exchange.body)).into(),
    }
}

fn accepted(exchange: &Exchange, known: &Known) -> (Option<Standing>, Judgement) {
    let Ok(heartbeat) = serde_json::from_str::<Heartbeat>(&exchange.body) else {
        return (
            None,
            Judgement::unknown(
                "what answered the heartbeat with HTTP 200 did not answer as a control plane does",
            ),
        );
    };
    let own = &known.system.hostname;
    let registered_as = heartbeat.registered_as;
    let judgement = if same_host(own, &registered_as) {
        Judgement::pass().note("registered as", excerpt(&registered_as))
    } else {
        Finding::new(
            HOSTNAME_MISMATCH,
            format!(
                "The control plane knows this agent as `{}`, and this host is `{own}`: change requests for `{own}` do not reach it.",
                excerpt(&registered_as)
            ),
        )
        .saw("registered as", excerpt(&registered_as))
        .saw("this host", own)
        .value(Placeholder::Hostname, own)
        .into()
    };
    (Some(Standing::Accepted { registered_as }), judgement)
}

/// Names are compared without regard to case; a short name is the same host as its full one.
fn same_host(one: &str, other: &str) -> bool {
    let clean = |name: &str| name.trim_end_matches('.').to_lowercase();
    let (one, other) = (clean(one), clean(other));
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let both_full = one.contains('.') && other.contains('.');
    one == other || (!both_full && label(&one) == label(&other))
}

#[cfg(test)]
mod tests;
