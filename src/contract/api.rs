//! The control plane's calls: paths, bodies, error details, states. What is sent and what comes back, as types.
//!
//! Used by both sides, so that client and lab cannot disagree. Tokens are [`Secret`]s that only serialisation exposes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Secret;

/// Headers whose values are somebody's secret.
pub(crate) const SECRET_HEADERS: [&str; 7] = [
    "set-cookie",
    "set-cookie2",
    "cookie",
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
];

/// `GET`, no authentication: [`Health`].
pub const HEALTH: &str = "/health";
/// `POST`, no client certificate: [`EnrollRequest`], answered by [`Enrolled`].
pub const ENROLL: &str = "/agent/enroll";
/// `POST`, client certificate: [`HeartbeatRequest`], answered by [`Heartbeat`].
pub const HEARTBEAT: &str = "/agent/heartbeat";
/// `POST`, client certificate: [`RotateRequest`], answered by [`Enrolled`].
pub const ROTATE_CERT: &str = "/agent/rotate-cert";
/// `POST`, no client certificate: [`InspectRequest`], answered by [`TokenReport`].
pub const INSPECT_TOKEN: &str = "/agent/enrollment-tokens/inspect";
/// `GET`, client certificate. Hands out work: a diagnosis never asks it.
pub const TASKS: &str = "/agent/tasks";
/// `GET /change-requests/{id}`, API token: [`ChangeRequest`].
pub const CHANGE_REQUESTS: &str = "/change-requests";
/// `GET`, and `GET`, `DELETE /agents/{id}`, API token.
pub const AGENTS: &str = "/agents";
/// `POST`, API token: makes a token.
pub const ENROLLMENT_TOKENS: &str = "/agents/enrollment-tokens";

/// `POST` to [`TASKS`]`/{id}/result`, client certificate: [`TaskResult`].
pub fn task_result(id: &str) -> String {
    format!("{TASKS}/{id}/result")
}

/// 404 of a task's result, for a task that is none of the agent's.
pub const TASK_NOT_FOUND: &str = "Task not found";
/// 401 of `enroll` and `inspect`.
pub const TOKEN_INVALID: &str = "token is not valid";
/// 409 of `enroll`.
pub const TOKEN_USED: &str = "token has already been used";
/// 410 of `enroll`.
pub const TOKEN_EXPIRED: &str = "token has expired";
/// 401 of the agent's calls.
pub const CERTIFICATE_REQUIRED: &str = "client certificate required";
/// 403 of the agent's calls.
pub const AGENT_REVOKED: &str = "agent not found or revoked";
/// 403 of `heartbeat`.
pub const CERTIFICATE_EXPIRED: &str = "client certificate has expired";
/// 403 of `rotate-cert`.
pub const EXPIRED_TOO_LONG: &str = "certificate expired too long ago";
/// 401 of the user interface's calls.
pub const NOT_AUTHENTICATED: &str = "Not authenticated";
/// 404 of `change-requests`.
pub const CHANGE_REQUEST_NOT_FOUND: &str = "Change request not found";
/// 404 of `agents`.
pub const AGENT_NOT_FOUND: &str = "Agent not found";

/// How long a client certificate lives.
pub const CERTIFICATE_DAYS: i64 = 365;
/// How long after its end a client certificate still serves to rotate it, by default.
pub const ROTATION_GRACE_DAYS: i64 = 30;

/// A secret as a JSON string: written only into the body of a call.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        String::deserialize(d).map(Secret::new)
    }
}

/// Asks for a client certificate with an enrollment token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The token; used up by success alone.
    #[serde(with = "exposed")]
    pub token: Secret,
    /// A PKCS #10 request in PEM.
    pub csr: String,
    /// The host's name.
    pub hostname: String,
    /// `linux`, `windows`, `darwin`: Go's names.
    pub os: String,
    /// `amd64`, `arm64`: Go's names.
    pub arch: String,
    /// The agent's version.
    pub agent_version: String,
}

