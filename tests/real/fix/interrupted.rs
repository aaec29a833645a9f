//! Ctrl-C where nothing has been changed yet, and where something is being taken back.

use super::{boot_with, shown};
use crate::harness::{
    Agent, CONFIG_DIR, Doctor, Fix, PORT, Pki, SystemdBox, silence, unbound, until,
};

/// A URL that is to be mended, once it is known that a control plane answers at another.
const HTTP: &str = "http://cp.nexplane.test:8000";

fn config(machine: &SystemdBox) -> String {
    machine.shell(&format!("cat {CONFIG_DIR}/config.yaml"))
}

#[test]
fn a_plan_that_is_interrupted_while_it_looks_is_none() {
    let machine = SystemdBox::new();
    let _servers = [unbound(&machine, &["127.0.0.1"]), silence(&machine, PORT)];
    let agent = Agent::enrolled(&Pki::new()).control_plane(HTTP);
    agent.install(&machine);
    machine.systemctl("daemon-reload");
    machine.shell("systemctl enable --now nexplane-agent 2>/dev/null");
    let before = config(&machine);
    let fixing = Fix::patient(&machine, &["--yes"]).start();
    // A diagnosis asks nobody at such a URL: this is the plan, which wants to know who answers over TLS.
    until("the plan's look", || {
        machine.connected_to(PORT).then_some(())
    });
    let fixed = fixing.interrupted();
    fixed
        .status(1)
        .before(&["config.url"])
        .actions(&[])
        .for_person("config.url", "interrupted before it was looked at");
    fixed.require(fixed.document()["journal"].is_null(), "no journal");
    assert_eq!(config(&machine), before);
}

#[test]
fn taking_back_ends_at_ctrl_c_and_another_one_goes_on() {
    let (machine, _servers) = boot_with(|agent| agent.control_plane(HTTP));
    machine.systemctl("stop nexplane-agent");
    let before = config(&machine);
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .actions(&[("mend-url", "verified"), ("start-service", "verified")]);
    let mended = config(&machine);
    // Whoever stops it waits without end.
    let never = "/etc/systemd/system/nexplane-agent.service.d/never.conf";
    machine.put(
        never,
        "0644",
        "[Service]\nExecStop=/bin/sleep infinity\nTimeoutStopSec=infinity\n",
    );
    machine.systemctl("daemon-reload");
    let undoing = Fix::at(&machine, &["--undo", "--yes"]).start();
    machine.until_service("ActiveState", |state| state == "deactivating");
    undoing.interrupted().status(1).took_back(&["interrupted"]);
    // The files go after the service that reads them.
    assert_eq!(config(&machine), mended);
    machine.shell(&format!(
        "rm {never}; systemctl daemon-reload; systemctl kill --signal=KILL nexplane-agent"
    ));
    Fix::at(&machine, &["--undo", "--yes"])
        .run()
        .status(0)
        .took_back(&["undone"]);
    assert_eq!(config(&machine), before);
    assert_eq!(shown(&machine, "ActiveState"), "inactive");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url", "service.stopped"]);
}
