//! Environment variables of the agent: those that it reads, and those whose values may be shown.

/// Every variable that a check reads: one question, so that it is asked once.
pub const READ: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "https_proxy",
    "no_proxy",
];

/// Others that change what the agent does, and are no secrets.
const TELLING: [&str; 7] = [
    "GODEBUG",
    "HTTP_PROXY",
    "NP_CONTROL_PLANE",
    "NP_HOSTNAME",
    "NP_MODE",
    "NP_POLL_INTERVAL",
    "http_proxy",
];

/// Whether the value of a variable of this name may be looked at. Of all others, nobody knows what they hold.
pub fn is_known(name: &str) -> bool {
    READ.contains(&name) || TELLING.contains(&name)
}
