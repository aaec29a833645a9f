//! A machine without a service manager: own network, mounts, processes and hostname, an `/etc` to write to.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};

use super::place::{Place, child_of};
use super::{HOSTNAME, until};

/// What PID 1 of a world does: hides the host's `/run`, makes `/etc` and `/usr/local/bin` throw-away copies, then lives
/// until its standard input ends, which it does when the test process drops the world or dies.
const INIT: &str = r#"
mount -t tmpfs -o mode=755,size=64m tmpfs /run
for dir in /etc /usr/local/bin; do
  mkdir -p "/run/world$dir/up" "/run/world$dir/work"
  mount -t overlay -o "lowerdir=$dir,upperdir=/run/world$dir/up,workdir=/run/world$dir/work" overlay "$dir"
done
ip link set lo up
hostname "$1"
for file in resolv.conf hosts nsswitch.conf; do rm -f "/etc/$file"; done
echo 'hosts: files dns' >/etc/nsswitch.conf
echo '127.0.0.1 localhost' >/etc/hosts
echo ready
exec cat >/dev/null
"#;

/// The machine. It has no name anywhere on the host, so any number of them can stand side by side.
pub(crate) struct World {
    place: Place,
    holder: Child,
}

impl World {
    /// Sets one up, with nothing but a loopback interface, and no nameserver.
    pub(crate) fn new() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--uts", "--ipc"])
            .args(["--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-euc", INIT, "world", HOSTNAME])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line);
        assert!(
            said.is_ok() && line == "ready\n",
            "a world did not come up (are you root?)"
        );
        let leader = until("a world's first process", || child_of(holder.id()));
        Self {
            place: Place::of(leader),
            holder,
        }
    }
}

impl Deref for World {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ended = self.holder.wait();
    }
}
