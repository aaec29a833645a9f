//! A proxy that is gone, taken out of wherever it is set; and left where it is needed.

use super::{boot, boot_with, is_well, taken_back};
use crate::harness::{Agent, CONFIG_DIR, Doctor, Fix, SystemdBox, UNIT};

/// Where nobody listens.
const GONE: &str = "http://127.0.0.1:3199";
const DROP_IN: &str = "/etc/systemd/system/nexplane-agent.service.d/90-nexplane-doctor.conf";

/// Diagnosed, repaired, well, and taken back.
fn repaired(machine: &SystemdBox) {
    Doctor::at(machine)
        .diagnose()
        .failed_because(&["proxy.unreachable"]);
    Fix::at(machine, &["--yes"])
        .run()
        .status(1)
        .reason("clear-proxy", "--all");
    Fix::at(machine, &["--yes", "--all"])
        .run()
        .status(0)
        .before(&["proxy.unreachable"])
        .after(&[]);
    is_well(machine);
}

/// Taken back, it is as it was.
fn and_taken_back(machine: &SystemdBox) {
    taken_back(machine);
    Doctor::at(machine)
        .diagnose()
        .failed_because(&["proxy.unreachable"]);
}

#[test]
fn one_that_the_configuration_names() {
    let (machine, _servers) = boot_with(|agent| agent.configured(&format!("proxy: {GONE} # old")));
    repaired(&machine);
    let text = machine.shell(&format!("cat {CONFIG_DIR}/config.yaml"));
    assert!(
        !text.contains("proxy") && text.contains("ca_cert"),
        "{text}"
    );
    and_taken_back(&machine);
}

#[test]
fn one_that_the_unit_sets_beside_something_else() {
    let line = format!("Environment=\"HTTPS_PROXY={GONE}\" NO_PROXY=10.0.0.0/8 'A=b c'");
    let (machine, _servers) = boot_with(|agent| agent.service(&line));
    repaired(&machine);
    let text = machine.shell(&format!("cat {UNIT}"));
    assert!(
        text.contains("\nEnvironment=NO_PROXY=10.0.0.0/8 'A=b c'\n"),
        "{text}"
    );
    and_taken_back(&machine);
}

#[test]
fn one_that_a_file_of_variables_sets() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki)
        .service("EnvironmentFile=/etc/default/nexplane-agent")
        .install(&machine);
    let text = format!("# of the old network\nhttps_proxy={GONE}\nLANG=C\n");
    machine.put("/etc/default/nexplane-agent", "0644", &text);
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
    repaired(&machine);
    let left = machine.shell("cat /etc/default/nexplane-agent");
    assert_eq!(left, "# of the old network\nLANG=C\n");
    and_taken_back(&machine);
}

#[test]
fn one_that_the_service_manager_passes_to_everything() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell(&format!(
        "systemctl set-environment HTTPS_PROXY={GONE}; systemctl restart nexplane-agent"
    ));
    repaired(&machine);
    let text = machine.shell(&format!("cat {DROP_IN}"));
    assert!(
        text.contains("UnsetEnvironment=HTTPS_PROXY https_proxy"),
        "{text}"
    );
    and_taken_back(&machine);
    let left = machine.shell(&format!("ls {DROP_IN} 2>&1 || true"));
    assert!(left.contains("No such file"), "{left}");
}

#[test]
fn one_without_which_nothing_works_either_is_left() {
    let (machine, pki, servers) = boot();
    Agent::enrolled(&pki)
        .configured(&format!("proxy: {GONE}"))
        .install(&machine);
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
    drop(servers);
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .actions(&[])
        .for_person("proxy.unreachable", "without the proxy");
}
