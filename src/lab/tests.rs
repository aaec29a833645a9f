//! The agent against the lab: from a token to a heartbeat, and the lines that it logs when that fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::*;
use crate::agent::{
    self, AgentLog, CheckOutcome, EnrollError, HostFacts, IdentityFiles, Purpose, RotateError,
    Rotated, Setting, enroll, heartbeat, rotate_cert,
};
use crate::contract::client::ApiClient;
use crate::contract::config::AgentConfig;
use crate::contract::tls::{ClientIdentity, strict_tls_config};
use crate::contract::url::ControlPlane;
use crate::model::Secret;

struct World {
    directory: tempfile::TempDir,
    server: ControlPlaneServer,
    plane: ControlPlane,
    files: IdentityFiles,
    host: HostFacts,
}

impl World {
    async fn new(behaviour: Behaviour) -> Self {
        let clock = Clock::default();
        let authority = Arc::new(Authority::new(clock.now()).unwrap());
        let state = Arc::new(State::new(authority, clock));
        Self::with(state, behaviour).await
    }

    async fn with(state: Arc<State>, behaviour: Behaviour) -> Self {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let names = ["127.0.0.1".to_owned()];
        let server = ControlPlaneServer::start(state, behaviour, listen, &names)
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        Self {
            plane: ControlPlane::parse(&format!("https://{}", server.address())).unwrap(),
            files: IdentityFiles::beside(&directory.path().join("config.yaml")),
            host: HostFacts::named("web-server-01"),
            directory,
            server,
        }
    }

    fn client(&self, identity: Option<ClientIdentity>) -> ApiClient {
        let roots = [self.server.authority().root()];
        let tls = strict_tls_config(&roots, identity, None).unwrap();
        ApiClient::new(&self.plane, &[], tls, Duration::from_secs(5)).unwrap()
    }

    fn token(&self) -> Secret {
        let lifetime = TimeDelta::hours(1);
        self.server.state().new_token(lifetime).unwrap().0
    }

    async fn enroll(&self, token: &Secret) -> Result<String, EnrollError> {
        let client = self.client(None);
        enroll(&client, &self.files, token, &self.host)
            .await
            .map(|enrolled| enrolled.agent_id)
    }

    fn logged(&self, error: &EnrollError) -> String {
        let mut log = AgentLog::new(Vec::new());
        log.enrollment_failed(error, &self.plane).unwrap();
        String::from_utf8(log.into_inner()).unwrap()
    }

    /// Writes `config.yaml` as an install would.
    fn install(&self, proxy: Option<&str>) -> PathBuf {
        let ca = self.directory.path().join("ca.pem");
        fs::write(&ca, self.server.authority().root_pem()).unwrap();
        let config = AgentConfig {
            control_plane: Some(self.plane.to_string()),
            ca_cert: Some(ca),
            proxy: proxy.map(Secret::new),
            ..AgentConfig::default()
        };
        let path = self.directory.path().join("config.yaml");
        fs::write(&path, config.render().unwrap()).unwrap();
        path
    }

    async fn rotate(&self) -> Result<Rotated, RotateError> {
        let setting = Setting::read(&self.install(None), &BTreeMap::new()).unwrap();
        rotate_cert(&setting, "web-server-01", Utc::now()).await
    }

    async fn check(&self) -> (CheckOutcome, String) {
        self.check_through(None, "").await
    }

    /// The same with this proxy in the configuration, and this one in the environment.
    async fn check_through(
        &self,
        configured: Option<&str>,
        https_proxy: &str,
    ) -> (CheckOutcome, String) {
        let mut out = Vec::new();
        let config = self.install(configured);
        let environment = [("HTTPS_PROXY".to_owned(), https_proxy.to_owned())].into();
        let name = "web-server-01";
        let outcome = agent::check(&config, name, &environment, Utc::now(), &mut out)
            .await
            .unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }
}

