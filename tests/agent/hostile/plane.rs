//! A control plane over real sockets that misbehaves at one of its calls, and is well at the others.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use chrono::{TimeDelta, Utc};
use nexplane_doctor::contract::api::{EnrollRequest, Enrolled, RotateRequest};
use nexplane_doctor::contract::tls::provider;
use nexplane_doctor::lab::{AgentRequest, Authority, Refusal, ServerCertificate, State};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::world::{HOSTNAME, World};

/// How it misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It takes the request and says nothing.
    Silence,
    /// It answers in no language.
    Garbage,
    /// Its headers do not end.
    EndlessHead,
    /// Its body does not end.
    EndlessBody,
    /// It hangs up at once.
    Closed,
    /// It hangs up in the middle of its answer.
    CutShort,
    /// It sends to somebody else.
    Redirect,
    /// An error of some server before it.
    ServerError,
    /// JSON of another kind, and deeper than anybody reads.
    DeepJson,
    /// A refusal with the secret in it, and what acts on a terminal.
    Echo,
    /// JSON of the right shape, with values of other types.
    WrongTypes,
    /// A header larger than anybody's.
    MegabyteHeader,
    /// Provisional answers, and never a final one.
    Provisional,
    /// Too many requests; when to come again is written so.
    TooMany(&'static str),
    /// No such call.
    NotFound,
    /// The agent's certificate is wanted, and was shown.
    Unauthorized,
    /// A page for people, with a success.
    Page,
    /// A certificate for a key that is not the agent's.
    OtherKey,
    /// A certificate of a CA that is not the control plane's.
    OtherCa,
    /// A certificate that has ended.
    Expired,
}

/// The calls that are answered with a certificate.
const ISSUING: [&str; 2] = ["/agent/enroll", "/agent/rotate-cert"];

const ISSUED: [How; 3] = [How::OtherKey, How::OtherCa, How::Expired];

/// All that can be wrong with a call.
pub(crate) fn hows(call: &str) -> impl Iterator<Item = How> {
    let more = match ISSUING.contains(&call) {
        true => ISSUED.to_vec(),
        false => Vec::new(),
    };
    ALL.into_iter().chain(more)
}

const ALL: [How; 19] = [
    How::Silence,
    How::Garbage,
    How::EndlessHead,
    How::EndlessBody,
    How::Closed,
    How::CutShort,
    How::Redirect,
    How::ServerError,
    How::DeepJson,
    How::Echo,
    How::WrongTypes,
    How::MegabyteHeader,
    How::Provisional,
    How::TooMany("99999999999999999999"),
    How::TooMany("-1"),
    How::TooMany("Fri, 31 Dec 9999 23:59:59 GMT"),
    How::NotFound,
    How::Unauthorized,
    How::Page,
];

/// The control plane; well, but for one call.
pub(crate) struct Hostile {
    state: Arc<State>,
    broken: Mutex<Option<(&'static str, How)>>,
    /// How often it has misbehaved.
    pub(super) misbehaved: watch::Sender<usize>,
    /// How many signs of life it has accepted.
    pub(crate) accepted: watch::Sender<usize>,
}

type Stream = TlsStream<TcpStream>;

impl Hostile {
    /// Serves at a URL of its own, with the certificates of the world's.
    pub(crate) async fn serve(world: &World) -> (Arc<Self>, String) {
        Self::serve_as(world.server.authority(), world).await
    }

