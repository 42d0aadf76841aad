"""Archives that mean harm, or are damaged: one line that names the entry, and no image."""
import gzip
import io
import os
import random
import struct
import tarfile

import images
import pytest
import sources
from images import Facts
from sources import C, D, F, L

import baking.archive  # of rootfs/, which conftest.py makes known
import baking.ext4

TAIL = bytes(1024)


def raw(m, data=b"", form=tarfile.PAX_FORMAT):
    return m.tobuf(form, "utf-8", "surrogateescape") + data + bytes(-len(data) % 512)


def entry(path, f, **changes):
    m = sources.member(path, f)
    for name, value in changes.items():
        setattr(m, name, value)
    return raw(m, f.data if m.isreg() else b"")


def hard(path, to):
    return entry(path, Facts(F | 0o644), type=tarfile.LNKTYPE, linkname=to, size=0)


X = Facts(F | 0o644, data=b"x")
LOOP = [(b"a", Facts(L | 0o777, data=b"b")), (b"b", Facts(L | 0o777, data=b"a"))]
HUGE_HEADER = tarfile.TarInfo("pax")
HUGE_HEADER.type, HUGE_HEADER.size = tarfile.XHDTYPE, 1 << 40


@pytest.mark.parametrize("data,says", [
    (entry(b"../up", X), "'../up': '..' in a path"),
    (entry(b"a/../../up", X), "'..' in a path"),
    (hard(b"passwd", "../../etc/passwd"), "'..' in a path"),
    (hard(b"passwd", "etc/passwd"), "a hard link to 'etc/passwd', which is no file before it"),
    (entry(b"d", Facts(D | 0o755)) + hard(b"e", "d"), "a hard link to 'd'"),
    (entry(b"f", X) + entry(b"f/below", X), "'f' on its way is no directory"),
    (b"".join(entry(p, f) for p, f in LOOP) + entry(b"a/x", X), "too many symbolic links"),
    (entry(b"n" * 256, X), "too long"),
    (entry(b"/".join([b"d" * 200] * 30), X), "too long"),
    (entry(b"l", Facts(L | 0o777, data=b"t" * 5000)), "longer than 4095 bytes"),
    (entry(b"l", Facts(L | 0o777)), "a symbolic link to nothing"),
    (entry(b"", X), "the root is no directory"),
    (entry(b"odd", X, type=b"Q"), "'odd'"),
    (entry(b"dev", Facts(C | 0o666, rdev=(1 << 20, 0))), "a device with the number 1048576:0"),
    (entry(b"o", X, uid=1 << 40), "its owner 1099511627776:0 is none"),
    (entry(b"t", X, mtime=1 << 50), "its time"),
    (entry(b"t", X, pax_headers={"mtime": "never"}), "its time is no number"),
    (entry(b"x", X)[:700], "unexpected end of data"),
    (entry(b"x", X) + b"\1" * 512, "damaged at byte 1024"),
    (raw(HUGE_HEADER, form=tarfile.GNU_FORMAT), "a header of 1099511627776 bytes"),
    (b"nothing like a tar" * 100, "source.tar"),
    (b"", "source.tar"),
])
def test_it_is_refused(bake, tmp_path, data, says):
    (tmp_path / "source.tar").write_bytes(data + (b"" if says in ("unexpected end of data", "source.tar") else TAIL))
    r = bake(tmp_path / "source.tar")
    assert r.status == 1 and says in r.says, r.says
    assert r.says.count("\n") == 1
    assert os.listdir(tmp_path) == ["source.tar"]


def test_an_absolute_path_is_below_the_root(bake, tmp_path):
    (tmp_path / "source.tar").write_bytes(entry(b"//etc/./x", X) + hard(b"/y", "/etc/x") + TAIL)
    found = images.initramfs(bake(tmp_path / "source.tar").ok().path, tmp_path)
    assert found[b"etc/x"].data == found[b"y"].data == b"x"


