//! Peers that speak something else than TLS, told by the first bytes of their answer.

use std::net::SocketAddr;

use super::{NOT_TLS, PLAINTEXT};
use crate::checks::tcp;
use crate::host::{Ending, Handshake};
use crate::model::{Finding, excerpt};

/// The first bytes, where they are no TLS record (RFC 8446, section 5.1: types 20 to 24).
pub(super) fn foreign_protocol(address: SocketAddr, handshake: &Handshake) -> Option<Finding> {
    let bytes = first_bytes(handshake);
    let foreign = !matches!(bytes.first()?, 20..=24);
    (foreign && handshake.ending != Ending::Complete).then(|| not_tls(address, handshake))
}

/// A peer that speaks something else: HTTP, or what it may be.
pub(super) fn not_tls(address: SocketAddr, handshake: &Handshake) -> Finding {
    let bytes = first_bytes(handshake);
    let text = excerpt(&String::from_utf8_lossy(&bytes));
    let line = text_line(&bytes);
    let start = text.to_ascii_lowercase();
    // A server that cannot read the request at all answers without a status line (HTTP/0.9).
    let http = ["http/", "<html", "<!doctype html"]
        .iter()
        .any(|mark| start.starts_with(mark));
    let finding = if http {
        Finding::new(
            PLAINTEXT,
            format!(
                "{address} speaks plain HTTP, not HTTPS: it answered the handshake with `{line}`."
            ),
        )
    } else {
        Finding::new(
            NOT_TLS,
            format!("{address} speaks neither TLS nor HTTP: its first bytes are `{text}`."),
        )
    };
    finding
        .saw("address", tcp::with_family(address))
        .saw("first bytes", handshake.first_bytes.clone())
}

/// The first line: where it is HTTP, what follows is headers.
fn text_line(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    excerpt(&String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]))
}

fn first_bytes(handshake: &Handshake) -> Vec<u8> {
    let digits = handshake.first_bytes.as_bytes().chunks_exact(2);
    digits
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
