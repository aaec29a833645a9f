//! The way to the control plane that the agent takes: directly, or through which proxy. The configuration says it, or the
//! environment of the agent's service.

use std::net::SocketAddr;

use crate::checks::environment::{self, Environment, Owner};
use crate::checks::{Judgement, Known, config, differs};
use crate::contract::proxy::{Nobody, Proxy, Reading, Rules, read};
use crate::contract::url::ControlPlane;
use crate::host::{Host, ProxySetting, TunnelQuestion, Via};

/// The way, and how this shell's differs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checks) struct Way {
    pub(super) choice: Choice,
    pub(super) shell: Shell,
    /// What is set for the service and does not apply to the way to the control plane, and why not.
    pub(super) void: Vec<String>,
}

/// What is decided for one control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The agent connects itself, because …
    Direct(String),
    /// It asks a proxy for a tunnel.
    Through(Box<Through>),
    /// A variable is set to something that the agent takes for a proxy, and that names none.
    Invalid {
        /// Which variable, and where it is set.
        setting: String,
        /// What the agent makes of it.
        nobody: Nobody,
    },
    /// What the service is told could not be read, because …
    Unknown(String),
    /// No control plane is known.
    Nowhere,
}

/// A proxy that the agent goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Through {
    /// Which.
    pub(super) proxy: Proxy,
    /// The same as a question says it.
    pub(super) via: Via,
    /// Where it is set.
    pub(super) setting: String,
}

/// How a way is gone, with the reason in words.
#[derive(Debug)]
pub(in crate::checks) enum Taken {
    /// Without a proxy.
    Directly(String),
    /// Through one.
    Through(Box<Via>, String),
    /// To nobody: what is set names no proxy.
    Nowhere(String),
    /// What is set could not be seen.
    Unknown(String),
}

/// How the way of a command in this shell differs from the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shell {
    /// Not at all, or there is only one of them.
    Same,
    /// A command goes through this proxy, and the service does not.
    Proxy(Proxy),
    /// A command goes directly, and the service does not.
    Direct,
}

/// Finds the way out, where `proxy` has not done so yet.
pub(in crate::checks) async fn of_agent(host: &dyn Host, known: &Known) -> Way {
    if let Some(way) = known.get::<Way>() {
        return way.clone();
    }
    let environment = environment::of_agent(host, known).await;
    of(&config::told(known), &environment)
}

/// The way that an agent with this configuration and this environment takes.
pub(in crate::checks) fn of(told: &config::Told, environment: &Environment) -> Way {
    let Some(control_plane) = &told.control_plane else {
        return Way {
            choice: Choice::Nowhere,
            shell: Shell::Same,
            void: Vec::new(),
        };
    };
    let via = |proxy: &Proxy, setting: ProxySetting| Via {
        proxy: proxy.to_string(),
        credentials: proxy.credentials.is_some().then_some(setting),
        ca_cert: told.ca_cert.clone(),
        ssl_cert_file: environment.get("SSL_CERT_FILE").map(Into::into),
        ssl_cert_dir: environment.get("SSL_CERT_DIR").map(str::to_owned),
    };
    let choice = match told.proxy.clone() {
        // The agent asks the environment nothing then, not even for exceptions.
        Some(proxy) => Choice::Through(Box::new(Through {
            via: via(
                &proxy,
                ProxySetting::Configuration {
                    path: told.path.clone(),
                },
            ),
            proxy,
            setting: format!("`proxy` in {}", told.path.path().display()),
        })),
        None => {
            if let Some(why) = environment.unseen() {
                return Way {
                    choice: Choice::Unknown(format!(
                        "whether the agent's service is told to go through a proxy is not known: {why}"
                    )),
                    shell: Shell::Same,
                    void: Vec::new(),
                };
            }
            let rules = Rules::of(|name| environment.get(name));
            decide(&rules, environment.owner, control_plane, |proxy, name| {
                via(proxy, environment.setting(name))
            })
        }
    };
    Way {
        shell: Shell::beside(&choice, environment, control_plane),
        void: void(&choice, environment),
        choice,
    }
}

