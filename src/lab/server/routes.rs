//! The contract's calls over HTTP: bodies in, FastAPI's shapes out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::RequestLine;
use super::handshake::Connection;
use crate::contract::api::{
    self, EnrollRequest, Enrolled, Health, HeartbeatRequest, InspectRequest, RotateRequest,
    TaskResult,
};
use crate::lab::LabError;
use crate::lab::behaviour::{Behaviour, HealthPage, HeartbeatReply, InspectCall, RotationReply};
use crate::lab::ca::{AgentRequest, Authority};
use crate::lab::state::{Refusal, State};

/// The most that is read of a request's body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long a request's body may take.
const BODY: Duration = Duration::from_secs(10);
/// How long a token lives that the user interface asks for.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// What the handlers share.
struct Plane {
    state: Arc<State>,
    behaviour: Behaviour,
    log: UnboundedSender<RequestLine>,
}

type Plan = Shared<Arc<Plane>>;

/// All calls.
pub(super) fn router(
    state: Arc<State>,
    behaviour: Behaviour,
    log: UnboundedSender<RequestLine>,
) -> Router {
    let plane = Arc::new(Plane {
        state,
        behaviour,
        log,
    });
    Router::new()
        .route(api::HEALTH, get(health))
        .route(api::ENROLL, post(enroll))
        .route(api::HEARTBEAT, post(heartbeat))
        .route(api::ROTATE_CERT, post(rotate))
        .route(api::INSPECT_TOKEN, post(inspect))
        .route(api::TASKS, get(tasks))
        .route(&api::task_result("{id}"), post(task_result))
        .route(api::AGENTS, get(agents))
        .route(api::ENROLLMENT_TOKENS, post(new_token))
        .route("/agents/{id}", get(agent).delete(revoke))
        .route("/change-requests/{id}", get(change_request))
        .fallback(|| async { detail(404, "Not Found") })
        .method_not_allowed_fallback(|| async { detail(405, "Method Not Allowed") })
        .layer(from_fn_with_state(Arc::clone(&plane), around))
        .with_state(plane)
}

/// Around each call: the control plane's own date, and a line in the log.
async fn around(
    Shared(plane): Plan,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let date = plane.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    let status = response.status().as_u16();
    plane.note(method, path, status, connection.agent_id);
    response
}

impl Plane {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.state.clock().now() + self.behaviour.ahead
    }

    fn note(&self, method: String, path: String, status: u16, agent_id: Option<String>) {
        // Nobody has to listen.
        let _unheard = self.log.send(RequestLine {
            method,
            path,
            status,
            agent_id,
        });
    }
}

/// `{"detail": …}`.
fn detail(status: u16, detail: &str) -> Response {
    answer(status, &json!({ "detail": detail }))
}

fn answer(status: u16, body: &impl Serialize) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// A result as an answer.
fn answered<T: Serialize>(status: u16, result: Result<T, Refusal>) -> Response {
    match result {
        Ok(body) => answer(status, &body),
        Err(refusal) => detail(refusal.status, &refusal.detail),
    }
}

/// A body as `T`, or FastAPI's 422 that names every missing or wrong field of `fields`.
async fn read<T: DeserializeOwned>(body: Body, fields: &[&str]) -> Result<T, Response> {
    let reading = tokio::time::timeout(BODY, axum::body::to_bytes(body, MAX_BODY));
    let bytes = match reading.await {
        Err(_) => return Err(detail(408, "Request Timeout")),
        Ok(Err(_)) => return Err(detail(413, "Request Entity Too Large")),
        Ok(Ok(bytes)) => bytes,
    };
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
        let problem = json!({"type": "json_invalid", "loc": ["body"], "msg": "JSON decode error"});
        return Err(answer(422, &json!({ "detail": [problem] })));
    };
    let problems: Vec<Value> = fields
        .iter()
        .filter_map(|field| match value.get(field) {
            None => Some(json!({"type": "missing", "loc": ["body", field], "msg": "Field required"})),
            Some(Value::String(_)) => None,
            Some(_) => Some(json!({
                "type": "string_type", "loc": ["body", field], "msg": "Input should be a valid string"
            })),
        })
        .collect();
    if !problems.is_empty() {
        return Err(answer(422, &json!({ "detail": problems })));
    }
    serde_json::from_value(value).map_err(|_| {
        let problem = json!({"type": "value_error", "loc": ["body"], "msg": "Input is not valid"});
        answer(422, &json!({ "detail": [problem] }))
    })
}

