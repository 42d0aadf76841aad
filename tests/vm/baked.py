"""Guests that boot what rootfs/bake made: guestd is /init of an initramfs, or /sbin/init of a disk that the initramfs
changes to.

Images are kept in build/baked, and made anew for another agent.
"""
import functools
import hashlib
import io
import os
import subprocess
import tarfile

from agent import BINARY, ROOT
from machine import CACHE, Guest

BAKE = ROOT / "rootfs/bake"
IMAGES = ROOT / "build/baked"
VSOCK = ["virtio_pci", "vmw_vsock_virtio_transport"]  # what Debian's kernel has not built in
ENDINGS = {"initramfs": "cpio", "ext4": "ext4", "squashfs": "squashfs"}


def modules_of(kernel):
    """Its /lib/modules/RELEASE, as tests/vm/setup keeps it."""
    return next((CACHE / kernel / "tree/lib/modules").iterdir())


@functools.cache
def world():
    """A small world of busybox, as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        busybox = archive.gettarinfo("/bin/busybox", "bin/busybox")
        with open("/bin/busybox", "rb") as file:
            archive.addfile(busybox, file)
        for applet in subprocess.run(["busybox", "--list"], stdout=subprocess.PIPE,
                                     check=True, text=True).stdout.split():
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
    return out.getvalue()


@functools.cache
def empty():
    """A tar with nothing in it."""
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w").close()
    return out.getvalue()


def sources():
    """What the images are made by."""
    return [BINARY, BAKE, *sorted((ROOT / "rootfs/baking").glob("*.py"))]


@functools.cache
def image(form, *words, source=world):
    """The path of an image of that form (of rootfs/bake --format); made anew when what it is made of has changed."""
    purpose = hashlib.sha256(repr((form, words)).encode() + source())
    key = purpose.copy()
    for path in sources():
        key.update(path.read_bytes())
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{purpose.hexdigest()[:32]}.{ENDINGS[form]}"
    stamp = path.with_suffix(".key")
    if not path.exists() or not stamp.exists() or stamp.read_text() != key.hexdigest():
        tar = path.with_suffix(f".{os.getpid()}.tar")
        tar.write_bytes(source())
        try:
            words = [BAKE, tar, "-o", path, "--agent", BINARY, *map(str, words)]
            subprocess.run(words, check=True, stderr=subprocess.PIPE)
        finally:
            tar.unlink()
        stamp.write_text(key.hexdigest())
    return path


def initramfs(kernel, *words, modules=(), source=world):
    """An initramfs that loads what reaches the host, and these modules."""
    return image("initramfs", *words, "--modules", modules_of(kernel), *VSOCK, *modules, source=source)


def disk(path):
    """QEMU's words for a disk; what is written to it is lost."""
    return ["-drive", f"file={path},format=raw,if=none,id=disk,snapshot=on", "-device", "virtio-blk-pci,drive=disk"]


class Baked(Guest):
    """A guest whose first root is a baked initramfs, and, with `root`, whose second one is that image on a disk."""

    def __init__(self, kernel, first, *args, root=None, **options):
        self.first = first
        super().__init__(kernel, *args, devices=disk(root) if root else (), **options)

    def start_qemu(self, *words):
        """With the baked initramfs instead of the one that the other guests have."""
        (self.dir / "initrd").unlink()
        (self.dir / "initrd").symlink_to(self.first)
        super().start_qemu(*words)

    def complaints(self):
        return [line for line in self.console.splitlines() if line.startswith("guestd: ")]
