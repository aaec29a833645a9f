//! The machine that the doctor runs on, or the files of another one, and the network as it is from here.
//!
//! It only looks: no file is written, no service touched, nothing sent that is not a question. Every answer comes within
//! [`Settings::timeout`], whatever a disk, a program or a peer does. What differs by operating system is in files of its own.

#[cfg(all(unix, not(target_os = "macos")))]
mod accounts;
#[cfg(unix)]
mod acl;
mod api;
mod commands;
mod conf_files;
mod deadline;
mod dns;
mod door;
#[cfg(any(windows, test))]
mod event_xml;
mod files;
mod grace;
mod hello;
pub mod history;
mod http;
mod hung;
#[cfg(all(unix, not(target_os = "macos")))]
mod inside;
#[cfg(all(unix, not(target_os = "macos")))]
mod linux;
#[cfg(target_os = "macos")]
pub(crate) mod macos;
#[cfg(all(test, not(target_os = "macos")))]
mod macos;
mod manager;
mod names;
mod ntp;
mod pem;
mod private_key;
pub(crate) mod programs;
mod proxy;
mod scrub;
mod sent;
mod system;
mod tcp;
#[cfg(test)]
mod testing;
mod threads;
#[cfg(target_os = "linux")]
mod time_servers;
#[cfg(target_os = "linux")]
mod time_sync;
mod tls;
mod trust;
mod unit_files;
mod unit_merge;
#[cfg(unix)]
mod unix;
mod variables;
#[cfg(any(windows, test))]
mod w32tm;
#[cfg(windows)]
pub(crate) mod windows;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use self::api::Tokens;
use self::deadline::Deadline;
use self::files::Root;
use self::grace::Answered;
use self::platform::known_system;
use self::proxy::{Proxies, Tunnels};
use self::scrub::Scrubber;
pub(crate) use self::trust::system_anchors;
#[cfg(unix)]
use self::unix as platform;
#[cfg(windows)]
use self::windows as platform;
use super::*;
use crate::contract::proxy::{Connection, Proxy, Scheme};
use crate::contract::token::TokenShape;
use crate::model::Secret;

/// How to look.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `--root`: the root of the host's files, if it is not `/`. The network is this machine's all the same.
    pub root: Option<PathBuf>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// The enrollment token, if one was given: for its shape, and for `inspect`.
    pub token: Option<Secret>,
    /// The API token, if one was given: for change requests.
    pub api_token: Option<Secret>,
    /// The port that nameservers listen on: 53, but in the lab.
    pub dns_port: u16,
    /// The port that time servers listen on: 123, but in the lab.
    pub ntp_port: u16,
}

impl Settings {
    /// This machine, and no token.
    pub fn new(timeout: Duration) -> Self {
        Self {
            root: None,
            timeout,
            token: None,
            api_token: None,
            dns_port: 53,
            ntp_port: 123,
        }
    }
}

/// The live host. See the module.
pub struct LiveHost {
    root: Root,
    timeout: Duration,
    tokens: Tokens,
    dns_port: u16,
    ntp_port: u16,
    /// Names that a nameserver has told addresses of.
    answered: Answered,
    scrubber: Scrubber,
    proxies: Proxies,
    /// The trust anchors that were read already.
    stores: trust::Stores,
    /// Connections that wait for their handshake since then, by the peer's address.
    connected: Kept<(Instant, TcpStream)>,
    /// Tunnels that do.
    tunnels: Tunnels,
    /// Connections that wait for their question.
    shaken: Kept<tls::Stream>,
}

/// A peer may hang up on a connection that has waited longer than this for its handshake, and would be right.
const FRESH: Duration = Duration::from_secs(3);

type Kept<S> = Mutex<HashMap<SocketAddr, S>>;

