//! The environment that the agent's service runs in: what counts for proxies and CA files is what the service sees,
//! not what the shell does.
//!
//! Where there is no unit (an agent that is run by hand, a host without systemd), the doctor's own environment stands in
//! for it, and that is said.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use futures_util::future::join;

use super::Known;
use crate::contract::variables::READ;
use crate::host::{
    EnvironmentFile, EnvironmentQuestion, FileVariablesQuestion, Host, HostPath, Inside,
    InsideQuestion, ProxySetting, ReadQuestion, Seen, Service, ServiceQuestion, Unseen,
    environment_file,
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
            Self::Doctor => "the doctor's own environment, for want of a service's",
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
    /// What the doctor's own environment says, where that is another.
    shell: BTreeMap<String, String>,
    /// Why not all of it is known: what was not seen is never taken for unset.
    unseen: Vec<String>,
    /// Files without which the service does not start, and that are not there.
    missing: Vec<PathBuf>,
    /// What its running process sees, if there is one that may be looked at; not of any file.
    running: Option<Inside>,
    /// Variables that the running process has and its unit does not set.
    only_running: Vec<String>,
}

impl Environment {
    /// One in which nothing is set.
    #[cfg(test)]
    pub(super) const fn empty() -> Self {
        Self::of_doctor(BTreeMap::new())
    }

    /// One of a service of which not all was seen.
    #[cfg(test)]
    pub(super) fn not_wholly_seen(why: &str) -> Self {
        Self {
            owner: Owner::Service,
            unseen: vec![why.to_owned()],
            ..Self::empty()
        }
    }

    /// One of a service in which nothing is set, and of a shell that has this.
    #[cfg(test)]
    pub(super) fn only_in_shell(name: &str, value: &str) -> Self {
        Self {
            owner: Owner::Service,
            shell: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Self::empty()
        }
    }

    const fn of_doctor(variables: BTreeMap<String, String>) -> Self {
        Self {
            owner: Owner::Doctor,
            variables,
            by_file: BTreeMap::new(),
            shell: BTreeMap::new(),
            unseen: Vec::new(),
            missing: Vec::new(),
            running: None,
            only_running: Vec::new(),
        }
    }