    /// The same with a server's certificate of this authority.
    pub(crate) async fn serve_as(authority: &Authority, world: &World) -> (Arc<Self>, String) {
        let names = [Ipv4Addr::LOCALHOST.to_string()];
        let served = authority
            .server(&ServerCertificate::Good, &names, Utc::now())
            .unwrap();
        let mut agents = RootCertStore::empty();
        agents
            .add(world.server.authority().agents_anchor())
            .unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(agents), provider())
            .allow_unauthenticated()
            .build()
            .unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(served.chain, served.key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let hostile = Arc::new(Self {
            state: Arc::clone(world.server.state()),
            broken: Mutex::new(None),
            misbehaved: watch::Sender::new(0),
            accepted: watch::Sender::new(0),
        });
        let serving = Arc::clone(&hostile);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, serving) = (acceptor.clone(), Arc::clone(&serving));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serving.answer(stream).await;
                    }
                });
            }
        });
        (hostile, url)
    }

    pub(crate) fn breaks(&self, broken: Option<(&'static str, How)>) {
        *self.broken.lock().unwrap() = broken;
    }

    /// One request on a connection of its own. Whoever hangs up meanwhile is not waited for.
    async fn answer(&self, mut stream: Stream) -> Option<()> {
        let mut request = Vec::new();
        let (path, body) = loop {
            if let Some(whole) = whole(&request) {
                break whole;
            }
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        };
        let broken = *self.broken.lock().unwrap();
        if let Some((_, how)) = broken.filter(|(call, _)| is_of(&path, call)) {
            self.misbehaved.send_modify(|times| *times += 1);
            return match self.issued(how, &body) {
                Some(answer) => say(&mut stream, 201, &answer).await,
                None => misbehave(how, &mut stream, &body).await,
            };
        }
        let (status, text) = self.well(&path, &body, &stream);
        if path == "/agent/heartbeat" && !body.contains("diagnosis") {
            self.accepted.send_modify(|times| *times += 1);
        }
        say(&mut stream, status, &text).await
    }

    /// A certificate that nobody can do anything with.
    fn issued(&self, how: How, body: &str) -> Option<String> {
        let known = self.state.authority();
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        let agents = self.state.agents();
        let id = agents.first().map_or("agt_none", |agent| agent.id.as_str());
        let (now, year) = (Utc::now(), TimeDelta::days(365));
        let asked = AgentRequest::read(body["csr"].as_str()?).ok()?;
        let (authority, request, since, lifetime) = match how {
            How::OtherKey => (Arc::clone(known), of_another_key(), now, year),
            How::OtherCa => (Arc::new(Authority::new(now).unwrap()), asked, now, year),
            How::Expired => (Arc::clone(known), asked, now - year * 2, year),
            _ => return None,
        };
        let signed = authority.sign_agent(&request, id, since, lifetime);
        let (certificate, not_after) = signed.unwrap();
        let answer = Enrolled {
            agent_id: id.to_owned(),
            certificate: certificate.pem(),
            ca_chain: authority.agents_chain_pem(),
            not_after,
        };
        Some(serde_json::to_string(&answer).unwrap())
    }

    fn well(&self, path: &str, body: &str, stream: &Stream) -> (u16, String) {
        let answer = |done: Result<Enrolled, Refusal>| match done {
            Ok(enrolled) => (201, serde_json::to_string(&enrolled).unwrap()),
            Err(refusal) => (
                refusal.status,
                format!(r#"{{"detail": "{}"}}"#, refusal.detail),
            ),
        };
        match path {
            "/health" => (
                200,
                r#"{"status": "ok", "db": "connected", "version": "1"}"#.into(),
            ),
            "/agent/enroll" => {
                let request: EnrollRequest = serde_json::from_str(body).unwrap();
                answer(self.state.enroll(&request))
            }
            "/agent/rotate-cert" => {
                let request: RotateRequest = serde_json::from_str(body).unwrap();
                let shown = stream.get_ref().1.peer_certificates();
                let der = shown.and_then(|chain| chain.first()).map(AsRef::as_ref);
                answer(self.state.rotate(der, &request.csr))
            }
            "/agent/heartbeat" => {
                let now = Utc::now().to_rfc3339();
                let text = format!(
                    r#"{{"status": "ok", "registered_as": "{HOSTNAME}", "server_time": "{now}", "pending_tasks": 0}}"#
                );
                (200, text)
            }
            "/agent/tasks" => (200, TASKS.into()),
            path if is_of(path, RESULT) => (200, "{}".into()),
            _ => (404, r#"{"detail": "Not Found"}"#.into()),
        }
    }
}

/// The call with which what became of a task is told.
pub(super) const RESULT: &str = "/agent/tasks/*/result";

/// One task that is a task, and names that are none; one of them again.
const TASKS: &str = r#"{"tasks": [
    {"id": "tsk_1", "type": "run_command\u001b]0;forged\u0007\nFATAL: forged", "change_request": "cr_1", "parameters": {"command": "id"}},
    {"id": "../../agents/agt_1", "type": "x", "change_request": "cr_1"},
    {"id": "", "type": "x", "change_request": "cr_1"},
    {"id": "\u001b[31m\n", "type": "x", "change_request": "cr_1"},
    {"id": "tsk_1", "type": "x", "change_request": "cr_1"}
]}"#;

