//! Nameservers: unbound for nearly every answer, nsd for SERVFAIL, dnsmasq as one more opinion.

use super::process::{DIR, Server};
use crate::harness::{NAME, Place};

/// unbound on 127.0.0.53, made the place's only nameserver. It asks nobody; `cp.nexplane.test` has the given addresses.
///
/// Under `.test` it also has a zone for each way to fail: `missing` (NXDOMAIN), `empty` (NODATA), `refused`, `silent`.
pub(crate) fn unbound(place: &Place, addresses: &[&str]) -> Server {
    let records: String = addresses
        .iter()
        .map(|address| {
            let kind = if address.contains(':') { "AAAA" } else { "A" };
            format!(" local-data: \"{NAME}. 5 {kind} {address}\"\n")
        })
        .collect();
    place.put(
        &format!("{DIR}/unbound.conf"),
        "0644",
        &format!(
            r#"
server:
 directory: "{DIR}"
 chroot: ""
 username: ""
 pidfile: ""
 use-syslog: no
 interface: 127.0.0.53
 do-ip6: no
 num-threads: 1
 module-config: "iterator"
 local-zone: "test." nodefault
 local-zone: "." static
{records}
 local-zone: "missing.test." always_nxdomain
 local-zone: "empty.test." always_nodata
 local-zone: "refused.test." always_refuse
 local-zone: "silent.test." deny
remote-control:
 control-enable: no
"#
        ),
    );
    place.put("/etc/resolv.conf", "0644", "nameserver 127.0.0.53\n");
    let mut command = place.command("unbound");
    command.args(["-d", "-c", &format!("{DIR}/unbound.conf")]);
    Server::start(command, || place.bound(53))
}

/// nsd on 127.0.0.55, made the place's only nameserver. The file of its one zone, `broken.test`, is missing: SERVFAIL.
pub(crate) fn nsd(place: &Place) -> Server {
    place.put(
        &format!("{DIR}/nsd.conf"),
        "0644",
        &format!(
            r#"
server:
  ip-address: 127.0.0.55
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{DIR}"
  pidfile: ""
  xfrdfile: "{DIR}/xfrd"
  zonelistfile: "{DIR}/zones"
  database: ""
remote-control:
  control-enable: no
zone:
  name: broken.test
  zonefile: missing
"#
        ),
    );
    place.put("/etc/resolv.conf", "0644", "nameserver 127.0.0.55\n");
    let mut command = place.command("nsd");
    command.args(["-d", "-c", &format!("{DIR}/nsd.conf")]);
    Server::start(command, || place.bound(53))
}

/// dnsmasq on `address`, which knows `cp.nexplane.test` at 127.0.0.1; `/etc/resolv.conf` stays as it is.
pub(crate) fn dnsmasq(place: &Place, address: &str) -> Server {
    let mut command = place.command("dnsmasq");
    command
        .args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
        ])
        .args([
            "--pid-file=",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
        ])
        .arg(format!("--listen-address={address}"))
        .arg(format!("--address=/{NAME}/127.0.0.1"));
    Server::start(command, || place.bound(53))
}