/// 201: an agent with its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// `agt_…`.
    pub agent_id: String,
    /// The signed client certificate, PEM.
    pub certificate: String,
    /// The certificates between it and the control plane's root, PEM.
    pub ca_chain: String,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatRequest {
    /// The id in the client certificate.
    pub agent_id: String,
    /// The host's name.
    pub hostname: String,
    /// The agent's version.
    pub agent_version: String,
    /// Whether only a diagnosis asks: then it is no sign of life, and `last_seen` stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diagnosis: bool,
}

/// 200: the control plane knows the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// `ok`.
    pub status: String,
    /// The hostname that the agent is registered under.
    pub registered_as: String,
    /// The control plane's time.
    pub server_time: DateTime<Utc>,
    /// How many tasks wait for it.
    pub pending_tasks: u64,
}

/// (ours) 200 of `GET /agent/tasks`: work for the agent that asks. Without any, the answer is 204 and has no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskList {
    /// The tasks, oldest first. One that has no result yet is handed out again.
    pub tasks: Vec<Task>,
}

/// A typed operation. What is not of a type that the agent knows, it refuses; no type runs a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id: letters, digits, `-` and `_`.
    pub id: String,
    /// What is to be done.
    #[serde(rename = "type")]
    pub kind: String,
    /// The change request that it belongs to.
    pub change_request: String,
    /// What its type needs to know.
    #[serde(default)]
    pub parameters: Value,
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It was done.
    Completed,
    /// It was tried, and could not be done.
    Failed,
    /// It was not tried: the agent does not do such things.
    Refused,
}

/// (ours) The body of `POST /agent/tasks/{id}/result`; answered by 200, or 404 [`TASK_NOT_FOUND`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResult {
    /// What became of it.
    pub status: TaskStatus,
    /// In words for a person.
    pub detail: String,
}

/// Asks for a new certificate, on the strength of the one that the connection was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateRequest {
    /// A PKCS #10 request in PEM, for a new key.
    pub csr: String,
}

/// Asks what became of a token, without using it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectRequest {
    /// The token.
    #[serde(with = "exposed")]
    pub token: Secret,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It can enroll an agent.
    Unused,
    /// It has enrolled one.
    Used,
    /// Its lifetime is over.
    Expired,
}

/// 200: what became of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReport {
    /// What it is good for.
    pub state: TokenState,
    /// The host that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by_hostname: Option<String>,
    /// When it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
    /// When its lifetime ends.
    pub expires_at: DateTime<Utc>,
}

/// What a control plane says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok` when it is well.
    pub status: String,
    /// `connected` when its database is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Health {
    /// Reads a control plane's own answer; anything else, other products' health answers included, is `None`.
    pub fn recognise(body: &str) -> Option<Self> {
        let health: Self = serde_json::from_str(body).ok()?;
        (health.db.is_some() || health.version.is_some()).then_some(health)
    }

    /// Whether it says that it is well.
    pub fn is_well(&self) -> bool {
        self.status == "ok" && self.db.as_deref().is_none_or(|db| db == "connected")
    }
}

/// A change request, as far as a diagnosis reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRequest {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its state as spelled; [`ChangeState::read`] knows the known ones.
    pub status: String,
    /// Where it is to be executed.
    pub target: ChangeTarget,
}

/// The target of a change request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeTarget {
    /// The hostname of the agent that is to execute it.
    pub hostname: String,
}

/// The states of a change request, in the order in which it goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Being written.
    Draft,
    /// Planned, not submitted.
    Planned,
    /// Submitted; the same as awaiting approval.
    Submitted,
    /// Waits for approval.
    AwaitingApproval,
    /// Approved; tasks may go out.
    Approved,
    /// Being executed.
    Executing,
    /// Executed; being verified.
    Verifying,
    /// Done.
    Completed,
    /// Did not succeed.
    Failed,
    /// Approval was refused.
    Rejected,
    /// Undone.
    RolledBack,
}

