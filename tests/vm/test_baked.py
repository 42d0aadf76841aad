"""What rootfs/bake makes boots: as an initramfs, and as a disk."""
import hashlib

import pytest
from agent import BINARY
from images import empty, image, initramfs
from machine import Guest, disk

AGENT = hashlib.sha256(BINARY.read_bytes()).hexdigest()
FIRST = ["--set", "root LABEL=guestd rw"]  # no more than the way to the disk


def test_an_initramfs(kernel):
    with Guest(kernel, initrd=initramfs(kernel, "--user", "bob:1001", "--set", "default-user bob", "--set", "env COLOUR=blue")) as g:
        assert g.complaints() == []
        assert g.text("readlink /init; sha256sum </sbin/init").split() == ["sbin/init", AGENT, "-"]
        assert g.text("id -un; id -g; echo ~; pwd").split() == ["bob", "1001", "/home/bob", "/home/bob"]
        assert g.text("cat /proc/1/comm; stat -c %a /tmp; stat -c %F /dev/console").splitlines() == [
            "init", "1777", "character special file"]


@pytest.mark.parametrize("form,words", [("ext4", ["--free", "16"]), ("squashfs", [])])
def test_a_disk(kernel, form, words):
    root = image(form, *words, "--user", "bob:1234", "--set", "hostname baked")
    modules = ["virtio_blk"] + ["squashfs", "overlay"] * (form == "squashfs")
    overlay = ["--set", "overlay tmpfs"] if form == "squashfs" else []
    first = ["--set", "root /dev/vda ro", *overlay] if overlay else FIRST
    with Guest(kernel, initrd=initramfs(kernel, *first, modules=modules, source=empty), devices=disk(root)) as g:
        assert g.complaints() == []
        mount, = [line.split() for line in g.text("cat /proc/mounts").splitlines() if line.split()[1] == "/"]
        assert mount[2] == ("overlay" if overlay else "ext4") and mount[3].startswith("rw")
        assert g.text("sha256sum </sbin/init; cat /etc/guestd.conf").split() == [AGENT, "-", "hostname", "baked"]
        assert g.text("stat -c %u:%g:%a /home/bob").strip() == "1234:1234:755"
        assert g.text("find / -xdev -type f | wc -l") != "0\n"
        assert g.text("dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; sync; stat -c %s /big") == "8388608\n"
        assert g.text(
            "i=0; while [ $i -lt 300 ]; do echo >/home/rather-long-$i; i=$((i+1)); done; ls /home | wc -l") == "302\n"
        assert "EXT4-fs error" not in g.text("dmesg")


def test_check_in_a_guest(kernel):
    """The table of a guest that has all that is needed."""
    with Guest(kernel, initrd=initramfs(kernel)) as g:
        r = g.exec("/sbin/init", "--check")
        table = r.stdout.decode()
        rows = {line[:18].strip(): line[20:28].strip() for line in table.splitlines()[1:]}
        assert r.returncode == 0 and "MISSING" not in table, table
        assert table.startswith(f"Linux {kernel}.")
        for what in ("vsock", "vsock device", "terminals", "cgroup2", "cgroup memory", "cgroup.freeze", "clone3",
                     "close_range", "openat2", "statx", "preadv2", "copy_file_range", "sh", "bash"):
            assert rows[what] == "ok", table
        for what in ("cgroup.kill", "cloexec range", "MADV_COLLAPSE"):  # of Linux 5.14, 5.11 and 6.1
            assert rows[what] == ("missing" if kernel == "5.10" else "ok"), table
        for what in ("git", "certificates"):
            assert rows[what] == "missing", table
        assert rows["generation id"] == "missing"  # QEMU was given no such device
