//! Servers that are not ours, started in a place with a configuration made for the test, ended by number.

mod dns;
mod intercept;
mod process;
mod proxies;
mod streams;
mod time;
mod web;

pub(crate) use dns::{dnsmasq, nsd, unbound};
pub(crate) use intercept::{
    Interceptor, PORT as INTERCEPTOR_PORT, Reached, Upstream, mitmproxy, squid,
};
pub(crate) use process::Server;
pub(crate) use proxies::{forbidding_dante, microsocks, tinyproxy, tls_before};
pub(crate) use streams::{banner, haproxy, s_server, silence, strict_control_plane};
pub(crate) use time::{Tells, chronyd, install_chrony, silent_clock};
pub(crate) use web::{Site, nginx, nginx_at};
