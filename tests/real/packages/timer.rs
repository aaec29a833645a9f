//! The units of the packages: a diagnosis now and then, by a service that can do little else.

use serde_json::Value;

use super::deb::installed;
use crate::harness::{Lab, Place, SystemdBox, ended, until};

/// Where the last report is.
const REPORT: &str = "/var/lib/nexplane-doctor/report.json";

/// A machine with a well agent, that of the package, and its control plane.
fn with_agent() -> (SystemdBox, Lab) {
    let machine = installed();
    let lab = Lab::serve(&machine);
    let mut install = machine.command("nexplane-agent");
    install.args([
        "install",
        "--control-plane",
        &lab.url,
        "--token",
        &lab.tokens[0],
    ]);
    install.args(["--ca-cert", &lab.ca_cert]);
    ended(install).with(0, "Installed.");
    (machine, lab)
}

fn report(machine: &Place) -> Value {
    serde_json::from_str(&machine.shell(&format!("cat {REPORT}"))).unwrap()
}

/// Each check with its status.
fn statuses(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().unwrap().iter();
    let all = checks.map(|check| {
        (
            check["id"].as_str().unwrap(),
            check["status"].as_str().unwrap(),
        )
    });
    all.collect()
}

#[test]
fn the_timer_runs_it_and_it_sees_what_a_person_sees() {
    let (machine, _lab) = with_agent();
    machine.put(
        "/etc/systemd/system/nexplane-doctor.timer.d/now.conf",
        "0644",
        "[Timer]\nOnActiveSec=\nOnActiveSec=0\nRandomizedDelaySec=0\nAccuracySec=1ms\n",
    );
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-doctor.timer 2>&1");
    until("the timer's report", || {
        machine
            .shell(&format!("cat {REPORT} 2>/dev/null || true"))
            .ends_with("}\n")
            .then_some(())
    });
    let seen = report(&machine);
    // Nothing sets this machine's clock, which is all that there is to say of it.
    assert_eq!(seen["verdict"], "degraded", "{seen:#}");
    let by_person: Value =
        serde_json::from_str(&machine.shell("nexplane-doctor --format json")).unwrap();
    assert_eq!(
        statuses(&seen),
        statuses(&by_person),
        "{seen:#}\n{by_person:#}"
    );
    let mode = machine.shell("stat -c '%a %U' /var/lib/nexplane-doctor");
    assert_eq!(mode, "700 root\n", "others may read the reports");
}

#[test]
fn what_it_finds_is_in_the_report_and_no_failure_of_its_own() {
    let (machine, _lab) = with_agent();
    machine.systemctl("stop nexplane-agent");
    machine.systemctl("start nexplane-doctor");
    let seen = report(&machine);
    assert_eq!(seen["root_causes"][0], "service.stopped", "{seen:#}");
    assert_eq!(
        machine.systemctl("show -P Result nexplane-doctor").trim(),
        "success"
    );
    // Wrong usage is one.
    machine.put(
        "/etc/default/nexplane-doctor",
        "0644",
        "NEXPLANE_DOCTOR_OPTIONS=--no-such-flag\n",
    );
    machine.shell("! systemctl start nexplane-doctor 2>/dev/null");
    assert_eq!(
        machine.systemctl("show -P Result nexplane-doctor").trim(),
        "exit-code"
    );
}

#[test]
fn metrics_go_where_node_exporter_reads() {
    let (machine, _lab) = with_agent();
    // The line that the package's own file proposes.
    machine.shell(
        "mkdir -p /var/lib/prometheus/node-exporter
         sed -i 's/^#NEXPLANE/NEXPLANE/' /etc/default/nexplane-doctor
         systemctl start nexplane-doctor",
    );
    let metrics = machine.shell("cat /var/lib/prometheus/node-exporter/nexplane.prom");
    assert!(
        metrics.contains("nexplane_doctor_verdict{verdict=\"degraded\"} 1"),
        "{metrics}"
    );
}

#[test]
fn the_units_are_sound_and_the_service_can_do_little() {
    let machine = installed();
    let verified =
        machine.shell("systemd-analyze verify nexplane-doctor.service nexplane-doctor.timer 2>&1");
    assert_eq!(verified, "");
    let said = machine.shell("systemd-analyze security --no-pager nexplane-doctor | tail -n 1");
    let exposure = said
        .split_whitespace()
        .find_map(|word| word.parse::<f32>().ok());
    assert!(exposure.expect("an exposure level") <= 3.5, "{said}");
}
