#!/bin/sh
# rootfs/cloud-hypervisor.sh KERNEL IMAGE SOCKET: boots an ext4 or squashfs image of rootfs/bake in Cloud Hypervisor. The guest's
# agent is then at SOCKET: guestctl -t hybrid:SOCKET --wait 10s exec uname -a
#
# KERNEL is a vmlinux, or a bzImage. What the guest writes to an ext4 stays in IMAGE; a squashfs is attached read-only, and wants
# "overlay tmpfs" in its configuration.
set -eu
[ $# = 3 ] || {
	sed -n 's/^# //; 2,3p' "$0" >&2
	exit 2
}
case $2 in
*.squashfs | *.sqfs) access=ro readonly=on ;;
*) access=rw readonly=off ;;
esac
rm -f "$3" # one that a VM before left

exec cloud-hypervisor \
	--kernel "$1" \
	--cmdline "root=/dev/vda $access init=/sbin/init panic=1 quiet loglevel=1" \
	--disk "path=$2,readonly=$readonly" \
	--cpus boot=2 \
	--memory size=512M \
	--vsock "cid=3,socket=$3" \
	--rng src=/dev/urandom \
	--serial off \
	--console off
