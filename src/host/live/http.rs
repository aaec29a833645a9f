//! `GET /health` over the connection whose handshake was recorded. It carries nothing but the question.

use std::error::Error as StdError;
use std::io;
use std::time::Instant;

use chrono::Utc;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::deadline::{Deadline, millis};
use super::{tcp, tls};
use crate::contract::api;
use crate::contract::client::harmless_headers;
use crate::contract::tls::alert_name;
use crate::host::{Exchange, Seen, Unseen};

/// The most that is read of an answer's head.
const HEAD_LIMIT: usize = 64 << 10;
/// The most header fields of an answer.
const FIELDS_LIMIT: usize = 256;
/// The most that is kept of an answer's body.
const BODY_LIMIT: usize = 64 << 10;

/// Asks for `/health` and reads the answer.
pub(super) async fn health<S>(deadline: Deadline, stream: S, authority: &str) -> Seen<Exchange>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(authority)?;
    let (sender, connection) = http1::Builder::new()
        .max_header_size(HEAD_LIMIT)
        .max_headers(FIELDS_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unseen(&error, deadline))?;
    // The connection does its work as long as somebody waits for it; both end with this answer.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(exchange(deadline, sender, request));
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => {
            let answer = answer.await;
            match (answer, ended) {
                // Which of the two hears the reason is chance.
                (Err(Unseen::Closed | Unseen::Failed { .. }), Err(error)) => Err(unseen(&error, deadline)),
                (answer, _) => answer,
            }
        }
    }
}

fn request(authority: &str) -> Seen<Request<Empty<Bytes>>> {
    Request::builder()
        .method(Method::GET)
        .uri(api::HEALTH)
        .header(HOST, authority)
        .header(
            USER_AGENT,
            concat!("nexplane-doctor/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| Unseen::malformed(format!("`{authority}` is no host and port")))
}

async fn exchange(
    deadline: Deadline,
    mut sender: http1::SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
) -> Seen<Exchange> {
    let began = Instant::now();
    let sent_at = Utc::now();
    let response = deadline
        .run(sender.send_request(request))
        .await?
        .map_err(|error| unseen(&error, deadline))?;
    let received_at = Utc::now();
    let status = response.status().as_u16();
    let headers = harmless_headers(response.headers());
    let (body, truncated) = body(deadline, response).await;
    Ok(Exchange {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        truncated,
        sent_at,
        received_at,
        duration_ms: millis(began.elapsed()),
    })
}

/// The body as far as it came, and whether there was more of it.
async fn body(deadline: Deadline, response: Response<Incoming>) -> (Vec<u8>, bool) {
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    loop {
        match deadline.run(incoming.frame()).await {
            Ok(None) => return (body, false),
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let room = BODY_LIMIT - body.len();
                body.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return (body, true);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return (body, true),
        }
    }
}

/// Sorts the library's error by what is beneath it.
fn unseen(error: &hyper::Error, deadline: Deadline) -> Unseen {
    if let Some(io) = error.source().and_then(|e| e.downcast_ref::<io::Error>()) {
        return match tls::tls_error(io) {
            Some(rustls::Error::AlertReceived(alert)) => Unseen::Alert {
                name: alert_name(*alert),
            },
            Some(other) => Unseen::failed(other),
            None => tcp::unseen(io, deadline),
        };
    }
    if error.is_parse_too_large() {
        Unseen::TooLarge {
            limit: HEAD_LIMIT as u64,
        }
    } else if error.is_parse() {
        Unseen::malformed(error.to_string())
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Unseen::Closed
    } else {
        Unseen::failed(error)
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
