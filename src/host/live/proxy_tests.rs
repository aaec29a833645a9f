#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::host::live::testing::{Server, closed_port, listener};
use crate::host::live::{LiveHost, Settings};
use crate::host::{
    ApiAnswer, ApiCall, ApiQuestion, ConnectQuestion, Ending, HandshakeQuestion, HealthQuestion,
    Host, HostPath, ReadQuestion,
};

const CONFIG: &str = "/etc/nexplane-agent/config.yaml";

/// A control plane behind a proxy, both on loopback; the proxy answers everything about the password that it was shown.
struct Case {
    root: tempfile::TempDir,
    proxy: SocketAddr,
    plane: SocketAddr,
    /// The heads of the requests that the proxy got.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Case {
    async fn new(status: &'static str) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/nexplane-agent")).unwrap();
        let server = Server::new();
        std::fs::write(root.path().join("ca.pem"), &server.pem).unwrap();
        let plane = control_plane(&server).await;
        let asked = Arc::default();
        let proxy = refusing_or_passing(status, plane, Arc::clone(&asked)).await;
        let config = format!("control_plane: https://a.b\nproxy: http://u:hunter2@{proxy}\n");
        let path = root.path().join(CONFIG.trim_start_matches('/'));
        std::fs::write(path, config).unwrap();
        Self {
            root,
            proxy,
            plane,
            asked,
        }
    }

    fn host(&self) -> LiveHost {
        LiveHost::new(Settings {
            root: Some(self.root.path().to_owned()),
            ..Settings::new(Duration::from_secs(5))
        })
    }

    fn question(&self) -> TunnelQuestion {
        TunnelQuestion {
            address: self.proxy,
            via: Via {
                proxy: format!("http://{}", self.proxy),
                credentials: Some(ProxySetting::Configuration {
                    path: HostPath::host(CONFIG),
                }),
                ca_cert: Some(HostPath::host("/ca.pem")),
                ssl_cert_file: Some(PathBuf::from("/nowhere")),
                ssl_cert_dir: None,
            },
            host: "127.0.0.1".into(),
            port: self.plane.port(),
        }
    }
}

/// TLS, and a healthy answer to every request.
async fn control_plane(server: &Server) -> SocketAddr {
    let (listener, address) = listener().await;
    let acceptor = tokio_rustls::TlsAcceptor::from(server.config(&rustls::version::TLS13, None));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _request = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _gone = stream.write_all(answer).await;
            let _gone = stream.shutdown().await;
        }
    });
    address
}

/// A proxy that answers every CONNECT so; after a 200 it passes on.
async fn refusing_or_passing(
    status: &'static str,
    plane: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(serve(listener, status, plane, asked));
    address
}

async fn serve(
    listener: TcpListener,
    status: &'static str,
    plane: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        // A proxy that repeats what it was told.
        let echo = head.replace("\r\n", " ");
        asked.lock().unwrap().push(head);
        let length = if status.starts_with("200") {
            0
        } else {
            echo.len()
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nX: hunter2\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        if length > 0 {
            stream.write_all(echo.as_bytes()).await.unwrap();
            continue;
        }
        let mut onward = tokio::net::TcpStream::connect(plane).await.unwrap();
        tokio::spawn(async move {
            let _ended = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        });
    }
}

#[tokio::test]
async fn everything_behind_a_proxy_is_seen_through_its_tunnel() {
    let case = Case::new("200 Connection established").await;
    let host = case.host();
    let addresses = vec![case.proxy];
    let race = host.connect(ConnectQuestion { addresses }).await;
    assert_eq!(race.winner, Some(case.proxy));
    let tunnel = host.tunnel(case.question()).await.unwrap();
    assert_eq!(
        (tunnel.ending, tunnel.credentials),
        (TunnelEnding::Open, Login::Given)
    );
    let question = HandshakeQuestion {
        address: case.proxy,
        server_name: "127.0.0.1".into(),
        tunnel: Some(case.question()),
    };
    let handshake = host.handshake(question.clone()).await.unwrap();
    assert_eq!(handshake.ending, Ending::Complete);
    assert_eq!(handshake.chain.len(), 1);
    let health = HealthQuestion {
        address: case.proxy,
        authority: format!("127.0.0.1:{}", case.plane.port()),
    };
    let exchange = host.health(health).await.unwrap();
    assert_eq!((exchange.status, exchange.body.as_str()), (200, "{}"));
    assert_eq!(case.asked.lock().unwrap().len(), 1);
    // A handshake that finds no tunnel asks for one of its own.
    let handshake = host.handshake(question).await.unwrap();
    assert_eq!(handshake.ending, Ending::Complete);
    let asked = case.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    for head in asked {
        let wanted = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", case.plane.port());
        assert!(head.starts_with(&wanted), "{head}");
        assert!(head.to_lowercase().contains("proxy-authorization: basic "));
    }
}

