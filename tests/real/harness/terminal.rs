//! A terminal with the doctor at its other end, as a person has it: what is shown, what is typed, and whether that is shown.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::until;

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    /// `nsenter`, whose child leads the terminal's session.
    child: Child,
    keyboard: File,
    /// The program's end, which says how the terminal is set as long as it is open.
    line: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// The doctor with these arguments in this place, on a terminal that is its session's own: Ctrl-C reaches it.
    pub(crate) fn of(place: &super::Place, arguments: &[&str]) -> Self {
        let mut command = place.command("setsid");
        command
            .args(["--ctty", "--wait", "timeout", "--foreground"])
            .args(["--signal", "KILL", "120"])
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .args(arguments);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = File::from(open(name.as_c_str(), flags, Mode::empty()).unwrap());
        let end = || line.try_clone().unwrap();
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        // Ends with an error once the last program's end is closed.
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                seen.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self {
            child,
            keyboard,
            line,
            shown,
            reader,
        }
    }

    /// Everything that was shown until now.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until this is shown.
    pub(crate) fn waits_for(&self, words: &str) {
        until(words, || self.shown().contains(words).then_some(()));
    }

    /// Types this. Ctrl-C is `\u{3}`.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        let modes = tcgetattr(self.line.as_fd()).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Waits for the program's end; gives how it ended, and everything that was shown.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        // Whoever comes to the terminal next sees what they type.
        assert!(self.echoes(), "the echo is off\n{}", self.shown());
        drop(self.line);
        self.reader.join().unwrap();
        let shown = self.shown.lock().unwrap();
        (status, String::from_utf8_lossy(&shown).into_owned())
    }
}
