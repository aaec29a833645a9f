//! What the agent needs of the host where its unit's sandbox may be in the way: files, and addresses to talk to.
//!
//! Nothing is asked of a unit that restricts nothing.

use std::net::IpAddr;
use std::path::PathBuf;

use futures_util::future::join_all;

use super::directive::{Directive, Origins};
use super::network::Network;
use super::paths::{Paths, Place};
use crate::checks::environment::{self, Environment};
use crate::checks::{Known, config, dns, proxy};
use crate::contract::paths::is_absolute;
use crate::contract::proxy::literal;
use crate::contract::url::ControlPlane;
use crate::host::{Content, Host, HostPath, Inside, InsideQuestion, ReadQuestion, Seen, Service, Stat, Unseen};

/// A sandbox, what the agent needs of what is outside of it, and what its running process finds.
#[derive(Debug)]
pub(super) struct Needs {
    pub(super) paths: Paths,
    pub(super) network: Network,
    pub(super) origins: Origins,
    pub(super) files: Vec<File>,
    pub(super) peer: Option<Peer>,
    /// Nameservers, where the peer's name has to be asked of them.
    pub(super) nameservers: Vec<IpAddr>,
    pub(super) environment: Environment,
    /// Directives whose path has to be there and is not.
    pub(super) missing: Vec<Directive>,
    /// What the running process finds, if there is one and it may be looked at; its `paths` are those of `files`.
    pub(super) inside: Option<Inside>,
}

/// A file that the agent needs.
#[derive(Debug)]
pub(super) struct File {
    /// What it is.
    pub(super) what: &'static str,
    /// Where it is, links followed as far as the doctor could.
    pub(super) path: PathBuf,
    /// Whether the agent replaces it when it renews its certificate.
    pub(super) renewed: bool,
    /// Whether the host has it; `None` where that could not be seen.
    pub(super) there: Option<bool>,
    /// The same of where the sandbox has it.
    pub(super) there_inside: Option<bool>,
    /// Whether the doctor can read it, or could execute it.
    pub(super) works_for_you: bool,
}

/// Whom the agent opens its connections to.
#[derive(Debug)]
pub(super) struct Peer {
    /// What it is: `the control plane`, `the proxy`.
    pub(super) what: &'static str,
    pub(super) host: String,
    /// Its addresses, as far as they could be told.
    pub(super) addresses: Vec<IpAddr>,
}

/// What two of the files are called.
pub(super) const PROGRAM: &str = "its program";
const KEY: &str = "its private key";

impl Needs {
    /// Collects them.
    pub(super) async fn collect(host: &dyn Host, known: &Known, service: &Service) -> Self {
        let (paths, network) = (Paths::of(service), Network::of(service));
        let told = config::peek(host, known).await;
        let environment = environment::of_agent(host, known).await;
        let mut files = wanted(service, &told, &environment);
        // Only what the sandbox may hide or protect is looked at.
        if paths.is_empty() {
            files.clear();
        }
        join_all(files.iter_mut().map(|file| file.look(host, &paths))).await;
        let addresses = network.asks_for_addresses();
        let peer = match &told.control_plane {
            Some(control_plane) => {
                let way = proxy::way(&told, &environment);
                Some(peer(host, control_plane, &way, addresses).await)
            }
            None => None,
        };
        let nameservers = match &peer {
            Some(peer) if addresses => nameservers(host, peer, &known.system.hostname).await,
            _ => Vec::new(),
        };
        let inside = inside(host, service, &environment, &files).await;
        let mut missing = Vec::new();
        for (path, by) in paths.required() {
            if there(&host.stat(HostPath::host(path)).await) == Some(false) {
                missing.push(by.clone());
            }
        }
        let restricted = !paths.is_empty() || addresses || network.place != super::network::Where::Host;
        Self {
            origins: match restricted {
                true => Origins::read(host, service).await,
                false => Origins::default(),
            },
            paths,
            network,
            files,
            peer,
            nameservers,
            environment,
            missing,
            inside,
        }
    }
}