#[tokio::test]
async fn the_strict_connection_takes_the_same_way() {
    let case = Case::new("200 OK").await;
    let question = ApiQuestion {
        origin: format!("https://127.0.0.1:{}", case.plane.port()),
        addresses: vec![case.proxy],
        ca_cert: case.question().via.ca_cert,
        ssl_cert_file: case.question().via.ssl_cert_file,
        ssl_cert_dir: None,
        identity: None,
        via: Some(case.question().via),
        call: ApiCall::Health,
    };
    let ApiAnswer::Reply(reply) = case.host().api(question.clone()).await else {
        panic!("an answer");
    };
    assert_eq!(
        (reply.exchange.status, reply.exchange.body.as_str()),
        (200, "{}")
    );
    let distrusting = ApiQuestion {
        ca_cert: None,
        ..question.clone()
    };
    let answer = case.host().api(distrusting).await;
    assert!(
        matches!(answer, ApiAnswer::PeerNotAccepted { .. }),
        "{answer:?}"
    );
    let refusing = Case::new("403 Forbidden").await;
    let question = ApiQuestion {
        addresses: vec![refusing.proxy],
        via: Some(refusing.question().via),
        ..question
    };
    let ApiAnswer::Failed(unseen) = refusing.host().api(question).await else {
        panic!("a refusal");
    };
    assert!(unseen.to_string().contains("403 Forbidden"), "{unseen}");
}

