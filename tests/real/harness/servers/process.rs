//! A server's process: started, waited for, its output kept, ended.

use std::fs;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use crate::harness::place::child_of;
use crate::harness::until;

/// Where servers keep their files in a place: on its own `/run`, gone with it.
pub(super) const DIR: &str = "/run/lab";

/// A running server. It ends when this is dropped, and with its place at the latest.
pub(crate) struct Server {
    /// `nsenter`, whose child is the server.
    entered: Child,
    output: NamedTempFile,
}

impl Server {
    /// Starts it and waits until it is `ready`.
    ///
    /// # Panics
    /// With what it said, when it ends before that.
    pub(super) fn start(mut command: Command, ready: impl Fn() -> bool) -> Self {
        let output = NamedTempFile::new().unwrap();
        let writer = output.reopen().unwrap();
        let entered = command
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let mut server = Self { entered, output };
        until(&format!("{command:?}"), || {
            let ended = server.entered.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {}", server.output());
            ready().then_some(())
        });
        server
    }

    /// Everything that it has printed so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.output.path()).unwrap()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let inside = child_of(self.entered.id()).and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = inside {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
        let _ended = self.entered.wait();
    }
}
