//! The live host as a whole.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::testing::{Server, peer};
use super::*;

fn settings() -> Settings {
    Settings {
        token: Some(Secret::new("nxe_hunter2hunter2")),
        api_token: Some(Secret::new("api_hunter2hunter2")),
        ..Settings::new(Duration::from_secs(10))
    }
}

#[tokio::test]
async fn one_connection_carries_tcp_tls_and_the_question() {
    let config = Server::new().config(&TLS13, None);
    let address = peer(async move |stream| {
        let mut stream = TlsAcceptor::from(Arc::clone(&config))
            .accept(stream)
            .await
            .unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
        let _ = stream.read(&mut request).await;
    })
    .await;
    let host = LiveHost::new(settings());
    let health = HealthQuestion {
        address,
        authority: address.to_string(),
    };
    assert!(
        host.health(health.clone()).await.is_err(),
        "not connected yet"
    );
    let addresses = vec![address];
    let race = host.connect(ConnectQuestion { addresses }).await;
    assert_eq!(race.winner, Some(address));
    let question = HandshakeQuestion {
        address,
        server_name: "127.0.0.1".into(),
        tunnel: None,
    };
    let handshake = host.handshake(question).await.unwrap();
    assert_eq!(handshake.ending, Ending::Complete);
    let exchange = host.health(health).await.unwrap();
    assert_eq!((exchange.status, exchange.body.as_str()), (200, "{}"));
}

#[test]
fn no_secret_shows() {
    let shown = format!("{:?} {:?}", settings(), LiveHost::new(settings()));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_token_is_told_by_its_shape() {
    let shape = LiveHost::new(settings()).token(()).await.unwrap();
    assert_eq!(shape.length, 18);
    let none = LiveHost::new(Settings::new(Duration::from_secs(1)));
    assert_eq!(none.token(()).await, None);
}

#[tokio::test]
#[cfg_attr(windows, ignore = "it is about programs and units of Unix")]
async fn under_another_root_what_runs_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let host = LiveHost::new(Settings {
        root: Some(dir.path().to_owned()),
        ..settings()
    });
    let journal = JournalQuestion {
        unit: "a.service".into(),
        lines: 1,
    };
    let name = || "localhost".to_owned();
    let unsupported = |unseen| matches!(unseen, Some(Unseen::Unsupported { .. }));
    assert!(unsupported(host.journal(journal).await.err()));
    assert!(unsupported(host.time_sync(()).await.err()));
    assert!(unsupported(host.processes(name()).await.err()));
    assert!(unsupported(host.lookup(name()).await.err()));
    let service = ServiceQuestion {
        name: "a.service".into(),
    };
    let service = host.service(service).await.unwrap();
    assert_eq!(service.get("LoadState"), Some("not-found"));
    assert!(host.system(()).await.foreign_root);
}

#[tokio::test]
async fn a_file_comes_without_the_secrets_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = "control_plane: https://a:8000\n# nxe_hunter2hunter2\n";
    std::fs::write(dir.path().join("config.yaml"), text).unwrap();
    let host = LiveHost::new(Settings {
        root: Some(dir.path().to_owned()),
        ..settings()
    });
    let question = ReadQuestion::new(HostPath::host("/config.yaml"));
    let content = host.read(question).await.unwrap();
    assert_eq!(content.text, "control_plane: https://a:8000\n# …\n");
}

#[tokio::test]
#[cfg_attr(windows, ignore = "it is about programs and units of Unix")]
async fn this_machine_answers_every_kind_of_question() {
    let host = LiveHost::new(settings());
    assert_eq!(
        host.stat(HostPath::host("/")).await.unwrap().kind,
        Kind::Directory
    );
    assert!(host.find_program("sh".into()).await.is_ok());
    assert_eq!(host.account("root".into()).await.unwrap().uid, 0);
    assert_eq!(
        host.account("no-such-user".into()).await,
        Err(Unseen::Absent)
    );
    let local = host.lookup("127.0.0.1".into()).await.unwrap();
    assert_eq!(local, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    let names = vec!["PATH".to_owned(), "NOT_SET_AT_ALL".to_owned()];
    let environment = host.environment(EnvironmentQuestion { names }).await;
    assert_eq!(environment.into_keys().collect::<Vec<_>>(), ["PATH"]);
    // A machine without systemd says so; one with it knows no such unit.
    let name = "no-such-unit.service".to_owned();
    match host.service(ServiceQuestion { name }).await {
        Ok(service) => assert_eq!(service.get("LoadState"), Some("not-found")),
        Err(unseen) => assert!(matches!(unseen, Unseen::Unsupported { .. }), "{unseen:?}"),
    }
}
