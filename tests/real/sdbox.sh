#!/bin/bash
# sdbox.sh NAME HOSTNAME PROGRAM: a machine with a real systemd as its PID 1, for as long as standard input stays open.
#
# Its root is a throw-away overlay over this host's own root, so nothing has to be installed for it; it has own networks
# (loopback alone), processes, mounts, hostname and control groups. PROGRAM, a file, is shown in it read-only under its own path.
# When systemd has come up, one line on standard output has the host's number of its PID 1; enter it with
# `nsenter --all --target NUMBER -- COMMAND`. Needs root, overlayfs, a mounted cgroup2, systemd and D-Bus. Up in half a second.
#
# What keeps the host safe:
# - The upper layer is a tmpfs in the box's own mount namespace: whatever is written vanishes with it, and no mount is made on the host.
# - CAP_SYS_TIME, CAP_SYS_MODULE and CAP_SYS_RAWIO are taken from everything in it: time, modules and ports are not namespaced.
#   Enter it without them, too (`setpriv --bounding-set -sys_time,-sys_module,-sys_rawio`).
# - /proc/sys (but net, which is namespaced), /proc/sysrq-trigger and /sys are read-only.
# - Units that would reach for hardware, kernel settings or package archives are masked. It has a machine id of its own,
#   so that the host's journal is not taken for its.
# - It ends when standard input ends, whichever way that comes about: its PID 1 is killed, and the kernel ends the rest.
set -euo pipefail
name=$1 hostname=$2 program=$3
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$groups" ] || { echo "sdbox: no cgroup2 is mounted" >&2; exit 1; }
group=$groups/$name
base=$(mktemp -d "/tmp/$name.XXXXXX")
mkdir "$group"

# Runs in the box's namespaces, still on the host's root, and becomes its systemd.
read -r -d '' init <<'INIT' || true
set -euo pipefail
base=$1 hostname=$2 program=$3
mount -t tmpfs -o size=1g,mode=755 tmpfs "$base"
mkdir "$base"/{up,work,root}
root=$base/root
mount -t overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" overlay "$root"

mount -t proc proc "$root/proc"
for f in sys sysrq-trigger; do
  [ -e "$root/proc/$f" ] || continue # not every kernel has a sysrq
  mount --bind "$root/proc/$f" "$root/proc/$f"
  mount -o remount,bind,ro "$root/proc/$f"
done
mount --bind /proc/sys/net "$root/proc/sys/net"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,size=16m tmpfs "$root/dev"
for n in null zero full random urandom tty; do
  touch "$root/dev/$n"
  mount --bind "/dev/$n" "$root/dev/$n"
done
mkdir "$root"/dev/{pts,shm,mqueue}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for i in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${i%%:*}" "$root/dev/${i#*:}"; done

mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root${program%/*}"
touch "$root$program"
mount --bind "$program" "$root$program"
mount -o remount,bind,ro "$root$program"

units=$root/etc/systemd/system
for u in systemd-{sysctl,binfmt,modules-load,remount-fs,timesyncd}.service systemd-journald-audit.socket \
  sys-kernel-{debug,tracing}.mount sys-fs-fuse-connections.mount dev-hugepages.mount proc-sys-fs-binfmt_misc.automount \
  apt-daily{,-upgrade}.timer e2scrub_all.timer man-db.timer dpkg-db-backup.timer getty.target; do
  ln -sf /dev/null "$units/$u"
done
rm -f "$root"/etc/{machine-id,hostname,hosts,resolv.conf,nsswitch.conf}
systemd-id128 new >"$root/etc/machine-id"
echo "$hostname" >"$root/etc/hostname"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
hostname "$hostname"
ip link set lo up

mkdir "$root/.host"
cd "$root"
pivot_root . .host
umount -l /.host
rmdir /.host
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=docker LANG=C.UTF-8 \
  setpriv --bounding-set -sys_time,-sys_module,-sys_rawio /lib/systemd/systemd --unit=basic.target --show-status=no
INIT

end() {
  [ -z "${leader:-}" ] || kill -KILL "$leader" 2>/dev/null || true
  [ -z "${holder:-}" ] || { kill -KILL "$holder" 2>/dev/null || true; wait "$holder" 2>/dev/null || true; }
  rmdir "$base"
  for _ in $(seq 200); do # a killed process leaves its group a moment later
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$group" ] || return 0
    sleep 0.02
  done
}
trap end EXIT

# Should this script be killed, the box goes with it: --pdeathsig and --kill-child.
(echo "$BASHPID" >"$group/cgroup.procs"
 exec setsid setpriv --pdeathsig KILL unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child \
   bash -c "$init" sdbox "$base" "$hostname" "$program") </dev/null >/dev/null &
holder=$!

state=
for _ in $(seq 1000); do
  leader=$(cat "/proc/$holder/task/$holder/children" 2>/dev/null) || true
  leader=${leader%% *}
  # Until PID 1 has become systemd, the root in there is the host's, and systemctl would ask the host's.
  if [ -n "$leader" ] && [ "$(cat "/proc/$leader/comm" 2>/dev/null)" = systemd ]; then
    state=$(nsenter --all --target "$leader" -- systemctl is-system-running 2>/dev/null) || true
  fi
  case $state in running | degraded) break ;; esac
  kill -0 "$holder" 2>/dev/null || { echo "sdbox: systemd did not start" >&2; exit 1; }
  sleep 0.02
done
case $state in
running | degraded) echo "$leader" ;;
*) echo "sdbox: systemd is ${state:-silent}" >&2; exit 1 ;;
esac
cat >/dev/null
