//! Circumstances in which nothing is wrong: they go by no finding's code, and are diagnosed as nothing. With a fault beside
//! them, that fault is seen through them.

use super::fault::{Fault, host, network};
use super::plan::{Edit, File, Proxy, ProxySetting};
use super::proxy::{Door, Protocol};

/// All of them.
pub static CONTROLS: [Fault; 5] = [
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
