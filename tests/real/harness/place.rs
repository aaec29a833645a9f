//! A set of namespaces that commands run in: seen from outside through the process that is PID 1 in there.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::until;

/// Capabilities that nothing in a place may have: time, modules and raw I/O are not namespaced.
const FORBIDDEN: &str = "-sys_time,-sys_module,-sys_rawio";

/// Where commands run. A [`World`](super::World) and a [`SystemdBox`](super::SystemdBox) are places that end themselves.
pub(crate) struct Place {
    /// The host's number of the process that is PID 1 in there.
    leader: u32,
}

impl Place {
    /// The place that the process `leader` is PID 1 of.
    pub(super) fn of(leader: u32) -> Self {
        Self { leader }
    }

    /// The host's number of the place's PID 1: `ip link … netns NUMBER` names the place's network by it.
    pub(super) fn leader(&self) -> u32 {
        self.leader
    }

    /// A command that will run in here, with a clean environment and nothing on its standard input.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--all", "--target", &self.leader.to_string(), "--"])
            .args(["setpriv", "--bounding-set", FORBIDDEN, "--"])
            .arg(program)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LANG", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    /// Runs a few lines of shell in here and returns what they print.
    ///
    /// # Panics
    /// When a line fails.
    pub(crate) fn shell(&self, lines: &str) -> String {
        let output = self.command("sh").args(["-euc", lines]).output().unwrap();
        assert!(
            output.status.success(),
            "{lines}\n{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Puts a file here, replacing what is there, with the given permissions (`0600`, …).
    ///
    /// `install` does it from within: a link that leads out of the place is replaced, never followed.
    pub(crate) fn put(&self, path: &str, mode: &str, content: &str) {
        let mut install = self
            .command("install")
            .args(["-D", "-m", mode, "/dev/stdin", path])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = install.stdin.take().unwrap();
        input.write_all(content.as_bytes()).unwrap();
        drop(input);
        assert!(install.wait().unwrap().success(), "put {path}");
    }

    /// Whether a TCP socket listens on `port` in here.
    pub(crate) fn listens(&self, port: u16) -> bool {
        self.sockets("tcp")
            .any(|socket| socket.local == port && socket.state == "0A")
    }

    /// Whether a UDP socket is bound to `port` in here.
    pub(crate) fn bound(&self, port: u16) -> bool {
        self.sockets("udp").any(|socket| socket.local == port)
    }

    /// Whether somebody in here has an open TCP connection to `port`.
    pub(crate) fn connected_to(&self, port: u16) -> bool {
        self.sockets("tcp")
            .any(|socket| socket.remote == port && socket.state == "01")
    }

    /// The kernel's own table of this place's sockets (`proc(5)`, `/proc/net/tcp`): it can be read without disturbing a server.
    fn sockets(&self, protocol: &str) -> impl Iterator<Item = Socket> + use<> {
        let tables = [protocol.to_owned(), format!("{protocol}6")];
        let leader = self.leader;
        tables.into_iter().flat_map(move |table| {
            let text = fs::read_to_string(format!("/proc/{leader}/net/{table}"));
            let sockets: Vec<Socket> = text
                .unwrap_or_default()
                .lines()
                .filter_map(Socket::read)
                .collect();
            sockets
        })
    }
}

/// A line of the kernel's socket table.
struct Socket {
    local: u16,
    remote: u16,
    /// In hexadecimal: 01 is an open connection, 0A a listener.
    state: String,
}

impl Socket {
    fn read(line: &str) -> Option<Self> {
        let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
        let mut fields = line.split_whitespace().skip(1);
        Some(Self {
            local: port(fields.next()?)?,
            remote: port(fields.next()?)?,
            state: fields.next()?.to_owned(),
        })
    }
}

/// Sends a signal to what runs in a place for a command that was started there.
pub(crate) fn signal(command: &Child, signal: Signal) {
    let running = until("the command's process", || child_of(command.id()));
    kill_process(Pid::from_raw(running.cast_signed()).unwrap(), signal).unwrap();
}

/// The first child of a process, by the host's numbers: what `nsenter` or `unshare` has forked into its namespaces.
pub(super) fn child_of(parent: u32) -> Option<u32> {
    let path: PathBuf = format!("/proc/{parent}/task/{parent}/children").into();
    let children = fs::read_to_string(path).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
