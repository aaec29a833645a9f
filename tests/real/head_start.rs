//! The network's head start goes by the unit's files; what counts is what the service manager says.

use crate::harness::{Agent, Doctor, Pki, Server, Site, SystemdBox, UNIT, nginx, unbound};

/// A box in which the agent's service runs, its nameserver, and a control plane that is well.
fn running() -> (SystemdBox, Server, Server) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let nameserver = unbound(&machine, &["127.0.0.1"]);
    let web = nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki));
    Agent::enrolled(&pki).install(&machine);
    machine.systemctl("daemon-reload");
    machine.systemctl("enable --now --quiet nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    (machine, nameserver, web)
}

/// What both walks ask reached the control plane once.
fn assert_asked_once(web: &Server) {
    let asked = |what: &str| web.output().matches(what).count();
    assert_eq!(
        (asked("GET /health"), asked("POST /agent/heartbeat")),
        (1, 1)
    );
}

#[test]
fn a_unit_that_was_edited_and_not_loaded_anew_does_not_count() {
    let (machine, _nameserver, web) = running();
    machine.put(
        "/etc/elsewhere.yaml",
        "0600",
        "control_plane: https://missing.test:8000\n",
    );
    machine.shell(&format!(
        "sed -i 's#--config [^ ]*#--config /etc/elsewhere.yaml#' {UNIT}; grep -q elsewhere {UNIT}"
    ));
    assert_eq!(
        machine
            .systemctl("show --value --property=NeedDaemonReload nexplane-agent")
            .trim(),
        "yes"
    );
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .never("dns.")
        .check("health", "pass")
        .check("registration", "pass");
    assert_asked_once(&web);
}

#[test]
fn a_heartbeat_is_sent_once_though_two_walks_want_it() {
    let (machine, _nameserver, web) = running();
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("registration", "pass");
    assert_asked_once(&web);
}