async fn enroll(Shared(plane): Plan, body: Body) -> Response {
    const FIELDS: [&str; 6] = ["token", "csr", "hostname", "os", "arch", "agent_version"];
    match read::<EnrollRequest>(body, &FIELDS).await {
        Ok(request) => answered(201, plane.state.enroll(&request)),
        Err(response) => response,
    }
}

async fn heartbeat(
    Shared(plane): Plan,
    Extension(connection): Extension<Connection>,
    body: Body,
) -> Response {
    const FIELDS: [&str; 3] = ["agent_id", "hostname", "agent_version"];
    let request = match read::<HeartbeatRequest>(body, &FIELDS).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    if let HeartbeatReply::Refused(status, text) = &plane.behaviour.agent_api.heartbeat {
        return detail(*status, text);
    }
    let reply = plane
        .state
        .heartbeat(connection.certificate.as_deref(), &request)
        .map(|mut reply| {
            if let HeartbeatReply::RegisteredAs(name) = &plane.behaviour.agent_api.heartbeat {
                reply.registered_as.clone_from(name);
            }
            reply.server_time = plane.now();
            reply
        });
    answered(200, reply)
}

async fn rotate(
    Shared(plane): Plan,
    Extension(connection): Extension<Connection>,
    body: Body,
) -> Response {
    match read::<RotateRequest>(body, &["csr"]).await {
        Ok(request) => {
            let certificate = connection.certificate.as_deref();
            let renewed = plane.state.rotate(certificate, &request.csr);
            let renewed = match plane.behaviour.agent_api.rotation {
                RotationReply::Honest => renewed,
                RotationReply::OfAnotherCa => {
                    renewed.and_then(|it| by_another_ca(it, &request.csr, plane.now()))
                }
            };
            answered(201, renewed)
        }
        Err(response) => response,
    }
}

/// The same agent's certificate for the same key, of an authority that nobody knows.
fn by_another_ca(
    renewed: Enrolled,
    csr: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Enrolled, Refusal> {
    let csr = AgentRequest::read(csr).map_err(LabError::Enrollment)?;
    let authority = Authority::named("Elsewhere", now)?;
    let lifetime = renewed.not_after - now;
    let (certificate, not_after) = authority.sign_agent(&csr, &renewed.agent_id, now, lifetime)?;
    Ok(Enrolled {
        certificate: certificate.pem(),
        ca_chain: authority.agents_chain_pem(),
        not_after,
        ..renewed
    })
}

async fn inspect(Shared(plane): Plan, body: Body) -> Response {
    if plane.behaviour.agent_api.inspect == InspectCall::Unknown {
        return detail(404, "Not Found");
    }
    match read::<InspectRequest>(body, &["token"]).await {
        Ok(request) => answered(200, plane.state.inspect(&request.token)),
        Err(response) => response,
    }
}

/// That somebody asked is counted, because a diagnosis must not.
async fn tasks(Shared(plane): Plan, Extension(connection): Extension<Connection>) -> Response {
    plane.state.count_poll();
    match plane.state.tasks(connection.certificate.as_deref()) {
        Ok(list) if list.tasks.is_empty() => StatusCode::NO_CONTENT.into_response(),
        list => answered(200, list),
    }
}

async fn task_result(
    Shared(plane): Plan,
    Extension(connection): Extension<Connection>,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    match read::<TaskResult>(body, &["status", "detail"]).await {
        Ok(result) => {
            let certificate = connection.certificate.as_deref();
            let taken = plane.state.finish_task(certificate, &id, result);
            answered(200, taken.map(|()| json!({"status": "recorded"})))
        }
        Err(response) => response,
    }
}

/// Whether a request carries an API token.
fn authenticated(plane: &Plane, request: &Request) -> Result<(), Box<Response>> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match token {
        Some(token) if plane.state.knows_api_token(token) => Ok(()),
        _ => Err(Box::new(detail(401, api::NOT_AUTHENTICATED))),
    }
}

