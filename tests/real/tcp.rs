//! Connections, over a router with nftables and through the kernel's own routes.

use crate::harness::{
    Agent, Curl, Diagnosis, Doctor, Pki, Routed, SERVER_V4, SERVER_V6, Server, Site,
};
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

/// Every way in which a router says no, what it must be diagnosed as, and what the report must name.
fn rejections(address: &str, cases: &[(&str, &str, &str)]) {
    for (with, code, named) in cases {
        let (net, _servers) = control_plane_at(&[address]);
        net.filter(&format!("tcp dport 8000 reject with {with}"));
        assert_eq!(curl(&net.agent), Curl::NoConnection, "{with}");
        // The kernel drops an ICMP error that comes while connect() itself still runs; the next one comes a second later.
        Doctor::with(&net.agent, &["--timeout", "5s"])
            .diagnose()
            .failed_because(&[code])
            .names(code, named)
            .check("tls", "blocked");
    }
}

#[test]
fn every_icmp_code_of_a_rejection() {
    rejections(
        SERVER_V4,
        &[
            ("icmp port-unreachable", "tcp.refused", "refused"),
            ("icmp prot-unreachable", "tcp.unreachable", "ENOPROTOOPT"),
            ("icmp host-unreachable", "tcp.unreachable", "EHOSTUNREACH"),
            (
                "icmp net-unreachable",
                "tcp.unreachable",
                "ENETUNREACH from a router",
            ),
            ("icmp net-prohibited", "tcp.unreachable", "ENETUNREACH"),
            ("icmp host-prohibited", "tcp.unreachable", "EHOSTUNREACH"),
            ("icmp admin-prohibited", "tcp.unreachable", "EHOSTUNREACH"),
        ],
    );
}

#[test]
fn every_icmpv6_code_of_a_rejection() {
    rejections(
        SERVER_V6,
        &[
            ("icmpv6 port-unreachable", "tcp.refused", "refused"),
            ("icmpv6 addr-unreachable", "tcp.unreachable", "EHOSTUNREACH"),
            (
                "icmpv6 no-route",
                "tcp.unreachable",
                "ENETUNREACH from a router",
            ),
            ("icmpv6 admin-prohibited", "tcp.unreachable", "EACCES"),
            ("icmpv6 policy-fail", "tcp.unreachable", "EACCES"),
            ("icmpv6 reject-route", "tcp.unreachable", "EACCES"),
            ("tcp reset", "tcp.refused", "refused"),
        ],
    );
}

#[test]
fn a_firewall_that_resets_what_it_does_not_like() {
    let (net, _servers) = control_plane_at(&[SERVER_V4]);
    // It lets connections open, and cuts them off at the first message.
    net.filter("tcp dport 8000 ct state established ct original packets > 2 reject with tcp reset");
    assert_eq!(curl(&net.agent), Curl::NoHandshake);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.reset"])
        .check("dns", "pass")
        .check("tcp", "fail")
        .check("tls", "blocked");
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
fn hosts_whose_own_routes_lead_nowhere() {
    for (route, named) in [
        ("unreachable", "EHOSTUNREACH"),
        ("blackhole", "EINVAL"),
        ("prohibit", "EACCES"),
    ] {
        let (net, _servers) = control_plane_at(&[SERVER_V4]);
        net.agent
            .shell(&format!("ip route add {route} 10.99.2.2/32"));
        assert_eq!(curl(&net.agent), Curl::NoConnection, "{route}");
        Doctor::at(&net.agent)
            .diagnose()
            .failed_because(&["tcp.unreachable"])
            .names("tcp.unreachable", named);
    }
}

/// What a router does to one family while the other works: no more than a warning, which names the address.
fn partial(rule: &str, address: &str) -> Diagnosis {
    let (net, _servers) = control_plane_at(&[SERVER_V4, SERVER_V6]);
    net.filter(rule);
    assert_eq!(curl(&net.agent), Curl::Answer(200));
    let diagnosis = Doctor::at(&net.agent).diagnose();
    diagnosis
        .found_no_error()
        .notice("tcp.partial")
        .names("tcp.partial", address)
        .check("health", "pass");
    diagnosis
}

#[test]
fn broken_ipv4_beside_good_ipv6() {
    partial("meta nfproto ipv4 tcp dport 8000 drop", SERVER_V4).names("tcp.partial", "300 ms");
}

#[test]
fn broken_ipv6_beside_good_ipv4() {
    partial("meta nfproto ipv6 tcp dport 8000 drop", SERVER_V6);
}

#[test]
fn ipv6_that_is_reset_beside_good_ipv4() {
    let (net, _servers) = control_plane_at(&[SERVER_V4, SERVER_V6]);
    net.filter("meta nfproto ipv6 tcp dport 8000 ct state established ct original packets > 2 reject with tcp reset");
    // Once a connection is open, curl does not change to the other family, and neither does the agent.
    assert_eq!(curl(&net.agent), Curl::NoHandshake);
    Doctor::at(&net.agent)
        .diagnose()
        .failed_because(&["tcp.reset"])
        .names("tcp.reset", SERVER_V6)
        .names("tcp.reset", "at the IPv6 address alone");
}

#[test]
fn ipv4_that_is_reset_beside_good_ipv6() {
    let rule = "meta nfproto ipv4 tcp dport 8000 ct state established ct original packets > 2 reject with tcp reset";
    partial(rule, SERVER_V4)
        .names("tcp.partial", "fails whenever it begins with IPv4")
        .check("tcp", "warn")
        .check("tls", "pass");
}

#[test]
fn a_router_without_a_route_for_ipv6_beside_good_ipv4() {
    let rule = "meta nfproto ipv6 tcp dport 8000 reject with icmpv6 no-route";
    partial(rule, SERVER_V6);
}

#[test]
fn a_host_without_a_route_for_ipv6_is_not_told_of_it() {
    let (net, _servers) = control_plane_at(&[SERVER_V4, SERVER_V6]);
    net.agent.shell("ip -6 route del default");
    assert_eq!(curl(&net.agent), Curl::Answer(200));
    Doctor::at(&net.agent)
        .diagnose()
        .found_no_error()
        .never("tcp.")
        .check("tcp", "pass");
}
