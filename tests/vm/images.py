"""What the guests boot: images that rootfs/bake makes of the world that tests/vm/setup has made. They are kept in build/baked,
and made anew for another agent.
"""
import functools
import hashlib
import io
import os
import subprocess
import tarfile

from agent import ARCH, BINARY, ROOT

CACHE = ROOT / "build/deps/vm" / {"amd64": ".", "arm64": "arm64"}[ARCH]
BAKE = ROOT / "rootfs/bake"
IMAGES = ROOT / "build/baked"
VSOCK = ["virtio_pci", "vmw_vsock_virtio_transport", "vsock_loopback"]  # what Debian's kernels have not built in
ENDINGS = {"initramfs": "cpio", "ext4": "ext4", "squashfs": "squashfs"}


def modules_of(kernel):
    """Its /lib/modules/RELEASE, as tests/vm/setup keeps it."""
    return next((CACHE / kernel / "tree/lib/modules").iterdir())


@functools.cache
def world():
    """A small world of busybox, as a tar."""
    return (CACHE / "world.tar").read_bytes()


@functools.cache
def world_with_git():
    """That world, with git: as a tar."""
    out = io.BytesIO(world())
    with tarfile.open(fileobj=out, mode="a") as tar, tarfile.open(CACHE / "git.tar") as git:
        for entry in git:
            if not entry.isdir() or entry.name not in tar.getnames():
                tar.addfile(entry, git.extractfile(entry) if entry.isfile() else None)
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
