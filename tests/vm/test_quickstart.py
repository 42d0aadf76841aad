"""The quick start for QEMU, as somebody follows it."""
from images import CACHE, modules_of
from machine import HANG, accelerator
from quickstart import follow


def test_qemu(kernel, tmp_path_factory):
    place = tmp_path_factory.mktemp("q")
    (place / "app.tar").symlink_to(CACHE / "world.tar")
    (place / "vmlinux").symlink_to(CACHE / kernel / "vmlinux")
    code, said = follow("QEMU", place, 2 * HANG, path=[CACHE / "bin"],
                        env={"ACCEL": accelerator(), "MODULES": str(modules_of(kernel))})
    console = place / "console.log"
    assert code == 0, said + (console.read_text(errors="replace") if console.exists() else "")
    last = said.splitlines()[-1].split()
    assert last[0] == "Linux" and last[2].startswith(f"{kernel}."), said
    assert "protocol   ok       guestd answers over Connect and HTTP/1.1" in said, said
