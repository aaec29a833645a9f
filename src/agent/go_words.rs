//! What a Go program says of a failed call: the agent in the field is one, and its log is read by these words.

use std::io::ErrorKind;

use chrono::{DateTime, SecondsFormat, Utc};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::contract::client::CallError;
use crate::contract::log_lines;
use crate::contract::proxy::NoTunnel;
use crate::contract::tls::{alert_name, refusal};
use crate::contract::url::ControlPlane;

/// The words for a failed `POST` to `path`.
pub(super) fn post_failed(error: &CallError, plane: &ControlPlane, path: &str) -> String {
    if let CallError::PeerNotAccepted(
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
    ) = error
    {
        return log_lines::certificate_validation("certificate not yet valid");
    }
    log_lines::post_failed(plane.url(path), reason(error, plane))
}

/// The words for a failed `GET` of `path`.
pub(super) fn get_failed(error: &CallError, plane: &ControlPlane, path: &str) -> String {
    log_lines::get_failed(plane.url(path), reason(error, plane))
}

fn reason(error: &CallError, plane: &ControlPlane) -> String {
    let endpoint = format!("{}:{}", plane.host(), plane.port());
    match error {
        CallError::PeerNotAccepted(reason) => format!("x509: {}", x509(reason, plane)),
        CallError::Alert(alert) => format!("remote error: tls: {}", alert_words(*alert)),
        CallError::Tls(TlsError::InvalidMessage(_)) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        CallError::Tls(error) => format!("tls: {error}"),
        CallError::Io { os: None, .. } => {
            format!("dial tcp: lookup {}: no such host", plane.host())
        }
        CallError::Io { kind, message, .. } => match kind {
            ErrorKind::ConnectionRefused => {
                format!("dial tcp {endpoint}: connect: connection refused")
            }
            ErrorKind::NetworkUnreachable => {
                format!("dial tcp {endpoint}: connect: network is unreachable")
            }
            ErrorKind::HostUnreachable => {
                format!("dial tcp {endpoint}: connect: no route to host")
            }
            ErrorKind::ConnectionReset => {
                format!("read tcp {endpoint}: read: connection reset by peer")
            }
            ErrorKind::BrokenPipe => format!("write tcp {endpoint}: write: broken pipe"),
            _ => format!("dial tcp {endpoint}: {message}"),
        },
        CallError::TimedOut { .. } => {
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()
        }
        CallError::Closed => "EOF".to_owned(),
        CallError::NotHttp => "malformed HTTP response".to_owned(),
        CallError::Proxy(NoTunnel::Refused(refusal)) => refusal.reason.clone(),
        CallError::Proxy(NoTunnel::Socks(reply)) => {
            format!("socks connect tcp {endpoint}: unknown error {reply}")
        }
        CallError::Proxy(other) => format!("proxyconnect tcp: {other}"),
        CallError::Other(words) => words.clone(),
    }
}

/// Go's `crypto/x509` on an unacceptable certificate.
fn x509(reason: &CertificateError, plane: &ControlPlane) -> String {
    match reason {
        CertificateError::UnknownIssuer => "certificate signed by unknown authority".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "certificate has expired or is not yet valid: current time {} is after {}",
            rfc3339(*time),
            rfc3339(*not_after)
        ),
        CertificateError::Expired => "certificate has expired or is not yet valid".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "certificate relies on legacy Common Name field, use SANs instead".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            format!(
                "certificate is valid for {}, not {}",
                names.join(", "),
                plane.host()
            )
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate specifies an incompatible key usage".to_owned()
        }
        other => refusal(other),
    }
}

/// The library writes `DnsName("a.test")` and `IpAddress(127.0.0.1)`; Go writes the name.
fn bare(name: &str) -> &str {
    name.split_once('(').map_or(name, |(_, inner)| {
        inner.trim_end_matches(')').trim_matches('"')
    })
}

fn rfc3339(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

/// Go's `crypto/tls` on an alert.
fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => "unknown certificate authority".to_owned(),
        AlertDescription::CertificateUnknown => "unknown certificate".to_owned(),
        AlertDescription::CertificateRevoked => "revoked certificate".to_owned(),
        AlertDescription::CertificateExpired => "expired certificate".to_owned(),
        AlertDescription::ProtocolVersion => "protocol version not supported".to_owned(),
        AlertDescription::DecryptError => "error decrypting message".to_owned(),
        AlertDescription::UnrecognisedName => "unrecognized name".to_owned(),
        other => alert_name(other).replace('_', " "),
    }
}
