//! A situation that is set up: a control plane and a nameserver that run, a host's files under a temporary root, an
//! agent that has really enrolled. It ends, and is cleared away, with its value.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tempfile::TempDir;

use super::plan::{self, Edit, File, NAME, PROXY, Plan, Proxy, ProxySetting, Registration, Token};
use super::proxy::{ProxyServer, credentials};
use super::timeserver::TimeServer;
use super::{
    Authority, Behaviour, Clock, ControlPlaneServer, LabError, NameAnswer, Nameserver, State,
};
use crate::agent::{self, HostFacts, IdentityFiles};
use crate::contract::api::{ChangeRequest, ChangeTarget};
use crate::contract::client::ApiClient;
use crate::contract::paths::AgentPaths;
use crate::contract::tls::strict_tls_config;
use crate::contract::url::ControlPlane;
use crate::host::live::{LiveHost, Settings};
use crate::host::{self, Host, LogEntry, Overlay, Seen, Service, System, TimeSync};
use crate::model::{Os, Secret, Target};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Where the lab's nameservers are.
const FIRST_NAMESERVER: Ipv4Addr = Ipv4Addr::LOCALHOST;
const SECOND_NAMESERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the lab's own agent waits for its control plane.
const PATIENCE: Duration = Duration::from_secs(5);
/// The user as whom the service runs where a fault says so: one that the lab's files do not belong to.
const SERVICE_USER: (&str, u32) = ("nexplane", 49_999);
/// The change request that the user asks about.
pub(super) const CHANGE_REQUEST: &str = "cr_0042";

/// A situation that is set up.
pub struct World {
    root: TempDir,
    server: ControlPlaneServer,
    /// All on the same port; there is always one.
    nameservers: Vec<Nameserver>,
    timeserver: TimeServer,
    _proxy: Option<ProxyServer>,
    hostname: String,
    token: Option<Secret>,
    api_token: Option<Secret>,
    change_request: Option<String>,
    unit: BTreeMap<String, String>,
    journal: Vec<LogEntry>,
    synchronized: bool,
}

impl World {
    /// Sets a plan up.
    ///
    /// # Errors
    /// When a file, a socket or a certificate cannot be made, or the agent cannot enroll where it should.
    pub async fn set_up(plan: &Plan) -> Result<Self, LabError> {
        let clock = Clock::ahead_by(TimeDelta::zero());
        let authority = Arc::new(Authority::new(Utc::now())?);
        let state = Arc::new(State::new(authority, clock));
        let hostname = sysinfo::System::host_name().unwrap_or_else(|_| "lab-host".to_owned());
        let files = Files::make(state.authority(), plan)?;
        if plan.enrolled {
            let (token, _) = state.new_token(TimeDelta::days(4000))?;
            let directory = files.at(AgentPaths::of(Os::Linux).config_dir);
            enroll(&state, token, plan.enrolled_days_ago, &hostname, directory).await?;
        }
        let token = token(&state, plan.token).await?;
        let api_token = state.new_api_token()?;
        put_change_request(&state, plan.change_request, &hostname);
        let names = [NAME.to_owned(), Ipv4Addr::LOCALHOST.to_string()];
        let server =
            ControlPlaneServer::start(Arc::clone(&state), plan.server.clone(), LOOPBACK, &names)
                .await?;
        files.configure(plan, server.address().port())?;
        for edit in &plan.edits {
            files.edit(edit)?;
        }
        if plan.registration == Registration::Revoked {
            for agent in state.agents() {
                // It is there: it was just listed.
                let _ = state.revoke(&agent.id);
            }
        }
        let proxy = match &plan.proxy {
            Some(planned) => Some(files.put_proxy(planned, server.address()).await?),
            None => None,
        };
        let nameservers = nameservers(plan).await?;
        Ok(Self {
            unit: unit(plan),
            journal: journal(plan),
            synchronized: plan.synchronized,
            change_request: plan.change_request.map(|_| CHANGE_REQUEST.to_owned()),
            api_token: plan.change_request.map(|_| api_token),
            token,
            hostname,
            server,
            nameservers,
            timeserver: TimeServer::start(plan.time).await?,
            _proxy: proxy,
            root: files.directory,
        })
    }

