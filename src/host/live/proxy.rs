//! Proxies on the way to the control plane: their credentials, and the tunnels that they open.
//!
//! Credentials are read where they are set when they are needed, and go to the proxy alone: over TLS only once strict
//! verification has accepted it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::api::anchors_of;
use super::deadline::{Deadline, millis};
use super::files::Root;
use super::scrub::{Scrubber, is_proxy};
use super::{FRESH, tcp, trust};
use crate::contract::config;
use crate::contract::proxy::{self, Connection, NoTunnel, Proxy, SocksReply};
use crate::contract::tls::anonymous_tls_config;
use crate::host::{
    Login, ProxySetting, Seen, Service, SocksAbout, Tunnel, TunnelEnding, TunnelQuestion, Unseen,
    Via, environment_file,
};
use crate::model::{Secret, redact};

/// The most that is read of a file that sets a proxy.
const LIMIT: u64 = 1 << 20;

/// Tunnels that wait for their handshake.
#[derive(Default)]
pub(super) struct Tunnels(Mutex<BTreeMap<TunnelQuestion, (Instant, Connection)>>);

impl Tunnels {
    /// Keeps one.
    pub(super) fn keep(&self, question: TunnelQuestion, stream: Connection) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(question, (Instant::now(), stream));
    }

    /// Takes it, if it is kept and has not waited so long that a peer may hang up.
    pub(super) fn take(&self, question: &TunnelQuestion) -> Option<Connection> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, stream) = kept.remove(question)?;
        (since.elapsed() < FRESH).then_some(stream)
    }
}

/// The proxies that were seen, with their credentials.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    /// What the service manager says, by variable, and what a running process has besides. Everything else is read again.
    service: Arc<Mutex<BTreeMap<String, Secret>>>,
}

impl Proxies {
    /// Keeps what a service is told of proxies, before passwords are taken out.
    pub(super) fn remember(&self, service: &Service) {
        let defaults = service.default_environment().into_iter();
        let told = defaults.chain(service.environment());
        let told = told.filter(|(name, _)| is_proxy(name));
        let mut kept = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(told.map(|(name, value)| (name, Secret::new(value))));
    }

    /// Keeps what a running process has, where its manager does not say it.
    #[cfg(all(unix, not(target_os = "macos")))]
    pub(super) fn remember_of_process(&self, name: &str, value: &str) {
        if is_proxy(name) {
            let mut kept = self.service.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(name.to_owned())
                .or_insert_with(|| Secret::new(value));
        }
    }

    /// The proxy of a question with the credentials that are set for it.
    pub(super) async fn find(
        &self,
        deadline: Deadline,
        root: &Root,
        via: &Via,
    ) -> Seen<(Proxy, Login)> {
        let proxy =
            Proxy::parse(&via.proxy).ok_or_else(|| Unseen::malformed("the proxy's URL is none"))?;
        let Some(setting) = &via.credentials else {
            return Ok((proxy, Login::None));
        };
        let url = match setting {
            ProxySetting::Service { variable } => {
                let kept = self.service.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get(variable).cloned()
            }
            setting => {
                let (root, setting) = (root.clone(), setting.clone());
                deadline.blocking(move || read(&root, &setting)).await?
            }
        };
        let set = url.and_then(|url| Proxy::parse(url.expose()));
        Ok(match set {
            Some(set) if set.is_same(&proxy) && set.credentials.is_some() => (set, Login::Given),
            _ => (proxy, Login::Unreadable),
        })
    }
}

