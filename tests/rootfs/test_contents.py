"""What was in the source is in the image, entry by entry."""
import os
import stat
import subprocess

import images
import pytest
import sources
from images import Facts
from conftest import FORMATS
from sources import D, F, L

ADDED = {b"", b"dev", b"dev/console", b"dev/null", b"proc", b"sys", b"run", b"tmp", b"root", b"var", b"home", b"sbin",
         b"sbin/init", b"etc/passwd", b"etc/group", b"init"}


def compare(form, wanted, found):
    if form == "initramfs":  # it has neither attributes nor parts of seconds
        wanted = {p: Facts(**f.without("xattrs", "mtime"), mtime=int(f.mtime)) for p, f in wanted.items()}
    if form == "squashfs":
        wanted = {p: Facts(**f.without("mtime"), mtime=int(f.mtime)) for p, f in wanted.items()}
    assert found.keys() - ADDED == wanted.keys()
    for path, f in wanted.items():
        f.same = f.same or path
        assert found[path] == f, path


def test_each_entry_arrives(bake, form, tmp_path):
    wanted = sources.everything()
    source = sources.write(tmp_path / "source.tar", wanted.items())
    image = bake(source, to=FORMATS[form]).ok().path
    compare(form, wanted, images.read(form, image, tmp_path))
    if form == "ext4":
        images.check_ext4(image)


@pytest.mark.parametrize("ending,mode", [("gz", "w:gz"), ("bz2", "w:bz2"), ("xz", "w:xz"), ("zst", None)])
def test_a_compressed_tar_is_a_tar(bake, tmp_path, ending, mode):
    wanted = {b"etc": Facts(D | 0o755, mtime=5), b"etc/a": Facts(F | 0o644, mtime=5, data=b"a" * 100_000)}
    source = sources.write(tmp_path / "source", wanted.items(), mode or "w")
    if not mode:
        subprocess.run(["zstd", "-q", "--rm", source, "-o", tmp_path / "source.zst"], check=True)
        source = tmp_path / "source.zst"
    compare("initramfs", wanted, images.initramfs(bake(source).ok().path, tmp_path))


def test_gnu_tar_with_holes_and_long_names(bake, tmp_path):
    root = tmp_path / "root"
    (root / "etc" / ("n" * 200) / ("m" * 200)).mkdir(parents=True)
    with open(root / "holes", "wb") as file:
        file.seek(1 << 20)
        file.write(b"middle")
        file.truncate(3 << 20)
    subprocess.run(["tar", "--format=gnu", "-S", "-cf", tmp_path / "s.tar", "-C", root, "."], check=True)
    found = images.initramfs(bake(tmp_path / "s.tar").ok().path, tmp_path)
    assert found[b"holes"].data == bytes(1 << 20) + b"middle" + bytes((2 << 20) - 6)
    assert b"etc/" + b"n" * 200 + b"/" + b"m" * 200 in found


def test_a_folder(bake, form, tmp_path):
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/a").write_bytes(b"a")
    os.link(root / "etc/a", root / "etc/b")
    os.symlink("etc/a", root / "link")
    os.mkfifo(root / "fifo", 0o600)
    os.chown(root / "etc/a", 1234, 4321)
    os.chmod(root / "etc/a", 0o4750)
    with open(os.fsencode(root) + b"/\xff\n", "wb"):
        pass
    for path in root.rglob("*"):
        os.utime(path, (7, 7), follow_symlinks=False)
    found = images.read(form, bake(root, to=FORMATS[form]).ok().path, tmp_path)
    assert found[b"etc/a"].without("xattrs") == Facts(F | 0o4750, 1234, 4321, 7, b"a", same=b"etc/a").without("xattrs")
    assert found[b"etc/b"].same == b"etc/a" and found[b"link"].data == b"etc/a" and stat.S_ISFIFO(found[b"fifo"].mode)
    assert found[b"\xff\n"].mtime == 7


def test_an_entry_lands_where_links_of_the_image_lead(bake, tmp_path):
    """A merged /usr: lib/x of an archive is usr/lib/x, and no link leads out of the root."""
    entries = [(b"usr/lib", Facts(D | 0o755)), (b"lib", Facts(L | 0o777, data=b"usr/lib")),
               (b"lib/x", Facts(F | 0o644, data=b"1")),
               (b"up", Facts(L | 0o777, data=b"../../../usr")), (b"up/y", Facts(F | 0o644, data=b"2")),
               (b"abs", Facts(L | 0o777, data=b"/usr/lib")), (b"abs/z", Facts(F | 0o644, data=b"3"))]
    found = images.initramfs(bake(sources.write(tmp_path / "s.tar", entries)).ok().path, tmp_path)
    assert {p: found[p].data for p in (b"usr/lib/x", b"usr/y", b"usr/lib/z", b"lib")} == {
        b"usr/lib/x": b"1", b"usr/y": b"2", b"usr/lib/z": b"3", b"lib": b"usr/lib"}


def test_a_file_over_several_groups(bake, tmp_path):
    """Blocks of 4 KiB in groups of 128 MiB: the bitmaps lie in its way, and five extents need a block of their own."""
    with open(tmp_path / "big", "wb") as file:
        file.truncate(700 << 20)
        for at in range(0, 700, 50):
            file.seek(at << 20)
            file.write(b"%d" % at)
    root = tmp_path / "root"
    root.mkdir()
    os.rename(tmp_path / "big", root / "big")
    image = bake(root, "--free", "300", to="image.ext4").ok().path
    images.check_ext4(image)
    images.debugfs(image, [f"dump big {tmp_path}/back"])
    subprocess.run(["cmp", root / "big", tmp_path / "back"], check=True)
    assert image.stat().st_blocks * 512 < 20 << 20  # zeros take no room of the builder's


def test_free_space_and_growth(bake, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    sizes = {}
    for free in (0, 40):
        image = bake(root, "--free", str(free), to="image.ext4").ok().path
        images.check_ext4(image)
        super_block = image.read_bytes()[1024:2048]
        sizes[free] = image.stat().st_size
        assert int.from_bytes(super_block[12:16], "little") * 4096 == free << 20
    assert sizes[0] < 4 << 20 and sizes[40] - sizes[0] < 42 << 20
    with open(image, "r+b") as file:
        file.truncate(500 << 20)
    subprocess.run(["resize2fs", image], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    images.check_ext4(image)


def test_a_tar_of_many_files_is_no_container_image(bake, tmp_path):
    """What it is is looked for at its beginning; what lies far behind says nothing."""
    entries = [(b"f%05d" % i, Facts(F | 0o644)) for i in range(10_100)] + [(b"manifest.json", Facts(F | 0o644, data=b"{"))]
    image = bake(sources.write(tmp_path / "s.tar", entries), to="image.ext4").ok().path
    images.check_ext4(image)
    names = {name for _, name in images.names_of(image, 2)}
    assert {path for path, _ in entries} <= names
