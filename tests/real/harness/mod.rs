//! What stands a situation up and takes it down again: places, servers that are not ours, an installed agent, the doctor.
//!
//! Nothing here knows a finding code; what a situation must be diagnosed as is said by the tests alone.
//! Everything is bounded and cleans up behind itself: a place holds its processes in an own PID namespace,
//! and when the place goes (or the test process dies, however it dies) the kernel ends them all.

mod agent;
mod browser;
mod doctor;
mod fix;
mod lab;
mod own_clock;
mod peer;
mod pki;
mod place;
mod routed;
mod scene;
mod sdbox;
mod servers;
mod terminal;
mod world;

use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) use agent::{AGENT_ID, Agent, CONFIG_DIR, HOSTNAME, UNIT};
pub(crate) use browser::{Browser, Key};
pub(crate) use doctor::{Diagnosis, Doctor};
pub(crate) use fix::{Fix, Fixed};
pub(crate) use lab::{
    BESIDE, DOCTOR, Ended, Lab, PROGRAM, agent, boot_with_lab, bring_agent, bring_agent_to,
    bring_both, ended,
};
pub(crate) use own_clock::{BESIDE_IT, OwnClock};
pub(crate) use peer::{Curl, curl, curl_through, dig};
pub(crate) use pki::{Authority, Leaf, Pki, ago, ahead};
pub(crate) use place::{Place, signal};
pub(crate) use routed::{Routed, SERVER_V4, SERVER_V6};
pub(crate) use scene::{Scene, boot, boot_with};
pub(crate) use sdbox::SystemdBox;
pub(crate) use servers::{
    INTERCEPTOR_PORT, Interceptor, Reached, Server, Site, Tells, Upstream, banner, chronyd,
    dnsmasq, forbidding_dante, haproxy, install_chrony, microsocks, mitmproxy, nginx, nginx_at,
    nsd, s_server, silence, silent_clock, squid, strict_control_plane, tinyproxy, tls_before,
    unbound,
};
pub(crate) use terminal::Terminal;
pub(crate) use world::World;

/// The name of the control plane in every situation; the nameservers here know it.
pub(crate) const NAME: &str = "cp.nexplane.test";
/// Its port.
pub(crate) const PORT: u16 = 8000;
/// Its URL.
pub(crate) const URL: &str = "https://cp.nexplane.test:8000";

/// How long anything here may take to come up or to end. Far more than it needs: it bounds, it does not measure.
const PATIENCE: Duration = Duration::from_secs(30);

/// The library that shows a program another time than the machine's.
fn faketime() -> String {
    let arch = std::env::consts::ARCH;
    format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1")
}

/// Shows a command another time than the machine's, such as `+600s`, by libfaketime.
fn live_at(command: &mut Command, time: &str) {
    command.env("LD_PRELOAD", faketime()).env("FAKETIME", time);
}

/// The same by a file that says which, and may say another one later.
pub(crate) fn live_by(command: &mut Command, file: &str) {
    command
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME_TIMESTAMP_FILE", file)
        .env("FAKETIME_NO_CACHE", "1");
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When nothing has come within [`PATIENCE`]; `what` says what was waited for.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
