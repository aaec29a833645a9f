//! Circumstances that go by no finding's code. In some nothing is wrong: they are diagnosed as nothing, and with a fault beside
//! them, that fault is seen through them. In others a finding is made another way than by the fault that has its code.

use super::behaviour::RotationReply;
use super::fault::{Fault, host, network, server};
use super::nameserver::NameAnswer;
use super::plan::{Edit, File, Proxy, ProxySetting, Registration};
use super::proxy::{Door, Protocol};
use crate::host::Unseen;

/// All of them.
pub static CONTROLS: [Fault; 8] = [
    network(
        "healthy.http_proxy",
        "all is well behind a proxy that wants a password, which the service's environment file has",
        |plan| {
            plan.proxy = Some(Proxy {
                protocol: Protocol::Connect,
                door: Door::Locked,
                setting: ProxySetting::Environment("http://{login}@{address}"),
            });
        },
    ),
    network(
        "healthy.socks5_proxy",
        "all is well behind a SOCKS5 proxy that wants a password, which the configuration has",
        |plan| {
            plan.proxy = Some(Proxy {
                protocol: Protocol::Socks5,
                door: Door::Locked,
                setting: ProxySetting::Configuration("socks5h://{login}@{address}"),
            });
        },
    ),
    server(
        "healthy.foreign_rotation",
        "all is well, and a rotation would be answered with another CA's certificate",
        |plan| plan.server.agent_api.rotation = RotationReply::OfAnotherCa,
    ),
    network(
        "nameserver.silent",
        "the second of two nameservers says nothing",
        |plan| plan.second_dns = Some(NameAnswer::Silence),
    )
    .noting(&["dns.inconsistent"])
    .never(&["dns.timeout"]),
    host(
        "key.denied",
        "the doctor may not read the key, and the agent's log says that the agent was deleted",
        |plan| {
            plan.private_key = Some(Unseen::Denied);
            plan.registration = Registration::Revoked;
            plan.journal
                .push("ERROR: heartbeat rejected: agent not found or revoked");
        },
    )
    .with(&["registration.revoked"])
    .never(&["identity.unreadable", "identity.missing"]),
    host(
        "healthy.crlf",
        "all is well with a configuration that an editor on Windows has saved",
        |plan| plan.edits.push(Edit::Replace("\n", "\r\n")),
    ),
    host(
        "healthy.byte_order_mark",
        "all is well with a configuration that begins with a byte order mark",
        |plan| {
            let marked = "\u{feff}control_plane:";
            plan.edits.push(Edit::Replace("control_plane:", marked));
        },
    ),
    host(
        "healthy.symlinked_configuration",
        "all is well with a configuration that is a symbolic link to another directory",
        |plan| {
            let elsewhere = "/srv/config/nexplane-agent.yaml";
            plan.edits.push(Edit::Link(File::Config, elsewhere));
        },
    ),
];
