//! Every behaviour, seen by a raw client over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::contract::api::{
    self, EnrollRequest, Enrolled, Health, HeartbeatRequest, InspectRequest, RotateRequest,
    TokenReport, TokenState,
};
use crate::contract::client::{Answer, ApiClient, CallError};
use crate::contract::tls::{ClientIdentity, strict_tls_config};
use crate::contract::url::ControlPlane;
use crate::lab::behaviour::{
    AgentApi, ClientCertificates, HealthPage, HeartbeatReply, InspectCall,
};
use crate::lab::{Clock, ServerCertificate};
use crate::model::Secret;

const WAIT: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(150);

fn state() -> Arc<State> {
    let clock = Clock::default();
    let authority = Arc::new(Authority::new(clock.now()).unwrap());
    Arc::new(State::new(authority, clock))
}

async fn start(state: &Arc<State>, behaviour: Behaviour) -> ControlPlaneServer {
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let names = ["127.0.0.1".to_owned(), "nexplane.lab.test".to_owned()];
    ControlPlaneServer::start(Arc::clone(state), behaviour, listen, &names)
        .await
        .unwrap()
}

fn client(
    server: &ControlPlaneServer,
    identity: Option<ClientIdentity>,
    wait: Duration,
) -> ApiClient {
    let plane = ControlPlane::parse(&format!("https://{}", server.address())).unwrap();
    let tls = strict_tls_config(&[server.authority().root()], identity, None).unwrap();
    ApiClient::new(&plane, &[], tls, wait).unwrap()
}

async fn health(behaviour: Behaviour) -> Result<Answer, CallError> {
    let server = start(&state(), behaviour).await;
    client(&server, None, WAIT).health().await
}

fn enroll_request(token: &Secret, key: &KeyPair) -> EnrollRequest {
    EnrollRequest {
        token: token.clone(),
        csr: csr(key),
        hostname: "web-server-01".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        agent_version: "0.1.0".to_owned(),
    }
}

