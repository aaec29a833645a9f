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
    /// A connection that broke before the answer (exit 56).
    NoAnswer,
    /// A peer that is not trusted (exit 60).
    Untrusted,
    /// A CA file that cannot be used (exit 77).
    BadCaFile,
    /// Any other exit status of curl's.
    Other(i32),
}

/// Asks the control plane for its health as an agent would, trusting the agent's `ca.crt`.
pub(crate) fn curl(place: &Place) -> Curl {
    let output = place
        .command("curl")
        .args(["--silent", "--max-time", "2", "--write-out", "%{http_code}"])
        .args(["--cacert", &format!("{CONFIG_DIR}/ca.crt")])
        .args(["--output", "/dev/null", &format!("{URL}/health")])
        .output()
        .unwrap();
    match output.status.code() {
        Some(0) => Curl::Answer(String::from_utf8_lossy(&output.stdout).parse().unwrap()),
        Some(6) => Curl::NoName,
        Some(7) => Curl::NoConnection,
        Some(28) => Curl::Timeout,
        Some(35) => Curl::NoHandshake,
        Some(56) => Curl::NoAnswer,
        Some(60) => Curl::Untrusted,
        Some(77) => Curl::BadCaFile,
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
