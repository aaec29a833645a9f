//! Connections, over a router with nftables and through the kernel's own routes.

use crate::harness::{Agent, Curl, Doctor, Pki, Routed, SERVER_V4, SERVER_V6, Server, Site};
use crate::harness::{curl, nginx, unbound};

/// Agent, router and a control plane that is well, known to the agent's nameserver by these addresses.
fn control_plane_at(addresses: &[&str]) -> (Routed, [Server; 2]) {
    let net = Routed::new();
    let pki = Pki::new();
    Agent::enrolled(&pki).install(&net.agent);
    let servers = [
        unbound(&net.agent, addresses),
        nginx(&net.server, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    (net, servers)
}

#[test]
fn a_control_plane_behind_a_router_that_lets_everything_pass() {
    let (net, _servers) = control_plane_at(&[SERVER_V4, SERVER_V6]);
    assert_eq!(curl(&net.agent), Curl::Answer(200));
    Doctor::at(&net.agent)
        .diagnose()
        .found_no_error()
        .check("tcp", "pass")
        .check("registration", "pass");
}

#[test]
fn a_port_where_nothing_listens() {
    let net = Routed::new();
    let _nameserver = unbound(&net.agent, &[SERVER_V4, SERVER_V6]);
    Agent::enrolled(&Pki::new()).install(&net.agent);
    assert_eq!(curl(&net.agent), Curl::NoConnection);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.refused"])
        .check("dns", "pass")
        .check("tls", "blocked");
}

#[test]
fn a_firewall_that_rejects() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    net.filter("tcp dport 8000 reject with tcp reset");
    assert_eq!(curl(&net.agent), Curl::NoConnection);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.refused"]);
}

#[test]
fn a_firewall_that_drops() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    net.filter("tcp dport 8000 drop");
    assert_eq!(curl(&net.agent), Curl::Timeout);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.timeout"]);
}

#[test]
fn a_router_that_knows_no_such_host() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    net.filter("tcp dport 8000 reject with icmpx host-unreachable");
    assert_eq!(curl(&net.agent), Curl::NoConnection);
    // The kernel drops an ICMP error that comes while connect() itself still runs; the next one comes a second later.
    Doctor::with(&net.agent, &["--timeout", "5s"])
        .diagnose()
        .failed_because(&["tcp.unreachable"]);
}

#[test]
fn a_host_without_a_route() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    net.agent.shell("ip route del default");
    assert_eq!(curl(&net.agent), Curl::NoConnection);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.unreachable"]);
}

#[test]
fn a_host_whose_own_routes_prohibit_it() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    net.agent.shell("ip route add prohibit 10.99.2.2/32");
    assert_eq!(curl(&net.agent), Curl::NoConnection);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.unreachable"]);
}

#[test]
fn broken_ipv6_beside_good_ipv4() {
    let (net, _servers) = control_plane_at(&[SERVER_V4, SERVER_V6]);
    net.filter("meta nfproto ipv6 tcp dport 8000 drop");
    assert_eq!(curl(&net.agent), Curl::Answer(200));
    Doctor::at(&net.agent)
        .diagnose()
        .found_no_error()
        .notice("tcp.partial")
        .names("tcp.partial", SERVER_V6)
        .check("health", "pass");
}