fn csr(key: &KeyPair) -> String {
    let params = CertificateParams::default();
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn identity(enrolled: &Enrolled, key: &KeyPair) -> ClientIdentity {
    let leaf = CertificateDer::from_pem_slice(enrolled.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (vec![leaf], key)
}

async fn enroll(server: &ControlPlaneServer) -> (Enrolled, KeyPair) {
    let (token, _) = server.state().new_token(TimeDelta::hours(1)).unwrap();
    let key = KeyPair::generate().unwrap();
    let answer = client(server, None, WAIT)
        .enroll(&enroll_request(&token, &key))
        .await
        .unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    (answer.json().unwrap(), key)
}

async fn beat(
    server: &ControlPlaneServer,
    enrolled: &Enrolled,
    key: &KeyPair,
) -> Result<Answer, CallError> {
    let request = HeartbeatRequest {
        agent_id: enrolled.agent_id.clone(),
        hostname: "web-server-01".to_owned(),
        agent_version: "0.1.0".to_owned(),
        diagnosis: false,
    };
    client(server, Some(identity(enrolled, key)), WAIT)
        .heartbeat(&request)
        .await
}

#[tokio::test]
async fn healthy_from_enrollment_to_rotation() {
    let mut server = start(&state(), Behaviour::default()).await;
    let answer = client(&server, None, WAIT).health().await.unwrap();
    assert!(Health::recognise(&answer.body).unwrap().is_well());
    assert!(answer.header("date").is_some());

    let (enrolled, key) = enroll(&server).await;
    let answer = beat(&server, &enrolled, &key).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);

    let next = KeyPair::generate().unwrap();
    let rotating = client(&server, Some(identity(&enrolled, &key)), WAIT);
    let answer = rotating
        .rotate_cert(&RotateRequest { csr: csr(&next) })
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    let renewed: Enrolled = answer.json().unwrap();
    assert_eq!(beat(&server, &renewed, &next).await.unwrap().status, 200);
    assert_eq!(beat(&server, &enrolled, &key).await.unwrap().status, 403);

    let lines = server.take_requests();
    assert_eq!(lines[0].path, api::HEALTH);
    assert_eq!(
        lines[2].agent_id.as_deref(),
        Some(enrolled.agent_id.as_str())
    );
    assert_eq!(server.state().polls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_with_one_token_make_one_agent() {
    let server = start(&state(), Behaviour::default()).await;
    let (token, _) = server.state().new_token(TimeDelta::hours(1)).unwrap();
    let client = client(&server, None, Duration::from_secs(60));
    let calls = (0..200).map(|_| {
        let client = client.clone();
        let request = enroll_request(&token, &KeyPair::generate().unwrap());
        tokio::spawn(async move { client.enroll(&request).await.unwrap() })
    });
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        if answer.status != 201 {
            assert_eq!(answer.detail().as_deref(), Some(api::TOKEN_USED));
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        199
    );
    assert_eq!(server.state().agents().len(), 1);
}

#[tokio::test]
async fn a_token_is_inspected_without_being_used() {
    let server = start(&state(), Behaviour::default()).await;
    let (token, _) = server.state().new_token(TimeDelta::hours(1)).unwrap();
    let client = client(&server, None, WAIT);
    for _ in 0..2 {
        let report: TokenReport = client.inspect_token(&token).await.unwrap().json().unwrap();
        assert_eq!(report.state, TokenState::Unused);
    }
    let unknown = client.inspect_token(&Secret::new("x")).await.unwrap();
    assert_eq!(unknown.detail().as_deref(), Some(api::TOKEN_INVALID));
}

#[tokio::test]
async fn the_user_interface_wants_its_token() {
    let server = start(&state(), Behaviour::default()).await;
    let api_token = server.state().new_api_token().unwrap();
    let client = client(&server, None, WAIT);
    let refused = client
        .change_request("CR-1", &Secret::new("x"))
        .await
        .unwrap();
    assert_eq!(
        (refused.status, refused.detail().as_deref()),
        (401, Some(api::NOT_AUTHENTICATED))
    );
    let unknown = client
        .change_request("../agents", &api_token)
        .await
        .unwrap();
    assert_eq!(
        unknown.detail().as_deref(),
        Some(api::CHANGE_REQUEST_NOT_FOUND)
    );
    server.state().put_change_request(api::ChangeRequest {
        id: "CR-1".to_owned(),
        title: "Rotate logs".to_owned(),
        status: "awaiting_approval".to_owned(),
        target: api::ChangeTarget {
            hostname: "web-server-01".to_owned(),
        },
    });
    let known = client.change_request("CR-1", &api_token).await.unwrap();
    assert_eq!(
        known.json::<api::ChangeRequest>().unwrap().status,
        "awaiting_approval"
    );
}

#[tokio::test]
async fn a_body_that_does_not_validate_is_told_as_fastapi_does() {
    let server = start(&state(), Behaviour::default()).await;
    let plane = format!("https://{}/agent/enroll", server.address());
    let tls = strict_tls_config(&[server.authority().root()], None, None).unwrap();
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .unwrap();
    for (body, told) in [
        ("{}".to_owned(), "body.token: Field required"),
        (
            r#"{"token": 1}"#.to_owned(),
            "body.token: Input should be a valid string",
        ),
        ("{".to_owned(), "body: JSON decode error"),
    ] {
        let response = http.post(&plane).body(body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 422);
        let detail = api::error_detail(&response.text().await.unwrap()).unwrap();
        assert!(detail.starts_with(told), "{detail}");
    }
    let response = http
        .post(&plane)
        .body("x".repeat(100_000))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 413);
    let lost = http.get(format!("https://{}/nowhere", server.address()));
    assert_eq!(lost.send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn a_strict_client_refuses_bad_certificates_and_sends_nothing() {
    type Is = fn(&CertificateError) -> bool;
    let unknown: Is = |error| *error == CertificateError::UnknownIssuer;
    let cases: [(ServerCertificate, Is); 10] = [
        (
            ServerCertificate::ForeignCa("Elsewhere".to_owned()),
            unknown,
        ),
        (ServerCertificate::SelfSigned, unknown),
        (ServerCertificate::MissingIntermediate, unknown),
        (ServerCertificate::Expired, |error| {
            matches!(error, CertificateError::ExpiredContext { .. })
        }),
        (ServerCertificate::IntermediateExpired, |error| {
            matches!(error, CertificateError::ExpiredContext { .. })
        }),
        (ServerCertificate::NotYetValid, |error| {
            matches!(error, CertificateError::NotValidYetContext { .. })
        }),
        (
            ServerCertificate::WrongName("other.test".to_owned()),
            |error| matches!(error, CertificateError::NotValidForNameContext { .. }),
        ),
        (ServerCertificate::NoSan, |error| {
            matches!(error, CertificateError::NotValidForNameContext { .. })
        }),
        (ServerCertificate::ClientPurpose, |error| {
            matches!(error, CertificateError::InvalidPurposeContext { .. })
        }),
        (ServerCertificate::Tampered, |error| {
            *error == CertificateError::BadSignature
        }),
    ];
    for (certificate, is) in cases {
        let mut server = start(&state(), Behaviour::certificate(certificate.clone())).await;
        let request = InspectRequest {
            token: Secret::new("nxe_secret"),
        };
        let answer = client(&server, None, WAIT)
            .inspect_token(&request.token)
            .await;
        match answer {
            Err(CallError::PeerNotAccepted(reason)) => {
                assert!(is(&reason), "{certificate:?}: {reason:?}");
            }
            other => panic!("{certificate:?}: {other:?}"),
        }
        assert_eq!(server.take_requests(), []);
    }
}

#[tokio::test]
async fn a_leaf_that_is_itself_an_anchor_is_accepted() {
    let state = state();
    let names = ["127.0.0.1".to_owned()];
    let now = state.clock().now();
    let served = state
        .authority()
        .server(&ServerCertificate::SelfSigned, &names, now)
        .unwrap();
    let leaf = served.chain[0].clone();
    let config = rustls::ServerConfig::builder_with_provider(crate::contract::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(served.chain, served.key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (log, _requests) = mpsc::unbounded_channel();
    let router = routes::router(state, Behaviour::default(), log);
    let running = CancellationToken::new();
    let _guard = running.clone().drop_guard();
    tokio::spawn(handshake::serve(
        listener,
        Arc::new(config),
        router,
        running,
    ));
    for (host, accepted) in [("127.0.0.1", true), ("localhost", false)] {
        let plane = ControlPlane::parse(&format!("https://{host}:{}", address.port())).unwrap();
        let tls = strict_tls_config(std::slice::from_ref(&leaf), None, None).unwrap();
        let client = ApiClient::new(&plane, &[address], tls, WAIT).unwrap();
        assert_eq!(client.health().await.is_ok(), accepted, "{host}");
    }
}

#[tokio::test]
async fn health_says_what_it_is_told_to_say() {
    let unwell = HealthPage::Unwell {
        http: 503,
        status: "degraded".to_owned(),
        db: "disconnected".to_owned(),
    };
    let answer = health(Behaviour::health(unwell)).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(!Health::recognise(&answer.body).unwrap().is_well());
    for (page, status, part) in [
        (HealthPage::Error(502), 502, "upstream"),
        (HealthPage::Portal, 200, "Sign in"),
        (HealthPage::NotFound, 404, "Not Found"),
        (HealthPage::OtherProduct, 200, "cluster_name"),
    ] {
        let answer = health(Behaviour::health(page)).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(part), "{}", answer.body);
        assert_eq!(Health::recognise(&answer.body), None);
    }
    let away = HealthPage::Redirect("http://portal.test/login".to_owned());
    let answer = health(Behaviour::health(away)).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("http://portal.test/login"))
    );
    let closed = health(Behaviour::health(HealthPage::HangUp)).await;
    assert!(matches!(closed, Err(CallError::Closed)), "{closed:?}");
    let server = start(&state(), Behaviour::health(HealthPage::Hang)).await;
    let hung = client(&server, None, SHORT).health().await;
    assert!(matches!(hung, Err(CallError::TimedOut { .. })), "{hung:?}");
}

#[tokio::test]
async fn the_clock_is_as_far_ahead_as_it_is_told() {
    let behaviour = Behaviour {
        ahead: TimeDelta::minutes(-10),
        ..Behaviour::default()
    };
    let answer = health(behaviour).await.unwrap();
    let date = DateTime::parse_from_rfc2822(answer.header("date").unwrap()).unwrap();
    let behind = Utc::now() - date.to_utc();
    assert!((595..=605).contains(&behind.num_seconds()), "{behind}");
    let ahead = Behaviour {
        ahead: TimeDelta::minutes(10),
        certificate: ServerCertificate::JustIssued,
        ..Behaviour::default()
    };
    assert!(matches!(
        health(ahead).await,
        Err(CallError::PeerNotAccepted(
            CertificateError::NotValidYetContext { .. }
        ))
    ));
}

#[tokio::test]
async fn heartbeats_are_refused_as_told() {
    let state = state();
    let server = start(&state, Behaviour::default()).await;
    let (enrolled, key) = enroll(&server).await;
    for (heartbeat, status) in [
        (
            HeartbeatReply::Refused(500, "Internal Server Error".to_owned()),
            500,
        ),
        (HeartbeatReply::Refused(418, "teapot".to_owned()), 418),
        (HeartbeatReply::RegisteredAs("db-01".to_owned()), 200),
    ] {
        let behaviour = Behaviour {
            agent_api: AgentApi {
                heartbeat,
                inspect: InspectCall::Unknown,
                ..AgentApi::default()
            },
            ..Behaviour::default()
        };
        let server = start(&state, behaviour).await;
        let answer = beat(&server, &enrolled, &key).await.unwrap();
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(
                answer.json::<api::Heartbeat>().unwrap().registered_as,
                "db-01"
            );
        }
        let inspected = client(&server, None, WAIT)
            .inspect_token(&Secret::new("x"))
            .await;
        assert_eq!(inspected.unwrap().status, 404);
    }
    state.revoke(&enrolled.agent_id).unwrap();
    let answer = beat(&server, &enrolled, &key).await.unwrap();
    assert_eq!(
        (answer.status, answer.detail().as_deref()),
        (403, Some(api::AGENT_REVOKED))
    );
    let request = HeartbeatRequest {
        agent_id: enrolled.agent_id,
        hostname: String::new(),
        agent_version: String::new(),
        diagnosis: true,
    };
    let anonymous = client(&server, None, WAIT)
        .heartbeat(&request)
        .await
        .unwrap();
    assert_eq!(
        anonymous.detail().as_deref(),
        Some(api::CERTIFICATE_REQUIRED)
    );
}

#[tokio::test]
async fn client_certificates_are_refused_with_an_alert() {
    let state = state();
    let server = start(&state, Behaviour::default()).await;
    let (enrolled, key) = enroll(&server).await;
    let with = |clients| Behaviour {
        clients,
        ..Behaviour::default()
    };
    let server = start(&state, with(ClientCertificates::OfAnotherCa)).await;
    // Again and again: the alert must not be lost to a reset.
    for _ in 0..20 {
        let refused = beat(&server, &enrolled, &key).await;
        assert!(
            matches!(refused, Err(CallError::Alert(AlertDescription::UnknownCA))),
            "{refused:?}"
        );
    }
    assert!(client(&server, None, WAIT).health().await.is_ok());
    let server = start(&state, with(ClientCertificates::Required)).await;
    let refused = client(&server, None, WAIT).health().await;
    assert!(
        matches!(
            refused,
            Err(CallError::Alert(AlertDescription::CertificateRequired))
        ),
        "{refused:?}"
    );
    assert_eq!(beat(&server, &enrolled, &key).await.unwrap().status, 200);
}

async fn raw(port: Port, first: &[u8]) -> std::io::Result<Vec<u8>> {
    let server = start(&state(), Behaviour::port(port)).await;
    let mut stream = TcpStream::connect(server.address()).await?;
    stream.write_all(first).await?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    Ok(all)
}

#[tokio::test]
#[cfg_attr(windows, ignore = "Wine tells a reset as an end")]
async fn ports_misbehave_as_told() {
    let hello = [22, 3, 1, 0, 4, 1, 0, 0, 0];
    let alert = raw(Port::Alert(AlertDescription::ProtocolVersion), &hello)
        .await
        .unwrap();
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(raw(Port::HangUp, &hello).await.unwrap(), b"");
    let banner = Port::Banner("SSH-2.0-OpenSSH_9.2\r\n".to_owned());
    assert_eq!(
        raw(banner, &hello).await.unwrap(),
        b"SSH-2.0-OpenSSH_9.2\r\n"
    );
    let plain = raw(Port::PlainHttp, b"GET /health HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    assert!(plain.starts_with(b"HTTP/1.0 200"));
    let misread = raw(Port::PlainHttp, &hello).await.unwrap();
    assert!(misread.starts_with(b"HTTP/1.1 400"), "{misread:?}");
    let silent = timeout(SHORT, raw(Port::Silent, &hello)).await;
    assert!(silent.is_err());
    let reset = raw(Port::Reset, &hello).await.unwrap_err().kind();
    assert!(
        matches!(reset, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{reset}"
    );
    let closed = raw(Port::Closed, &hello).await.unwrap_err().kind();
    assert_eq!(closed, ErrorKind::ConnectionRefused);
    let swallowing = start(&state(), Behaviour::port(Port::Swallowing)).await;
    let swallowed = timeout(SHORT, TcpStream::connect(swallowing.address())).await;
    assert!(swallowed.is_err());
}

#[tokio::test]
async fn the_client_sorts_what_ports_do() {
    let error = |port| async move {
        let server = start(&state(), Behaviour::port(port)).await;
        client(&server, None, Duration::from_millis(500))
            .health()
            .await
            .unwrap_err()
    };
    let refused = error(Port::Closed).await;
    assert!(
        matches!(
            refused,
            CallError::Io {
                kind: ErrorKind::ConnectionRefused,
                ..
            }
        ),
        "{refused:?}"
    );
    for port in [Port::Silent, Port::Swallowing] {
        let waited = error(port).await;
        assert!(matches!(waited, CallError::TimedOut { .. }), "{waited:?}");
    }
    let closed = error(Port::HangUp).await;
    assert!(matches!(closed, CallError::Closed), "{closed:?}");
    let alert = error(Port::Alert(AlertDescription::InternalError)).await;
    assert!(
        matches!(alert, CallError::Alert(AlertDescription::InternalError)),
        "{alert:?}"
    );
    for port in [Port::PlainHttp, Port::Banner("SSH-2.0-x\r\n".to_owned())] {
        let foreign = error(port).await;
        assert!(
            matches!(foreign, CallError::Tls(rustls::Error::InvalidMessage(_))),
            "{foreign:?}"
        );
    }
}

#[tokio::test]
async fn it_ends_with_its_value() {
    let server = start(&state(), Behaviour::default()).await;
    let address = server.address();
    drop(server);
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT, refused).await.unwrap();
}
