"""A whole guest under Linux 6.12, its root on a disk: its memory beside that of busybox's init, and what PID 1 does when nothing
happens."""
import io
import re
import statistics
import sys
import tarfile
import time

from table import Row

from agent import ROOT

sys.path.insert(0, str(ROOT / "tests/vm"))

from images import image, world  # noqa: E402
from machine import HANG, Guest, disk  # noqa: E402

KERNEL = "6.12"
BOOTS = 3
# One image has both inits, and a few lines in an initramfs start the one or the other as a kernel with virtio_blk built in would.
FIRST = """#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for m in virtio_blk vmw_vsock_virtio_transport; do modprobe $m; done
mount -t ext4 /dev/vda /mnt
umount /proc /dev
exec switch_root /mnt INIT
"""
INITTAB = """::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mount -t sysfs sysfs /sys
::sysinit:/bin/mount -t devtmpfs devtmpfs /dev
::once:/bin/sh /report
"""
REPORT = "sleep 8; sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; cat /proc/meminfo >/dev/console; echo reported >/dev/console\n"
# Not MemFree: pages that each CPU keeps for the next who wants one come and go by the megabyte.
USED = ("AnonPages", "Cached", "Buffers", "Slab", "PageTables", "KernelStack", "Percpu")


def source():
    """The world of the tests, with what busybox's init does in it, and a directory to mount on."""
    out = io.BytesIO(world())
    with tarfile.open(fileobj=out, mode="a") as archive:
        for name, text in (("etc/inittab", INITTAB), ("report", REPORT)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def root():
    return image("ext4", "--free", "8", "--set", "start /bin/sh /report", source=source)


def used_kib(guest):
    limit = time.monotonic() + HANG
    while "reported" not in guest.console:
        if time.monotonic() > limit:
            raise RuntimeError(f"the guest does not say what it uses: {guest.report()}")
        time.sleep(0.1)
    fields = dict(re.findall(r"(\w+): +(\d+) kB", guest.console))
    return sum(int(fields[name]) for name in USED)


def under(init):
    """Memory that is used in such a guest, in KiB: the median of some boots."""
    def measure():
        first = FIRST.replace("INIT", init).encode()
        with Guest(KERNEL, files={"init": first, "mnt": None}, devices=disk(root()), wait=False) as g:
            return used_kib(g)
    return statistics.median(measure() for _ in range(BOOTS))


def guest(options):
    ours, theirs = under("/sbin/init"), under("/bin/busybox init")
    yield Row("used more than by busybox init", ours - theirs, "KiB", 1536)
    with Guest(KERNEL) as g:
        seen = g.stillness(options.idle_seconds)
    yield Row(f"context switches in {options.idle_seconds} s", seen["switches"], "", 0)
    yield Row("  pages written to", seen["dirty"], "", 0)
    yield Row("boot to the first answer", statistics.median(s for _, s in Guest.boots) * 1000, "ms")
