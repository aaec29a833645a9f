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

use crate::harness::{Doctor, Fix, SystemdBox, boot, boot_with};

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
