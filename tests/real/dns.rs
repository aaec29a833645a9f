//! Names, with unbound, nsd and dnsmasq.

use crate::harness::{
    Agent, Diagnosis, Doctor, NAME, PORT, Pki, Routed, Server, Site, World, curl,
};
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

/// A control plane that is well, and an agent that asks these nameservers for it, in this order: unbound on 127.0.0.53
/// gives these addresses, dnsmasq on 127.0.0.52 gives 127.0.0.1, and on others there is nobody.
fn asking(nameservers: &[&str], unbound_says: &[&str]) -> (World, [Server; 3]) {
    let world = World::new();
    let pki = Pki::new();
    let site = Site::control_plane(pki.leaf().make(), &pki);
    Agent::enrolled(&pki).install(&world);
    let servers = [
        unbound(&world, unbound_says),
        dnsmasq(&world, "127.0.0.52"),
        nginx(&world, &site),
    ];
    let lines: Vec<String> = nameservers
        .iter()
        .map(|address| format!("nameserver {address}\n"))
        .collect();
    world.put("/etc/resolv.conf", "0644", &lines.concat());
    (world, servers)
}

#[test]
fn one_nameserver_of_two_that_is_dead_is_no_error() {
    let (world, _servers) = asking(&["127.0.0.60", "127.0.0.52"], &[]);
    assert_eq!(dig(&world, "127.0.0.60", NAME), "none");
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("dns.inconsistent")
        .names("dns.inconsistent", "goes on at once")
        .check("tcp", "pass")
        .check("health", "pass");
}

/// 127.0.0.61 is there, and a firewall drops what it is asked.
fn silence_one(world: &World) {
    world.shell(
        "nft 'add table inet lab; add chain inet lab in { type filter hook input priority 0; }
              add rule inet lab in ip daddr 127.0.0.61 drop'",
    );
    assert_eq!(dig(world, "127.0.0.61", NAME), "none");
}

/// It was waited for, and not for the whole time of a probe.
fn waited_a_little(diagnosis: &Diagnosis) {
    diagnosis
        .found_no_error()
        .notice("dns.inconsistent")
        .names("dns.inconsistent", "127.0.0.61 says nothing within 1")
        .never("dns.timeout")
        .check("tcp", "pass")
        .check("health", "pass")
        .check("registration", "pass");
}

#[test]
fn one_nameserver_of_two_that_is_silent_costs_the_agent_time() {
    let (world, _servers) = asking(&["127.0.0.61", "127.0.0.52"], &[]);
    silence_one(&world);
    let diagnosis = Doctor::with(&world, &["--timeout", "5s"]).diagnose();
    waited_a_little(&diagnosis);
    diagnosis.names("dns.inconsistent", "up to 5 s");
}

#[test]
fn a_silent_nameserver_behind_one_that_answers_costs_nothing_yet() {
    let (world, _servers) = asking(&["127.0.0.53", "127.0.0.61"], &["127.0.0.1"]);
    silence_one(&world);
    assert_eq!(curl(&world), Curl::Answer(200));
    let diagnosis = Doctor::with(&world, &["--timeout", "5s"]).diagnose();
    waited_a_little(&diagnosis);
    diagnosis.names("dns.inconsistent", "asks 127.0.0.53 first");
}

#[test]
fn two_nameservers_of_which_the_first_does_not_know_the_name() {
    let (world, _servers) = asking(&["127.0.0.53", "127.0.0.52"], &[]);
    assert_eq!(dig(&world, "127.0.0.53", NAME), "NXDOMAIN");
    assert_eq!(dig(&world, "127.0.0.52", NAME), "NOERROR");
    // The system's resolver stops at the first, as the agent's does.
    assert_eq!(curl(&world), Curl::NoName);
    Doctor::at(&world)
        .diagnose()
        .notice("dns.inconsistent")
        .names(
            "dns.inconsistent",
            "for the agent the name does not resolve",
        )
        .never("dns.not_found");
}

#[test]
fn two_nameservers_with_different_addresses() {
    let (world, _servers) = asking(&["127.0.0.53", "127.0.0.52"], &["127.0.0.9"]);
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("dns.inconsistent")
        .names("dns.inconsistent", "127.0.0.9");
}

#[test]
fn a_share_of_a_longer_list_is_no_disagreement() {
    let (world, _servers) = asking(&["127.0.0.53", "127.0.0.52"], &["127.0.0.9", "127.0.0.1"]);
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .never("dns.")
        .check("health", "pass");
}