impl ChangeState {
    /// Reads a state as Nexplane spells it, blanks, capitals and `complete` included.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Some(match text.as_str() {
            "draft" => Self::Draft,
            "planned" => Self::Planned,
            "submitted" => Self::Submitted,
            "awaiting_approval" => Self::AwaitingApproval,
            "approved" => Self::Approved,
            "executing" => Self::Executing,
            "verifying" => Self::Verifying,
            "complete" | "completed" => Self::Completed,
            "failed" => Self::Failed,
            "rejected" => Self::Rejected,
            "rolled_back" => Self::RolledBack,
            _ => return None,
        })
    }

    /// Whether this state means that approval was given. `failed` and `rolled_back` leave it open: tasks went out.
    pub const fn approval(self) -> Approval {
        match self {
            Self::Approved | Self::Executing | Self::Verifying | Self::Completed => Approval::Given,
            Self::Draft
            | Self::Planned
            | Self::Submitted
            | Self::AwaitingApproval
            | Self::Rejected => Approval::NotGiven,
            Self::Failed | Self::RolledBack => Approval::Past,
        }
    }
}

/// What a state says of approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It was given.
    Given,
    /// It was not given: no task goes out.
    NotGiven,
    /// It was given, and the request is over: no further task goes out.
    Past,
}

/// The text of FastAPI's `{"detail": …}`: the string, or the messages of a 422 with their fields. `None` for other bodies.
pub fn error_detail(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    match body.get("detail")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(problems) => Some(
            problems
                .iter()
                .map(validation_problem)
                .collect::<Vec<_>>()
                .join("; "),
        ),
        other => Some(other.to_string()),
    }
}

/// One entry of FastAPI's list: `body.csr: field required`.
fn validation_problem(problem: &Value) -> String {
    let message = problem
        .get("msg")
        .and_then(Value::as_str)
        .unwrap_or("not valid");
    let place: Vec<String> = problem
        .get("loc")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    if place.is_empty() {
        message.to_owned()
    } else {
        format!("{}: {message}", place.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_in_the_body_and_nowhere_else() {
        let request = InspectRequest {
            token: Secret::new("nxe_secret"),
        };
        assert!(!format!("{request:?}").contains("nxe_secret"));
        assert_eq!(
            serde_json::to_string(&request).ok().as_deref(),
            Some(r#"{"token":"nxe_secret"}"#)
        );
    }

    #[test]
    fn only_its_own_json_is_a_control_plane() {
        let well = Health::recognise(r#"{"status":"ok","db":"connected","version":"0.1.0"}"#);
        assert!(well.is_some_and(|health| health.is_well()));
        let ill = Health::recognise(r#"{"status":"ok","db":"disconnected","version":"0.1.0"}"#);
        assert!(ill.is_some_and(|health| !health.is_well()));
        for other in [
            r#"{"status":"UP"}"#,
            r#"{"detail":"Not Found"}"#,
            "<html>",
            "",
            "[]",
        ] {
            assert_eq!(Health::recognise(other), None, "{other}");
        }
    }

    #[test]
    fn details_of_both_shapes_are_read() {
        assert_eq!(
            error_detail(r#"{"detail":"token has expired"}"#).as_deref(),
            Some(TOKEN_EXPIRED)
        );
        let list = r#"{"detail":[{"loc":["body","csr"],"msg":"Field required","type":"missing"}]}"#;
        assert_eq!(
            error_detail(list).as_deref(),
            Some("body.csr: Field required")
        );
        assert_eq!(error_detail("<html>"), None);
        assert_eq!(error_detail(r#"{"error":1}"#), None);
    }

    #[test]
    fn states_are_read_as_people_spell_them() {
        for (text, state) in [
            ("awaiting_approval", ChangeState::AwaitingApproval),
            ("Awaiting Approval", ChangeState::AwaitingApproval),
            ("complete", ChangeState::Completed),
            ("rolled back", ChangeState::RolledBack),
        ] {
            assert_eq!(ChangeState::read(text), Some(state), "{text}");
        }
        assert_eq!(ChangeState::read("frozen"), None);
        assert_eq!(ChangeState::Executing.approval(), Approval::Given);
        assert_eq!(ChangeState::Rejected.approval(), Approval::NotGiven);
    }
}
