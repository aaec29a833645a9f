//! The enrollment token: can it still enroll an agent?
//!
//! The control plane is asked what became of it, which does not use it up. Where no token was given, or the control plane
//! cannot say, the agent's own log is the evidence. The token itself never comes here, only its shape.
//!
//! Without a token and without a line in the log, the check is `unknown` while the agent has to enroll, and `skipped`
//! while it does not: what an agent that must enroll would enroll with is a question that is open, not one that does not apply.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use futures_util::future::join3;

use super::{Check, Facts, Judgement, Known, api, identity, registration};
use crate::contract::api::{TokenReport, TokenState, error_detail};
use crate::contract::token::TokenShape;
use crate::host::{ApiAnswer, ApiCall, Exchange, Host, JournalQuestion, LogEntry, Seen, Unseen};
use crate::logs::{self, Match};
use crate::model::{Code, Finding, excerpt};

const USED: Code = Code::from_static("token.used");
const EXPIRED: Code = Code::from_static("token.expired");
const INVALID: Code = Code::from_static("token.invalid");
const MALFORMED: Code = Code::from_static("token.malformed");

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    shape: Option<TokenShape>,
    inspected: Option<ApiAnswer>,
    journal: Seen<Vec<LogEntry>>,
    now: DateTime<Utc>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "token";
    const CODES: &'static [Code] = &[USED, EXPIRED, INVALID, MALFORMED];
    /// The strict connection verifies the peer itself, so that this need not wait for `trust`.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&["tcp"]);

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let (shape, journal, now) = join3(
            host.token(()),
            host.journal(JournalQuestion::agent(known.system.os)),
            host.now(()),
        )
        .await;
        let whole = shape.as_ref().is_some_and(|shape| shape.problem.is_none());
        let inspected = match whole {
            true => api::call(host, known, None, ApiCall::InspectToken).await,
            false => None,
        };
        Evidence {
            shape,
            inspected,
            journal,
            now,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, _: &mut Facts) -> Judgement {
        let logged = logged(&evidence);
        match &evidence.shape {
            Some(shape) => given(shape, evidence.inspected.as_ref(), logged.as_ref()),
            None => not_given(known, logged.as_ref(), evidence.journal.as_ref().err()),
        }
    }
}

/// The last fatal line since the last start, if it speaks of the token and nothing after it says that the agent was taken.
fn logged(evidence: &Evidence) -> Option<Match> {
    let entries = evidence.journal.as_deref().unwrap_or_default();
    let last = logs::last_fatal(logs::last_run(entries, evidence.now))?;
    let speaks_of_it = Probe::CODES.contains(&last.found.code) && !last.is_over;
    speaks_of_it.then_some(last.found)
}

fn given(shape: &TokenShape, inspected: Option<&ApiAnswer>, logged: Option<&Match>) -> Judgement {
    if let Some(problem) = shape.problem {
        let detail = format!("The token that was given cannot be one: {problem}.");
        let length = shape.length.to_string();
        return Finding::new(MALFORMED, detail)
            .saw("length in characters", length)
            .into();
    }
    match inspected {
        Some(ApiAnswer::Reply(reply)) => replied(&reply.exchange, logged),
        Some(ApiAnswer::PeerNotAccepted { why }) => Judgement::unknown(format!(
            "the token was not sent, because strict verification does not accept the peer: {}",
            excerpt(why)
        )),
        Some(ApiAnswer::Alert { name }) => Judgement::unknown(format!(
            "the control plane ended the connection instead of inspecting the token (TLS alert {})",
            excerpt(name)
        )),
        Some(ApiAnswer::NotAsked { why }) => {
            Judgement::unknown(format!("the token was not inspected: {}", excerpt(why)))
        }
        Some(ApiAnswer::Failed(unseen)) => Judgement::unknown(format!(
            "the control plane could not be asked about the token: {unseen}"
        )),
        None => Judgement::unknown(
            "the token could not be inspected, because no connection to the control plane works",
        ),
    }
}

fn replied(exchange: &Exchange, logged: Option<&Match>) -> Judgement {
    let said = error_detail(&exchange.body).map(|detail| excerpt(&detail));
    match exchange.status {
        200 => match serde_json::from_str::<TokenReport>(&exchange.body) {
            Ok(report) => reported(&report),
            Err(_) => Judgement::unknown(
                "the control plane's answer about the token is none that the doctor knows",
            ),
        },
        401 => {
            let finding = Finding::new(INVALID, "The control plane knows no such token.");
            match said {
                Some(said) => finding.saw("control plane", said),
                None => finding,
            }
            .into()
        }
        404 | 405 => match logged {
            Some(line) => by_log(line).into(),
            None => Judgement::unknown(
                "this control plane cannot inspect a token without using it up, and the agent's log says nothing of it",
            ),
        },
        status => Judgement::unknown(format!(
            "the control plane did not inspect the token: HTTP {status} {}",
            said.unwrap_or_default()
        )),
    }
}

fn reported(report: &TokenReport) -> Judgement {
    let time = |time: chrono::DateTime<_>| time.format("%Y-%m-%d %H:%M UTC").to_string();
    let until = time(report.expires_at);
    match report.state {
        TokenState::Unused => {
            Judgement::pass().note("token", format!("unused, good until {until}"))
        }
        TokenState::Used => {
            let by = report.used_by_hostname.as_deref();
            let by = by.map_or(String::new(), |host| format!(" by `{}`", excerpt(host)));
            let at = report.used_at.map(time);
            let at = at.map_or(String::new(), |at| format!(" on {at}"));
            let detail = format!("The token was used{by}{at}; a token enrolls one agent, once.");
            Finding::new(USED, detail).into()
        }
        TokenState::Expired => {
            let detail = format!("The token was not used, and its lifetime ended on {until}.");
            Finding::new(EXPIRED, detail).into()
        }
    }
}

fn by_log(line: &Match) -> Finding {
    let detail = format!(
        "By its log, the agent's last attempt to enroll failed because of its token: {}",
        line.excerpt
    );
    Finding::new(line.code.clone(), detail).saw("log", line.excerpt.clone())
}

fn not_given(known: &Known, logged: Option<&Match>, unread: Option<&Unseen>) -> Judgement {
    let identity = known.get::<identity::Identity>();
    let revoked = known.get::<registration::Standing>() == Some(&registration::Standing::Revoked);
    let must_enroll = revoked || identity.is_some_and(identity::Identity::must_enroll);
    // Where the identity cannot be seen, nothing contradicts the log.
    let undecided = identity.is_none_or(|identity| identity.state == identity::State::Unknown);
    match logged {
        Some(line) if must_enroll || undecided => by_log(line).into(),
        _ if must_enroll => Judgement::unknown(format!(
            "no token was given, and the agent's log {}; pass --token-file to have one inspected, which does not use it up",
            match unread {
                None => "says nothing of one".to_owned(),
                Some(unseen) => format!("could not be read: {unseen}"),
            }
        )),
        _ if undecided => {
            Judgement::skipped("no token was given; pass --token-file to have one inspected")
        }
        _ => Judgement::skipped("the agent has enrolled; it needs no token"),
    }
}
