//! A machine with a kernel and a clock of its own, by `uml.sh`: the one place where the time may be set.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

use tempfile::TempDir;

use super::World;

/// The address of the world that the machine is beside: whoever it asks is there, and lives in the true time.
pub(crate) const BESIDE_IT: &str = "10.98.0.1";
/// The machine's own.
const ADDRESS: &str = "10.98.0.2/24";
/// When it is ended as one that hangs, in seconds. It needs a tenth of this.
const BOUND: &str = "300";

/// The world that such a machine is beside, and shows its files to.
pub(crate) struct OwnClock {
    world: World,
    out: TempDir,
}

impl OwnClock {
    /// A world with an end of the link to the machine, which is not up yet.
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.shell(&format!(
            "ip tuntap add dev tap0 mode tap; ip addr add {BESIDE_IT}/24 dev tap0; ip link set tap0 up"
        ));
        Self {
            world,
            out: tempfile::tempdir().unwrap(),
        }
    }

    /// Where its peers are.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Boots it, has it do this, and switches it off. `told NAME COMMAND…` keeps what a command says, for [`OwnClock::told`].
    pub(crate) fn does(&self, lines: &str) {
        let job = self.out.path().join("job");
        let told = "told() { name=$1; shift; \"$@\" >/mnt/$name 2>/mnt/$name.err; echo $? >/mnt/$name.status; }";
        let text = format!("set -u\n{told}\n{lines}\necho whole >/mnt/whole\n");
        fs::write(&job, text).unwrap();
        let mut command = self.world.command("timeout");
        command
            .args(["--signal", "KILL", BOUND])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/uml.sh"))
            .args([&job, self.out.path()])
            .arg(ADDRESS);
        let output = command.output().unwrap();
        let whole = fs::read_to_string(self.out.path().join("whole"));
        assert_eq!(
            whole.unwrap_or_default(),
            "whole\n",
            "the machine did not do all of it: {}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// How a command ended there, and what it said.
    pub(crate) fn told(&self, name: &str) -> Output {
        let read = |suffix: &str| fs::read(self.out.path().join(format!("{name}{suffix}")));
        let status = String::from_utf8(read(".status").unwrap()).unwrap();
        let code: i32 = status.trim().parse().unwrap();
        Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: read("").unwrap(),
            stderr: read(".err").unwrap(),
        }
    }

    /// What a command said, which succeeded.
    pub(crate) fn said(&self, name: &str) -> String {
        let output = self.told(name);
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}\n{complaint}");
        said
    }
}
