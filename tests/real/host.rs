//! File systems that are full or read-only.

use crate::harness::{Agent, Doctor, Pki, Server, Site, World, nginx, unbound};

/// A world whose agent is well, its configuration on a small file system of its own with these mount options.
fn configuration_on(options: &str) -> (World, [Server; 2]) {
    let world = World::new();
    let pki = Pki::new();
    world.shell(&format!(
        "mkdir /etc/nexplane-agent; mount -t tmpfs -o {options} tmpfs /etc/nexplane-agent"
    ));
    Agent::enrolled(&pki).install(&world);
    let servers = [
        unbound(&world, &["127.0.0.1"]),
        nginx(&world, &Site::control_plane(pki.leaf().make(), pki.root())),
    ];
    (world, servers)
}

#[test]
fn no_room_left() {
    let (world, _servers) = configuration_on("size=64k");
    world.shell("! head -c 1M /dev/zero >/etc/nexplane-agent/state 2>/dev/null");
    world.shell(
        "! echo more >/etc/nexplane-agent/more 2>/dev/null || ! test -s /etc/nexplane-agent/more",
    );
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.disk_full"])
        .check("health", "pass");
}

#[test]
fn no_inodes_left() {
    let (world, _servers) = configuration_on("nr_inodes=8");
    world.shell("cd /etc/nexplane-agent; for i in 1 2 3 4 5 6 7 8; do touch $i 2>/dev/null || exit 0; done; exit 1");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.disk_full"])
        .names("host.disk_full", "inode");
}

#[test]
fn mounted_read_only() {
    let (world, _servers) = configuration_on("size=1m");
    world.shell(
        "mount -o remount,ro /etc/nexplane-agent; ! touch /etc/nexplane-agent/x 2>/dev/null",
    );
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["host.read_only"])
        .check("health", "pass");
}
