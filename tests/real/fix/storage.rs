//! File systems that are full or read-only: nothing is repaired there, and nothing is left half-written.

use super::{boot_with, is_well, taken_back};
use crate::harness::{CONFIG_DIR, Doctor, Fix, SystemdBox};

/// Puts the configuration, with a URL that could be mended, on a small file system of its own, and leaves it in this state.
fn configuration_that_is(machine: &SystemdBox, state: &str) {
    machine.shell(&format!(
        "cp -a {CONFIG_DIR} /root/kept
         mount -t tmpfs -o size=64k,mode=755 tmpfs {CONFIG_DIR}
         cp -a /root/kept/. {CONFIG_DIR}/
         sed -i 's|https://|http://|' {CONFIG_DIR}/config.yaml
         cd {CONFIG_DIR}; {state}"
    ));
}

/// Every name there with its owner, mode, size and content.
fn listing(machine: &SystemdBox) -> String {
    machine.shell(&format!(
        "cd {CONFIG_DIR}; ls -lAn --time-style=full-iso | tail -n +2; cat * | sha256sum"
    ))
}

#[test]
fn on_a_full_disk_nothing_is_half_written() {
    let (machine, _servers) = boot_with(|agent| agent);
    configuration_that_is(&machine, "! head -c 1M /dev/zero >filler 2>/dev/null");
    let before = listing(&machine);
    Fix::at(&machine, &["--yes"])
        .run()
        .status(1)
        .before(&["host.disk_full", "config.url"])
        .actions(&[("mend-url", "failed"), ("restart-service", "not_done")])
        .reason("mend-url", "No space left")
        .reason("restart-service", "without");
    assert_eq!(listing(&machine), before);
    machine.shell(&format!("rm {CONFIG_DIR}/filler"));
    is_mended_and_taken_back(&machine);
}

/// With room to write again, `fix` does what it could not, and takes it back.
fn is_mended_and_taken_back(machine: &SystemdBox) {
    let before = content(machine);
    Fix::at(machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.url"])
        .actions(&[("mend-url", "verified"), ("restart-service", "verified")])
        .after(&[]);
    is_well(machine);
    taken_back(machine);
    assert_eq!(content(machine), before);
    Doctor::at(machine)
        .diagnose()
        .failed_because(&["config.url"]);
}

/// Every name there with its owner, mode and content.
fn content(machine: &SystemdBox) -> String {
    machine.shell(&format!(
        "cd {CONFIG_DIR}; stat -c '%n %u %g %a' -- $(ls -A); cat * | sha256sum"
    ))
}

#[test]
fn on_a_read_only_disk_nothing_is_changed() {
    let (machine, _servers) = boot_with(|agent| agent);
    configuration_that_is(&machine, &format!("mount -o remount,ro {CONFIG_DIR}"));
    let before = listing(&machine);
    let fixed = Fix::at(&machine, &["--yes"]).run();
    fixed
        .status(1)
        .before(&["host.read_only", "config.url"])
        .actions(&[("mend-url", "failed"), ("restart-service", "not_done")])
        .reason("mend-url", "Read-only");
    let left = fixed.document()["actions"][0]["left"].as_array();
    fixed.require(left.is_some_and(Vec::is_empty), "nothing is left of it");
    assert_eq!(listing(&machine), before);
    machine.shell(&format!("mount -o remount,rw {CONFIG_DIR}"));
    is_mended_and_taken_back(&machine);
}

#[test]
fn what_could_not_be_undone_is_not_done() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell(&format!(
        "sed -i 's|https://|http://|' {CONFIG_DIR}/config.yaml"
    ));
    machine.shell(
        "mkdir /srv/full /srv/ro; mount -t tmpfs -o size=64k tmpfs /srv/full; mount -t tmpfs -o ro tmpfs /srv/ro
         ! head -c 1M /dev/zero >/srv/full/filler 2>/dev/null",
    );
    let before = listing(&machine);
    for (journal, why) in [
        ("/srv/full/undo", "No space left"),
        ("/srv/ro/undo", "Read-only"),
    ] {
        Fix::at(&machine, &["--yes", "--journal", journal])
            .run()
            .status(1)
            .actions(&[("mend-url", "not_done"), ("restart-service", "not_done")])
            .reason("mend-url", why);
        assert_eq!(listing(&machine), before);
    }
}
