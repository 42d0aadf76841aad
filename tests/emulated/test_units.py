"""The unit tests that qemu-user cannot run, on a real kernel of their architecture."""
import subprocess

import pytest
from emulation import beyond
from images import CACHE
from machine import KERNELS, ROOT, Guest, disk

TESTS = ROOT / "build/release-arm64/tests"
LIBRARIES = ["ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libcmocka.so.0"]  # what a unit test is linked with
WORLD = """set -e
mkdir -p /lib/aarch64-linux-gnu /mnt
rm -f /bin/nice /bin/stty
ln -s aarch64-linux-gnu/ld-linux-aarch64.so.1 /lib
echo nobody:x:65534:65534::/nonexistent:/bin/false >>/etc/passwd
echo nogroup:x:65534: >>/etc/group
chmod 0700 /root
mount -t ext4 /dev/vda /mnt && mkdir -m 1777 /mnt/scratch && mount --bind /mnt/scratch /tmp
"""  # what they expect of a machine: users, a closed home, attributes in /tmp
OWN_CGROUP = 'mkdir /sys/fs/cgroup/$0; echo $$ >/sys/fs/cgroup/$0/cgroup.procs; exec /run/$0'


def send(guest, *words):
    r = guest.ctl("cp", *words)
    assert r.returncode == 0, r


@pytest.fixture(scope="module")
def guest():
    with Guest(KERNELS[0], modules=["virtio_blk"], devices=disk(CACHE / "root.ext4")) as g:
        g.text(WORLD)
        send(g, *(f"/usr/lib/aarch64-linux-gnu/{name}" for name in LIBRARIES), ":/lib/aarch64-linux-gnu/")
        send(g, *(CACHE / "coreutils").iterdir(), ":/bin/")
        yield g


@pytest.mark.parametrize("name", beyond("unit/"))
def test_unit(guest, name, tmp_path):
    program = f"unit_{name.replace('/', '_')}"
    subprocess.run(["aarch64-linux-gnu-strip", "-o", tmp_path / program, TESTS / program], check=True)
    send(guest, tmp_path / program, ":/run/")
    r = guest.exec("sh", "-ec", OWN_CGROUP, program)
    assert r.returncode == 0, f"{r.stdout.decode()}\n{r.stderr.decode()}"