#[tokio::test]
async fn a_proxy_that_repeats_the_password_does_not_bring_it_into_evidence() {
    let case = Case::new("407 hunter2").await;
    let host = case.host();
    let tunnel = host.tunnel(case.question()).await.unwrap();
    let TunnelEnding::Refused {
        status: 407, body, ..
    } = &tunnel.ending
    else {
        panic!("{tunnel:?}");
    };
    assert!(body.contains("CONNECT"), "{body}");
    let basic = Secret::new("dTpodW50ZXIy");
    let read = host.read(ReadQuestion::new(HostPath::host(CONFIG))).await;
    for text in [format!("{tunnel:?}"), format!("{read:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.contains(basic.expose()), "{text}");
    }
    assert!(case.asked.lock().unwrap()[0].contains(basic.expose()));
}

#[tokio::test]
async fn credentials_go_to_the_proxy_that_they_are_set_for_alone() {
    let case = Case::new("407 No").await;
    let mut question = case.question();
    question.via.proxy = format!("socks5://{}", case.proxy);
    let found = Proxies::default();
    let root = Root::new(Some(case.root.path().to_owned()));
    let deadline = Deadline::after(Duration::from_secs(5));
    let (proxy, login) = found.find(deadline, &root, &question.via).await.unwrap();
    assert_eq!((proxy.credentials, login), (None, Login::Unreadable));
    question.via.credentials = None;
    let (_, login) = found.find(deadline, &root, &question.via).await.unwrap();
    assert_eq!(login, Login::None);
}

#[tokio::test]
async fn what_the_service_manager_said_is_kept_for_the_proxy() {
    let via = |variable: &str| Via {
        proxy: "http://p:1".into(),
        credentials: Some(ProxySetting::Service {
            variable: variable.into(),
        }),
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
    };
    let proxies = Proxies::default();
    let environment = "\"HTTPS_PROXY=http://u:hunter2@p:1\" A=http://u:x@p:1";
    proxies.remember(&Service {
        properties: [("Environment".to_owned(), environment.to_owned())].into(),
        supplied: false,
    });
    let (root, deadline) = (Root::new(None), Deadline::after(Duration::from_secs(5)));
    let (proxy, login) = proxies
        .find(deadline, &root, &via("HTTPS_PROXY"))
        .await
        .unwrap();
    assert_eq!(login, Login::Given);
    assert!(proxy.credentials.is_some() && !format!("{proxy:?}").contains("hunter2"));
    let (_, login) = proxies.find(deadline, &root, &via("A")).await.unwrap();
    assert_eq!(login, Login::Unreadable);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_says_nothing_is_a_bounded_wait() {
    let case = Case::new("200 OK").await;
    let mut question = case.question();
    question.address = closed_port();
    assert_eq!(case.host().tunnel(question).await, Err(Unseen::Refused));
    let (silent, address) = listener().await;
    let host = LiveHost::new(Settings::new(Duration::from_millis(100)));
    let mut question = case.question();
    question.via.credentials = None;
    question.address = address;
    let tunnel = host.tunnel(question).await.unwrap();
    assert_eq!(tunnel.ending, TunnelEnding::TimedOut { after_ms: 100 });
    let call = ApiQuestion {
        origin: "https://127.0.0.1:1".into(),
        addresses: vec![address],
        ca_cert: None,
        ssl_cert_file: Some(PathBuf::from("/nowhere")),
        ssl_cert_dir: None,
        identity: None,
        via: Some(Via {
            credentials: None,
            ..case.question().via
        }),
        call: ApiCall::Health,
    };
    let answer = host.api(call).await;
    assert!(
        matches!(answer, ApiAnswer::Failed(Unseen::TimedOut { .. })),
        "{answer:?}"
    );
    drop(silent);
}

#[tokio::test]
async fn a_proxy_that_speaks_tls_sees_neither_the_agents_certificate_nor_a_password_before_it_is_trusted()
 {
    let case = Case::new("200 OK").await;
    let proxy = Server::new();
    let root = case.root.path();
    std::fs::write(root.join("proxy.pem"), &proxy.pem).unwrap();
    let key = proxy.key.secret_der();
    let key = pem_of_key(key);
    std::fs::write(root.join("client.key"), key).unwrap();
    // It demands a certificate of its own CA: the one that the agent would have.
    let config = proxy.config(&rustls::version::TLS12, Some(&proxy.chain[0]));
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let address = demanding(config, Arc::clone(&heard)).await;
    let path = root.join(CONFIG.trim_start_matches('/'));
    let url = format!("https://u:hunter2@{address}");
    std::fs::write(path, format!("control_plane: https://a.b\nproxy: {url}\n")).unwrap();
    let mut question = case.question();
    question.address = address;
    question.via.proxy = format!("https://{address}");

    // Not trusted: nothing is said to it.
    let tunnel = case.host().tunnel(question.clone()).await.unwrap();
    assert!(
        matches!(tunnel.ending, TunnelEnding::Tls { .. }),
        "{tunnel:?}"
    );
    // Trusted, and it gets no certificate, by neither connection.
    question.via.ca_cert = Some(HostPath::host("/proxy.pem"));
    let tunnel = case.host().tunnel(question.clone()).await.unwrap();
    assert!(
        matches!(&tunnel.ending, TunnelEnding::Tls { why } if why.contains("HandshakeFailure") || why.contains("CertificateRequired")),
        "{tunnel:?}"
    );
    let identity = (HostPath::host("/proxy.pem"), HostPath::host("/client.key"));
    let call = ApiQuestion {
        origin: format!("https://127.0.0.1:{}", case.plane.port()),
        addresses: vec![address],
        ca_cert: question.via.ca_cert.clone(),
        ssl_cert_file: question.via.ssl_cert_file.clone(),
        ssl_cert_dir: None,
        identity: Some(identity),
        via: Some(question.via),
        call: ApiCall::Health,
    };
    let ApiAnswer::Failed(unseen) = case.host().api(call).await else {
        panic!("an answer");
    };
    assert!(
        unseen.to_string().contains("TLS to the proxy failed"),
        "{unseen}"
    );
    assert!(heard.lock().unwrap().is_empty());
}

/// Demands a certificate, and keeps what is said to it within TLS.
async fn demanding(config: Arc<rustls::ServerConfig>, heard: Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let (listener, address) = listener().await;
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut said = vec![0; 4096];
            let length = stream.read(&mut said).await.unwrap_or_default();
            heard.lock().unwrap().extend_from_slice(&said[..length]);
        }
    });
    address
}

fn pem_of_key(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