    /// A variable that is set and not empty, as Go's libraries read them.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        not_empty(&self.variables, name)
    }

    /// All variables of it that were asked for, for who acts in the service's stead.
    pub(super) fn into_variables(self) -> BTreeMap<String, String> {
        self.variables
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

    /// Why not all of it is known, so that a variable may be set that is not seen here, or set otherwise.
    pub(super) fn unseen(&self) -> Option<String> {
        (!self.unseen.is_empty()).then(|| self.unseen.join("; "))
    }

    /// Files of `EnvironmentFile=` without which systemd does not start the service, and that are not there.
    pub(super) fn missing_files(&self) -> &[PathBuf] {
        &self.missing
    }

    /// Variables that a shell and the service have otherwise: in words, by name.
    pub(super) fn differences(&self, names: &[&'static str]) -> Vec<String> {
        let differs = |name: &&'static str| match (self.get(name), self.in_shell(name)) {
            _ if self.owner == Owner::Doctor => None,
            (None, Some(_)) => Some(format!(
                "{name} is set in this shell and not for the service"
            )),
            (Some(_), None) => Some(format!(
                "{name} is set for the service and not in this shell"
            )),
            (Some(service), Some(shell)) if service != shell => Some(format!(
                "{name} is another in this shell and for the service"
            )),
            _ => None,
        };
        names.iter().filter_map(differs).collect()
    }

    /// Variables that its unit gives the service and that a running process was started without, or with another value.
    pub(super) fn not_in(&self, running: &BTreeMap<String, String>) -> Vec<&'static str> {
        let ours = READ.into_iter().filter(|name| self.get(name).is_some());
        ours.filter(|name| not_empty(running, name) != self.get(name))
            .collect()
    }

    /// What its running process sees, files aside.
    pub(super) fn running(&self) -> Option<&Inside> {
        self.running.as_ref()
    }

    /// Variables that the running process has and its unit does not set.
    pub(super) fn only_running(&self) -> &[String] {
        &self.only_running
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

/// What is asked of the doctor's own environment.
pub(super) fn question() -> EnvironmentQuestion {
    EnvironmentQuestion {
        names: READ.map(str::to_owned).to_vec(),
    }
}

/// Variables that do not count for the agent, which speaks HTTPS, and that people set all the same. Asked apart, so that
/// a recording in which nobody asked for them answers the rest.
pub(super) fn of_other_schemes() -> EnvironmentQuestion {
    EnvironmentQuestion {
        names: ["HTTP_PROXY", "http_proxy"].map(str::to_owned).to_vec(),
    }
}

/// Collects the environment of the agent's service, as systemd.exec(5) puts it together: the manager's defaults, what is
/// passed on of the manager's own, `Environment=`, then the files of `EnvironmentFile=`; the later wins, and what
/// `UnsetEnvironment=` names goes in the end.
pub(super) async fn of_agent(host: &dyn Host, known: &Known) -> Environment {
    // What is set here says nothing of a host whose files are looked at under another root.
    let shell = match known.system.foreign_root {
        true => BTreeMap::new(),
        false => {
            let (mut shell, more) = join(
                host.environment(question()),
                host.environment(of_other_schemes()),
            )
            .await;
            shell.extend(more);
            shell
        }
    };
    let service = host.service(ServiceQuestion::agent(known.system.os)).await;
    let Some(service) = loaded(&service) else {
        return Environment::of_doctor(shell);
    };
    let mut environment = Environment {
        owner: Owner::Service,
        variables: service.default_environment().into_iter().collect(),
        by_file: BTreeMap::new(),
        shell,
        unseen: Vec::new(),
        missing: Vec::new(),
        running: None,
        only_running: Vec::new(),
    };
    if let Some(why) = service.get("DefaultEnvironmentUnseen") {
        environment.unseen.push(format!(
            "the service manager's own configuration could not be read: {why}"
        ));
    }
    environment.pass(host, known, service).await;
    environment.variables.extend(service.environment());
    for file in service.environment_files() {
        environment.read(host, file).await;
    }
    for name in service.list("UnsetEnvironment") {
        environment.unset(&name);
    }
    let running = service.main_pid().filter(|_| !known.system.foreign_root);
    if let Some(pid) = running {
        environment.running = process(host, pid).await.ok();
    }
    let variables = environment
        .running
        .as_ref()
        .map(|it| it.environment.clone());
    if let Some(Ok(variables)) = variables {
        environment.adopt(variables);
    }
    environment
}

/// What a process sees: its network, and the variables that it was started with.
async fn process(host: &dyn Host, pid: u32) -> Seen<Inside> {
    let question = InsideQuestion {
        pid,
        variables: question().names,
        paths: Vec::new(),
    };
    host.inside(question).await
}

/// The variables that a file of `EnvironmentFile=` sets.
async fn variables(host: &dyn Host, path: &HostPath) -> Seen<BTreeMap<String, String>> {
    let question = FileVariablesQuestion {
        path: path.clone(),
        names: question().names,
    };
    match host.file_variables(question).await {
        // Older recordings have the file's text.
        Err(Unseen::NotRecorded) => {
            let content = host.read(ReadQuestion::new(path.clone())).await?;
            Ok(environment_file(&content.text).into_iter().collect())
        }
        seen => seen,
    }
}

/// The service manager itself.
const MANAGER: u32 = 1;

impl Environment {
    /// `PassEnvironment=`: from the manager's own environment.
    async fn pass(&mut self, host: &dyn Host, known: &Known, service: &Service) {
        let mut names = service.list("PassEnvironment");
        names.retain(|name| READ.contains(&name.as_str()));
        if names.is_empty() {
            return;
        }
        let manager = match known.system.foreign_root || service.supplied {
            true => Err(Unseen::unsupported("it is not running here")),
            false => process(host, MANAGER)
                .await
                .and_then(|manager| manager.environment),
        };
        match manager {
            Ok(variables) => {
                let passed = variables.into_iter().filter(|(name, _)| names.contains(name));
                self.variables.extend(passed);
            }
            Err(unseen) => self.unseen.push(format!(
                "PassEnvironment={} takes from the service manager's own environment, which was not seen: {unseen}",
                names.join(" ")
            )),
        }
    }

    async fn read(&mut self, host: &dyn Host, file: EnvironmentFile) {
        let shown = file.path.display().to_string();
        if shown.contains(['*', '?', '[']) {
            self.unseen.push(format!(
                "EnvironmentFile={shown} names files by a pattern, which were not read"
            ));
            return;
        }
        let path = HostPath::host(&file.path);
        match variables(host, &path).await {
            Ok(set) => {
                let names = set.keys().map(|name| (name.clone(), path.clone()));
                self.by_file.extend(names);
                self.variables.extend(set);
            }
            Err(Unseen::Absent) if file.optional => {}
            Err(Unseen::Absent) => self.missing.push(file.path),
            Err(Unseen::Denied) => self.unseen.push(format!(
                "EnvironmentFile={shown} may not be read by this user; run the doctor as root"
            )),
            Err(unseen) => self.unseen.push(format!(
                "EnvironmentFile={shown} could not be read: {unseen}"
            )),
        }
    }

    /// What the running process has counts where its unit says nothing (`systemctl set-environment`, a wrapper around the
    /// program), and for all of it where not all of the unit's was seen.
    fn adopt(&mut self, running: BTreeMap<String, String>) {
        if !self.unseen.is_empty() {
            self.unseen.clear();
            self.by_file.clear();
            self.variables = running;
            return;
        }
        for (name, value) in running {
            if self.get(&name).is_none() && !value.is_empty() {
                self.only_running.push(name.clone());
                self.variables.insert(name, value);
            }
        }
    }

    /// A name takes the variable away, `NAME=value` only if that is its value.
    fn unset(&mut self, what: &str) {
        match what.split_once('=') {
            None => {
                self.variables.remove(what);
            }
            Some((name, value)) if self.variables.get(name).is_some_and(|it| it == value) => {
                self.variables.remove(name);
            }
            Some(_) => {}
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

#[cfg(test)]
mod tests;
