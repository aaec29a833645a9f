//! The agent and the doctor on Windows, with its own service control manager: `.ci/windows test --test windows` runs this under Wine.
#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod paused;
mod repaired;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use windows_registry::LOCAL_MACHINE;
use windows_service::service::{
    Service, ServiceAccess, ServiceErrorControl, ServiceInfo, ServiceStartType, ServiceState,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

const DOCTOR: &str = env!("CARGO_BIN_EXE_nexplane-doctor");
const AGENT: &str = env!("CARGO_BIN_EXE_nexplane-agent");
const NAME: &str = "NexplaneAgent";
const DIRECTORY: &str = r"C:\ProgramData\NexplaneAgent";
/// Longer than anything here takes on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(60);

/// There is but one service of this name, and one directory of its files.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A Windows without an agent, and nobody else who installs one.
fn bare() -> MutexGuard<'static, ()> {
    let only = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // What an earlier run, which was ended, may have left.
    run(AGENT, &["uninstall"]);
    let _program = std::fs::remove_dir_all(r"C:\Program Files\NexplaneAgent");
    let _files = std::fs::remove_dir_all(DIRECTORY);
    assert_eq!(diagnosed("install").0, ["install.missing"]);
    only
}

/// A control plane, until this is dropped.
struct ControlPlane {
    program: Child,
    said: Value,
}

impl ControlPlane {
    fn start(arguments: &[&str]) -> Self {
        let mut program = Command::new(DOCTOR)
            .args(["lab", "serve", "--format", "json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = program.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap();
        Self { program, said }
    }

    fn text(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap()
    }

    /// Its `n`th enrollment token.
    fn token(&self, n: usize) -> &str {
        self.said["tokens"][n].as_str().unwrap()
    }

    fn install(&self, token: &str) -> Output {
        let (url, ca) = (self.text("control_plane"), self.text("ca_cert"));
        let to = ["--control-plane", url, "--token", token, "--ca-cert", ca];
        run(AGENT, &[&["install"][..], &to].concat())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let _gone = self.program.kill();
        let _ended = self.program.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The codes of one check's findings, and its status.
fn diagnosed(check: &str) -> (Vec<String>, String) {
    let output = run(
        DOCTOR,
        &[
            "--only",
            check,
            "--format",
            "json",
            "--deadline",
            "30s",
            "--timeout",
            "10s",
        ],
    );
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    let of_check = |finding: &&Value| finding["check"] == check;
    let findings = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_check);
    let status = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == check)
        .unwrap();
    (
        findings
            .map(|it| it["code"].as_str().unwrap().to_owned())
            .collect(),
        format!(
            "{} {}",
            status["status"].as_str().unwrap(),
            status["reason"]
        ),
    )
}

fn service() -> Option<Service> {
    let manager =
        ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT).unwrap();
    let access = ServiceAccess::QUERY_CONFIG
        | ServiceAccess::QUERY_STATUS
        | ServiceAccess::START
        | ServiceAccess::STOP
        | ServiceAccess::CHANGE_CONFIG
        | ServiceAccess::DELETE;
    manager.open_service(NAME, access).ok()
}

fn wait_for(service: &Service, state: ServiceState) {
    let end = Instant::now() + PATIENCE;
    while service.query_status().unwrap().current_state != state {
        assert!(
            Instant::now() < end,
            "the service is not {state:?}: {:?}",
            service.query_status()
        );
        std::thread::yield_now();
    }
}

fn set_start(service: &Service, start_type: ServiceStartType) {
    change(service, start_type, None);
}

fn run_as(service: &Service, account: &str) {
    change(service, ServiceStartType::AutoStart, Some(account));
}

fn change(service: &Service, start_type: ServiceStartType, account: Option<&str>) {
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: "Nexplane Agent".into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: r"C:\Program Files\NexplaneAgent\nexplane-agent.exe".into(),
        launch_arguments: [
            "run",
            "--config",
            r"C:\ProgramData\NexplaneAgent\config.yaml",
        ]
        .map(Into::into)
        .to_vec(),
        dependencies: Vec::new(),
        account_name: account.map(Into::into),
        account_password: None,
    };
    service.change_config(&info).unwrap();
}

