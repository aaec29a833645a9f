#!/bin/bash
# uml.sh JOB OUT ADDRESS: runs JOB, a file with shell lines, as root on a machine with a Linux kernel of its own, and ends with it.
#
# That kernel is User-Mode Linux, an ordinary process, and the machine is the one place here whose time may be set: it has a clock
# of its own, and a real systemd. It sees the files of whoever starts it; what it writes is thrown away, but for what JOB puts into
# /mnt, which is OUT. Its one network card, eth0 with ADDRESS, is at the other end of the device tap0 of whoever starts it.
# Nobody else is reached from it. Up in 15 seconds. Needs root, /dev/net/tun, and the packages user-mode-linux and kmod.
set -eu
if [ $$ != 1 ]; then
  self=$(readlink -f "$0")
  # Its memory is a file, which is removed as soon as it is open; what it notes of itself lies in HOME.
  HOME=/run TMPDIR=/dev/shm exec linux.uml mem=768M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet \
    con=null con0=null,fd:1 con1=null eth0=tuntap,tap0 "init=$self" "JOB=$1" "OUT=$2" "ADDRESS=$3" </dev/null
fi

# From here on it is PID 1 of that machine.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs -o size=400m tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
insmod /usr/lib/uml/modules/*/kernel/fs/overlayfs/overlay.ko
root=/mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work overlay $root
mkdir -p $root/mnt
mount -t hostfs -o "$OUT" none $root/mnt
cp "$JOB" $root/root/job.sh
ip link set lo up
ip addr add "$ADDRESS" dev eth0
ip link set eth0 up
umount /proc

units=$root/etc/systemd/system
for unit in systemd-{udevd,timesyncd,modules-load,sysctl,binfmt,remount-fs}.service systemd-journald-audit.socket kmod.service \
  modprobe@{configfs,dm_mod,drm,efi_pstore,fuse,loop}.service sys-kernel-{debug,tracing}.mount sys-fs-fuse-connections.mount \
  dev-hugepages.mount proc-sys-fs-binfmt_misc.automount apt-daily{,-upgrade}.timer e2scrub_all.timer man-db.timer \
  dpkg-db-backup.timer getty.target; do
  ln -sf /dev/null "$units/$unit"
done
cat >"$units/job.service" <<'UNIT'
[Unit]
Requires=dbus.service
After=basic.target dbus.service
[Service]
Type=oneshot
ExecStart=/bin/bash /root/job.sh
ExecStopPost=/bin/systemctl poweroff -ff
UNIT
rm -f "$root/.dockerenv"
cd $root
mkdir -p .old
pivot_root . .old
exec /lib/systemd/systemd --unit=job.service --show-status=no </dev/console >/dev/console 2>&1
