//! Circumstances in which nothing is wrong: they go by no finding's code, and are diagnosed as nothing. With a fault beside
//! them, that fault is seen through them.

use super::fault::{Fault, network};
use super::plan::{Proxy, ProxySetting};
use super::proxy::{Door, Protocol};

/// All of them.
pub static CONTROLS: [Fault; 2] = [
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
];
