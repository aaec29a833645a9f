//! Registered, and nothing executes: is the change request approved, is it for this agent, did its tasks fail?
//!
//! A change request is read from the control plane's API where the user gives its id and an API token; otherwise the step
//! is shown as one for a person. The doctor never polls for tasks: asking may hand out work.

#[cfg(test)]
mod tests;

use super::{Check, Facts, Judgement, Known, api, install, registration};
use crate::contract::api::CHANGE_REQUEST_NOT_FOUND;
use crate::contract::api::{Approval, ChangeRequest, ChangeState, error_detail};
use crate::host::{ApiAnswer, ApiCall, Exchange, Host, JournalQuestion, LogEntry, Seen};
use crate::logs;
use crate::model::{Code, Finding, Placeholder, excerpt};

const NOT_APPROVED: Code = Code::from_static("tasks.not_approved");
const WRONG_AGENT: Code = Code::from_static("tasks.wrong_agent");
const UNKNOWN_CHANGE_REQUEST: Code = Code::from_static("tasks.unknown_change_request");
const FAILING: Code = Code::from_static("tasks.failing");

/// So many of the log's task errors are quoted.
const QUOTED: usize = 3;

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    /// The change request, if one was named and the control plane could be asked.
    answer: Option<ApiAnswer>,
    journal: Seen<Vec<LogEntry>>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "tasks";
    const CODES: &'static [Code] = &[NOT_APPROVED, WRONG_AGENT, UNKNOWN_CHANGE_REQUEST, FAILING];
    /// The strict connection verifies the peer itself, so that this need not wait for `trust`.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&["tcp"]);

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let answer = match known.target.change_request.clone() {
            Some(id) => api::call(host, known, None, ApiCall::ChangeRequest { id }).await,
            None => None,
        };
        Evidence {
            answer,
            journal: host.journal(JournalQuestion::agent(known.system.os)).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, _: &mut Facts) -> Judgement {
        let mut judgement = match &known.target.change_request {
            Some(id) => change_request(&excerpt(id), evidence.answer.as_ref(), known),
            None => for_a_person(&evidence, known),
        };
        judgement.findings.extend(failing(&evidence));
        judgement
    }
}

/// The name under which tasks for this agent are addressed: the registered one, or else the host's own.
fn agent_name(known: &Known) -> &str {
    match known.get::<registration::Standing>() {
        Some(registration::Standing::Accepted { registered_as }) => registered_as,
        _ => &known.system.hostname,
    }
}

/// Nobody named a change request: what a person has to look at is the reason, and the log is judged all the same.
fn for_a_person(evidence: &Evidence, known: &Known) -> Judgement {
    if known.get::<install::Standing>() == Some(&install::Standing::Missing) {
        return Judgement::skipped("there is no agent that could have tasks");
    }
    if let Err(unseen) = &evidence.journal {
        return Judgement::unknown(format!(
            "the agent's log could not be read, so whether its tasks fail is not known: {unseen}"
        ));
    }
    Judgement::skipped(format!(
        "no task errors in the log; no change request was named: open it in the UI, and see that it is approved and that its target is `{}`, or pass --change-request ID with NEXPLANE_API_TOKEN set",
        excerpt(agent_name(known))
    ))
}

fn change_request(id: &str, answer: Option<&ApiAnswer>, known: &Known) -> Judgement {
    let unread =
        |why: String| Judgement::unknown(format!("change request {id} could not be read: {why}"));
    match answer {
        Some(ApiAnswer::Reply(reply)) => replied(id, &reply.exchange, known),
        Some(ApiAnswer::PeerNotAccepted { why }) => unread(format!(
            "the API token was not sent, because strict verification does not accept the peer: {}",
            excerpt(why)
        )),
        Some(ApiAnswer::Alert { name }) => unread(format!(
            "the control plane ended the connection (TLS alert {})",
            excerpt(name)
        )),
        Some(ApiAnswer::NotAsked { why }) => unread(excerpt(why)),
        Some(ApiAnswer::Failed(unseen)) => unread(unseen.to_string()),
        None => unread("no connection to the control plane works".into()),
    }
}

