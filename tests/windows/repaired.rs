//! `nexplane-doctor fix` on Windows: what is wrong with a real service is diagnosed, mended, well afterwards, and taken back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;
use windows_service::service::{ServiceStartType, ServiceState};

use super::{
    AGENT, ControlPlane, DIRECTORY, DOCTOR, NAME, PATIENCE, bare, diagnosed, run, said, service,
    set_start, wait_for,
};

/// An agent that works, and the journal of what is repaired.
struct Bench {
    plane: ControlPlane,
    journal: TempDir,
}

/// A document that `fix` has printed.
struct Fixed(Value, Option<i32>);

impl Bench {
    fn new(plane: ControlPlane) -> Self {
        let installed = plane.install(plane.token(0));
        assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
        wait_for(&service().unwrap(), ServiceState::Running);
        Self {
            plane,
            journal: tempfile::tempdir().unwrap(),
        }
    }

    fn fix(&self, arguments: &[&str]) -> Fixed {
        fix(self.journal.path(), arguments)
    }

    /// Repairs it, and says that it is well then.
    fn mended(&self, actions: &[(&str, &str)]) {
        let fixed = self.fix(&["--yes", "--all"]);
        fixed.did(actions);
        fixed.is_well();
    }

    /// Takes the last repair back, all of it.
    fn taken_back(&self) {
        let undone = self.fix(&["--undo", "--yes", "--all"]);
        let steps = undone.0["undo"]["steps"].as_array();
        assert!(
            steps.is_none_or(|steps| !steps.is_empty()),
            "{:#}",
            undone.0
        );
        assert_eq!(undone.1, Some(0), "{:#}", undone.0);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        run(AGENT, &["uninstall"]);
    }
}

