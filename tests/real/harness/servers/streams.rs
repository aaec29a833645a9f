//! Peers that do odd things to a connection: haproxy, `openssl s_server`, and a server that greets first.

use std::process::Stdio;

use super::process::{DIR, Server};
use super::web::{HEALTH, heartbeat};
use crate::harness::{Leaf, PORT, Pki, Place};

/// haproxy with one frontend on this port, in haproxy's own words.
pub(crate) fn haproxy(place: &Place, port: u16, frontend: &str) -> Server {
    bound(place, port, "", frontend)
}

/// The same with options for its `bind`.
pub(super) fn haproxy_with(place: &Place, port: u16, options: &str, frontend: &str) -> Server {
    bound(place, port, options, frontend)
}

/// haproxy as a control plane that talks to nobody without a client certificate of `pki`'s: the alert comes in the handshake.
pub(crate) fn strict_control_plane(place: &Place, leaf: &Leaf, pki: &Pki) -> Server {
    let (pem, client_ca) = (format!("{DIR}/strict.pem"), format!("{DIR}/strict-ca.crt"));
    place.put(&pem, "0600", &format!("{}{}", leaf.chain, leaf.key));
    place.put(&client_ca, "0644", &pki.root());
    let bind = format!("ssl crt {pem} ca-file {client_ca} verify required");
    let answers = format!(
        " mode http
 http-request return status 200 content-type application/json string '{HEALTH}' if {{ path /health }}
 http-request return status 200 content-type application/json string '{heartbeat}' if {{ path /agent/heartbeat }}",
        heartbeat = heartbeat(),
    );
    bound(place, PORT, &bind, &answers)
}

fn bound(place: &Place, port: u16, options: &str, frontend: &str) -> Server {
    let config = format!("{DIR}/haproxy-{port}.cfg");
    place.put(
        &config,
        "0644",
        &format!(
            "defaults\n timeout client 90s\n timeout server 90s\n timeout connect 90s\nfrontend lab\n bind 127.0.0.1:{port} {options}\n mode tcp\n{frontend}\n"
        ),
    );
    let mut command = place.command("haproxy");
    command.args(["-db", "-f", &config]);
    Server::start(command, || place.listens(port))
}

/// haproxy on this port, taking every connection and saying nothing for longer than anybody here waits.
pub(crate) fn silence(place: &Place, port: u16) -> Server {
    let waits = " tcp-request inspect-delay 90s\n tcp-request content reject if WAIT_END";
    haproxy(place, port, waits)
}

/// `openssl s_server` on port 8000. It prints the requests and the client certificates that reach it, and never answers.
pub(crate) fn s_server(place: &Place, leaf: &Leaf, options: &[&str]) -> Server {
    let (chain, key) = (format!("{DIR}/s.crt"), format!("{DIR}/s.key"));
    place.put(&chain, "0644", &leaf.chain);
    place.put(&key, "0600", &leaf.key);
    let mut command = place.command("openssl");
    command
        .arg("s_server")
        .stdin(Stdio::piped()) // Open for as long as the server lives: at its end s_server would hang up.
        .args(["-accept", &format!("127.0.0.1:{PORT}")])
        .args(["-cert", &chain, "-cert_chain", &chain, "-key", &key])
        .args(options);
    Server::start(command, || place.listens(PORT))
}

/// A server of another protocol on port 8000, which speaks first, as SSH does.
pub(crate) fn banner(place: &Place) -> Server {
    let greeting = format!("{DIR}/greeting");
    let lines = "printf 'SSH-2.0-OpenSSH_9.2\\r\\n'\nexec cat >/dev/null\n";
    place.put(&greeting, "0644", lines);
    let mut command = place.command("socat");
    command
        .arg(format!("TCP-LISTEN:{PORT},bind=127.0.0.1,fork,reuseaddr"))
        .arg(format!("EXEC:sh {greeting}"));
    Server::start(command, || place.listens(PORT))
}