    /// The host of this situation: its files, its nameserver and the network are real; what a service manager and a
    /// journal would say of the agent is supplied, and says so.
    pub async fn host(&self, timeout: Duration) -> impl Host + use<> {
        let settings = Settings {
            root: Some(self.root.path().to_owned()),
            token: self.token.clone(),
            api_token: self.api_token.clone(),
            dns_port: self.nameservers[0].address().port(),
            ntp_port: self.timeserver.address().port(),
            ..Settings::new(timeout)
        };
        let synchronized = if self.synchronized { "yes" } else { "no" };
        let properties = [("NTP", synchronized), ("NTPSynchronized", synchronized)];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let time_sync: Seen<TimeSync> = Ok(TimeSync {
            enabled: Some(self.synchronized),
            synchronized: Some(self.synchronized),
            properties: properties.into(),
            keeper: Some(TIME_KEEPER.to_owned()).filter(|_| self.synchronized),
            servers: vec![host::TimeServer {
                name: self.timeserver.address().ip().to_string(),
                named_in: TIMESYNCD.to_owned(),
            }],
            supplied: true,
        });
        let service: Seen<Service> = Ok(Service {
            properties: self.unit.clone(),
            supplied: true,
        });
        let journal: Seen<Vec<LogEntry>> = Ok(self.journal.clone());
        let host = LiveHost::new(settings);
        // As if the temporary root were the machine's own.
        let system = System {
            hostname: self.hostname.clone(),
            os: Os::Linux,
            foreign_root: false,
            ..host.system(()).await
        };
        Overlay::new(host)
            .supply("system", &system)
            .supply("environment", &BTreeMap::<String, String>::new())
            .supply("service", &service)
            .supply("journal", &journal)
            .supply("time_sync", &time_sync)
    }

    /// What the user says of this situation.
    pub fn target(&self, timeout: Duration) -> Target {
        Target {
            token_given: self.token.is_some(),
            change_request: self.change_request.clone(),
            ..Target::unspecified(timeout)
        }
    }

    /// How often anybody asked the control plane for tasks.
    pub fn polls(&self) -> u64 {
        self.server.state().polls()
    }
}

/// Enrolls over real sockets, with a control plane of the same CA and state that does nothing wrong.
async fn enroll(
    state: &Arc<State>,
    token: Secret,
    days_ago: i64,
    hostname: &str,
    directory: PathBuf,
) -> Result<(), LabError> {
    let names = [Ipv4Addr::LOCALHOST.to_string()];
    let server =
        ControlPlaneServer::start(Arc::clone(state), Behaviour::default(), LOOPBACK, &names)
            .await?;
    let ago = TimeDelta::days(days_ago);
    state.clock().shift(-ago);
    let control_plane = ControlPlane::parse(&format!("https://{}", server.address()))
        .map_err(|problem| LabError::Enrollment(problem.to_string()))?;
    let tls = strict_tls_config(&[state.authority().root()], None, None)?;
    let files = IdentityFiles::beside(&directory.join("config.yaml"));
    let host = HostFacts::named(hostname);
    let enrolled = async {
        let client = ApiClient::new(&control_plane, &[server.address()], tls, PATIENCE)
            .map_err(|error| error.to_string())?;
        let enrolled = agent::enroll(&client, &files, &token, &host).await;
        enrolled.map_err(|error| error.to_string())
    };
    let enrolled = enrolled.await;
    state.clock().shift(ago);
    enrolled.map(drop).map_err(LabError::Enrollment)
}

