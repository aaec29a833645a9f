//! What the agent in the field, a Go program, logs before it gives up over a fault, so that a service that is restarted over
//! and over can say why.
//!
//! The words are Go's and the runbook's. Where several faults have the same words, the log cannot tell them apart.

use crate::model::Code;

/// What faults have in common as their last line.
const LINES: &[(&[&str], &str)] = &[
    (
        &["config.missing"],
        "FATAL: open /etc/nexplane-agent/config.yaml: no such file or directory",
    ),
    (
        &["config.unreadable"],
        "FATAL: open /etc/nexplane-agent/config.yaml: permission denied",
    ),
    // A parser ends at the first thing that it does not like, which may be either where both are there.
    (
        &["config.syntax", "config.invalid"],
        "FATAL: parsing config: yaml: line 4: did not find expected ',' or ']'",
    ),
    (
        &["dns.not_found"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": dial tcp: lookup \
         control-plane.lab.test on 127.0.0.1:53: no such host",
    ),
    (
        &["dns.server_failure"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": dial tcp: lookup \
         control-plane.lab.test on 127.0.0.1:53: server misbehaving",
    ),
    (
        &["dns.timeout"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": dial tcp: lookup \
         control-plane.lab.test on 127.0.0.1:53: read udp 127.0.0.1:40000->127.0.0.1:53: i/o timeout",
    ),
    (
        &["tcp.refused"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": dial tcp 127.0.0.1:8000: \
         connect: connection refused",
    ),
    (
        &["tcp.timeout"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": dial tcp 127.0.0.1:8000: \
         connect: connection timed out",
    ),
    (
        &["tls.plaintext"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": http: server gave HTTP \
         response to HTTPS client",
    ),
    (
        &["tls.alert"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": remote error: tls: \
         unrecognized name",
    ),
    (
        &[
            "trust.unknown_authority",
            "trust.self_signed",
            "trust.missing_intermediate",
            "trust.ca_file",
        ],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": x509: certificate signed by \
         unknown authority",
    ),
    (
        &["trust.name_mismatch"],
        "FATAL: enrollment failed: Post \"https://control-plane.lab.test:8000/agent/enroll\": x509: certificate is valid \
         for other.lab.test, not control-plane.lab.test",
    ),
    // The runbook's own: of a clock that is behind, and of a certificate of either side that begins too late.
    (
        &[
            "clock.skew",
            "trust.not_yet_valid",
            "identity.not_yet_valid",
        ],
        "FATAL: enrollment failed: certificate validation error: certificate not yet valid",
    ),
    (
        &["identity.missing"],
        "FATAL: open /etc/nexplane-agent/client.crt: no such file or directory",
    ),
    (
        &["identity.unreadable"],
        "FATAL: open /etc/nexplane-agent/client.key: permission denied",
    ),
    (
        &["identity.key_mismatch", "identity.unfinished"],
        "FATAL: loading identity: tls: private key does not match public key",
    ),
    (
        &["registration.revoked", "registration.superseded"],
        "ERROR: heartbeat rejected: agent not found or revoked",
    ),
    (
        &["token.expired"],
        "FATAL: enrollment failed: token has expired",
    ),
    (
        &["token.invalid"],
        "FATAL: enrollment failed: token is not valid",
    ),
];

/// What the agent says of a fault before it ends, if that is written down here.
pub(super) fn of(code: &Code) -> Option<&'static str> {
    let named = |codes: &[&str]| codes.iter().any(|it| *code == **it);
    let found = LINES.iter().find(|(codes, _)| named(codes));
    found.map(|(_, line)| *line)
}

/// The faults that are named here.
#[cfg(test)]
pub(super) fn named() -> Vec<&'static str> {
    LINES
        .iter()
        .flat_map(|(codes, _)| codes.iter().copied())
        .collect()
}
