"""guestd as /init of an initramfs: it loads its modules, finds the root file system, and changes to it."""
import subprocess
import time

import pytest
from images import CACHE, initramfs
from machine import MODULES, Guest, disk, drive

UUID = "6f0d2c5e-7a51-4f0b-9c3d-2b1e8f4a9d70"


class WithDisks(Guest):
    """A guest with disks: their images, in order."""

    def __init__(self, kernel, config="", words="", disks=(), devices=(), **options):
        devices = [*devices, *(word for n, image in enumerate(disks) for word in disk(image, f"disk{n}"))]
        super().__init__(kernel, words=words, config=config, modules=["virtio_blk"], devices=devices, **options)

    def mounts(self):
        """{target: (source, type, options)}; of several the uppermost."""
        lines = [line.split() for line in self.text("cat /proc/mounts").splitlines()]
        return {target: (source, kind, options.split(",")) for source, target, kind, options, *_ in lines}


def image(directory, label, megabytes=8):
    path = directory / f"{label}.ext4"
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", label, path, f"{megabytes}M"], check=True)
    return path


EXT4, SQUASHFS = CACHE / "root.ext4", CACHE / "root.squashfs"


@pytest.mark.parametrize("config,words", [("root LABEL=world rw\n", ""), ("root /dev/nowhere\n", f"root=UUID={UUID} rw")])
def test_the_root_is_found_and_entered(kernel, config, words):
    with WithDisks(kernel, config, words, [EXT4]) as g:
        assert g.complaints() == []
        mounts = g.mounts()
        assert mounts["/"][:2] == ("/dev/vda", "ext4") and "rw" in mounts["/"][2]
        assert {"/dev": "devtmpfs", "/proc": "proc", "/sys": "sysfs", "/run": "tmpfs", "/tmp": "tmpfs", "/dev/pts": "devpts",
                "/dev/shm": "tmpfs", "/sys/fs/cgroup": "cgroup2", "/home": "tmpfs"}.items() <= {
                    target: mount[1] for target, mount in mounts.items()}.items()
        assert "noexec" in mounts["/home"][2]
        assert g.text("cat /proc/sys/vm/swappiness") == "7\n"  # the new root's configuration counts, and the first one no more
        assert "/init" not in g.text("ls -d /*").split()
        assert g.text("touch /written; readlink /proc/1/root; readlink /proc/1/cwd") == "/\n/\n"


def test_the_initramfs_is_emptied(kernel):
    free = {}
    for name, config in {"stays": "", "leaves": "root LABEL=world\n"}.items():
        with WithDisks(kernel, config, disks=[EXT4]) as g:
            free[name] = int(g.text("awk '/^MemFree/ {print $2}' /proc/meminfo"))
    size = initramfs(kernel, modules=MODULES).stat().st_size // 1024
    assert free["leaves"] - free["stays"] > size // 2, (free, size)  # the files lay in memory


def test_a_root_without_names_is_read_only(kernel):
    with WithDisks(kernel, words="root=/dev/vda", disks=[SQUASHFS]) as g:  # the module of its type is loaded when it is needed
        assert g.mounts()["/"][:2] == ("/dev/vda", "squashfs") and g.complaints() == []
        assert g.exec("touch", "/written").returncode == 1
        assert g.text("echo hello >/tmp/written; cat /tmp/written") == "hello\n"


def test_an_overlay_in_memory(kernel):
    with WithDisks(kernel, words="root=/dev/vda guestd.overlay=tmpfs", disks=[SQUASHFS]) as g:
        assert g.complaints() == []
        g.text("echo hello >/etc/written; rm /bin/dial")
        assert g.text("cat /run/guestd/overlay/upper/etc/written; ls /run/guestd/lower/bin/dial").splitlines() == [
            "hello", "/run/guestd/lower/bin/dial"]
        assert g.mounts()["/"][1] == "overlay" and "ro" in g.mounts()["/run/guestd/lower"][2]


