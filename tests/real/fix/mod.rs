//! Repairs of a real service under a real systemd: diagnosed, repaired, well afterwards; and taken back.

mod again;
mod clock;
mod files;
mod hang;
mod identity;
mod install;
mod interrupted;
mod kill;
mod prompt;
mod proxy;
mod service;
mod storage;
mod time;
mod trust;

use crate::harness::{
    Agent, Curl, Doctor, Fix, Pki, Server, Site, SystemdBox, curl, nginx, unbound,
};

/// A box with a control plane that is well, and its PKI.
fn boot() -> (SystemdBox, Pki, [Server; 2]) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    (machine, pki, servers)
}

/// Such a box with this agent in it, its service enabled and started, however that went.
fn boot_with(agent: impl FnOnce(Agent) -> Agent) -> (SystemdBox, [Server; 2]) {
    let (machine, pki, servers) = boot();
    agent(Agent::enrolled(&pki)).install(&machine);
    assert_eq!(curl(&machine), Curl::Answer(200));
    machine.systemctl("daemon-reload");
    machine.shell("systemctl enable nexplane-agent 2>/dev/null; systemctl start nexplane-agent 2>/dev/null || true");
    (machine, servers)
}

/// A property of the agent's unit.
fn shown(machine: &SystemdBox, property: &str) -> String {
    let show = format!("show --property={property} --value nexplane-agent");
    machine.systemctl(&show).trim().to_owned()
}

/// The doctor, once more, finds nothing that is wrong with the service.
fn is_well(machine: &SystemdBox) {
    Doctor::at(machine)
        .diagnose()
        .found_no_error()
        .never("service.");
}

/// `fix --undo` takes everything back.
fn taken_back(machine: &SystemdBox) {
    Fix::at(machine, &["--undo", "--yes"])
        .run()
        .status(0)
        .took_back(&["undone", "already"]);
    // Once more: there is nothing left.
    let again = Fix::at(machine, &["--undo", "--yes"]).run();
    again.status(0).require(
        again.document()["undo"]["journal"].is_null(),
        "nothing to take back",
    );
}
