//! Strict calls: what is sent to whom, and what comes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::host::live::testing::{Server, closed_port, peer};

const TOKEN: &str = "nxe_0123456789abcdef";

/// A control plane that answers with what it was asked.
async fn echo(config: Arc<ServerConfig>) -> SocketAddr {
    peer(async move |stream| {
        let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else {
            return;
        };
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-Echo: {TOKEN}\r\nSet-Cookie: a=b\r\n\r\n"
        );
        let answer = [head.as_bytes(), &request[..length]].concat();
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    })
    .await
}

struct Case {
    dir: tempfile::TempDir,
    server: Server,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::new();
        std::fs::write(dir.path().join("ca.pem"), &server.pem).unwrap();
        Self { dir, server }
    }

    fn question(&self, address: SocketAddr, call: ApiCall) -> ApiQuestion {
        ApiQuestion {
            origin: format!("https://localhost:{}", address.port()),
            addresses: vec![address],
            ca_cert: Some(HostPath::host("/ca.pem")),
            ssl_cert_file: None,
            ssl_cert_dir: None,
            identity: None,
            via: None,
            call,
        }
    }

    async fn ask(&self, question: ApiQuestion) -> ApiAnswer {
        let tokens = Tokens {
            enrollment: Some(Secret::new(TOKEN)),
            api: None,
        };
        let scrubber = Scrubber::new(tokens.enrollment.clone());
        let root = Root::new(Some(self.dir.path().to_owned()));
        let deadline = Deadline::after(Duration::from_secs(10));
        let stores = trust::Stores::default();
        call(deadline, &root, &stores, &tokens, &scrubber, question, None).await
    }
}

#[tokio::test]
async fn an_accepted_peer_gets_the_token_and_its_answer_comes_without() {
    let case = Case::new();
    let address = echo(case.server.config(&TLS13, None)).await;
    let answer = case
        .ask(case.question(address, ApiCall::InspectToken))
        .await;
    let ApiAnswer::Reply(ApiReply { exchange }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(exchange.status, 200);
    assert!(
        exchange.body.contains("/agent/enrollment-tokens/inspect"),
        "{}",
        exchange.body
    );
    let all = format!("{exchange:?}");
    assert!(
        !all.contains(TOKEN) && exchange.header("x-echo") == Some("…"),
        "{all}"
    );
    assert_eq!(exchange.header("set-cookie"), None);
    assert!(exchange.sent_at <= exchange.received_at);
}

#[tokio::test]
async fn a_peer_that_is_not_accepted_gets_nothing() {
    let case = Case::new();
    let address = echo(Server::new().config(&TLS13, None)).await;
    let answer = case
        .ask(case.question(address, ApiCall::InspectToken))
        .await;
    assert!(
        matches!(answer, ApiAnswer::PeerNotAccepted { .. }),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_heartbeat_says_that_it_is_a_diagnosis() {
    let case = Case::new();
    let address = echo(case.server.config(&TLS12, None)).await;
    let heartbeat = ApiCall::Heartbeat {
        agent_id: "agt_1".into(),
        hostname: "h".into(),
    };
    let answer = case.ask(case.question(address, heartbeat)).await;
    let ApiAnswer::Reply(reply) = answer else {
        panic!("{answer:?}");
    };
    assert!(reply.exchange.body.contains(r#""diagnosis":true"#));
}

#[tokio::test]
async fn a_wanted_client_certificate_shows_as_the_peers_alert() {
    let case = Case::new();
    let ca = case.server.chain[0].clone();
    let address = echo(case.server.config(&TLS13, Some(&ca))).await;
    let answer = case.ask(case.question(address, ApiCall::Health)).await;
    let name = "certificate_required".to_owned();
    assert_eq!(answer, ApiAnswer::Alert { name });
}

#[tokio::test]
async fn what_is_missing_is_said_and_nothing_asked() {
    let case = Case::new();
    let change = ApiCall::ChangeRequest { id: "cr".into() };
    let mut identified = case.question(closed_port(), ApiCall::Health);
    identified.identity = Some((HostPath::host("/ca.pem"), HostPath::host("/client.key")));
    for (question, part) in [
        (case.question(closed_port(), change), "no API token"),
        (identified, "/client.key: not there"),
    ] {
        let answer = case.ask(question).await;
        let ApiAnswer::NotAsked { why } = answer else {
            panic!("{answer:?}");
        };
        assert!(why.contains(part), "{why}");
    }
}

#[tokio::test]
async fn other_failures_keep_their_kind() {
    let case = Case::new();
    let refused = case
        .ask(case.question(closed_port(), ApiCall::Health))
        .await;
    assert_eq!(refused, ApiAnswer::Failed(Unseen::Refused));
    let mut bad = case.question(closed_port(), ApiCall::Health);
    bad.origin = "http://localhost".into();
    let bad = case.ask(bad).await;
    assert!(
        matches!(bad, ApiAnswer::Failed(Unseen::Malformed { .. })),
        "{bad:?}"
    );
}
