//! Handshakes with peers of every kind, on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use tokio::net::TcpStream;

use super::*;
use crate::host::live::http;
use crate::host::live::testing::{Server, peer};

async fn shake(millis: u64, address: SocketAddr) -> (Handshake, Option<Stream>) {
    let stream = Box::new(TcpStream::connect(address).await.unwrap());
    let deadline = Deadline::after(Duration::from_millis(millis));
    handshake(deadline, stream, "localhost").await.unwrap()
}

/// A peer that reads the ClientHello, writes this, and waits.
async fn says(bytes: &'static [u8]) -> SocketAddr {
    peer(async move |mut stream| {
        stream
            .read_buf(&mut Vec::with_capacity(4096))
            .await
            .unwrap();
        stream.write_all(bytes).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await
}

async fn serve(config: Arc<rustls::ServerConfig>) -> SocketAddr {
    peer(async move |stream| {
        // Its end is what the test is about; until the client hangs up it stays.
        if let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await
}

#[tokio::test]
async fn both_versions_are_recorded_with_chain_and_proof() {
    let server = Server::new();
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let address = serve(server.config(version, None)).await;
        let (handshake, stream) = shake(5000, address).await;
        assert_eq!(handshake.ending, Ending::Complete);
        assert!(stream.is_some());
        assert_eq!(handshake.version.as_deref(), Some(name));
        assert!(handshake.cipher_suite.unwrap().starts_with("TLS_"));
        assert_eq!(handshake.details.group.as_deref(), Some("X25519"));
        let offered = &handshake.details.offered;
        assert_eq!(offered.versions, ["TLSv1.3", "TLSv1.2"]);
        assert!(offered.groups.contains(&"secp256r1".to_owned()));
        assert_eq!(handshake.chain, [pem::certificate(&server.chain[0])]);
        assert_eq!(handshake.key_proven, Some(true));
        assert!(!handshake.client_certificate_requested);
        assert!(handshake.received > 500 && handshake.first_bytes.starts_with("1603"));
    }
}

#[tokio::test]
async fn a_chain_without_its_key_is_recorded_as_such() {
    for version in [&TLS12, &TLS13] {
        let address = serve(Server::new().impostor(version)).await;
        let (handshake, _) = shake(5000, address).await;
        assert_eq!(handshake.key_proven, Some(false), "{handshake:?}");
        assert_eq!(handshake.chain.len(), 1);
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_wanted_is_noted_and_not_sent() {
    let server = Server::new();
    let address = serve(server.config(&TLS12, Some(&server.chain[0]))).await;
    let (handshake, _) = shake(5000, address).await;
    assert!(handshake.client_certificate_requested);
    assert_eq!(handshake.key_proven, Some(true));
    assert!(
        matches!(
            handshake.ending,
            Ending::Alert {
                before_server_hello: false,
                ..
            }
        ),
        "{handshake:?}"
    );

    // TLS 1.3 says so only after the client's side of the handshake is complete.
    let address = serve(server.config(&TLS13, Some(&server.chain[0]))).await;
    let (handshake, stream) = shake(5000, address).await;
    assert_eq!(handshake.ending, Ending::Complete);
    assert!(handshake.client_certificate_requested);
    let deadline = Deadline::after(Duration::from_secs(5));
    let seen = http::health(deadline, stream.unwrap(), "localhost:8000").await;
    let name = "certificate_required".to_owned();
    assert_eq!(seen, Err(Unseen::Alert { name }));
}

#[tokio::test]
async fn what_is_not_tls_is_told_by_its_first_bytes() {
    let (handshake, _) = shake(5000, says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await).await;
    assert_eq!(handshake.ending, Ending::NotTls);
    assert!(handshake.first_bytes.starts_with("485454502f312e31"));
    assert_eq!(handshake.received, 28);
    // Too little for the library to judge, enough for us.
    let (handshake, _) = shake(300, says(b"hi\n").await).await;
    assert_eq!(handshake.ending, Ending::NotTls);
}

#[tokio::test]
async fn an_alert_in_place_of_a_hello_is_told() {
    let (handshake, _) = shake(5000, says(&[21, 3, 1, 0, 2, 2, 40]).await).await;
    assert_eq!(
        handshake.ending,
        Ending::Alert {
            name: "handshake_failure".into(),
            before_server_hello: true
        }
    );
    assert!(handshake.chain.is_empty() && handshake.key_proven.is_none());
}

#[tokio::test]
async fn an_old_version_is_incompatible() {
    // ServerHello for TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA.
    let hello = [
        &[22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1][..],
        &[7; 32],
        &[0, 0, 47, 0],
    ]
    .concat();
    let (handshake, _) = shake(5000, says(hello.leak()).await).await;
    assert!(
        matches!(handshake.ending, Ending::Incompatible { .. }),
        "{handshake:?}"
    );
    let suite = "TLS_RSA_WITH_AES_128_CBC_SHA";
    assert_eq!(handshake.version.as_deref(), Some("TLSv1.0"));
    assert_eq!(handshake.cipher_suite.as_deref(), Some(suite));
}

#[tokio::test]
async fn silence_and_trickling_end_with_the_time() {
    let (handshake, _) = shake(300, says(b"").await).await;
    assert_eq!(handshake.ending, Ending::TimedOut { after_ms: 300 });
    let address = peer(async |mut stream| {
        // A record of 16 KiB, a byte at a time.
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for byte in [22, 3, 3, 64, 0].into_iter().chain(std::iter::repeat(0)) {
            pace.tick().await;
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let (handshake, _) = shake(300, address).await;
    assert_eq!(handshake.ending, Ending::TimedOut { after_ms: 300 });
    assert!(handshake.received > 1);
}

#[tokio::test]
#[cfg_attr(windows, ignore = "Wine tells a reset as an end")]
async fn a_reset_is_no_orderly_end() {
    let address = peer(async |mut stream| {
        stream
            .read_buf(&mut Vec::with_capacity(4096))
            .await
            .unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let (handshake, _) = shake(5000, address).await;
    assert_eq!((handshake.ending, handshake.received), (Ending::Reset, 0));
    let address = peer(async |mut stream| {
        stream
            .read_buf(&mut Vec::with_capacity(4096))
            .await
            .unwrap();
    })
    .await;
    let (handshake, _) = shake(5000, address).await;
    assert_eq!(handshake.ending, Ending::Closed);
}

#[tokio::test]
async fn a_name_that_tls_cannot_ask_for_is_said() {
    let address = says(b"").await;
    let stream = Box::new(TcpStream::connect(address).await.unwrap());
    let deadline = Deadline::after(Duration::from_secs(1));
    let seen = handshake(deadline, stream, "not a name").await;
    assert!(matches!(seen, Err(Unseen::Malformed { .. })));
}

#[test]
fn a_reset_behind_an_orderly_end_is_an_orderly_end() {
    let none = Received::default();
    let ended = |kind: io::ErrorKind| ending(&kind.into(), &none);
    assert_eq!(ended(io::ErrorKind::BrokenPipe), Ending::Closed);
    assert_eq!(ended(io::ErrorKind::ConnectionReset), Ending::Reset);
    assert_eq!(ended(io::ErrorKind::ConnectionAborted), Ending::Reset);
}