impl fmt::Debug for LiveHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveHost")
            .field("root", &self.root)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl LiveHost {
    /// A host that has not been looked at yet.
    pub fn new(settings: Settings) -> Self {
        let secrets = [&settings.token, &settings.api_token];
        Self {
            scrubber: Scrubber::new(secrets.into_iter().flatten().cloned()),
            root: Root::new(settings.root),
            timeout: settings.timeout,
            tokens: Tokens {
                enrollment: settings.token,
                api: settings.api_token,
            },
            dns_port: settings.dns_port,
            ntp_port: settings.ntp_port,
            answered: Answered::default(),
            proxies: Proxies::default(),
            stores: trust::Stores::default(),
            connected: Mutex::default(),
            tunnels: Tunnels::default(),
            shaken: Mutex::default(),
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// What the files of a service's unit say of it, whatever its manager has made of them.
    pub async fn definition(&self, question: ServiceQuestion) -> Seen<Service> {
        known_system("the service manager")?;
        let service = self
            .look(move |root| match question.name.ends_with(".service") {
                true => unit_files::service(root, &question.name),
                false => platform::defined(root, &question.name),
            })
            .await?;
        Ok(self.completed(service).await)
    }

    /// Looks at files, on a thread of its own.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> Seen<T> + Send + 'static,
    ) -> Seen<T> {
        let root = self.root.clone();
        self.deadline().blocking(move || work(&root)).await?
    }

    /// What runs can only be known on the machine itself.
    fn must_be_here(&self, what: &str) -> Seen<()> {
        if self.root.is_foreign() {
            return Err(Unseen::unsupported(format!(
                "{what} cannot be told under another root: run the doctor on that machine itself"
            )));
        }
        Ok(())
    }

    async fn ask_account(&self, name: String) -> Seen<Account> {
        let deadline = self.deadline();
        let (root, wanted) = (self.root.clone(), name.clone());
        let seen = deadline
            .blocking(move || system::account(&root, &wanted))
            .await?;
        match seen {
            Err(Unseen::Absent) if !self.root.is_foreign() => {
                platform::listed_account(deadline, &name).await
            }
            seen => seen,
        }
    }

    async fn ask_group(&self, name: String) -> Seen<Group> {
        let deadline = self.deadline();
        let (root, wanted) = (self.root.clone(), name.clone());
        let seen = deadline
            .blocking(move || system::group(&root, &wanted))
            .await?;
        match seen {
            Err(Unseen::Absent) if !self.root.is_foreign() => {
                platform::listed_group(deadline, &name).await
            }
            seen => seen,
        }
    }

    async fn ask_inside(&self, question: InsideQuestion) -> Seen<Inside> {
        known_system("what a process sees")?;
        self.must_be_here("what a process sees")?;
        let (scrubber, proxies) = (self.scrubber.clone(), self.proxies.clone());
        self.look(move |_| platform::inside(&question, &scrubber, &proxies))
            .await
    }

    async fn ask_service(&self, question: ServiceQuestion) -> Seen<Service> {
        if self.root.is_foreign() {
            return self.definition(question).await;
        }
        known_system("the service manager")?;
        // It takes a while, in which the anchors are read that every strict connection will want.
        self.stores.warm(&self.root);
        let service = platform::service(self.deadline(), &question.name).await?;
        Ok(self.completed(service).await)
    }

    /// With what holds for every service of this manager, and without secrets.
    async fn completed(&self, mut service: Service) -> Service {
        if service.windows().is_some() || service.launchd().is_some() {
            self.proxies.remember(&service);
            self.scrubber.properties(&mut service.properties);
            return service;
        }
        // `systemctl show` tells what the unit says, and not what its manager adds for every service.
        let (name, value) = match self.look(manager::default_environment).await {
            Ok(defaults) => ("DefaultEnvironment", defaults),
            Err(unseen) => ("DefaultEnvironmentUnseen", unseen.to_string()),
        };
        if !value.is_empty() {
            service.properties.insert(name.into(), value);
        }
        self.proxies.remember(&service);
        if service.get("LoadState") == Some("loaded") {
            let mut properties = service.properties.clone();
            let filters = self.look(move |root| {
                unit_files::add_slice_filters(root, &mut properties);
                Ok(properties)
            });
            // What the manager told is kept, whatever becomes of the files.
            if let Ok(properties) = filters.await {
                service.properties = properties;
            }
        }
        self.scrubber.properties(&mut service.properties);
        service
    }

    async fn ask_journal(&self, question: JournalQuestion) -> Seen<Vec<LogEntry>> {
        known_system("the log")?;
        self.must_be_here("the log")?;
        let mut entries = platform::journal(self.deadline(), &question).await?;
        self.scrubber.log(&mut entries);
        Ok(entries)
    }

    async fn ask_lookup(&self, name: String) -> Seen<Vec<IpAddr>> {
        if self.root.is_foreign() {
            return Err(Unseen::unsupported(
                "under another root the resolver of this machine is no witness",
            ));
        }
        let found = names::lookup(self.deadline(), &name);
        self.answered.or(&name, found, |it| !it.is_empty()).await
    }

    async fn ask_connect(&self, question: ConnectQuestion) -> Race {
        let (race, open) = tcp::race(self.timeout, &question.addresses).await;
        for (address, stream) in open {
            keep(&self.connected, address, (Instant::now(), stream));
        }
        race
    }

    /// The connection that is kept for an address, or else a new one.
    async fn connection(&self, deadline: Deadline, address: SocketAddr) -> Seen<TcpStream> {
        let kept = take(&self.connected, address);
        match kept.filter(|(since, _)| since.elapsed() < FRESH) {
            Some((_, stream)) => Ok(stream),
            // The kept one was used up, by another question for the same address, or has waited too long.
            None => deadline
                .run(TcpStream::connect(address))
                .await?
                .map_err(|error| tcp::unseen(&error, deadline)),
        }
    }

    async fn ask_tunnel(&self, question: TunnelQuestion) -> Seen<Tunnel> {
        let (tunnel, stream) = self.open_tunnel(self.deadline(), &question).await?;
        if let Some(stream) = stream {
            self.tunnels.keep(question, stream);
        }
        Ok(tunnel)
    }

    async fn open_tunnel(
        &self,
        deadline: Deadline,
        question: &TunnelQuestion,
    ) -> Seen<(Tunnel, Option<Connection>)> {
        let stream = self.connection(deadline, question.address).await?;
        let (proxy, login) = self.proxy(deadline, &question.via).await?;
        let (root, stores) = (&self.root, &self.stores);
        let tls = match proxy.scheme {
            Scheme::Https => Some(proxy::tls(deadline, root, stores, &question.via).await?),
            Scheme::Http | Scheme::Socks5 | Scheme::Socks5h => None,
        };
        let scrubber = &self.scrubber;
        proxy::open(deadline, scrubber, stream, question, &proxy, login, tls).await
    }

    /// A proxy with the credentials that are set for it.
    async fn proxy(&self, deadline: Deadline, via: &Via) -> Seen<(Proxy, Login)> {
        let found = self.proxies.find(deadline, &self.root, via).await?;
        if let Some(credentials) = &found.0.credentials {
            self.scrubber
                .learn([credentials.password.clone(), credentials.basic()]);
        }
        Ok(found)
    }

    async fn ask_handshake(&self, question: HandshakeQuestion) -> Seen<Handshake> {
        let deadline = self.deadline();
        let (handshake, stream) = match &question.tunnel {
            None => {
                let stream = self.connection(deadline, question.address).await?;
                hung::handshake(deadline, stream, question.address, &question.server_name).await?
            }
            Some(through) => {
                let stream = match self.tunnels.take(through) {
                    Some(stream) => stream,
                    None => {
                        let (tunnel, stream) = self.open_tunnel(deadline, through).await?;
                        stream.ok_or_else(|| proxy::no_way(&tunnel))?
                    }
                };
                tls::handshake(deadline, stream, &question.server_name).await?
            }
        };
        if let Some(stream) = stream {
            keep(&self.shaken, question.address, stream);
        }
        Ok(handshake)
    }

    async fn ask_api(&self, question: ApiQuestion) -> ApiAnswer {
        let deadline = self.deadline();
        let proxy = match &question.via {
            None => None,
            Some(via) => match self.proxy(deadline, via).await {
                Ok((proxy, _)) => Some(proxy),
                Err(unseen) => return ApiAnswer::Failed(unseen),
            },
        };
        api::call(
            deadline,
            &self.root,
            &self.stores,
            &self.tokens,
            &self.scrubber,
            question,
            proxy,
        )
        .await
    }

    async fn ask_health(&self, question: HealthQuestion) -> Seen<Exchange> {
        let stream = take(&self.shaken, question.address).ok_or_else(|| {
            Unseen::unsupported(
                "there is no TLS connection to ask it on: the handshake comes first",
            )
        })?;
        let mut exchange = http::health(self.deadline(), stream, &question.authority).await?;
        exchange.body = self.scrubber.known(&exchange.body);
        Ok(exchange)
    }
}

fn keep<S>(kept: &Kept<S>, address: SocketAddr, stream: S) {
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(address, stream);
}

fn take<S>(kept: &Kept<S>, address: SocketAddr) -> Option<S> {
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&address)
}

#[cfg(test)]
mod tests;
