//! What a situation of the lab is made of: plain data that faults change before anything is started.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use chrono::TimeDelta;

use super::behaviour::Behaviour;
use super::nameserver::NameAnswer;
use super::proxy::{Door, Protocol};
use super::timeserver::TimeAnswer;

/// The name under which the lab's agent finds its control plane.
pub(super) const NAME: &str = "control-plane.lab.test";
/// The name of its proxy, where it has one; DNS says the same of both.
pub(super) const PROXY: &str = "proxy.lab.test";

/// A situation before it is set up. The default is a healthy one.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How the control plane behaves.
    pub server: Behaviour,
    /// What DNS says of the control plane's name.
    pub dns: NameAnswer,
    /// What a second nameserver says of it, if there is one.
    pub second_dns: Option<NameAnswer>,
    /// What the configuration names as the control plane; `{name}` and `{port}` are filled in.
    pub url: String,
    /// Whether `/etc/resolv.conf` names a nameserver.
    pub nameserver: bool,
    /// What `/etc/hosts` says of the control plane's name, if anything.
    pub pinned: Option<IpAddr>,
    /// Whether the agent has enrolled.
    pub enrolled: bool,
    /// How many days ago it enrolled, by the control plane's clock; its certificate lives a year from then.
    pub enrolled_days_ago: i64,
    /// What is done to the host's files once the agent is installed, in order.
    pub edits: Vec<Edit>,
    /// What happens to the agent's registration afterwards.
    pub registration: Registration,
    /// How the service manager describes the service: properties that differ from a healthy one's.
    pub unit: BTreeMap<&'static str, String>,
    /// What the service's log says besides.
    pub journal: Vec<&'static str>,
    /// Whether the host's clock is kept in time.
    pub synchronized: bool,
    /// What the time server says that the host is told to follow.
    pub time: TimeAnswer,
    /// The enrollment token that the user has at hand.
    pub token: Token,
    /// The change request that the user asks about.
    pub change_request: Option<ChangeRequest>,
    /// The proxy that the agent is told to go through.
    pub proxy: Option<Proxy>,
}

/// A proxy before it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Whom it lets through.
    pub door: Door,
    /// Where the agent is told of it; `{login}` and `{address}` are filled in.
    pub setting: ProxySetting,
}

/// Where the agent is told of a proxy, and by what URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxySetting {
    /// `HTTPS_PROXY` in the service's environment file.
    Environment(&'static str),
    /// `proxy` in the configuration.
    Configuration(&'static str),
}

/// A change to the host's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A file of the agent's is taken away.
    Remove(File),
    /// A file of the agent's gets this content.
    Write(File, String),
    /// A line is added to the configuration.
    Configure(String),
    /// In the configuration, one text becomes another.
    Replace(&'static str, &'static str),
    /// A file of the agent's is moved to this path, and a symbolic link stands for it.
    Link(File, &'static str),
    /// A file of the agent's gets these permission bits.
    Mode(File, u32),
    /// The agent's key is replaced by another one.
    OtherKey,
}

/// A file of the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// Its program.
    Binary,
    /// Its service's definition.
    Unit,
    /// A drop-in for it.
    DropIn,
    /// Its configuration.
    Config,
    /// The CA file that the configuration names.
    Ca,
    /// Its certificate.
    Certificate,
    /// Its key.
    Key,
}

/// What happens to the agent's registration after it has enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Nothing.
    Kept,
    /// It is deleted.
    Revoked,
}

/// The enrollment token that the user has at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// None.
    None,
    /// One that another host has used.
    Used,
    /// One whose lifetime is over.
    Expired,
    /// One that the control plane never issued.
    Invented,
    /// The runbook's own placeholder.
    Placeholder,
}

/// A change request that the user asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Whether the control plane has it at all.
    pub exists: bool,
    /// Its state.
    pub status: &'static str,
    /// Whether its target is this host.
    pub for_this_host: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            server: Behaviour::default(),
            dns: NameAnswer::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            second_dns: None,
            url: "https://{name}:{port}".to_owned(),
            nameserver: true,
            pinned: None,
            enrolled: true,
            enrolled_days_ago: 0,
            edits: Vec::new(),
            registration: Registration::Kept,
            unit: BTreeMap::new(),
            journal: Vec::new(),
            synchronized: true,
            time: TimeAnswer::Ahead(TimeDelta::zero()),
            token: Token::None,
            change_request: None,
            proxy: None,
        }
    }
}

impl Plan {
    /// The service's environment names a proxy, and no password for it.
    pub(super) fn behind(&mut self, door: Door) {
        self.proxy = Some(Proxy {
            protocol: Protocol::Connect,
            door,
            setting: ProxySetting::Environment("http://{address}"),
        });
    }

    pub(super) fn unit(&mut self, properties: &[(&'static str, &str)]) {
        for (name, value) in properties {
            self.unit.insert(name, (*value).to_owned());
        }
    }
}
