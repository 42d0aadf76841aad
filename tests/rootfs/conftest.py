import os
import subprocess
import sys
from pathlib import Path

import pytest
from agent import BINARY, ROOT

sys.path.insert(0, str(ROOT / "rootfs"))
BAKE = ROOT / "rootfs/bake"
FORMATS = {"ext4": "image.ext4", "initramfs": "image.cpio", "squashfs": "image.squashfs"}


class Baked:
    """One run of rootfs/bake."""

    def __init__(self, source, out, words, prefix=(), environment=None):
        self.path = Path(out)
        command = [*prefix, BAKE, source, "-o", out, "--agent", BINARY, *words]
        r = subprocess.run(list(map(os.fspath, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                           env={"PATH": os.environ["PATH"], **(environment or {})})
        self.status, self.says = r.returncode, r.stderr.decode(errors="replace")
        assert r.stdout == b"" and "Traceback" not in self.says, self.says

    def ok(self):
        assert self.status == 0, self.says
        return self


@pytest.fixture
def bake(tmp_path):
    def run(source, *words, to="image.cpio", **options):
        return Baked(source, tmp_path / to, words, **options)
    return run


@pytest.fixture(params=FORMATS)
def form(request):
    return request.param
