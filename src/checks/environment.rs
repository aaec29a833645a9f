//! The environment that the agent's service runs in: what counts for proxies and CA files is what the service sees,
//! not what the shell does.
//!
//! Where there is no unit (an agent that is run by hand, a host without systemd), the doctor's own environment stands in
//! for it, and that is said.

use std::collections::BTreeMap;
use std::fmt;

use super::Known;
use crate::host::{
    EnvironmentQuestion, Host, HostPath, ProxySetting, ReadQuestion, Seen, Service,
    ServiceQuestion, Unseen, environment_file,
};

/// Whose environment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The agent's service: its unit says so.
    Service,
    /// The doctor's own, because there is no unit to ask.
    Doctor,
}

impl Owner {
    /// Finishes "set in …".
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Service => "the environment of the agent's service",
            Self::Doctor => "the doctor's own environment (there is no service to ask)",
        }
    }
}

/// Variables, and whose they are. `Debug` tells their names alone: a proxy's URL may hold a password.
#[derive(Clone)]
pub(super) struct Environment {
    /// Whose.
    pub(super) owner: Owner,
    variables: BTreeMap<String, String>,
    /// Those of them that a file of `EnvironmentFile=` sets.
    by_file: BTreeMap<String, HostPath>,
    /// A file of `EnvironmentFile=` that is there and could not be read, and why: what it sets is not known.
    pub(super) unread: Option<(HostPath, Unseen)>,
    /// What the doctor's own environment says, where that is another.
    shell: BTreeMap<String, String>,
}

impl Environment {
    /// One in which nothing is set.
    #[cfg(test)]
    pub(super) const fn empty() -> Self {
        Self {
            owner: Owner::Doctor,
            variables: BTreeMap::new(),
            by_file: BTreeMap::new(),
            unread: None,
            shell: BTreeMap::new(),
        }
    }

    /// A variable that is set and not empty, as Go's libraries read them.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        not_empty(&self.variables, name)
    }

    /// Where a variable is set that names a proxy.
    pub(super) fn setting(&self, name: &str) -> ProxySetting {
        let variable = name.to_owned();
        match (self.owner, self.by_file.get(name)) {
            (Owner::Doctor, _) => ProxySetting::Environment { variable },
            (Owner::Service, None) => ProxySetting::Service { variable },
            (Owner::Service, Some(path)) => ProxySetting::File {
                path: path.clone(),
                variable,
            },
        }
    }

    /// The same variable for the doctor itself, where the agent's service is the owner.
    pub(super) fn in_shell(&self, name: &str) -> Option<&str> {
        match self.owner {
            Owner::Service => not_empty(&self.shell, name),
            Owner::Doctor => None,
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("owner", &self.owner)
            .field("variables", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

fn not_empty<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// Every variable that a check reads: one question, so that it is asked once.
const NAMES: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "https_proxy",
    "no_proxy",
];

/// What is asked of the doctor's own environment.
pub(super) fn question() -> EnvironmentQuestion {
    EnvironmentQuestion {
        names: NAMES.map(str::to_owned).to_vec(),
    }
}

/// Collects the environment of the agent's service: `Environment=`, then the files of `EnvironmentFile=`, which win.
pub(super) async fn of_agent(host: &dyn Host, known: &Known) -> Environment {
    // What is set here says nothing of a host whose files are looked at under another root.
    let shell = match known.system.foreign_root {
        true => BTreeMap::new(),
        false => host.environment(question()).await,
    };
    let service = host.service(ServiceQuestion::agent(known.system.os)).await;
    match loaded(&service) {
        None => Environment {
            owner: Owner::Doctor,
            variables: shell,
            by_file: BTreeMap::new(),
            unread: None,
            shell: BTreeMap::new(),
        },
        Some(service) => {
            let mut variables: BTreeMap<_, _> = service.environment().into_iter().collect();
            let (mut by_file, mut unread) = (BTreeMap::new(), None);
            for file in service.environment_files() {
                let path = HostPath::host(file.path);
                match host.read(ReadQuestion::new(path.clone())).await {
                    Ok(content) => {
                        let set = environment_file(&content.text);
                        by_file.extend(set.iter().map(|(name, _)| (name.clone(), path.clone())));
                        variables.extend(set);
                    }
                    Err(Unseen::Absent) => {}
                    Err(unseen) => unread = Some((path, unseen)),
                }
            }
            Environment {
                owner: Owner::Service,
                variables,
                by_file,
                unread,
                shell,
            }
        }
    }
}

/// The service, if its manager knows a definition of it.
fn loaded(service: &Seen<Service>) -> Option<&Service> {
    let service = service.as_ref().ok()?;
    match service.get("LoadState") {
        Some("not-found") => None,
        _ => Some(service),
    }
}
