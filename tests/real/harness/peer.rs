//! Other people's diagnoses: what curl and dig say of the same situation.
//!
//! A test asks them first, so that a situation that is not what it claims to be fails as such, and not as the doctor's mistake.

use super::{CONFIG_DIR, Place, URL};

/// What curl made of `GET /health`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Curl {
    /// An answer with this status.
    Answer(u16),
    /// A name that does not resolve (exit 6).
    NoName,
    /// No connection (exit 7).
    NoConnection,
    /// Nothing in time (exit 28).
    Timeout,
    /// No handshake (exit 35).
    NoHandshake,
    /// No name of the proxy that resolves (exit 5).
    NoProxyName,
    /// A connection that broke before the answer, or a proxy's refusal (exit 56).
    NoAnswer,
    /// A peer that is not trusted (exit 60).
    Untrusted,
    /// A CA file that cannot be used (exit 77).
    BadCaFile,
    /// A SOCKS5 proxy's refusal (exit 97).
    NoTunnel,
    /// Any other exit status of curl's.
    Other(i32),
}

/// Asks the control plane for its health as an agent would, trusting the agent's `ca.crt`.
pub(crate) fn curl(place: &Place) -> Curl {
    ask(place, &[])
}

/// The same through a proxy, verified by the same CA file if it speaks TLS.
pub(crate) fn curl_through(place: &Place, proxy: &str) -> Curl {
    let ca = format!("{CONFIG_DIR}/ca.crt");
    ask(place, &["--proxy", proxy, "--proxy-cacert", &ca])
}

fn ask(place: &Place, arguments: &[&str]) -> Curl {
    let output = place
        .command("curl")
        .args(arguments)
        .args(["--silent", "--max-time", "2", "--write-out", "%{http_code}"])
        .args(["--cacert", &format!("{CONFIG_DIR}/ca.crt")])
        .args(["--output", "/dev/null", &format!("{URL}/health")])
        .output()
        .unwrap();
    match output.status.code() {
        Some(0) => Curl::Answer(String::from_utf8_lossy(&output.stdout).parse().unwrap()),
        Some(5) => Curl::NoProxyName,
        Some(6) => Curl::NoName,
        Some(7) => Curl::NoConnection,
        Some(28) => Curl::Timeout,
        Some(35) => Curl::NoHandshake,
        Some(56) => Curl::NoAnswer,
        Some(60) => Curl::Untrusted,
        Some(77) => Curl::BadCaFile,
        Some(97) => Curl::NoTunnel,
        other => Curl::Other(other.unwrap_or(-1)),
    }
}

/// The DNS status (`NOERROR`, `NXDOMAIN`, …) that `server` answers for `name`'s address, or `none`.
pub(crate) fn dig(place: &Place, server: &str, name: &str) -> String {
    let output = place
        .command("dig")
        .args(["+tries=1", "+time=1", &format!("@{server}"), name, "A"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_once("status: ")
        .and_then(|(_, rest)| rest.split_once(','))
        .map_or("none", |(status, _)| status)
        .to_owned()
}
