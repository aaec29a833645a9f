//! Names, with unbound, nsd and dnsmasq.

use crate::harness::{Agent, Doctor, NAME, PORT, Pki, Routed, Server, Site, World, curl};
use crate::harness::{Curl, dig, dnsmasq, nginx, nsd, unbound};

/// A world with unbound, and an agent whose control plane has this name.
fn asking_for(name: &str) -> (World, Server) {
    let world = World::new();
    let nameserver = unbound(&world, &["127.0.0.1"]);
    let url = format!("https://{name}:{PORT}");
    Agent::enrolled(&Pki::new())
        .control_plane(&url)
        .install(&world);
    (world, nameserver)
}

#[test]
fn a_name_that_does_not_exist() {
    let (world, _nameserver) = asking_for("cp.missing.test");
    assert_eq!(dig(&world, "127.0.0.53", "cp.missing.test"), "NXDOMAIN");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.not_found"])
        .check("dns", "fail")
        .check("tcp", "blocked");
}

#[test]
fn a_name_without_an_address() {
    let (world, _nameserver) = asking_for("cp.empty.test");
    assert_eq!(dig(&world, "127.0.0.53", "cp.empty.test"), "NOERROR");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.no_address"]);
}

#[test]
fn a_nameserver_that_refuses() {
    let (world, _nameserver) = asking_for("cp.refused.test");
    assert_eq!(dig(&world, "127.0.0.53", "cp.refused.test"), "REFUSED");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.server_failure"]);
}

#[test]
fn a_nameserver_that_fails() {
    let world = World::new();
    let _nameserver = nsd(&world);
    let url = format!("https://cp.broken.test:{PORT}");
    Agent::enrolled(&Pki::new())
        .control_plane(&url)
        .install(&world);
    assert_eq!(dig(&world, "127.0.0.55", "cp.broken.test"), "SERVFAIL");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.server_failure"]);
}

#[test]
fn a_nameserver_that_says_nothing() {
    let (world, _nameserver) = asking_for("cp.silent.test");
    assert_eq!(dig(&world, "127.0.0.53", "cp.silent.test"), "none");
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.timeout"]);
}

#[test]
fn a_nameserver_behind_a_firewall() {
    let net = Routed::new();
    net.filter("meta l4proto { tcp, udp } th dport 53 drop");
    Agent::enrolled(&Pki::new()).install(&net.agent);
    net.agent
        .put("/etc/resolv.conf", "0644", "nameserver 10.99.2.2\n");
    assert_eq!(dig(&net.agent, "10.99.2.2", NAME), "none");
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["dns.timeout"]);
}

#[test]
fn no_nameserver_at_all() {
    let world = World::new();
    Agent::enrolled(&Pki::new()).install(&world);
    world.put("/etc/resolv.conf", "0644", "# nothing here\n");
    assert_eq!(curl(&world), Curl::NoName);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["dns.no_nameserver"]);
}

#[test]
fn a_hosts_file_that_overrides_the_nameserver() {
    let world = World::new();
    let _nameserver = unbound(&world, &["127.0.0.77"]);
    let pki = Pki::new();
    let _web = nginx(&world, &Site::control_plane(pki.leaf().make(), &pki));
    Agent::enrolled(&pki).install(&world);
    let hosts = format!("127.0.0.1 localhost\n127.0.0.1 {NAME}\n");
    world.put("/etc/hosts", "0644", &hosts);
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("dns.pinned")
        .check("health", "pass");
}

#[test]
fn one_nameserver_of_two_that_is_dead_is_no_error() {
    let world = World::new();
    let _nameserver = dnsmasq(&world, "127.0.0.52");
    let pki = Pki::new();
    let _web = nginx(&world, &Site::control_plane(pki.leaf().make(), &pki));
    Agent::enrolled(&pki).install(&world);
    let both = "nameserver 127.0.0.60\nnameserver 127.0.0.52\n";
    world.put("/etc/resolv.conf", "0644", both);
    assert_eq!(dig(&world, "127.0.0.60", NAME), "none");
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("tcp", "pass")
        .check("health", "pass");
}
