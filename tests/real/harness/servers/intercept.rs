//! Products that decrypt TLS on its way: mitmproxy, and squid with ssl-bump. On a router whose firewall turns the agent's
//! connections over to them, or as a proxy that the agent is told to ask.

use super::process::{DIR, Server};
use crate::harness::{Leaf, NAME, Pki, Place, SERVER_V4, until};

/// The port that the firewall turns connections over to, or that is asked.
pub(crate) const PORT: u16 = 8080;

/// How a connection comes to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// A firewall turns it over.
    Diverted,
    /// By CONNECT.
    Asked,
}

/// A product at work.
pub(crate) struct Interceptor {
    /// The CA under which it makes certificates, in PEM.
    pub(crate) ca: String,
    /// Where it writes what passes through it, in its place.
    log: String,
    _server: Server,
}

/// mitmproxy with a CA of its own making. It writes down every request with its headers and its body.
pub(crate) fn mitmproxy(place: &Place, reached: Reached) -> Interceptor {
    let confdir = format!("{DIR}/mitmproxy");
    let log = format!("{DIR}/mitmproxy.log");
    place.shell(&format!("mkdir -p {confdir}"));
    let mut command = place.command("sh");
    command
        .env("PYTHONUNBUFFERED", "1")
        .args(["-c", &format!("exec mitmdump \"$@\" >{log}"), "mitmdump"])
        .args(match reached {
            Reached::Diverted => ["--mode", "transparent"],
            Reached::Asked => ["--mode", "regular"],
        })
        .args(["--showhost", "--ssl-insecure"])
        .args(["--listen-host", "0.0.0.0"])
        .args(["--listen-port", &PORT.to_string()])
        .args(["--set", &format!("confdir={confdir}")])
        .args(["--set", "flow_detail=4"]);
    let server = Server::start(command, || place.listens(PORT));
    Interceptor {
        ca: place.shell(&format!("cat {confdir}/mitmproxy-ca-cert.pem")),
        log,
        _server: server,
    }
}

/// What squid makes of the server behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// It trusts the server, and vouches for it.
    Trusted,
    /// It does not, and passes that on: its certificates are of a CA that it has made up for this.
    Untrusted,
}

/// squid with this CA, which has a certificate and its key. It writes down a line for each request.
pub(crate) fn squid(
    place: &Place,
    pki: &Pki,
    ca: &Leaf,
    upstream: Upstream,
    reached: Reached,
) -> Interceptor {
    let pem = format!("{DIR}/squid-ca.pem");
    let certificates = format!("{DIR}/squid-certificates");
    let log = format!("{DIR}/squid.log");
    place.put(&pem, "0644", &format!("{}{}", ca.chain, ca.key));
    let port = match reached {
        Reached::Diverted => {
            let hosts = format!("127.0.0.1 localhost\n{SERVER_V4} {NAME}\n");
            place.put("/etc/hosts", "0644", &hosts);
            place.put("/etc/resolv.conf", "0644", "nameserver 127.0.0.1\n");
            format!("http_port 127.0.0.1:3128\nhttps_port {PORT} intercept")
        }
        Reached::Asked => format!("http_port 127.0.0.1:{PORT}"),
    };
    let trusts = format!("{DIR}/upstream-ca.crt");
    place.put(&trusts, "0644", &pki.root());
    let trust = match upstream {
        Upstream::Trusted => format!("tls_outgoing_options cafile={trusts}"),
        Upstream::Untrusted => "sslproxy_cert_error allow all".to_owned(),
    };
    place.put(
        &format!("{DIR}/squid.conf"),
        "0644",
        &format!(
            r#"
visible_hostname squid.lab
{port} ssl-bump tls-cert={pem} generate-host-certificates=on
sslcrtd_program /usr/lib/squid/security_file_certgen -s {certificates} -M 4MB
sslcrtd_children 2 startup=1
acl hello at_step SslBump1
ssl_bump peek hello
ssl_bump bump all
{trust}
http_access allow all
cache deny all
pid_filename none
cache_log {log}.cache
logformat seen seen: %rm %ru | authorization: %{{Authorization}}>h
access_log stdio:{log} logformat=seen
"#
        ),
    );
    // Its shared memory has one name for every squid of a machine, and outlives it.
    place.shell(&format!(
        "mount -t tmpfs tmpfs /dev/shm
         /usr/lib/squid/security_file_certgen -c -s {certificates} -M 4MB >/dev/null
         touch {log} {log}.cache; chown -R proxy {certificates} {log} {log}.cache"
    ));
    let mut command = place.command("squid");
    // With -d it says on its standard error why it ends.
    command.args(["-N", "-d", "1", "-f", &format!("{DIR}/squid.conf")]);
    Interceptor {
        ca: ca.chain.clone(),
        log,
        _server: Server::start(command, || place.listens(PORT)),
    }
}

impl Interceptor {
    /// All that it has written, once that has this: it may write later than it answers.
    pub(crate) fn until_said(&self, place: &Place, what: &str) -> String {
        until(what, || {
            let said = place.shell(&format!("cat {}", self.log));
            said.contains(what).then_some(said)
        })
    }
}
