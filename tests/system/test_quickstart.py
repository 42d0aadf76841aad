"""The quick starts whose VMM or runtime is not here, with a stand-in that takes what the real one takes. QEMU's is in tests/vm."""
import io
import os
import shutil
import socket
import tarfile

import pytest
from agent import BINARY, ROOT
from quickstart import blocks, follow

STANDINS = ROOT / "tests/lib/standins"


@pytest.fixture
def place(tmp_path):
    """A directory with an app.tar and a vmlinux."""
    with tarfile.open(tmp_path / "app.tar", "w") as tar:
        for name, content in (("bin/app", b"#!/bin/sh\n"), ("etc/motd", b"hello\n")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF")
    return tmp_path


@pytest.mark.parametrize("section", ["Firecracker", "Cloud Hypervisor"])
def test_a_vm(place, section):
    with socket.socket(socket.AF_UNIX) as s:  # a run before has left its socket
        s.bind(str(place / "v.sock"))
    code, said = follow(section, place, 60, path=[STANDINS])
    assert code == 0, said
    assert " ".join(os.uname()) + " GNU/Linux" in said.splitlines(), said


@pytest.mark.parametrize("section,wrong,says", [
    ("Firecracker", ("vmlinux", b"bzImage"), "no vmlinux"),
    ("Cloud Hypervisor", ("vmlinux", b"bzImage"), "no vmlinux"),
])
def test_a_vm_that_cannot_be(place, section, wrong, says):
    """The stand-ins look at what they are given."""
    (place / wrong[0]).write_bytes(wrong[1])
    (place / "guestctl").write_text("#!/bin/sh\nsleep 1\nexit 125\n")  # does not wait for its 30 s
    (place / "guestctl").chmod(0o755)
    code, said = follow(section, place, 60, path=[place, STANDINS])
    assert code == 125 and says in said, said


def test_a_container(place):
    (place / "Dockerfile").write_text(blocks("A plain container", "dockerfile"))
    shutil.copy(BINARY, place / "guestd")
    code, said = follow("A plain container", place, 60, path=[STANDINS])
    assert code == 0, said
    assert " ".join(os.uname()) + " GNU/Linux" in said.splitlines(), said
    assert (place / "run").is_dir() and not (place / "layer/root").exists()  # the volume is there, the layer was in memory
