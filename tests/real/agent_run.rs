//! The running agent under a real systemd: ready, watched over, revoked, renewed; and a diagnosis before an agent that is not ours.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::{Agent, CONFIG_DIR, Doctor, HOSTNAME, Pki, Place, SystemdBox, UNIT, until};

/// Where the agent keeps its state.
const STATE: &str = "/var/lib/nexplane-agent";

/// The lab's control plane in a box; it ends with this value.
struct Plane {
    child: Child,
    ready: Value,
}

impl Plane {
    fn serve(place: &Place, more: &[&str]) -> Self {
        let mut child = place
            .command(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args([
                "lab", "serve", "--quiet", "--format", "json", "--dir", "/etc/lab",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).expect("the lab is ready");
        Self { child, ready }
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// A call of its API.
    fn api(&self, place: &Place, method: &str, path: &str) -> Value {
        let said = place.shell(&format!(
            "curl -s -X {method} --cacert {} -H 'Authorization: Bearer {}' {}{path}",
            self.text("ca_cert"),
            self.text("api_token"),
            self.text("control_plane"),
        ));
        serde_json::from_str(&said).unwrap()
    }

    /// The only agent that it knows.
    fn agent(&self, place: &Place) -> Value {
        self.api(place, "GET", "/agents")[0].clone()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Puts a program of this build into a place.
fn bring(place: &Place, program: &str, to: &str) {
    let put = place
        .command("install")
        .args(["-D", "-m", "0755", "/dev/stdin", to])
        .stdin(File::open(program).unwrap())
        .status();
    assert!(put.unwrap().success());
}

/// A box whose agent is installed and runs, with its control plane.
fn boot(more: &[&str]) -> (SystemdBox, Plane) {
    let machine = SystemdBox::new();
    bring(
        &machine,
        env!("CARGO_BIN_EXE_nexplane-agent"),
        "/opt/nexplane-agent",
    );
    let plane = Plane::serve(&machine, more);
    let token = plane.ready["tokens"][0].as_str().unwrap();
    machine.shell(&format!(
        "/opt/nexplane-agent install --control-plane {} --token {token} --ca-cert {} --poll-interval 1s",
        plane.text("control_plane"),
        plane.text("ca_cert"),
    ));
    (machine, plane)
}

/// Waits for a line in the agent's log.
fn logged(machine: &SystemdBox, words: &str) -> String {
    until(&format!("`{words}` in the log"), || {
        let log = machine.shell("journalctl --unit nexplane-agent --output cat --no-pager");
        log.lines()
            .rfind(|line| line.contains(words))
            .map(str::to_owned)
    })
}

/// Waits for a diagnosis that the agent, or a doctor at its start, has kept, for which this holds.
fn kept(machine: &SystemdBox, wanted: impl Fn(&Value) -> bool) -> Value {
    until("a diagnosis", || {
        let text = machine.shell(&format!("cat {STATE}/diagnosis.json 2>/dev/null || true"));
        serde_json::from_str(&text)
            .ok()
            .filter(|report| wanted(report))
    })
}

fn shows(machine: &SystemdBox, property: &str) -> String {
    let show = format!("show --property={property} --value nexplane-agent");
    machine.systemctl(&show).trim().to_owned()
}

#[test]
fn it_says_itself_that_it_is_ready_and_how_it_stands() {
    let (machine, plane) = boot(&[]);
    machine.until_service("ActiveState", |state| state == "active");
    machine.until_service("StatusText", |text| {
        text.contains("registered as web-server-01")
    });
    assert!(plane.agent(&machine)["last_seen"].is_string());
    let status = machine.shell("nexplane-agent status");
    assert!(status.contains("Agent status:   running"), "{status}");
    assert!(status.contains("s ago"), "{status}");
    // Anybody may ask.
    let status = machine
        .shell("setpriv --reuid nobody --regid nogroup --clear-groups nexplane-agent status");
    assert!(status.contains("Agent status:   running"), "{status}");
    assert!(status.contains("s ago"), "{status}");
    let report = kept(&machine, |report| report["verdict"] != "failed");
    assert_eq!(report["root_causes"], serde_json::json!([]));
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("service", "pass")
        .notes("service", "its own last diagnosis");
    // It ends as it is asked to, and that counts as well.
    machine.systemctl("stop nexplane-agent");
    assert_eq!(shows(&machine, "Result"), "success");
    let status = machine.shell("nexplane-agent status || test $? = 3");
    assert!(status.contains("inactive"), "{status}");
}

#[test]
fn the_watchdog_ends_one_that_does_not_turn_and_starts_another() {
    let (machine, _plane) = boot(&[]);
    machine.put(
        &format!("{UNIT}.d/10-watchdog.conf"),
        "0644",
        "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n",
    );
    machine.shell("systemctl daemon-reload; systemctl restart nexplane-agent");
    logged(&machine, "INFO: heartbeat accepted");
    let first = shows(&machine, "MainPID");
    machine.shell(&format!("kill -STOP {first}"));
    machine.until_service("NRestarts", |count| count == "1");
    logged(&machine, "Watchdog timeout");
    machine.until_service("MainPID", |pid| pid != first && pid != "0");
    machine.until_service("ActiveState", |state| state == "active");
}

#[test]
fn an_agent_that_is_deleted_while_it_runs() {
    let (machine, plane) = boot(&[]);
    logged(&machine, "INFO: heartbeat accepted");
    let id = plane.agent(&machine)["id"].as_str().unwrap().to_owned();
    plane.api(&machine, "DELETE", &format!("/agents/{id}"));
    logged(
        &machine,
        "ERROR: heartbeat rejected: agent not found or revoked",
    );
    let line = logged(&machine, "WARNING: diagnosis: registration.revoked");
    assert!(line.contains("; first step: "), "{line}");
    kept(&machine, |report| {
        report["root_causes"] == serde_json::json!(["registration.revoked"])
    });
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["registration.revoked"])
        .check("service", "pass")
        .notes("service", "failed: registration.revoked");
    let status = machine.shell("nexplane-agent status");
    assert!(status.contains("Last diagnosis: failed"), "{status}");
    assert_eq!(shows(&machine, "NRestarts"), "0", "it goes on asking");
    // With the priority that the journal can be filtered by.
    let errors = machine.shell("journalctl --unit nexplane-agent --priority err --output cat");
    assert!(errors.contains("ERROR: heartbeat rejected"), "{errors}");
    assert!(!errors.contains("INFO:"), "{errors}");
}

#[test]
fn a_certificate_is_renewed_by_the_service_itself() {
    let (machine, plane) = boot(&["--certificates-for", "15s"]);
    let of_the_service = format!("sha256sum {CONFIG_DIR}/client.crt");
    let first = machine.shell(&of_the_service);
    logged(&machine, "INFO: certificate renewed");
    assert_ne!(machine.shell(&of_the_service), first);
    assert_eq!(plane.agent(&machine)["hostname"], HOSTNAME);
    assert_eq!(shows(&machine, "NRestarts"), "0");
    let log = machine.shell("journalctl --unit nexplane-agent --output cat");
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn heartbeats_go_on_while_a_diagnosis_waits_in_vain() {
    let (machine, plane) = boot(&[]);
    // A nameserver that never answers: the agent needs none, and the doctor asks it.
    machine.shell("echo 'nameserver 127.0.0.9' >/etc/resolv.conf; ip addr add 127.0.0.9/8 dev lo 2>/dev/null || true");
    let mut silent = machine
        .command("python3")
        .args(["-c", "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.9', 53)); time.sleep(600)"])
        .spawn()
        .unwrap();
    until("a nameserver that is silent", || {
        machine.bound(53).then_some(())
    });
    machine.systemctl("restart nexplane-agent");
    logged(&machine, "INFO: heartbeat accepted");
    kept(&machine, |_| true);
    let seen = |value: &Value| value["last_seen"].as_str().unwrap().to_owned();
    let before = seen(&plane.agent(&machine));
    until("another heartbeat", || {
        (seen(&plane.agent(&machine)) != before).then_some(())
    });
    silent.kill().unwrap();
    silent.wait().unwrap();
}

/// A box with an agent that is not ours, and a doctor that everybody can run and only root can change.
fn others_agent(agent: impl FnOnce(Agent) -> Agent) -> SystemdBox {
    let machine = SystemdBox::new();
    bring(
        &machine,
        env!("CARGO_BIN_EXE_nexplane-doctor"),
        "/usr/local/bin/nexplane-doctor",
    );
    let pki = Pki::new();
    // Nobody is at its control plane's address.
    let agent = agent(Agent::enrolled(&pki).control_plane("https://127.0.0.1:9"));
    agent.install(&machine);
    machine.shell("nexplane-doctor integrate systemd");
    machine
}

#[test]
fn an_agent_that_is_not_ours_is_diagnosed_before_it_starts() {
    let machine = others_agent(|agent| {
        agent.service("User=nobody\nProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes")
    });
    machine.systemctl("start nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    let line = logged(&machine, "nexplane-doctor: diagnosis: failed: ");
    assert!(
        line.contains("the report is in /var/lib/nexplane-agent/diagnosis.json"),
        "{line}"
    );
    let report = kept(&machine, |_| true);
    let codes: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    assert!(
        codes
            .iter()
            .all(|code| !code.starts_with("service.s") || *code == "service.sandboxed"),
        "{codes:?}"
    );
    assert!(
        !codes.contains(&"service.stopped") && !codes.contains(&"service.failed"),
        "{codes:?}"
    );
    // The same again changes nothing, and it can be taken away.
    let again = machine.shell("nexplane-doctor integrate systemd");
    assert!(again.contains("is there already"), "{again}");
    machine.shell("nexplane-doctor integrate systemd --remove");
    let drop_ins = shows(&machine, "DropInPaths");
    assert!(!drop_ins.contains("nexplane-doctor"), "{drop_ins}");
}

#[test]
fn a_service_that_is_about_to_start_is_neither_stopped_nor_failed() {
    let machine = others_agent(|agent| agent);
    // It failed the last time; now it starts anew.
    machine.put(
        &format!("{UNIT}.d/10-fails-first.conf"),
        "0644",
        "[Service]\nExecStart=\nExecStart=/bin/sh -c 'test -e /run/fit || exit 3; exec sleep infinity'\n",
    );
    machine.shell("systemctl daemon-reload; systemctl start nexplane-agent || true");
    machine.until_service("ActiveState", |state| state == "failed");
    machine.shell("touch /run/fit");
    machine.systemctl("start nexplane-agent");
    let report = kept(&machine, |_| true);
    let check = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == "service")
        .unwrap();
    assert_eq!(check["status"], "pass", "{report:#}");
    assert!(check["notes"].to_string().contains("start-pre"), "{check}");
    assert_eq!(report["root_causes"], serde_json::json!(["tcp.refused"]));
}

#[test]
fn a_diagnosis_that_cannot_be_kept_or_run_does_not_keep_a_service_from_starting() {
    let machine = others_agent(|agent| agent);
    machine.shell("rm /usr/local/bin/nexplane-doctor");
    machine.systemctl("start nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
}

#[test]
fn a_program_that_others_can_change_is_not_put_into_a_unit() {
    let machine = others_agent(|agent| agent);
    for (change, said) in [
        (
            "chown nobody /usr/local/bin/nexplane-doctor",
            "belongs to user",
        ),
        (
            "chown root /usr/local/bin/nexplane-doctor; chmod 0777 /usr/local/bin/nexplane-doctor",
            "others than root may write",
        ),
        (
            "chmod 0755 /usr/local/bin/nexplane-doctor; chmod 0777 /usr/local/bin",
            "others than root may write to /usr/local/bin",
        ),
    ] {
        machine.shell(change);
        let refused = machine
            .shell("nexplane-doctor integrate systemd --unit other 2>&1 && exit 1 || test $? = 2");
        assert!(refused.contains(said), "{refused}");
    }
    machine.shell("chmod 0755 /usr/local/bin");
    // One without the right to write is told so.
    let denied = machine.shell(
        "setpriv --reuid nobody --regid nogroup --clear-groups nexplane-doctor integrate systemd --unit other 2>&1 && exit 1 || test $? = 2",
    );
    assert!(denied.contains("run this as root"), "{denied}");
    assert_eq!(
        machine
            .shell("ls /etc/systemd/system | grep -c other || true")
            .trim(),
        "0"
    );
}
