//! Proxies: tinyproxy for CONNECT, microsocks and dante for SOCKS5, haproxy for what those do not do.

use super::process::{DIR, Server};
use super::streams::haproxy_with;
use crate::harness::{Leaf, Place};

/// tinyproxy on this port of 127.0.0.1, with more lines of its own configuration. It says what it is asked for.
pub(crate) fn tinyproxy(place: &Place, port: u16, lines: &str) -> Server {
    let config = format!("{DIR}/tinyproxy-{port}.conf");
    place.put(
        &config,
        "0600",
        &format!("Listen 127.0.0.1\nPort {port}\nTimeout 60\nLogLevel Connect\n{lines}\n"),
    );
    let mut command = place.command("tinyproxy");
    command.args(["-d", "-c", &config]);
    Server::start(command, || place.listens(port))
}

/// haproxy on this port, taking TLS with this certificate and passing what is within to `onward` on 127.0.0.1.
pub(crate) fn tls_before(place: &Place, port: u16, leaf: &Leaf, onward: u16) -> Server {
    let pem = format!("{DIR}/proxy-{port}.pem");
    place.put(&pem, "0600", &format!("{}{}", leaf.chain, leaf.key));
    let frontend = format!(
        " default_backend onward\nbackend onward\n mode tcp\n server proxy 127.0.0.1:{onward}"
    );
    haproxy_with(place, port, &format!("ssl crt {pem}"), &frontend)
}

/// microsocks on this port of 127.0.0.1, with more arguments.
pub(crate) fn microsocks(place: &Place, port: u16, arguments: &[&str]) -> Server {
    let mut command = place.command("microsocks");
    command
        .args(["-i", "127.0.0.1", "-p", &port.to_string()])
        .args(arguments);
    Server::start(command, || place.listens(port))
}

/// dante on this port of 127.0.0.1, whose rules let nobody through.
pub(crate) fn forbidding_dante(place: &Place, port: u16) -> Server {
    let config = format!("{DIR}/danted.conf");
    place.put(
        &config,
        "0644",
        &format!(
            r#"
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"#
        ),
    );
    let mut command = place.command("danted");
    command.args(["-f", &config, "-p", &format!("{DIR}/danted.pid"), "-N", "1"]);
    Server::start(command, || place.listens(port))
}