/// What a person may have set in vain: the agent reads it otherwise, or not at all.
fn void(choice: &Choice, environment: &Environment) -> Vec<String> {
    let set = |names: [&'static str; 2]| names.into_iter().find(|name| environment.get(name).is_some());
    let whose = environment.owner.name();
    let https = set(["HTTPS_PROXY", "https_proxy"]);
    let mut void = Vec::new();
    if let (None, Some(name)) = (https, set(["HTTP_PROXY", "http_proxy"])) {
        void.push(format!(
            "{name} is set in {whose}, but the agent speaks HTTPS: it does not apply (HTTPS_PROXY would)"
        ));
    }
    if let (None, Some(name)) = (https, set(["ALL_PROXY", "all_proxy"])) {
        void.push(format!("{name} is set in {whose}, and the agent does not read it"));
    }
    if let (Choice::Direct(_), Some(name)) = (choice, https)
        && let Some(Reading::PassedOver) = environment.get(name).map(read)
    {
        void.push(format!(
            "{name} is set in {whose}, and is no URL at all to the agent, which passes it over and connects directly, saying nothing"
        ));
    }
    void
}

/// Applies Go's rules (`http.ProxyFromEnvironment`) to an environment.
fn decide(
    rules: &Rules,
    owner: Owner,
    control_plane: &ControlPlane,
    via: impl Fn(&Proxy, &str) -> Via,
) -> Choice {
    let Some((variable, value)) = &rules.https_proxy else {
        return Choice::Direct(format!(
            "none: HTTPS_PROXY is not set in {}",
            owner.name()
        ));
    };
    if let Some(why) = rules.exempts(&control_plane.host(), control_plane.port()) {
        return Choice::Direct(format!("none for {}: {why}", control_plane.host()));
    }
    let setting = format!("{variable} in {}", owner.name());
    match read(value.expose()) {
        Reading::Proxy(proxy) => Choice::Through(Box::new(Through {
            via: via(&proxy, variable),
            proxy,
            setting,
        })),
        Reading::PassedOver => Choice::Direct(format!("none: {setting} is no URL")),
        Reading::Nobody(nobody) => Choice::Invalid { setting, nobody },
    }
}

impl Way {
    /// The proxy on it.
    pub(in crate::checks) fn proxy(&self) -> Option<&Proxy> {
        match &self.choice {
            Choice::Through(through) => Some(&through.proxy),
            _ => None,
        }
    }

    /// Whether it is known which way the agent goes.
    pub(in crate::checks) const fn is_known(&self) -> bool {
        matches!(self.choice, Choice::Direct(_) | Choice::Through(_))
    }

    /// Host and port that this host itself connects to.
    pub(in crate::checks) fn peer(&self, control_plane: &ControlPlane) -> (String, u16) {
        match self.proxy() {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => (control_plane.host(), control_plane.port()),
        }
    }

    /// The proxy as a question says it.
    pub(in crate::checks) fn via(self) -> Option<Via> {
        match self.choice {
            Choice::Through(through) => Some(through.via),
            _ => None,
        }
    }

    /// The way that somebody else takes who goes as the agent would.
    pub(in crate::checks) fn taken(self) -> Taken {
        match self.choice {
            Choice::Direct(why) => Taken::Directly(why),
            Choice::Through(through) => {
                let how = format!("{}, by {}", through.proxy, through.setting);
                Taken::Through(Box::new(through.via), how)
            }
            Choice::Invalid { setting, nobody } => Taken::Nowhere(format!(
                "{setting} is no URL of a proxy: the agent {}",
                nobody.words()
            )),
            Choice::Unknown(why) => Taken::Unknown(why),
            Choice::Nowhere => Taken::Unknown("there is nowhere to go".to_owned()),
        }
    }

    /// The tunnel that leads to the control plane from the proxy at this address.
    pub(in crate::checks) fn tunnel(
        self,
        address: SocketAddr,
        control_plane: &ControlPlane,
    ) -> Option<TunnelQuestion> {
        Some(TunnelQuestion {
            address,
            via: self.via()?,
            host: control_plane.host(),
            port: control_plane.port(),
        })
    }

    /// What a check says of the peer at an address: where that is the proxy's, it is the control plane behind it that is meant.
    pub(in crate::checks) fn behind(
        &self,
        mut judgement: Judgement,
        control_plane: &ControlPlane,
        address: SocketAddr,
    ) -> Judgement {
        if let Some(proxy) = self.proxy() {
            let (address, authority) = (address.to_string(), control_plane.authority());
            for finding in &mut judgement.findings {
                let meant = format!("{authority} through the proxy {proxy}");
                finding.detail = finding.detail.replace(&address, &meant);
            }
            judgement = judgement.note("through the proxy", proxy.to_string());
        }
        judgement
    }

    /// Says of a failure on the direct way that a command in this shell does not take that way, or that a proxy was meant.
    pub(in crate::checks) fn direct_alone(&self, mut judgement: Judgement) -> Judgement {
        let Choice::Direct(_) = &self.choice else {
            return judgement;
        };
        let void = self.void.iter().map(|void| format!("{void}."));
        let differs = self.differs().map(|because| differs::if_it_works_for_you(&because));
        let said: Vec<String> = void.chain(differs).collect();
        for finding in &mut judgement.findings {
            for sentence in &said {
                finding.detail.push_str(&format!(" {sentence}"));
            }
        }
        judgement
    }

    /// Why what works in this shell does not show that it works for the service.
    pub(super) fn differs(&self) -> Option<String> {
        match (&self.choice, &self.shell) {
            (_, Shell::Same) => None,
            (Choice::Direct(_), Shell::Proxy(proxy)) => Some(format!(
                "this shell goes through the proxy {proxy} and the service's environment names none for this host"
            )),
            (_, Shell::Proxy(proxy)) => {
                Some(format!("this shell goes through another proxy, {proxy}"))
            }
            (_, Shell::Direct) => Some(
                "only the service is told to go through this proxy; this shell uses none".to_owned(),
            ),
        }
    }
}

impl Shell {
    fn beside(choice: &Choice, environment: &Environment, control_plane: &ControlPlane) -> Self {
        if environment.owner == Owner::Doctor {
            return Self::Same;
        }
        let shell = Rules::of(|name| environment.in_shell(name));
        let in_shell = shell
            .https_proxy
            .as_ref()
            .filter(|_| {
                shell
                    .exempts(&control_plane.host(), control_plane.port())
                    .is_none()
            })
            .and_then(|(_, value)| match read(value.expose()) {
                Reading::Proxy(proxy) => Some(proxy),
                Reading::PassedOver | Reading::Nobody(_) => None,
            });
        match (choice, in_shell) {
            (Choice::Nowhere | Choice::Unknown(_), _)
            | (Choice::Direct(_) | Choice::Invalid { .. }, None) => Self::Same,
            (Choice::Through(through), Some(proxy)) if through.proxy.is_same(&proxy) => Self::Same,
            (_, Some(proxy)) => Self::Proxy(proxy),
            (Choice::Through(_), None) => Self::Direct,
        }
    }
}
