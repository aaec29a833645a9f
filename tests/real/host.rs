//! File systems that are full or read-only.

use crate::harness::{Agent, Doctor, Pki, Scene, Site, World};

/// An agent that is well, its configuration on a small file system of its own with these mount options.
fn configuration_on(options: &str) -> Scene {
    let world = World::new();
    world.shell(&format!(
        "mkdir /etc/nexplane-agent; mount -t tmpfs -o {options} tmpfs /etc/nexplane-agent"
    ));
    let pki = Pki::new();
    let plane = Site::control_plane(pki.leaf().make(), &pki);
    Scene::within(world, &Agent::enrolled(&pki), &plane)
}

#[test]
fn no_room_left() {
    let world = configuration_on("size=64k");
    world.shell("! head -c 1M /dev/zero >/etc/nexplane-agent/state 2>/dev/null");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.disk_full"])
        .check("health", "pass");
}

#[test]
fn no_inodes_left() {
    let world = configuration_on("nr_inodes=8");
    world.shell("cd /etc/nexplane-agent; for i in 1 2 3 4 5 6 7 8; do touch $i 2>/dev/null || exit 0; done; exit 1");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.disk_full"])
        .names("host.disk_full", "inode");
}

#[test]
fn mounted_read_only() {
    let world = configuration_on("size=1m");
    world.shell(
        "mount -o remount,ro /etc/nexplane-agent; ! touch /etc/nexplane-agent/x 2>/dev/null",
    );
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.read_only"])
        .check("health", "pass");
}
