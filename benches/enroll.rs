//! How many enrollments and heartbeats one control plane of the lab's takes in a second over TLS, and how much of that is the handshake.
//!
//! `cargo bench --bench enroll`. Client and control plane share the machine. Every call makes a connection of its own, as the agent's
//! commands do; what a handshake alone costs is measured by the same number of connections that do nothing else.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use nexplane_doctor::agent::{self, HostFacts, IdentityFiles, Purpose};
use nexplane_doctor::contract::client::ApiClient;
use nexplane_doctor::contract::tls::{ClientIdentity, strict_tls_config};
use nexplane_doctor::contract::url::ControlPlane;
use nexplane_doctor::lab::{Authority, Behaviour, Clock, ControlPlaneServer, State};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How many of each.
const CALLS: u32 = 500;
/// How many at the same time.
const AT_ONCE: usize = 16;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Bench {
    server: ControlPlaneServer,
    plane: ControlPlane,
    roots: [CertificateDer<'static>; 1],
    directory: tempfile::TempDir,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let authority = Arc::new(Authority::new(Utc::now())?);
    let state = Arc::new(State::new(authority, Clock::default()));
    let names = [Ipv4Addr::LOCALHOST.to_string()];
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let server = ControlPlaneServer::start(state, Behaviour::default(), listen, &names).await?;
    let bench = Bench {
        plane: ControlPlane::parse(&format!("https://{}", server.address()))?,
        roots: [server.authority().root()],
        directory: tempfile::tempdir()?,
        server,
    };
    let anonymous = bench.handshakes(None).await?;
    let enrollments = bench.enrollments().await?;
    let identity = bench.files(0).load()?;
    let mutual = bench.handshakes(Some(identity.for_tls())).await?;
    let heartbeats = bench.heartbeats().await?;
    report("enrollments", enrollments, anonymous);
    report("heartbeats", heartbeats, mutual);
    Ok(())
}

fn report(what: &str, took: Duration, handshakes: Duration) {
    let rate = f64::from(CALLS) / took.as_secs_f64();
    let share = handshakes.as_secs_f64() / took.as_secs_f64() * 100.0;
    let alone = f64::from(CALLS) / handshakes.as_secs_f64();
    println!(
        "{what}: {rate:.0} a second, {AT_ONCE} at once; handshakes alone: {alone:.0} a second, {share:.0} % of the time"
    );
}

/// Lets all of them run, a few at once, and says how long that took.
async fn timed<F>(calls: impl Iterator<Item = F>) -> Result<Duration, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let start = Instant::now();
    let mut running = stream::iter(calls.map(tokio::spawn)).buffer_unordered(AT_ONCE);
    while let Some(ended) = running.next().await {
        ended??;
    }
    Ok(start.elapsed())
}

impl Bench {
    fn client(&self, identity: Option<ClientIdentity>) -> Result<ApiClient, Failure> {
        let tls = strict_tls_config(&self.roots, identity, None)?;
        Ok(ApiClient::new(
            &self.plane,
            &[],
            tls,
            Duration::from_secs(60),
        )?)
    }

    fn files(&self, number: u32) -> IdentityFiles {
        let home = self.directory.path().join(number.to_string());
        IdentityFiles::beside(&home.join("config.yaml"))
    }

    async fn enrollments(&self) -> Result<Duration, Failure> {
        let mut calls = Vec::new();
        for number in 0..CALLS {
            let files = self.files(number);
            std::fs::create_dir(self.directory.path().join(number.to_string()))?;
            let (token, _) = self.server.state().new_token(TimeDelta::hours(1))?;
            let client = self.client(None)?;
            let host = HostFacts::named(format!("host-{number}"));
            calls.push(async move {
                agent::enroll(&client, &files, &token, &host).await?;
                Ok(())
            });
        }
        timed(calls.into_iter()).await
    }

    async fn heartbeats(&self) -> Result<Duration, Failure> {
        let mut calls = Vec::new();
        for number in 0..CALLS {
            let identity = self.files(number).load()?;
            let client = self.client(Some(identity.for_tls()))?;
            calls.push(async move {
                agent::heartbeat(&client, &identity, "host", Purpose::SignOfLife).await?;
                Ok(())
            });
        }
        timed(calls.into_iter()).await
    }

    async fn handshakes(&self, identity: Option<ClientIdentity>) -> Result<Duration, Failure> {
        let mut calls = Vec::new();
        for _ in 0..CALLS {
            let identity = identity
                .as_ref()
                .map(|(chain, key)| (chain.clone(), key.clone_key()));
            let tls = strict_tls_config(&self.roots, identity, None)?;
            let (connector, address) = (TlsConnector::from(Arc::new(tls)), self.server.address());
            calls.push(async move {
                let name = ServerName::from(address.ip());
                let stream = TcpStream::connect(address).await?;
                connector.connect(name, stream).await?;
                Ok(())
            });
        }
        timed(calls.into_iter()).await
    }
}
