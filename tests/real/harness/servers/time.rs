//! Time servers: chrony's, which never touches this machine's clock (`-x`), unpacked by `.ci/run` and not installed,
//! because Debian's package would take systemd-timesyncd away.

use std::fs::File;
use std::process::Stdio;

use super::process::{DIR, Server};
use crate::harness::{Place, live_at};

/// Where `.ci/run` unpacks the package.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/debian/chrony");

/// Puts chrony's two programs into a place, where they are found as if they were installed.
pub(crate) fn install_chrony(place: &Place) {
    for program in ["sbin/chronyd", "bin/chronyc"] {
        let packed = format!("{UNPACKED}/usr/{program}");
        let file = File::open(&packed)
            .unwrap_or_else(|error| panic!("{packed}: {error}; `.ci/run` unpacks it"));
        let name = program.split('/').next_back().unwrap();
        let mut install = place.command("install");
        install
            .args([
                "-D",
                "-m",
                "0755",
                "/dev/stdin",
                &format!("/usr/local/bin/{name}"),
            ])
            .stdin(Stdio::from(file));
        assert!(install.status().unwrap().success(), "install {program}");
    }
}

/// What a time server here does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tells<'a> {
    /// A time, such as `+600s`.
    Time(&'a str),
    /// That it is not synchronised.
    Nothing,
}

/// chronyd on port 123 of `address`, where chrony is installed.
pub(crate) fn chronyd(place: &Place, address: &str, tells: Tells<'_>) -> Server {
    let local = match tells {
        Tells::Time(_) => "local stratum 3",
        Tells::Nothing => "",
    };
    let name = format!("{DIR}/chronyd-{address}");
    place.put(
        &format!("{name}.conf"),
        "0644",
        &format!("{local}\nallow\nbindaddress {address}\nport 123\ncmdport 0\nbindcmdaddress /\npidfile {name}.pid\nuser root\n"),
    );
    let mut command = place.command("/usr/local/bin/chronyd");
    command.args(["-x", "-d", "-f", &format!("{name}.conf")]);
    if let Tells::Time(time) = tells {
        live_at(&mut command, time);
    }
    Server::start(command, || place.bound(123))
}

/// A socket on UDP port 123 of `address` that hears everything and says nothing.
pub(crate) fn silent_clock(place: &Place, address: &str) -> Server {
    let mut command = place.command("socat");
    command.args([
        "-u",
        &format!("UDP4-RECV:123,bind={address}"),
        "OPEN:/dev/null",
    ]);
    Server::start(command, || place.bound(123))
}