fn wanted(service: &Service, told: &config::Told, environment: &Environment) -> Vec<File> {
    let file = |what, path: PathBuf, renewed| File {
        what,
        path,
        renewed,
        there: None,
        there_inside: None,
        works_for_you: false,
    };
    let mut files = Vec::new();
    files.extend(service.binary().map(|path| file(PROGRAM, path, false)));
    files.push(file("its configuration", told.path.path.clone(), false));
    files.push(file("its client certificate", told.cert.path.clone(), true));
    files.push(file(KEY, told.key.path.clone(), true));
    let ca_cert = told.ca_cert.iter().filter(|ca| ca.base == told.path.base);
    files.extend(ca_cert.map(|ca| file("its CA file", ca.path.clone(), false)));
    let ssl_cert_file = environment.get("SSL_CERT_FILE");
    files.extend(ssl_cert_file.map(|path| file("the file of SSL_CERT_FILE", path.into(), false)));
    files.retain(|file| is_absolute(&file.path));
    files
}

impl File {
    async fn look(&mut self, host: &dyn Host, paths: &Paths) {
        let path = HostPath::host(&self.path);
        let stat = host.stat(path.clone()).await;
        self.there = there(&stat);
        // What other checks ask too, and so is asked once.
        self.works_for_you = match self.what {
            KEY => host.private_key(path).await.is_ok(),
            PROGRAM => stat.as_ref().is_ok_and(|stat| stat.mode & 0o111 != 0),
            _ => host.read(ReadQuestion::new(path)).await.is_ok(),
        };
        if let Ok(stat) = stat {
            self.path = stat.path;
        }
        if let Place::Elsewhere(elsewhere, _) = paths.place(&self.path) {
            self.there_inside = there(&host.stat(HostPath::host(elsewhere)).await);
        }
    }
}

fn there(stat: &Seen<Stat>) -> Option<bool> {
    match stat {
        Ok(_) => Some(true),
        Err(Unseen::Absent) => Some(false),
        Err(_) => None,
    }
}

async fn peer(
    host: &dyn Host,
    control_plane: &ControlPlane,
    way: &proxy::Way,
    addresses: bool,
) -> Peer {
    let what = match way.proxy() {
        Some(_) => "the proxy",
        None => "the control plane",
    };
    let (name, _) = way.peer(control_plane);
    let bare = name.trim_matches(['[', ']']);
    let addresses = match bare.parse() {
        Ok(address) => vec![address],
        Err(_) if addresses => host.lookup(name.clone()).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    Peer {
        what,
        host: name,
        addresses,
    }
}

/// Nameservers of resolv.conf(5); none where no nameserver is asked, because it is an address or in the hosts file.
async fn nameservers(host: &dyn Host, peer: &Peer, hostname: &str) -> Vec<IpAddr> {
    let read = |path: &str| host.read(ReadQuestion::new(HostPath::host(path)));
    let text = |content: Seen<Content>| content.map(|content| content.text).unwrap_or_default();
    let hosts = text(read("/etc/hosts").await);
    if literal(peer.host.trim_matches(['[', ']'])).is_some() {
        return Vec::new();
    }
    let conf = text(read("/etc/resolv.conf").await);
    dns::servers_asked(&hosts, &conf, &peer.host, hostname)
}

/// What the running process sees: what was asked for its environment, and besides it what it finds of the files.
async fn inside(
    host: &dyn Host,
    service: &Service,
    environment: &Environment,
    files: &[File],
) -> Option<Inside> {
    let mut inside = environment.running().cloned()?;
    if !files.is_empty() {
        let question = InsideQuestion {
            pid: service.main_pid()?,
            variables: Vec::new(),
            paths: files.iter().map(|file| file.path.clone()).collect(),
        };
        inside.paths = host.inside(question).await.ok()?.paths;
    }
    Some(inside)
}