/// One service, in all the states that it can be in: one test, because there is but one of it.
#[test]
fn installed_run_broken_and_uninstalled() {
    let _only = bare();
    let plane = ControlPlane::start(&[]);
    let refused = plane.install("nxe_no_such_token_at_all_0000");
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(service().is_none() && !Path::new(DIRECTORY).join("client.crt").exists());

    let installed = plane.install(plane.token(0));
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    let service = service().unwrap();
    wait_for(&service, ServiceState::Running);
    let check = run(AGENT, &["check"]);
    assert!(
        said(&check).contains("All checks passed."),
        "{}",
        said(&check)
    );
    for check in [
        "install",
        "config",
        "service",
        "identity",
        "tls",
        "trust",
        "health",
        "registration",
    ] {
        let (codes, status) = diagnosed(check);
        assert!(
            codes.is_empty() && status.starts_with("pass"),
            "{check}: {codes:?} {status}"
        );
    }

    set_start(&service, ServiceStartType::OnDemand);
    assert_eq!(diagnosed("service").0, ["service.not_enabled"]);
    service.stop().unwrap();
    wait_for(&service, ServiceState::Stopped);
    assert_eq!(diagnosed("service").0, ["service.stopped"]);
    set_start(&service, ServiceStartType::Disabled);
    assert_eq!(diagnosed("service").0, ["service.masked"]);
    set_start(&service, ServiceStartType::AutoStart);

    let config = Path::new(DIRECTORY).join("config.yaml");
    let kept = std::fs::read(&config).unwrap();
    std::fs::write(&config, "control_plane: [").unwrap();
    service.start::<&OsStr>(&[]).unwrap();
    wait_for(&service, ServiceState::Stopped);
    assert_eq!(diagnosed("service").0, ["service.failed"]);
    assert_eq!(diagnosed("config").0, ["config.syntax"]);
    std::fs::write(&config, kept).unwrap();
    drop(service);

    let gone = run(AGENT, &["uninstall"]);
    assert_eq!(gone.status.code(), Some(0), "{}", said(&gone));
    assert!(!Path::new(DIRECTORY).exists(), "{}", said(&gone));
    assert!(self::service().is_none());
    for key in [
        r"SYSTEM\CurrentControlSet\Services\NexplaneAgent",
        r"SYSTEM\CurrentControlSet\Services\EventLog\Application\NexplaneAgent",
    ] {
        assert!(LOCAL_MACHINE.open(key).is_err(), "{key} is left");
    }
    assert_eq!(diagnosed("service").0, ["service.not_installed"]);
}

/// A program that runs is replaced, and the agent stays who it is.
#[test]
fn a_running_agent_is_installed_anew() {
    let _only = bare();
    let plane = ControlPlane::start(&[]);
    let installed = plane.install(plane.token(0));
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    let service = service().unwrap();
    wait_for(&service, ServiceState::Running);
    let before = service.query_status().unwrap().process_id;
    let again = run(
        AGENT,
        &[
            "install",
            "--control-plane",
            plane.text("control_plane"),
            "--token",
            plane.token(1),
            "--ca-cert",
            plane.text("ca_cert"),
            "--replace-identity",
        ],
    );
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    wait_for(&service, ServiceState::Running);
    assert_ne!(service.query_status().unwrap().process_id, before);
    assert_eq!(diagnosed("registration").0, [""; 0]);

    // Under an account with few rights, which Wine knows by name.
    run_as(&service, r"NT AUTHORITY\LocalService");
    service.stop().unwrap();
    wait_for(&service, ServiceState::Stopped);
    service.start::<&OsStr>(&[]).unwrap();
    wait_for(&service, ServiceState::Running);
    assert_eq!(diagnosed("service").0, [""; 0]);
    drop(service);
    let gone = run(AGENT, &["uninstall"]);
    assert_eq!(gone.status.code(), Some(0), "{}", said(&gone));
}

/// What was recorded elsewhere is diagnosed here as there.
#[test]
fn situations_are_diagnosed_as_they_are_elsewhere() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let output = run(DOCTOR, &["fixtures", "test", fixtures]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}
