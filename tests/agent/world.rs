//! A control plane, a host's directories, and what stands for its service manager.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nexplane_doctor::agent::{
    self, Activity, AtBoot, Definition, HostFacts, InstallError, InstallOptions, Installed, Places,
    Privilege, Purpose, ServiceError, ServiceManager, ServiceState, Setting, Surroundings,
    WorkingIdentity,
};
use nexplane_doctor::contract::config::{LogLevel, Verification};
use nexplane_doctor::lab::{Authority, Behaviour, Clock, ControlPlaneServer, State};
use nexplane_doctor::model::Secret;

/// The name of the host.
pub(crate) const HOSTNAME: &str = "web-server-01";

/// Every file under a directory with its mode and content, and every directory.
pub(crate) type Tree = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

pub(crate) fn tree(directory: &Path) -> Tree {
    let mut found = Tree::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.symlink_metadata().unwrap().permissions().mode();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path, (mode, None));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, (mode, Some(content)));
        }
    }
    found
}

/// That nothing differs; what does is named.
#[track_caller]
pub(crate) fn assert_same(now: &Tree, before: &Tree) {
    let paths = now.keys().chain(before.keys());
    let differ: Vec<_> = paths.filter(|it| now.get(*it) != before.get(*it)).collect();
    assert!(differ.is_empty(), "not as before: {differ:?}");
}

/// What is left but for a key that waits.
pub(crate) fn without_pending(mut tree: Tree, world: &World) -> Tree {
    let pending = world.path("etc/agent/client.key.pending");
    if let Some((mode, _)) = tree.remove(&pending) {
        assert_eq!(mode & 0o777, 0o600);
        // The directory is there for its sake.
        if tree.keys().all(|path| path.parent() != pending.parent()) {
            tree.remove(pending.parent().unwrap());
        }
    }
    tree
}

/// What stands for a service manager.
#[derive(Default)]
pub(crate) struct Manager {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    definition: PathBuf,
    loaded: bool,
    enabled: bool,
    running: bool,
    masked: bool,
    fails: BTreeSet<&'static str>,
    calls: Vec<&'static str>,
}

impl Manager {
    /// Fails at the call of this name from now on.
    pub(crate) fn fail_at(&self, call: &'static str) {
        self.inner.lock().unwrap().fails.insert(call);
    }

    /// Whether it fails at what taking things back needs, too.
    pub(crate) fn is_lame(&self) -> bool {
        self.inner.lock().unwrap().fails.contains("reload")
    }

    /// Fails no more.
    pub(crate) fn mend(&self) {
        self.inner.lock().unwrap().fails.clear();
    }

    pub(crate) fn mask(&self) {
        self.inner.lock().unwrap().masked = true;
    }

    /// Whether it has a definition, starts the agent at boot, and runs it.
    pub(crate) fn seen(&self) -> (bool, bool, bool) {
        let inner = self.inner.lock().unwrap();
        (inner.loaded, inner.enabled, inner.running)
    }

    /// What it was asked for since the last time.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.inner.lock().unwrap().calls)
    }

    fn call(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut Inner),
    ) -> BoxFuture<'_, Result<(), ServiceError>> {
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(name);
        if inner.fails.contains(name) {
            let why = "told to".to_owned();
            let error = match name {
                "restart" => ServiceError::NotUp {
                    why,
                    last_words: vec!["FATAL: it cannot go on".to_owned()],
                },
                _ => ServiceError::Failed {
                    operation: name,
                    why,
                },
            };
            return std::future::ready(Err(error)).boxed();
        }
        change(&mut inner);
        std::future::ready(Ok(())).boxed()
    }
}

