//! The agent as its service runs it: a process of its own, against the lab's control plane, told apart by what others see of it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use nexplane_doctor::agent::{HostFacts, IdentityFiles, Setting, enroll};
use nexplane_doctor::contract::api::{ChangeRequest, ChangeTarget, Task, TaskStatus};
use nexplane_doctor::lab::{
    Authority, Behaviour, Clock, ControlPlaneServer, HealthPage, Port, RequestLine, State,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// When something is given up that is waited for: it bounds, it does not measure.
const PATIENCE: Duration = Duration::from_secs(30);
/// The hostname that agents are registered under here.
const HOSTNAME: &str = "web-server-01";

/// An agent's files, and its control plane.
struct Site {
    directory: TempDir,
    plane: ControlPlaneServer,
    state: Arc<State>,
}

impl Site {
    async fn new() -> Self {
        Self::with(|state| state, Behaviour::default()).await
    }

    async fn with(change: impl FnOnce(State) -> State, behaviour: Behaviour) -> Self {
        let authority = Arc::new(Authority::new(Utc::now()).unwrap());
        let state = State::new(authority, Clock::ahead_by(TimeDelta::zero()));
        let state = Arc::new(change(state));
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let names = [Ipv4Addr::LOCALHOST.to_string()];
        let plane = ControlPlaneServer::start(Arc::clone(&state), behaviour, listen, &names)
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.crt");
        fs::write(ca, state.authority().root_pem()).unwrap();
        let site = Self {
            directory,
            plane,
            state,
        };
        site.configure(site.plane.address().port(), "200ms");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, port: u16, poll_interval: &str) {
        let ca = self.path("ca.crt");
        let text = format!(
            "control_plane: https://127.0.0.1:{port}\npoll_interval: {poll_interval}\nlog_level: debug\nca_cert: {}\n",
            ca.display()
        );
        fs::write(self.path("config.yaml"), text).unwrap();
    }

    async fn enroll(&self) -> String {
        let config = self.path("config.yaml");
        let setting = Setting::read(&config, &BTreeMap::new()).unwrap();
        let (token, _) = self.state.new_token(TimeDelta::hours(1)).unwrap();
        let client = setting.client(None).unwrap();
        let files = IdentityFiles::beside(&config);
        let enrolled = enroll(&client, &files, &token, &HostFacts::named(HOSTNAME)).await;
        enrolled.unwrap().agent_id
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-agent"));
        command
            .arg(what)
            .arg("--config")
            .arg(self.path("config.yaml"))
            .arg("--state-dir")
            .arg(self.path("state"))
            .stdin(Stdio::null());
        for variable in [
            "HTTPS_PROXY",
            "https_proxy",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// The next request for which this holds.
    async fn request(&mut self, wanted: impl Fn(&RequestLine) -> bool) -> RequestLine {
        let waiting = async {
            loop {
                let request = self.plane.next_request().await.unwrap();
                if wanted(&request) {
                    return request;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap()
    }

    /// A file of the agent's state, once this holds for it.
    async fn kept(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = self.path("state").join(name);
        let looking = async {
            loop {
                let text = fs::read_to_string(&path).unwrap_or_default();
                if let Ok(value) = serde_json::from_str(&text)
                    && wanted(&value)
                {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .unwrap_or_else(|_| panic!("{}: {:?}", path.display(), fs::read_to_string(&path)))
    }
}

/// A running agent. It ends with this value.
struct Agent {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Agent {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line of its log that begins so.
    fn line(&self, begins: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(begins) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line `{begins}`: {seen:#?}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, and says how and after how long it did.
    fn stop(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        (self.end(), asked.elapsed())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// What a service manager is told.
struct Manager(UnixDatagram);

impl Manager {
    fn at(path: &Path) -> Self {
        Self::of(UnixDatagram::bind(path).unwrap())
    }

    fn of(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// Waits until it is told this.
    fn told(&self, wanted: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if let Some(line) = text.lines().find(|line| line.starts_with(wanted)) {
                return line.to_owned();
            }
        }
    }
}

fn heartbeat(request: &RequestLine) -> bool {
    request.path == "/agent/heartbeat" && request.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_ready_lives_and_ends_when_asked() {
    let mut site = Site::new().await;
    let id = site.enroll().await;
    let socket = site.path("notify");
    let manager = Manager::at(&socket);
    let mut command = site.command("run");
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "400000");
    let mut agent = Agent::start(command);
    manager.told("READY=1");
    assert_eq!(
        manager.told("STATUS=heartbeats"),
        format!("STATUS=heartbeats are accepted, registered as {HOSTNAME}")
    );
    for _ in 0..3 {
        manager.told("WATCHDOG=1");
    }
    site.request(heartbeat).await;
    site.request(|request| request.path == "/agent/tasks").await;
    let state = site
        .kept("state.json", |state| state["last_heartbeat"].is_string())
        .await;
    assert_eq!(state["agent_id"], id.as_str());
    assert_eq!(state["registered_as"], HOSTNAME);
    assert_eq!(state["pid"], agent.child.id());
    // It is read once: nothing happens, and it goes on.
    agent.signal(Signal::HUP);
    site.request(heartbeat).await;
    let (status, _) = agent.stop();
    manager.told("STOPPING=1");
    assert_eq!(status.code(), Some(0));
    assert!(site.state.agent(&id).unwrap().last_seen.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_without_a_file_is_one_too() {
    let site = Site::new().await;
    site.enroll().await;
    let name = format!("nexplane-agent-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager::of(UnixDatagram::bind_addr(&address).unwrap());
    let mut command = site.command("run");
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    let mut agent = Agent::start(command);
    manager.told("READY=1");
    assert_eq!(agent.stop().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_does_not_keep_it_from_ending() {
    let site = Site::new().await;
    site.enroll().await;
    // From now on nobody answers: the port takes connections, and that is all.
    let silent = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    site.configure(silent.local_addr().unwrap().port(), "200ms");
    let mut agent = Agent::start(site.command("run"));
    let taken = tokio::time::timeout(PATIENCE, silent.accept())
        .await
        .unwrap();
    let (status, took) = agent.stop();
    assert_eq!(status.code(), Some(0));
    // A call is given ten seconds: that is not what ended it.
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(taken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_agent_says_so_goes_on_and_looks_for_the_cause() {
    let mut site = Site::new().await;
    let id = site.enroll().await;
    let agent = Agent::start(site.command("run"));
    site.request(heartbeat).await;
    agent.line("INFO: heartbeat accepted");
    site.state.revoke(&id).unwrap();
    let line = agent.line("ERROR: heartbeat rejected");
    assert_eq!(
        line,
        "ERROR: heartbeat rejected: agent not found or revoked"
    );
    let state = site
        .kept("state.json", |state| state["last_failure"].is_string())
        .await;
    assert_eq!(state["last_failure"], "agent not found or revoked");
    let revoked = |report: &Value| {
        let codes = report["findings"].as_array().into_iter().flatten();
        codes
            .into_iter()
            .any(|finding| finding["code"] == "registration.revoked")
    };
    let report = site.kept("diagnosis.json", revoked).await;
    let schema = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .arg("schema")
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(
        jsonschema::validator_for(&schema)
            .unwrap()
            .is_valid(&report)
    );
    for file in ["client.crt", "client.key"] {
        assert!(site.path(file).exists(), "nothing is deleted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_identity_it_ends_and_says_what_it_lacks() {
    let site = Site::new().await;
    let mut agent = Agent::start(site.command("run"));
    let line = agent.line("FATAL: ");
    assert!(
        line.starts_with("FATAL: agent is not enrolled: open "),
        "{line}"
    );
    assert!(
        agent
            .line("WARNING: diagnosis: ")
            .contains("; first step: ")
    );
    assert_eq!(agent.end().code(), Some(1));
    site.kept("diagnosis.json", |report| report["verdict"] == "failed")
        .await;
    fs::remove_file(site.path("config.yaml")).unwrap();
    let mut agent = Agent::start(site.command("run"));
    assert!(
        agent
            .line("FATAL: open ")
            .ends_with("config.yaml: no such file or directory")
    );
    assert_eq!(agent.end().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_refused_after_approval_and_the_control_plane_told() {
    let site = Site::new().await;
    site.enroll().await;
    let request = |status: &str, hostname: &str, id: &str| ChangeRequest {
        id: id.to_owned(),
        title: String::new(),
        status: status.to_owned(),
        target: ChangeTarget {
            hostname: hostname.to_owned(),
        },
    };
    for (id, status, hostname) in [
        ("cr_1", "approved", HOSTNAME),
        ("cr_2", "awaiting_approval", HOSTNAME),
        ("cr_3", "approved", "db-server-02"),
    ] {
        site.state.put_change_request(request(status, hostname, id));
        site.state.put_task(Task {
            id: id.replace("cr", "tsk"),
            kind: "run_command".to_owned(),
            change_request: id.to_owned(),
            parameters: serde_json::json!({"command": "touch /tmp/never"}),
        });
    }
    let agent = Agent::start(site.command("run"));
    let line = agent.line("ERROR: task ");
    assert_eq!(
        line,
        "ERROR: task tsk_1 rejected: this agent does not know the type `run_command`"
    );
    site.kept("state.json", |state| state["pending_tasks"] == 0)
        .await;
    let result = site.state.task_result("tsk_1").unwrap();
    assert_eq!(result.status, TaskStatus::Refused);
    assert_eq!(site.state.task_result("tsk_2"), None);
    assert_eq!(site.state.task_result("tsk_3"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_while_a_third_of_its_life_is_left() {
    let lifetime = TimeDelta::seconds(9);
    let mut site = Site::with(
        |state| state.certificates_for(lifetime),
        Behaviour::default(),
    )
    .await;
    let id = site.enroll().await;
    let agent = Agent::start(site.command("run"));
    for _ in 0..2 {
        let renewed = site
            .request(|request| request.path == "/agent/rotate-cert")
            .await;
        assert_eq!(
            (renewed.status, renewed.agent_id.as_deref()),
            (201, Some(id.as_str()))
        );
        agent.line("INFO: certificate renewed");
        // The new one is what the next sign of life is given with: after it the old one counts no more.
        site.request(heartbeat).await;
    }
    let rejected = agent
        .lines
        .try_iter()
        .find(|line| line.starts_with("ERROR"));
    assert_eq!(rejected, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_somebody_else_renews_is_taken_over() {
    let mut site = Site::new().await;
    site.enroll().await;
    let agent = Agent::start(site.command("run"));
    site.request(heartbeat).await;
    let config = site.path("config.yaml");
    let setting = Setting::read(&config, &BTreeMap::new()).unwrap();
    let files = IdentityFiles::beside(&config);
    let old = files.load().unwrap();
    // Enrolled anew, as another agent; the first one is deleted.
    fs::remove_file(files.cert()).unwrap();
    let id = site.enroll().await;
    assert_ne!(id, old.agent_id);
    site.state.revoke(&old.agent_id).unwrap();
    let of_the_new = |request: &RequestLine| {
        heartbeat(request) && request.agent_id.as_deref() == Some(id.as_str())
    };
    site.request(of_the_new).await;
    drop(setting);
    let rejected = agent
        .lines
        .try_iter()
        .find(|line| line.starts_with("ERROR"));
    assert_eq!(rejected, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_is_kept() {
    let mut site = Site::new().await;
    site.enroll().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let door = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    site.configure(door.local_addr().unwrap().port(), "100ms");
    let (counted, plane) = (Arc::clone(&connections), site.plane.address());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = door.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut there = tokio::net::TcpStream::connect(plane).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    let _agent = Agent::start(site.command("run"));
    // The diagnosis at the start has connections of its own.
    site.kept("diagnosis.json", |_| true).await;
    site.request(heartbeat).await;
    site.plane.take_requests();
    let before = connections.load(Ordering::SeqCst);
    for _ in 0..10 {
        site.request(|request| request.path == "/agent/tasks").await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_on_while_a_diagnosis_hangs() {
    // Asking after its health gets no answer; the agent's own calls do.
    let behaviour = Behaviour {
        health: HealthPage::Hang,
        port: Port::Tls,
        ..Behaviour::default()
    };
    let mut site = Site::with(|state| state, behaviour).await;
    site.enroll().await;
    let _agent = Agent::start(site.command("run"));
    site.request(heartbeat).await;
    site.request(heartbeat).await;
    let report = site.kept("diagnosis.json", |_| true).await;
    let codes: Vec<&str> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    assert!(codes.contains(&"health.timeout"), "{codes:?}");
    site.request(heartbeat).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_who_runs_and_who_does_not() {
    let site = Site::new().await;
    let id = site.enroll().await;
    let said = |expected: i32| {
        let output = site.command("status").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{text}");
        text
    };
    let mut agent = Agent::start(site.command("run"));
    site.kept("state.json", |state| state["last_heartbeat"].is_string())
        .await;
    let running = said(0);
    for line in [
        "Agent status:   running",
        "Control plane:  https://127.0.0.1:",
        &format!("Agent ID:       {id}\n"),
        "Hostname:       ",
        "OS:             linux/",
        "Agent version:  0.",
        "Last heartbeat: ",
        "Pending tasks:  0\n",
    ] {
        assert!(running.contains(line), "{line}\n{running}");
    }
    assert!(running.contains("s ago"), "{running}");
    agent.stop();
    assert!(said(3).contains("Agent status:   not running"));
    fs::remove_dir_all(site.path("state")).unwrap();
    let nothing = said(4);
    assert!(nothing.contains("Agent status:   unknown"), "{nothing}");
    assert!(nothing.contains("Last heartbeat: never"), "{nothing}");
}