def test_an_overlay_on_a_disk(kernel, tmp_path):
    with WithDisks(kernel, "root LABEL=world rw\noverlay LABEL=upper\n", disks=[EXT4, image(tmp_path, "upper")]) as g:
        assert g.complaints() == []
        g.text("echo hello >/written")
        mounts = g.mounts()
        assert g.text("cat /run/guestd/overlay/upper/written") == "hello\n" and mounts["/"][1] == "overlay"
        assert mounts["/run/guestd/overlay"][:2] == ("/dev/vdb", "ext4") and "ro" in mounts["/run/guestd/lower"][2]


def test_a_device_that_comes_late(kernel):
    devices = ["-device", "pcie-root-port,id=late,chassis=2,slot=2", *drive(EXT4, "slow")]
    with WithDisks(kernel, words="root=LABEL=world rootwait", devices=devices, wait=False) as g:
        g.show()  # the drivers are loaded; now it waits
        time.sleep(3)
        assert g.complaints() == []
        g.qmp("device_add", driver="virtio-blk-pci", id="disk", drive="slow", bus="late")
        g.until(g.answers, "the first answer")
        assert g.mounts()["/"][:2] == ("/dev/vda", "ext4") and g.complaints() == []


@pytest.mark.parametrize("disks,says", [
    ([], "root LABEL=nothere: there is no device LABEL=nothere after 1000 ms; there is none at all; going on in the initramfs"),
    ([EXT4], f"(ext4, LABEL=world, UUID={UUID}); going on in the initramfs"),
])
def test_a_root_that_is_missing(kernel, disks, says):
    with WithDisks(kernel, "root LABEL=nothere wait=1\n", disks=disks) as g:
        line, = g.complaints()
        assert says in line
        assert g.text("ls /init") == "/init\n"


def test_a_root_that_cannot_be_mounted(kernel, tmp_path):
    (tmp_path / "zeros").write_bytes(bytes(1 << 20))
    with WithDisks(kernel, words="root=/dev/vda", disks=[tmp_path / "zeros"]) as g:
        line, = g.complaints()
        assert "root /dev/vda: mount /dev/vda on '/run/guestd/root' as any type: invalid argument" in line
        assert "/run/guestd/root" not in g.mounts() and g.text("ls /init") == "/init\n"


def test_a_bad_configuration_stops_nothing(kernel):
    config = "nonsense\nmodule no_such_module\nmount LABEL=nothere /data ext4 nofail\nmount tmpfs /data tmpfs no-such=1\n" \
             "sysctl no.such=1\n'open\n"
    with WithDisks(kernel, config) as g:
        lines = g.complaints()
        assert len(lines) == 5, lines
        assert lines[0] == "guestd: /etc/guestd.conf:5: there is no key 'nonsense'"
        assert lines[1] == "guestd: /etc/guestd.conf:10: a ' is not closed"
        assert lines[2].startswith("guestd: module no_such_module: '/lib/modules/")
        assert lines[3].startswith("guestd: sysctl no.such=1: no such file")
        assert lines[4].startswith("guestd: mount /data: mount tmpfs on '/data' as tmpfs: ")


def test_modules_are_loaded_with_what_they_need(kernel):
    with WithDisks(kernel, "module vsock-loopback\n") as g:
        loaded = set(g.text("cut -d' ' -f1 /proc/modules").split())
        assert {"vsock_loopback", "vmw_vsock_virtio_transport_common", "vsock"} <= loaded
        assert g.complaints() == []


def test_file_systems_of_the_configuration(kernel, tmp_path):
    config = "mount LABEL=data /data/deep auto noatime,ro\nmount /data/deep /alias none bind,nosuid\nmount /tmp /tmp none bind\n"
    with WithDisks(kernel, config, disks=[image(tmp_path, "data")]) as g:
        mounts = g.mounts()
        assert g.complaints() == []
        assert mounts["/data/deep"][:2] == ("/dev/vda", "ext4") and {"noatime", "ro"} <= set(mounts["/data/deep"][2])
        assert {"nosuid"} <= set(mounts["/alias"][2])
        assert mounts["/tmp"][1] in ("rootfs", "tmpfs")