async fn agents(Shared(plane): Plan, request: Request) -> Response {
    match authenticated(&plane, &request) {
        Ok(()) => answer(200, &plane.state.agents()),
        Err(response) => *response,
    }
}

async fn agent(Shared(plane): Plan, Path(id): Path<String>, request: Request) -> Response {
    match authenticated(&plane, &request) {
        Ok(()) => answered(200, plane.state.agent(&id)),
        Err(response) => *response,
    }
}

async fn revoke(Shared(plane): Plan, Path(id): Path<String>, request: Request) -> Response {
    match authenticated(&plane, &request) {
        Ok(()) => answered(200, plane.state.revoke(&id)),
        Err(response) => *response,
    }
}

async fn change_request(Shared(plane): Plan, Path(id): Path<String>, request: Request) -> Response {
    match authenticated(&plane, &request) {
        Ok(()) => answered(200, plane.state.change_request(&id)),
        Err(response) => *response,
    }
}

async fn new_token(Shared(plane): Plan, request: Request) -> Response {
    if let Err(response) = authenticated(&plane, &request) {
        return *response;
    }
    let made = plane.state.new_token(TOKEN_LIFETIME).map_err(Refusal::from);
    let body = made
        .map(|(token, expires_at)| json!({ "token": token.expose(), "expires_at": expires_at }));
    answered(201, body)
}

async fn health(Shared(plane): Plan, Extension(connection): Extension<Connection>) -> Response {
    match &plane.behaviour.health {
        HealthPage::Well => answer(200, &own_health("ok", "connected")),
        HealthPage::Slow(after) => {
            tokio::time::sleep(*after).await;
            answer(200, &own_health("ok", "connected"))
        }
        HealthPage::Unwell { http, status, db } => answer(*http, &own_health(status, db)),
        HealthPage::Error(status) => {
            let title = "upstream connect error or disconnect/reset before headers";
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, title).into_response()
        }
        HealthPage::Portal => html(PORTAL),
        HealthPage::Redirect(url) => {
            (StatusCode::FOUND, [(header::LOCATION, url.clone())]).into_response()
        }
        HealthPage::NotFound => detail(404, "Not Found"),
        HealthPage::OtherProduct => {
            let body = json!({"name": "elsewhere", "cluster_name": "docker-cluster", "tagline": "You Know, for Search"});
            answer(200, &body)
        }
        HealthPage::Hang => std::future::pending().await,
        HealthPage::HangUp => {
            let agent_id = connection.agent_id;
            plane.note("GET".to_owned(), api::HEALTH.to_owned(), 0, agent_id);
            connection.hang_up.cancel();
            std::future::pending().await
        }
    }
}

fn own_health(status: &str, db: &str) -> Health {
    Health {
        status: status.to_owned(),
        db: Some(db.to_owned()),
        version: Some("0.1.0".to_owned()),
    }
}

fn html(page: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// What a hotel's or a company's network shows to those who have not signed in.
const PORTAL: &str = "<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>\
<h1>Guest access</h1><form method=\"post\" action=\"/login\"><input name=\"user\">\
<input name=\"password\" type=\"password\"><button>Sign in</button></form></body></html>\n";