def test_a_bomb_is_bounded(bake, tmp_path):
    with gzip.open(tmp_path / "source.tar", "wb", 1) as out:
        out.write(entry(b"bomb", Facts(F | 0o644), size=64 << 20))
        out.write(bytes((64 << 20) + 1024))
    r = bake(tmp_path / "source.tar", "--max-bytes", str(32 << 20))
    assert r.status == 1 and "unpacks to more than --max-bytes" in r.says
    bake(tmp_path / "source.tar", "--max-bytes", str(65 << 20)).ok()


def test_a_truncated_gzip(bake, tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as out:
        out.write(entry(b"x", Facts(F | 0o644, data=os.urandom(10_000))) + TAIL)
    (tmp_path / "source.tar").write_bytes(packed.getvalue()[:5000])
    r = bake(tmp_path / "source.tar")
    assert r.status == 1 and "source.tar" in r.says


@pytest.mark.parametrize("f,says", [
    (Facts(F | 0o644, xattrs={b"user.big": b"v" * 4100}), "'x': its attributes are larger than a block"),
    (Facts(F | 0o644, xattrs={b"strange": b"v"}), "'x': ext4 has no attribute 'strange'"),
])
def test_what_ext4_cannot_hold(bake, tmp_path, f, says):
    r = bake(sources.write(tmp_path / "source.tar", [(b"x", f)]), to="image.ext4")
    assert r.status == 1 and says in r.says
    assert os.listdir(tmp_path) == ["source.tar"]


def test_times_beyond_an_initramfs(bake, tmp_path):
    source = sources.write(tmp_path / "source.tar", [(b"x", Facts(F | 0o644, mtime=-5))])
    r = bake(source)
    assert r.status == 1 and "'x': an initramfs cannot hold its time -5" in r.says
    for mtime in (-5, 1 << 31, (1 << 33) + 0.25):  # what 32 bits hold, and two more of ext4's
        source = sources.write(tmp_path / "source.tar", [(b"x", Facts(F | 0o644, mtime=mtime))])
        image = bake(source, to="image.ext4").ok().path
        assert images.ext4(image, tmp_path)[b"x"].mtime == mtime
        images.check_ext4(image)


def test_acls_are_told(bake, tmp_path):
    acl = struct.pack("<IHHIHHI", 2, 1, 6, 0xFFFFFFFF, 0x20, 4, 0xFFFFFFFF)
    source = sources.write(tmp_path / "s.tar", [(b"x", Facts(F | 0o644, xattrs={b"system.posix_acl_access": acl}))])
    r = bake(source, to="image.ext4").ok()
    assert "1 extended attributes are left out" in r.says
    assert images.ext4(r.path, tmp_path)[b"x"].xattrs == {}


def test_whatever_is_broken_it_is_an_error_or_an_image(tmp_path):
    """A thousand archives with some bytes changed: nothing but a BakeError comes out, and what was read can be
    written."""
    entries = [row for row in sources.everything().items() if len(row[1].data) < 5000]
    whole = sources.write(tmp_path / "s.tar", entries).read_bytes()
    rng, read = random.Random(1), 0
    for _ in range(1000):
        data = bytearray(whole[:rng.randrange(20) * 512] if rng.random() < 0.1 else whole)
        for _ in range(rng.randrange(1, 8) if data else 0):
            at = rng.randrange(len(data))
            data[at] = rng.choice([0, 0xFF, 0x2F, 0x2E, 0x80, 0x39, data[at] ^ 1 << rng.randrange(8)])
        into = baking.tree.Tree()
        try:
            baking.archive.read(into, io.BytesIO(data), "changed", baking.content.Spool(1 << 20))
            out = io.BytesIO()
            baking.ext4.write(into, out, 0, bytes(16), bytes(16), b"", 0)
            read += 1
        except baking.tree.BakeError:
            pass
    assert 30 < read < 970  # both ways are taken