fn is_of(path: &str, call: &str) -> bool {
    match call.split_once('*') {
        Some((begin, end)) => path.starts_with(begin) && path.ends_with(end),
        None => path == call,
    }
}

fn of_another_key() -> AgentRequest {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key);
    AgentRequest::read(&request.unwrap().pem().unwrap()).unwrap()
}

/// The path and the body of a request that has arrived whole.
fn whole(request: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(request).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let path = head.split_whitespace().nth(1)?;
    (body.len() >= length.unwrap_or(0)).then(|| (path.to_owned(), body.to_owned()))
}

async fn say(stream: &mut Stream, status: u16, text: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// The same again and again, for as long as somebody listens.
async fn for_ever(stream: &mut Stream, begin: &str, piece: &str) -> Option<()> {
    stream.write_all(begin.as_bytes()).await.ok()?;
    let piece = piece.repeat(64);
    loop {
        stream.write_all(piece.as_bytes()).await.ok()?;
    }
}

async fn misbehave(how: How, stream: &mut Stream, body: &str) -> Option<()> {
    match how {
        How::Silence => std::future::pending().await,
        How::Garbage => stream
            .write_all(b"\0\xff SSH-2.0-\r\n\r\n\x1b[31m")
            .await
            .ok(),
        How::EndlessHead => {
            for_ever(stream, "HTTP/1.1 200 OK\r\n", "x-more: more and more\r\n").await
        }
        How::EndlessBody => {
            for_ever(
                stream,
                "HTTP/1.1 200 OK\r\n\r\n{\"status\": \"",
                "ok and more",
            )
            .await
        }
        How::Closed => None,
        How::CutShort => {
            let begun = b"HTTP/1.1 201 Created\r\ncontent-length: 4000\r\n\r\n{\"agent_id\": ";
            stream.write_all(begun).await.ok()
        }
        How::Redirect => {
            let away = b"HTTP/1.1 307 x\r\nlocation: https://127.0.0.1:1/agent/enroll\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(away).await.ok()
        }
        How::WrongTypes => {
            let text = r#"{"status": 1, "registered_as": ["a"], "server_time": "x", "pending_tasks": -1, "tasks": [{"id": 1}],
                "agent_id": {}, "certificate": null, "ca_chain": 1.5, "not_after": true, "detail": {"a": [1]}}"#;
            say(stream, 200, text).await
        }
        How::MegabyteHeader => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n{{}}",
                "a".repeat(4 << 20)
            );
            stream.write_all(head.as_bytes()).await.ok()
        }
        How::Provisional => {
            for_ever(stream, "", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n").await
        }
        How::TooMany(when) => {
            let head =
                format!("HTTP/1.1 429 x\r\nretry-after: {when}\r\ncontent-length: 2\r\n\r\n{{}}");
            stream.write_all(head.as_bytes()).await.ok()
        }
        How::NotFound => say(stream, 404, r#"{"detail": "Not Found"}"#).await,
        How::Unauthorized => say(stream, 401, r#"{"detail": "client certificate required"}"#).await,
        How::ServerError => say(stream, 502, "<html>Bad Gateway</html>").await,
        How::DeepJson => say(stream, 200, &"[".repeat(60_000)).await,
        How::Page => say(stream, 200, "<html><form>Log in</form></html>").await,
        How::OtherKey | How::OtherCa | How::Expired => None,
        How::Echo => {
            let detail = serde_json::to_string(&format!("no: {body} \u{1b}[31m\nFATAL: forged"));
            say(
                stream,
                403,
                &format!(r#"{{"detail": {}}}"#, detail.unwrap()),
            )
            .await
        }
    }
}