impl ServiceManager for Manager {
    fn state(&self) -> BoxFuture<'_, Result<ServiceState, ServiceError>> {
        let inner = self.inner.lock().unwrap();
        let state = ServiceState {
            definition: match inner.loaded {
                _ if inner.masked => Definition::Masked,
                true => Definition::Loaded,
                false => Definition::Absent,
            },
            at_boot: match inner.enabled {
                true => AtBoot::Enabled,
                false => AtBoot::Disabled,
            },
            activity: match inner.running {
                true => Activity::Running,
                false => Activity::Stopped,
            },
        };
        std::future::ready(Ok(state)).boxed()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        self.call("reload", |inner| inner.loaded = inner.definition.exists())
    }

    fn enable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        self.call("enable", |inner| inner.enabled = true)
    }

    fn disable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        self.call("disable", |inner| inner.enabled = false)
    }

    fn restart(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        self.call("restart", |inner| inner.running = true)
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        self.call("stop", |inner| inner.running = false)
    }
}

/// A control plane and a host.
pub(crate) struct World {
    root: tempfile::TempDir,
    pub(crate) server: ControlPlaneServer,
    pub(crate) manager: Arc<Manager>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Behaviour::default()).await
    }

    pub(crate) async fn with(behaviour: Behaviour) -> Self {
        let clock = Clock::default();
        let authority = Arc::new(Authority::new(clock.now()).unwrap());
        let server = serve(Arc::new(State::new(authority, clock)), behaviour).await;
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc/systemd", "usr/bin", "var/lib"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        fs::write(root.path().join("program"), "an agent's program").unwrap();
        fs::write(root.path().join("ca.crt"), server.authority().root_pem()).unwrap();
        let manager = Manager::default();
        manager.inner.lock().unwrap().definition = root.path().join("etc/systemd/agent.service");
        Self {
            root,
            server,
            manager: Arc::new(manager),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn tree(&self) -> Tree {
        tree(self.root.path())
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.server.address())
    }

    pub(crate) fn token(&self) -> Secret {
        let lifetime = TimeDelta::hours(1);
        self.server.state().new_token(lifetime).unwrap().0
    }

    pub(crate) fn options(&self, token: &Secret) -> InstallOptions {
        InstallOptions {
            control_plane: self.url(),
            token: token.clone(),
            poll_interval: Duration::from_secs(5),
            log_level: LogLevel::Info,
            ca_cert: Some(self.path("ca.crt")),
            verification: Verification::On,
            working_identity: WorkingIdentity::Keep,
        }
    }

    pub(crate) fn around(&self) -> Surroundings {
        Surroundings {
            places: Places {
                config_dir: self.path("etc/agent"),
                binary: self.path("usr/bin/agent"),
                definition: self.path("etc/systemd/agent.service"),
                state_dir: self.path("var/lib/agent"),
            },
            privilege: Privilege::Root,
            manager: Arc::<Manager>::clone(&self.manager),
            host: HostFacts::named(HOSTNAME),
            environment: BTreeMap::new(),
            program: self.path("program"),
        }
    }

    pub(crate) async fn install(&self, token: &Secret) -> Result<Installed, InstallError> {
        self.install_with(&self.options(token)).await
    }

    pub(crate) async fn install_with(
        &self,
        options: &InstallOptions,
    ) -> Result<Installed, InstallError> {
        agent::install(options, &self.around()).await
    }

    pub(crate) fn setting(&self) -> Setting {
        setting(&self.around().places.config())
    }

    /// The id of the identity in place, if the control plane takes its heartbeat.
    pub(crate) async fn works(&self) -> Option<String> {
        works(&self.setting()).await
    }
}

pub(crate) fn setting(config: &Path) -> Setting {
    Setting::read(config, &BTreeMap::new()).unwrap()
}

pub(crate) async fn works(setting: &Setting) -> Option<String> {
    let identity = setting.files.load().ok()?;
    let client = setting.client(Some(identity.for_tls())).unwrap();
    let beat = agent::heartbeat(&client, &identity, HOSTNAME, Purpose::Diagnosis);
    beat.await.ok().map(|_| identity.agent_id)
}

/// A control plane with this state.
pub(crate) async fn serve(state: Arc<State>, behaviour: Behaviour) -> ControlPlaneServer {
    let names = [Ipv4Addr::LOCALHOST.to_string()];
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    ControlPlaneServer::start(state, behaviour, listen, &names)
        .await
        .unwrap()
}