fn replied(id: &str, exchange: &Exchange, known: &Known) -> Judgement {
    let detail = error_detail(&exchange.body);
    let unread =
        |why: String| Judgement::unknown(format!("change request {id} could not be read: {why}"));
    match exchange.status {
        200 => match serde_json::from_str::<ChangeRequest>(&exchange.body) {
            Ok(request) => request_read(id, &request, known),
            Err(_) => unread("the answer is no change request".into()),
        },
        401 => {
            unread("the control plane does not accept the API token in NEXPLANE_API_TOKEN".into())
        }
        404 if detail.as_deref() == Some(CHANGE_REQUEST_NOT_FOUND) => {
            let detail = format!("The control plane has no change request {id}.");
            Finding::new(UNKNOWN_CHANGE_REQUEST, detail)
                .value(Placeholder::ChangeRequest, id)
                .into()
        }
        status => {
            let said = detail.map(|detail| excerpt(&detail)).unwrap_or_default();
            unread(format!("HTTP {status} {said}"))
        }
    }
}

fn request_read(id: &str, request: &ChangeRequest, known: &Known) -> Judgement {
    let status = excerpt(&request.status);
    let target = excerpt(&request.target.hostname);
    let name = agent_name(known);
    let state = ChangeState::read(&request.status);
    let mut judgement = match state {
        None => Judgement::unknown(format!(
            "change request {id} is `{status}`, which the doctor does not know"
        )),
        Some(_) => Judgement::pass(),
    };
    if state.map(ChangeState::approval) == Some(Approval::NotGiven) {
        let detail = format!(
            "Change request {id} is `{status}`: its tasks go out only once it is approved."
        );
        judgement
            .findings
            .push(saw(Finding::new(NOT_APPROVED, detail), id, request));
    }
    if !request.target.hostname.eq_ignore_ascii_case(name) {
        let detail = format!(
            "Change request {id} is for `{target}`, and this agent is `{}`: its tasks go to the other one.",
            excerpt(name)
        );
        let finding = saw(Finding::new(WRONG_AGENT, detail), id, request);
        judgement
            .findings
            .push(finding.value(Placeholder::Hostname, excerpt(name)));
    }
    if let Some(why) = reaches_nobody(known)
        && judgement == Judgement::pass()
    {
        judgement = Judgement::skipped(format!(
            "change request {id} is `{status}` and for this host, and {why}"
        ));
    }
    judgement.note(
        "change request",
        format!("{id}: `{status}`, for `{target}`"),
    )
}

/// Why tasks cannot reach the agent, however well the change request is; other checks have that as a finding.
fn reaches_nobody(known: &Known) -> Option<&'static str> {
    if known.get::<install::Standing>() == Some(&install::Standing::Missing) {
        return Some("there is no agent here that could execute it");
    }
    match known.get::<registration::Standing>() {
        None | Some(registration::Standing::Accepted { .. }) => None,
        Some(_) => Some("the control plane does not accept the agent that would execute it"),
    }
}

fn saw(finding: Finding, id: &str, request: &ChangeRequest) -> Finding {
    finding
        .saw("status", excerpt(&request.status))
        .saw("target", excerpt(&request.target.hostname))
        .saw("title", excerpt(&request.title))
        .value(Placeholder::ChangeRequest, id)
}

/// The log's task errors.
fn failing(evidence: &Evidence) -> Option<Finding> {
    let entries = evidence.journal.as_deref().unwrap_or_default();
    let errors: Vec<_> = logs::classify(entries)
        .into_iter()
        .filter(|found| found.code == FAILING)
        .collect();
    let last = errors.last()?;
    let detail = match errors.len() {
        1 => format!("The agent's log has a task error: {}", last.excerpt),
        count => format!(
            "The agent's log has {count} task errors, the last one: {}",
            last.excerpt
        ),
    };
    let quoted = &errors[errors.len().saturating_sub(QUOTED)..];
    let finding = Finding::new(FAILING, detail);
    Some(quoted.iter().fold(finding, |finding, error| {
        let time = entries.get(error.index).and_then(|entry| entry.time);
        let what = time.map_or("log".to_owned(), |time| {
            format!("log, {}", time.format("%Y-%m-%d %H:%M:%S UTC"))
        });
        finding.saw(what, error.excerpt.clone())
    }))
}