/// A proxy's URL as it is set, outside the service manager.
fn read(root: &Root, setting: &ProxySetting) -> Option<Secret> {
    let text = |path| {
        let bytes = root.read_bytes(path, LIMIT).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    match setting {
        ProxySetting::Environment { variable } => std::env::var(variable).ok().map(Secret::new),
        ProxySetting::File { path, variable } => {
            let set = environment_file(&text(path)?);
            let (_, value) = set.into_iter().rfind(|(name, _)| name == variable)?;
            Some(Secret::new(value))
        }
        ProxySetting::Configuration { path } => config::parse(&text(path)?, None).config.proxy,
        ProxySetting::Service { .. } => None,
    }
}

/// Asks for a tunnel on a connection to the proxy; also gives the tunnel.
pub(super) async fn open(
    deadline: Deadline,
    scrubber: &Scrubber,
    stream: TcpStream,
    question: &TunnelQuestion,
    proxy: &Proxy,
    login: Login,
    tls: Option<ClientConfig>,
) -> Seen<(Tunnel, Option<Connection>)> {
    let began = Instant::now();
    let asked = deadline
        .run(async {
            let mut stream: Connection = Box::new(stream);
            if let Some(config) = tls {
                stream = proxy::secure(stream, proxy, config).await?;
            }
            proxy::open(stream, proxy, &question.host, question.port).await
        })
        .await;
    let (ending, stream) = match asked {
        Ok(Ok(stream)) => (TunnelEnding::Open, Some(stream)),
        Ok(Err(error)) => (ending(error, scrubber, deadline)?, None),
        Err(Unseen::TimedOut { after_ms }) => (TunnelEnding::TimedOut { after_ms }, None),
        Err(unseen) => return Err(unseen),
    };
    let tunnel = Tunnel {
        ending,
        credentials: login,
        duration_ms: millis(began.elapsed()),
    };
    Ok((tunnel, stream))
}

/// Why a handshake could not even begin, where the tunnel for it did not open.
pub(super) fn no_way(tunnel: &Tunnel) -> Unseen {
    match &tunnel.ending {
        TunnelEnding::TimedOut { after_ms } => Unseen::TimedOut {
            after_ms: *after_ms,
        },
        _ => Unseen::unsupported("the proxy opens no tunnel"),
    }
}

/// How a connection to the proxy itself is secured: nobody's certificate is shown, and the anchors are the service's.
pub(super) async fn tls(
    deadline: Deadline,
    root: &Root,
    stores: &trust::Stores,
    via: &Via,
) -> Seen<ClientConfig> {
    let (root, stores, via) = (root.clone(), stores.clone(), via.clone());
    deadline
        .blocking(move || {
            let (file, dir) = (via.ssl_cert_file.clone(), via.ssl_cert_dir.as_deref());
            let anchors = anchors_of(&root, &stores, via.ca_cert.as_ref(), file, dir);
            anonymous_tls_config(&anchors).map_err(Unseen::failed)
        })
        .await?
}

/// An error as evidence, without what was secret in the question.
fn ending(error: NoTunnel, scrubber: &Scrubber, deadline: Deadline) -> Seen<TunnelEnding> {
    Ok(match error {
        NoTunnel::Refused(refusal) => TunnelEnding::Refused {
            status: refusal.status,
            reason: scrubber.of_proxy(&refusal.reason),
            headers: refusal
                .headers
                .into_iter()
                .map(|(name, value)| (name, scrubber.of_proxy(&value)))
                .collect(),
            body: redact(&scrubber.of_proxy(&refusal.body)),
        },
        NoTunnel::LoginWanted => TunnelEnding::LoginWanted,
        NoTunnel::LoginRefused => TunnelEnding::LoginRefused,
        NoTunnel::Socks(reply) => TunnelEnding::Socks {
            reply: reply.to_string(),
            about: match reply {
                SocksReply::GeneralFailure
                | SocksReply::NetworkUnreachable
                | SocksReply::HostUnreachable
                | SocksReply::ConnectionRefused
                | SocksReply::TtlExpired => SocksAbout::Onward,
                SocksReply::NotAllowed
                | SocksReply::CommandNotSupported
                | SocksReply::AddressTypeNotSupported => SocksAbout::Proxy,
            },
        },
        NoTunnel::NotAProxy(why) => TunnelEnding::NotAProxy {
            why: why.to_owned(),
        },
        NoTunnel::Tls(why) => TunnelEnding::Tls { why },
        NoTunnel::CannotAsk(why) => TunnelEnding::CannotAsk {
            why: why.to_owned(),
        },
        NoTunnel::Closed => TunnelEnding::Closed,
        NoTunnel::Io { kind, os, message } => {
            let error = match os {
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::new(kind, message),
            };
            match tcp::unseen(&error, deadline) {
                Unseen::Reset => TunnelEnding::Reset,
                Unseen::Closed => TunnelEnding::Closed,
                Unseen::TimedOut { after_ms } => TunnelEnding::TimedOut { after_ms },
                unseen => return Err(unseen),
            }
        }
    })
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
