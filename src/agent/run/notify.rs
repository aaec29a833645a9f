//! What the service manager is told (sd_notify(3)): ready, alive, stopping. Without one, nobody is told.
//!
//! Datagrams to the socket that `NOTIFY_SOCKET` names, which may be one without a file (`@…`, as container managers and old
//! systemds have them). Nothing here waits: where the manager does not take what it is told, it is not told.

use std::time::Duration;

/// The service manager, if there is one that wants to be told.
#[derive(Debug)]
pub(super) struct Manager {
    socket: Option<Socket>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that started this process.
    pub(super) fn of_environment() -> Self {
        let number = |name| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
        let for_this =
            number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        Self {
            socket: socket(),
            watchdog: number("WATCHDOG_USEC")
                .filter(|time| *time > 0 && for_this)
                .map(Duration::from_micros),
        }
    }

    /// All is set up: the service counts as started.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// What it is doing, in a line.
    pub(super) fn status(&self, text: &str) {
        self.tell(&format!("STATUS={}", text.replace(char::is_control, " ")));
    }

    /// It still turns.
    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// It ends, because it was asked to.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// How often it has to be told that this still turns: twice in the time after which it would end it.
    pub(super) fn beat(&self) -> Option<Duration> {
        let half = self.watchdog? / 2;
        Some(half.max(Duration::from_millis(1)))
    }

    fn tell(&self, what: &str) {
        if let Some(socket) = &self.socket {
            // Nobody listens, or not any more: that is no reason not to work.
            let _untold = socket.send(what.as_bytes());
        }
    }
}

#[cfg(target_os = "linux")]
use std::os::unix::net::UnixDatagram as Socket;

#[cfg(target_os = "linux")]
fn socket() -> Option<Socket> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::SocketAddr;
    let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let socket = Socket::unbound().ok()?;
    socket.connect_addr(&address.ok()?).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

#[cfg(windows)]
use super::scm::{Socket, socket};

/// There is no such manager elsewhere.
#[cfg(not(any(target_os = "linux", windows)))]
#[derive(Debug)]
enum Socket {}

#[cfg(not(any(target_os = "linux", windows)))]
impl Socket {
    fn send(&self, _what: &[u8]) -> std::io::Result<usize> {
        match *self {}
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
fn socket() -> Option<Socket> {
    None
}
