//! A machine with a real systemd, by `sdbox.sh`.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::place::Place;
use super::{HOSTNAME, until};

/// The machine. It ends when this is dropped, or when the test process dies.
pub(crate) struct SystemdBox {
    place: Place,
    keeper: Child,
}

impl SystemdBox {
    /// Boots one, with nothing but a loopback interface, and no nameserver.
    pub(crate) fn new() -> Self {
        static BOXES: AtomicU32 = AtomicU32::new(0);
        let number = BOXES.fetch_add(1, Ordering::Relaxed);
        let mut keeper = Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/sdbox.sh"))
            .arg(format!("nexplane-box-{}-{number}", std::process::id()))
            .arg(HOSTNAME)
            .arg(env!("CARGO_BIN_EXE_nexplane-doctor"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let leader = line
            .trim()
            .parse()
            .expect("a systemd box did not come up (are you root?)");
        Self {
            place: Place::of(leader),
            keeper,
        }
    }

    /// `systemctl`, which must succeed.
    pub(crate) fn systemctl(&self, arguments: &str) -> String {
        self.shell(&format!("systemctl {arguments}"))
    }

    /// Waits until a property of the agent's unit is as wanted.
    pub(crate) fn until_service(&self, property: &str, wanted: impl Fn(&str) -> bool) {
        let show = format!("show --property={property} --value nexplane-agent");
        until(&format!("the service's {property}"), || {
            wanted(self.systemctl(&show).trim()).then_some(())
        });
    }
}

impl Deref for SystemdBox {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Drop for SystemdBox {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}