/// The nameservers of a plan: where there is a second one, it listens on the same port of another loopback address.
async fn nameservers(plan: &Plan) -> io::Result<Vec<Nameserver>> {
    // A proxy goes by a name of its own, of which DNS says the same.
    let names = [Some(NAME), plan.proxy.as_ref().map(|_| PROXY)];
    let says = |answer: &NameAnswer| {
        let names = names.into_iter().flatten();
        names
            .map(|name| (name.to_owned(), answer.clone()))
            .collect::<Vec<_>>()
    };
    let mut last = None;
    for _ in 0..16 {
        let first = Nameserver::start_on((FIRST_NAMESERVER, 0).into(), says(&plan.dns)).await?;
        let Some(second) = &plan.second_dns else {
            return Ok(vec![first]);
        };
        let beside = (SECOND_NAMESERVER, first.address().port()).into();
        match Nameserver::start_on(beside, says(second)).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// Gives the control plane the change request that a plan says it has.
pub(super) fn put_change_request(
    state: &State,
    planned: Option<plan::ChangeRequest>,
    hostname: &str,
) {
    let Some(planned) = planned.filter(|planned| planned.exists) else {
        return;
    };
    let hostname = if planned.for_this_host {
        hostname
    } else {
        "another-host"
    };
    state.put_change_request(ChangeRequest {
        id: CHANGE_REQUEST.to_owned(),
        title: "Upgrade nginx".to_owned(),
        status: planned.status.to_owned(),
        target: ChangeTarget {
            hostname: hostname.to_owned(),
        },
    });
}

/// A token in the state that the plan says.
pub(super) async fn token(state: &Arc<State>, wanted: Token) -> Result<Option<Secret>, LabError> {
    Ok(match wanted {
        Token::None => None,
        Token::Placeholder => Some(Secret::new("YOUR_TOKEN")),
        Token::Invented => Some(Secret::new(super::random::token()?)),
        Token::Expired => Some(state.new_token(TimeDelta::seconds(-1))?.0),
        Token::Used => {
            let (token, _) = state.new_token(TimeDelta::hours(1))?;
            let another_host = TempDir::new()?;
            let directory = another_host.path().to_owned();
            enroll(state, token.clone(), 0, "another-host", directory).await?;
            Some(token)
        }
    })
}

/// The host's files.
struct Files {
    directory: TempDir,
}

impl Files {
    /// Everything that an installed agent and its system have, but for the configuration and what enrolling brings.
    fn make(authority: &Authority, plan: &Plan) -> Result<Self, LabError> {
        let directory = tempfile::Builder::new().prefix("nexplane-lab-").tempdir()?;
        let files = Self { directory };
        // Other users may look as far as the files themselves allow, as on a real host.
        set_mode(files.directory.path(), 0o755)?;
        let paths = AgentPaths::of(Os::Linux);
        files.write(
            paths.binary,
            "#!/bin/sh\n# The lab's agent: its service is not started.\n",
        )?;
        set_mode(&files.at(paths.binary), 0o755)?;
        let (user, uid) = SERVICE_USER;
        files.write(
            "/etc/passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\n{user}:x:{uid}:{uid}::/:/bin/false\n"),
        )?;
        files.write("/etc/group", &format!("root:x:0:\n{user}:x:{uid}:\n"))?;
        let mut resolv_conf = "# The lab's nameserver listens on a port of its own.\n".to_owned();
        let both = [
            Some(FIRST_NAMESERVER),
            plan.second_dns.as_ref().map(|_| SECOND_NAMESERVER),
        ];
        for address in both.into_iter().flatten().filter(|_| plan.nameserver) {
            resolv_conf.push_str(&format!("nameserver {address}\n"));
        }
        files.write("/etc/resolv.conf", &resolv_conf)?;
        let pinned = plan
            .pinned
            .map(|address| format!("{address} {NAME} {PROXY}\n"))
            .unwrap_or_default();
        files.write("/etc/hosts", &format!("127.0.0.1 localhost\n{pinned}"))?;
        files.write(
            TIMESYNCD,
            "[Time]\n# The lab's time server listens on a port of its own.\nNTP=127.0.0.1\n",
        )?;
        files.write(CA, &authority.root_pem())?;
        if let Some(unit) = paths.definition {
            files.write(unit, UNIT)?;
        }
        Ok(files)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.at(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    }

    /// The configuration, as `install --ca-cert` would have written it.
    fn configure(&self, plan: &Plan, port: u16) -> io::Result<()> {
        let paths = AgentPaths::of(Os::Linux);
        let url = plan
            .url
            .replace("{name}", NAME)
            .replace("{port}", &port.to_string());
        let text = format!(
            "control_plane: {url}\npoll_interval: 5s\nlog_level: info\ncert_path: {}\nkey_path: {}\nca_cert: {CA}\n",
            paths.cert, paths.key
        );
        self.write(paths.config, &text)?;
        set_mode(&self.at(paths.config), 0o644)
    }

    /// Starts a proxy before the control plane at `onward`, and tells the agent of it.
    async fn put_proxy(&self, plan: &Proxy, onward: SocketAddr) -> Result<ProxyServer, LabError> {
        let (protocol, door) = (plan.protocol, plan.door);
        let proxy = ProxyServer::start(protocol, door, LOOPBACK, NAME, onward).await?;
        let url = |pattern: &str| {
            let login = credentials();
            // The password has one reserved character, as real ones do.
            let password = login.password.expose().replace('@', "%40");
            pattern
                .replace("{login}", &format!("{}:{password}", login.user.expose()))
                .replace("{address}", &format!("{PROXY}:{}", proxy.address().port()))
        };
        match plan.setting {
            ProxySetting::Environment(pattern) => {
                self.write(ENVIRONMENT, &format!("HTTPS_PROXY={}\n", url(pattern)))?;
            }
            ProxySetting::Configuration(pattern) => {
                self.edit(&Edit::Configure(format!("proxy: {}", url(pattern))))?;
            }
        }
        Ok(proxy)
    }

    fn edit(&self, edit: &Edit) -> Result<(), LabError> {
        match edit {
            Edit::Remove(file) => match fs::remove_file(self.at(path(*file))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            },
            Edit::Write(file, text) => self.write(path(*file), text)?,
            Edit::Configure(line) => {
                let config = fs::read_to_string(self.at(path(File::Config)))?;
                self.write(path(File::Config), &format!("{config}{line}\n"))?;
            }
            Edit::Replace(from, to) => {
                let config = fs::read_to_string(self.at(path(File::Config)))?;
                self.write(path(File::Config), &config.replace(from, to))?;
            }
            Edit::Link(file, elsewhere) => {
                let text = fs::read_to_string(self.at(path(*file)))?;
                self.write(elsewhere, &text)?;
                fs::remove_file(self.at(path(*file)))?;
                link(Path::new(elsewhere), &self.at(path(*file)))?;
            }
            Edit::Mode(file, mode) => set_mode(&self.at(path(*file)), *mode)?,
            Edit::OtherKey => {
                let key = rcgen::KeyPair::generate()?.serialize_pem();
                self.write(path(File::Key), &key)?;
            }
        }
        Ok(())
    }
}

const CA: &str = "/etc/nexplane-agent/ca.crt";
/// The service's environment file.
const ENVIRONMENT: &str = "/etc/default/nexplane-agent";
/// What keeps the host's time, and where it is told which server to follow.
const TIME_KEEPER: &str = "systemd-timesyncd.service";
const TIMESYNCD: &str = "/etc/systemd/timesyncd.conf";

const UNIT: &str = "\
[Unit]
Description=Nexplane agent
After=network-online.target

[Service]
ExecStart=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
";

fn path(file: File) -> &'static str {
    let paths = AgentPaths::of(Os::Linux);
    match file {
        File::Binary => paths.binary,
        File::Unit => paths.definition.unwrap_or_default(),
        File::DropIn => super::service::DROP_IN,
        File::Config => paths.config,
        File::Ca => CA,
        File::Certificate => paths.cert,
        File::Key => paths.key,
    }
}

/// What `systemctl show` would say of the agent's service: running and well, but for what the plan says.
fn unit(plan: &Plan) -> BTreeMap<String, String> {
    let healthy = [
        ("Id", "nexplane-agent.service"),
        ("LoadState", "loaded"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("UnitFileState", "enabled"),
        ("FragmentPath", "/etc/systemd/system/nexplane-agent.service"),
        ("Result", "success"),
        ("MainPID", "4242"),
        ("NRestarts", "0"),
        ("ExecMainCode", "0"),
        ("ExecMainStatus", "0"),
        (
            "ExecStart",
            "{ path=/usr/local/bin/nexplane-agent ; argv[]=/usr/local/bin/nexplane-agent run --config \
             /etc/nexplane-agent/config.yaml ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; \
             code=(null) ; status=0/0 }",
        ),
    ];
    // A unit that is not there has no properties of its own.
    let there = plan
        .unit
        .get("LoadState")
        .is_none_or(|state| state != "not-found");
    let healthy = healthy
        .into_iter()
        .filter(|(name, _)| there || *name == "Id");
    let healthy = healthy.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let proxy = plan
        .proxy
        .as_ref()
        .filter(|proxy| there && matches!(proxy.setting, ProxySetting::Environment(_)));
    let environment = proxy.map(|_| {
        let file = format!("{ENVIRONMENT} (ignore_errors=no)");
        ("EnvironmentFiles".to_owned(), file)
    });
    let planned = plan
        .unit
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    healthy.chain(environment).chain(planned).collect()
}

/// What the journal would say: that the service started, and what the plan says.
fn journal(plan: &Plan) -> Vec<LogEntry> {
    let now = Utc::now();
    let entry = |identifier: &str, message: &str, seconds_ago: i64| LogEntry {
        time: Some(now - TimeDelta::seconds(seconds_ago)),
        message: message.to_owned(),
        priority: Some(6),
        identifier: Some(identifier.to_owned()),
        invocation: Some("4f3a9c0d1e2b48f6a5d7c8b9e0f1a2b3".to_owned()),
        message_id: None,
    };
    if plan
        .unit
        .get("LoadState")
        .is_some_and(|state| state == "not-found")
    {
        return Vec::new();
    }
    let started = entry(
        "systemd",
        "Started nexplane-agent.service - Nexplane agent.",
        600,
    );
    let said = plan
        .journal
        .iter()
        .map(|line| entry("nexplane-agent", line, 60));
    std::iter::once(started).chain(said).collect()
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_to: &Path, _at: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
