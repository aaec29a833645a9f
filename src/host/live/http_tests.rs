//! Answers of every kind, over a stream in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// Asks a peer that reads the request, writes `answer`, and then does what `after` says.
async fn ask<F: Future<Output = ()> + Send + 'static>(
    millis: u64,
    answer: Vec<u8>,
    after: impl FnOnce(DuplexStream) -> F + Send + 'static,
) -> (Seen<Exchange>, String) {
    let (ours, mut theirs) = duplex(1 << 16);
    let peer = tokio::spawn(async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(theirs.read_u8().await.unwrap());
        }
        // Our side may have seen enough before everything is written.
        let _ = theirs.write_all(&answer).await;
        tokio::spawn(after(theirs));
        String::from_utf8(request).unwrap()
    });
    let deadline = Deadline::after(Duration::from_millis(millis));
    let seen = health(deadline, ours, "nexplane.test:8000").await;
    (seen, peer.await.unwrap())
}

async fn hang_up(stream: DuplexStream) {
    drop(stream);
}

async fn hold(stream: DuplexStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn an_answer_is_kept_without_cookies() {
    let head = "503 Unwell\r\nDate: Mon, 23 Nov 2026 20:50:00 GMT\r\nSet-Cookie: id=1\r\nContent-Length: 2";
    let (seen, request) = ask(5000, answer(head, "{}trailing"), hold).await;
    let exchange = seen.unwrap();
    assert_eq!((exchange.status, exchange.body.as_str()), (503, "{}"));
    assert_eq!(
        exchange.header("date"),
        Some("Mon, 23 Nov 2026 20:50:00 GMT")
    );
    assert_eq!(exchange.header("set-cookie"), None);
    assert!(!exchange.truncated && exchange.sent_at <= exchange.received_at);
    assert!(request.starts_with("GET /health HTTP/1.1\r\n"), "{request}");
    for line in [
        "host: nexplane.test:8000",
        "connection: close",
        "accept: application/json",
    ] {
        assert!(request.contains(line), "{request}");
    }
    assert!(!request.contains("authorization"));
}

#[tokio::test]
async fn long_and_endless_answers_are_cut() {
    let body = "x".repeat(1 << 20);
    let (seen, _) = ask(
        5000,
        answer("200 OK\r\nContent-Length: 1048576", &body),
        hold,
    )
    .await;
    let exchange = seen.unwrap();
    assert!(exchange.truncated);
    assert_eq!(exchange.body.len(), BODY_LIMIT);
    let many = "X-Filler: y\r\n".repeat(FIELDS_LIMIT + 1);
    let (seen, _) = ask(5000, answer(&format!("200 OK\r\n{many}"), ""), hold).await;
    assert!(matches!(seen, Err(Unseen::TooLarge { .. })), "{seen:?}");
    let wide = format!("200 OK\r\nX-Filler: {}", "y".repeat(HEAD_LIMIT));
    let (seen, _) = ask(5000, answer(&wide, ""), hold).await;
    assert!(matches!(seen, Err(Unseen::TooLarge { .. })), "{seen:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_or_hangs_is_kept_as_far_as_it_came() {
    let head = "200 OK\r\nContent-Length: 9";
    let (broken, _) = ask(5000, answer(head, "abc"), hang_up).await;
    let (hanging, _) = ask(300, answer(head, "abc"), hold).await;
    for seen in [broken, hanging] {
        let exchange = seen.unwrap();
        assert_eq!((exchange.body.as_str(), exchange.truncated), ("abc", true));
    }
}

#[tokio::test]
async fn no_answer_is_told_by_its_kind() {
    let (seen, _) = ask(300, Vec::new(), hold).await;
    assert_eq!(seen, Err(Unseen::TimedOut { after_ms: 300 }));
    let (seen, _) = ask(300, b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec(), hold).await;
    assert_eq!(seen, Err(Unseen::TimedOut { after_ms: 300 }));
    let (seen, _) = ask(5000, Vec::new(), hang_up).await;
    assert_eq!(seen, Err(Unseen::Closed));
    let (seen, _) = ask(5000, b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), hold).await;
    assert!(matches!(seen, Err(Unseen::Malformed { .. })), "{seen:?}");
}

#[test]
fn an_authority_that_is_none_is_not_asked() {
    assert!(request("a\nb:8000").is_err());
    assert!(request("[2001:db8::1]:8000").is_ok());
}