fn fix(journal: &Path, arguments: &[&str]) -> Fixed {
    let journal = journal.to_str().unwrap();
    let mut all = vec!["fix", "--format", "json", "--journal", journal];
    if !arguments.contains(&"--undo") {
        all.extend(["--deadline", "60s", "--timeout", "20s"]);
    }
    all.extend(arguments);
    let output = run(DOCTOR, &all);
    let document = serde_json::from_slice(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    Fixed(document, output.status.code())
}

impl Fixed {
    /// That nothing is wrong any more. What the log tells of tasks is not known: Wine has none, so that the verdict stays open.
    fn is_well(&self) {
        let after = &self.0["after"];
        assert_eq!(after["root_causes"], serde_json::json!([]), "{after:#}");
        let checks = after["checks"].as_array().unwrap().iter();
        let open: Vec<&Value> = checks
            .filter(|it| matches!(it["status"].as_str(), Some("unknown" | "blocked" | "fail")))
            .map(|it| &it["id"])
            .collect();
        assert_eq!(open, ["tasks"], "{after:#}");
        assert_eq!(
            (&after["verdict"], self.1),
            (&"undetermined".into(), Some(1))
        );
    }

    /// What was done, and what became of it.
    fn did(&self, expected: &[(&str, &str)]) {
        let text = |action: &Value, name: &str| action[name].as_str().unwrap_or("-").to_owned();
        let done = self.0["actions"].as_array().unwrap();
        let done: Vec<(String, String)> = done
            .iter()
            .map(|action| (text(action, "repair"), text(action, "outcome")))
            .collect();
        let done: Vec<(&str, &str)> = done.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(done, expected, "{:#}", self.0);
    }
}

#[test]
fn a_service_that_does_not_run_does_again() {
    let _only = bare();
    let bench = Bench::new(ControlPlane::start(&[]));
    let service = service().unwrap();
    let stopped = || {
        service.stop().unwrap();
        wait_for(&service, ServiceState::Stopped);
    };

    stopped();
    assert_eq!(diagnosed("service").0, ["service.stopped"]);
    bench.mended(&[("start-service", "verified")]);
    bench.taken_back();
    assert_eq!(diagnosed("service").0, ["service.stopped"]);

    set_start(&service, ServiceStartType::Disabled);
    assert_eq!(diagnosed("service").0, ["service.masked"]);
    bench.mended(&[("unmask-service", "verified")]);
    bench.taken_back();
    assert_eq!(diagnosed("service").0, ["service.masked"]);

    set_start(&service, ServiceStartType::OnDemand);
    bench.mended(&[("start-service", "verified")]);
    assert_eq!(
        service.query_config().unwrap().start_type,
        ServiceStartType::AutoStart
    );
    set_start(&service, ServiceStartType::OnDemand);
    assert_eq!(diagnosed("service").0, ["service.not_enabled"]);
    bench.mended(&[("enable-service", "verified")]);
    bench.taken_back();
    assert_eq!(diagnosed("service").0, ["service.not_enabled"]);
}

#[test]
fn what_the_agent_is_told_is_mended_and_the_agent_started() {
    let _only = bare();
    let bench = Bench::new(ControlPlane::start(&[]));
    let service = service().unwrap();
    let config = Path::new(DIRECTORY).join("config.yaml");
    let text = fs::read_to_string(&config).unwrap();

    // As Windows' editors and shells write it.
    let http = text.replace("https://", "http://").replace('\n', "\r\n");
    let units = "\u{feff}".encode_utf16().chain(http.encode_utf16());
    let broken: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    service.stop().unwrap();
    wait_for(&service, ServiceState::Stopped);
    fs::write(&config, &broken).unwrap();
    service.start::<&std::ffi::OsStr>(&[]).unwrap();
    wait_for(&service, ServiceState::Stopped);
    assert_eq!(diagnosed("config").0, ["config.url"]);
    assert_eq!(diagnosed("service").0, ["service.failed"]);
    bench.mended(&[("mend-url", "verified"), ("restart-service", "verified")]);
    let mended = fs::read(&config).unwrap();
    assert!(mended.starts_with(&[0xff, 0xfe]));
    assert_eq!(mended.len(), broken.len() + 2);
    bench.taken_back();
    assert_eq!(fs::read(&config).unwrap(), broken);

    fs::write(&config, &text).unwrap();
    bench.mended(&[("restart-service", "verified")]);
}

#[test]
fn an_identity_is_closed_renewed_and_made_anew() {
    let _only = bare();
    let bench = Bench::new(ControlPlane::start(&["--certificates-for", "45s"]));
    let service = service().unwrap();
    service.stop().unwrap();
    wait_for(&service, ServiceState::Stopped);
    let key = Path::new(DIRECTORY).join("client.key");
    let kept = fs::read(&key).unwrap();
    // A new file has what its directory hands down: every user may read it.
    fs::remove_file(&key).unwrap();
    fs::write(&key, &kept).unwrap();
    assert!(
        diagnosed("identity")
            .0
            .contains(&"identity.exposed".to_owned())
    );
    let closed = bench.fix(&["--yes"]);
    closed.did_of("repair-permissions", "verified");
    assert!(
        !diagnosed("identity")
            .0
            .contains(&"identity.exposed".to_owned())
    );

    service.stop().ok();
    wait_for(&service, ServiceState::Stopped);
    let end = Instant::now() + PATIENCE + PATIENCE;
    while !diagnosed("identity")
        .0
        .contains(&"identity.expired".to_owned())
    {
        assert!(Instant::now() < end, "it does not expire");
    }
    let renewed = bench.fix(&["--yes", "--all"]);
    renewed.did_of("rotate-certificate", "verified");
    assert_ne!(fs::read(&key).unwrap(), kept);
    assert_eq!(diagnosed("registration").0, [""; 0]);
    assert!(
        !diagnosed("identity")
            .0
            .contains(&"identity.exposed".to_owned())
    );

    service.stop().ok();
    wait_for(&service, ServiceState::Stopped);
    fs::remove_file(&key).unwrap();
    let token = token_file(&bench.plane, 1);
    let enrolled = bench.fix(&["--yes", "--all", "--token-file", token.1.to_str().unwrap()]);
    enrolled.did_of("re-enroll", "verified");
    assert_eq!(diagnosed("registration").0, [""; 0]);
}

impl Fixed {
    /// That this was done, among other things.
    fn did_of(&self, repair: &str, outcome: &str) {
        let mut done = self.0["actions"].as_array().unwrap().iter();
        let found = done.any(|it| it["repair"] == repair && it["outcome"] == outcome);
        assert!(found, "{:#}", self.0);
    }
}

fn token_file(plane: &ControlPlane, n: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ein token");
    fs::write(&path, plane.token(n)).unwrap();
    (directory, path)
}

#[test]
fn an_agent_is_installed_where_there_is_none_and_taken_off() {
    let _only = bare();
    let plane = ControlPlane::start(&[]);
    let journal = tempfile::tempdir().unwrap();
    let token = token_file(&plane, 0);
    // Where only administrators can write: there the agent is looked for.
    let programs = Path::new(r"C:\Program Files\nexplane doctor");
    fs::create_dir_all(programs).unwrap();
    let doctor = programs.join("nexplane-doctor.exe");
    fs::copy(DOCTOR, &doctor).unwrap();
    fs::copy(AGENT, programs.join("nexplane-agent.exe")).unwrap();
    let output = run(
        doctor.to_str().unwrap(),
        &[
            "fix",
            "--yes",
            "--all",
            "--format",
            "json",
            "--journal",
            journal.path().to_str().unwrap(),
            "--deadline",
            "60s",
            "--timeout",
            "20s",
            "--control-plane",
            plane.text("control_plane"),
            "--ca-cert",
            plane.text("ca_cert"),
            "--token-file",
            token.1.to_str().unwrap(),
        ],
    );
    let document = serde_json::from_slice(&output.stdout).unwrap();
    Fixed(document, output.status.code()).is_well();
    wait_for(&service().unwrap(), ServiceState::Running);
    assert_eq!(diagnosed("registration").0, [""; 0]);
    let undone = fix(journal.path(), &["--undo", "--yes", "--all"]);
    assert_eq!(undone.1, Some(0), "{:#}", undone.0);
    assert!(service().is_none() && !Path::new(DIRECTORY).exists());
    assert!(!Path::new(r"C:\Program Files\NexplaneAgent\nexplane-agent.exe").exists());
    fs::remove_dir_all(programs).unwrap();
}

#[test]
fn what_a_person_has_to_do_is_said_and_nothing_is_changed() {
    let _only = bare();
    let bench = Bench::new(ControlPlane::start(&[]));
    let installed = service().unwrap();
    installed.stop().unwrap();
    wait_for(&installed, ServiceState::Stopped);
    installed.delete().unwrap();
    drop(installed);
    let fixed = bench.fix(&["--yes", "--all"]);
    fixed.did(&[]);
    assert_eq!(fixed.1, Some(1), "{:#}", fixed.0);
    let person = &fixed.0["for_person"][0];
    assert_eq!(person["code"], "service.not_installed", "{person:#}");
    let shown = person.to_string();
    assert!(
        !shown.contains("systemctl") && !shown.contains("sudo"),
        "{shown}"
    );
    assert!(service().is_none(), "{NAME} is there");
}