#[tokio::test]
async fn from_a_token_to_a_heartbeat_and_a_new_certificate() {
    let world = World::new(Behaviour::default()).await;
    let id = world.enroll(&world.token()).await.unwrap();
    for purpose in [Purpose::Diagnosis, Purpose::SignOfLife] {
        let identity = world.files.load().unwrap();
        assert_eq!(identity.agent_id, id);
        let tls = (identity.tls.0.clone(), identity.tls.1.clone_key());
        let client = world.client(Some(tls));
        let beat = heartbeat(&client, &identity, "web-server-01", purpose).await;
        assert_eq!(beat.unwrap().registered_as, "web-server-01");
        let seen = world.server.state().agent(&id).unwrap().last_seen;
        assert_eq!(seen.is_some(), purpose == Purpose::SignOfLife);
        let renewed = world.rotate().await.unwrap();
        assert_eq!(renewed.agent_id, id);
    }
    assert!(world.files.load().is_ok());
    assert_eq!(world.server.state().polls(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let world = World::new(Behaviour::default()).await;
    let token = world.token();
    // The control plane has signed, and the answer got lost: the pending key is all that this host has.
    let before = world.enroll(&token).await.unwrap();
    fs::rename(
        world.files.key(),
        world.files.key().with_extension("key.pending"),
    )
    .unwrap();
    fs::remove_file(world.files.cert()).unwrap();
    assert_eq!(world.enroll(&token).await.unwrap(), before);
    assert_eq!(world.server.state().agents().len(), 1);
}

#[tokio::test]
async fn the_runbooks_lines_from_real_failures() {
    let world = World::new(Behaviour::default()).await;
    let token = world.token();
    world.enroll(&token).await.unwrap();
    let again = world.enroll(&token).await.unwrap_err();
    assert_eq!(
        world.logged(&again),
        "FATAL: enrollment failed: token has already been used\n"
    );

    let foreign = ServerCertificate::ForeignCa("Elsewhere".to_owned());
    let world = World::new(Behaviour::certificate(foreign)).await;
    let unknown = world.enroll(&world.token()).await.unwrap_err();
    assert_eq!(
        world.logged(&unknown),
        format!(
            "FATAL: enrollment failed: Post \"{}/agent/enroll\": x509: certificate signed by unknown authority\n",
            world.plane
        )
    );

    let world = World::new(Behaviour::certificate(ServerCertificate::NotYetValid)).await;
    let early = world.enroll(&world.token()).await.unwrap_err();
    assert_eq!(
        world.logged(&early),
        "FATAL: enrollment failed: certificate validation error: certificate not yet valid\n"
    );

    let wrong = ServerCertificate::WrongName("other.test".to_owned());
    let world = World::new(Behaviour::certificate(wrong)).await;
    let name = world.enroll(&world.token()).await.unwrap_err();
    let line = world.logged(&name);
    assert!(
        line.ends_with("x509: certificate is valid for other.test, not 127.0.0.1\n"),
        "{line}"
    );
}

#[tokio::test]
async fn a_check_says_the_contracts_lines() {
    let world = World::new(Behaviour::default()).await;
    let (outcome, said) = world.check().await;
    assert_eq!(outcome, CheckOutcome::Failed);
    assert!(
        said.starts_with("Checking control plane connectivity... OK\n"),
        "{said}"
    );
    assert!(
        said.contains("Checking mTLS certificate... FAILED ("),
        "{said}"
    );

    let id = world.enroll(&world.token()).await.unwrap();
    let until = (Utc::now() + TimeDelta::days(365)).format("%Y-%m-%d");
    let (outcome, said) = world.check().await;
    assert_eq!(
        said,
        format!(
            "Checking control plane connectivity... OK\n\
             Checking mTLS certificate... OK (expires {until})\n\
             Checking agent registration... OK (registered as web-server-01)\n\
             All checks passed.\n"
        )
    );
    assert_eq!(outcome, CheckOutcome::Passed);

    world.server.state().revoke(&id).unwrap();
    let (outcome, said) = world.check().await;
    assert_eq!(outcome, CheckOutcome::Failed);
    assert!(
        said.ends_with("Checking agent registration... FAILED (agent not found or revoked)\n"),
        "{said}"
    );
}

#[tokio::test]
async fn a_check_goes_through_the_proxy_of_the_configuration() {
    let world = World::new(Behaviour::default()).await;
    world.enroll(&world.token()).await.unwrap();
    let (listen, onward) = ((Ipv4Addr::LOCALHOST, 0).into(), world.server.address());
    for (protocol, door, url, wanted) in [
        (
            Protocol::Connect,
            Door::Open,
            "http://{}",
            "All checks passed.\n",
        ),
        (
            Protocol::Connect,
            Door::Locked,
            "http://agent:lab-p%40ss@{}",
            "All checks passed.\n",
        ),
        (
            Protocol::Connect,
            Door::Locked,
            "http://agent:hunter2@{}",
            "FAILED (the proxy refuses the tunnel: 407 Proxy Authentication Required)\n",
        ),
        (
            Protocol::Connect,
            Door::Forbidden,
            "http://{}",
            "FAILED (the proxy refuses the tunnel: 403 Forbidden)\n",
        ),
        (
            Protocol::Connect,
            Door::Closed,
            "http://{}",
            "no connection to the proxy: ",
        ),
        (
            Protocol::Socks5,
            Door::Open,
            "http://{}",
            "FAILED (what answers is no such proxy: its answer to CONNECT is no HTTP)\n",
        ),
        (
            Protocol::Socks5,
            Door::Open,
            "socks5://{}",
            "All checks passed.\n",
        ),
        (
            Protocol::Socks5,
            Door::Locked,
            "socks5h://agent:lab-p%40ss@{}",
            "All checks passed.\n",
        ),
        (
            Protocol::Socks5,
            Door::Locked,
            "socks5h://agent:hunter2@{}",
            "FAILED (the proxy does not accept user and password)\n",
        ),
        (
            Protocol::Socks5,
            Door::Locked,
            "socks5h://{}",
            "FAILED (the proxy wants a login that was not offered)\n",
        ),
        (
            Protocol::Socks5,
            Door::Forbidden,
            "socks5://{}",
            "connection not allowed by ruleset)\n",
        ),
    ] {
        let proxy = ProxyServer::start(protocol, door, listen, "127.0.0.1", onward)
            .await
            .unwrap();
        let url = url.replace("{}", &proxy.address().to_string());
        let (_, said) = world.check_through(Some(&url), "http://192.0.2.1:1").await;
        assert!(said.contains(wanted), "{url}: {said}");
        assert!(
            !said.contains("hunter2") && !said.contains("lab-p"),
            "{said}"
        );
    }
    // The host itself is never reached through the environment's proxy.
    let (_, said) = world.check_through(None, "http://192.0.2.1:1").await;
    assert!(said.ends_with("All checks passed.\n"), "{said}");
}
