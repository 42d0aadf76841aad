"""What bake adds, what it says, and that the same input gives the same bytes."""
import hashlib
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import images
import pytest
import sources
from agent import BINARY, ROOT
from conftest import FORMATS
from images import Facts
from sources import C, D, F, L


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def plain():
    """Everything that each format can hold."""
    return {p: Facts(**f.without("mtime"), mtime=int(f.mtime)) for p, f in sources.everything().items()}


def shuffled(entries):
    """In another order; what a hard link leads to stays before it."""
    rows = list(entries.items())
    random.Random(7).shuffle(rows)
    return sorted(rows, key=lambda row: row[1].same != row[0])


def test_the_same_input_gives_the_same_bytes(bake, form, tmp_path):
    """Another order, another place, another time, another compression."""
    entries = plain()
    entries = {p: f for p, f in entries.items() if not p.startswith(b"many/") or p.endswith(b"7")}
    found = set()
    for name, rows, mode in (("a", list(entries.items()), "w"), ("b/c", shuffled(entries), "w:gz")):
        (tmp_path / name).mkdir(parents=True)
        source = sources.write(tmp_path / name / "s.tar", rows, mode)
        found.add(sha(bake(source, "--user", "bob", to=f"{name}/{FORMATS[form]}").ok().path))
        time.sleep(1.1)  # a clock that shows seconds has moved
    assert len(found) == 1
    assert sha(bake(source, "--user", "eve", to=FORMATS[form]).ok().path) not in found


def test_two_folders_and_an_epoch(bake, form, tmp_path):
    found = set()
    for name, order in (("a", 1), ("b", -1)):
        root = tmp_path / name
        (root / "etc").mkdir(parents=True)
        for i in range(50)[::order]:
            (root / "etc" / str(i)).write_text(str(i))
        os.utime(root / "etc/7", (5, 5))
        image = bake(root, to=f"{name}-{FORMATS[form]}", environment={"SOURCE_DATE_EPOCH": "1000"}).ok().path
        found.add(sha(image))
        time.sleep(0.02)
    assert len(found) == 1
    times = {f.mtime for p, f in images.read(form, image, tmp_path).items()}
    assert times == {5, 1000}


def test_the_uuid_is_of_the_content(bake, tmp_path):
    def of(*words, entries=((b"x", Facts(F | 0o644)),)):
        image = bake(sources.write(tmp_path / "s.tar", entries), *words, to="i.ext4").ok().path
        images.check_ext4(image)
        block = image.read_bytes()[1024:2048]
        return block[0x68:0x78].hex(), block[0x78:0x88].rstrip(b"\0"), block[0xEC:0xFC]
    first, label, seed = of()
    assert label == b"guestd" and first[12] == "8" and any(seed)
    other = of(entries=[(b"x", Facts(F | 0o644, data=b"1"))])
    assert other[0] != first and other[2] != seed
    wanted = "0123456789abcdef0123456789abcdef"
    assert of("--uuid", wanted, "--label", "box")[:2] == (wanted, b"box")


def test_what_is_added_to_nothing(bake, form, tmp_path):
    r = bake(sources.write(tmp_path / "s.tar", []), "--user", "bob", "--user", "eve:70000", to=FORMATS[form]).ok()
    found = images.read(form, r.path, tmp_path)
    assert found[b"sbin/init"].data == BINARY.read_bytes() and found[b"sbin/init"].mode == F | 0o755
    assert found[b"tmp"].mode == D | 0o1777 and {b"dev", b"proc", b"sys", b"run"} <= found.keys()
    console, null = found[b"dev/console"], found[b"dev/null"]
    assert (console.mode, console.rdev, null.mode, null.rdev) == (C | 0o600, (5, 1), C | 0o666, (1, 3))
    assert found[b"etc/passwd"].data == (b"root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n"
                                         b"eve:x:70000:70000::/home/eve:/bin/sh\n")
    assert found[b"etc/group"].data == b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\nbob:x:1000:\neve:x:70000:\n"
    assert found[b"home/eve"].uid == found[b"home/eve"].gid == 70000
    assert (b"init" in found) == (form == "initramfs") and b"etc/guestd.conf" not in found
    assert form != "initramfs" or found[b"init"].data == b"sbin/init"
    assert [line for line in ("/bin/sh", "bash", "git", "certificates") if f"the image lacks {line}" in r.says] == [
        "/bin/sh", "bash", "git", "certificates"]


COMPLETE = [(b"bin/sh", Facts(F | 0o755)), (b"bin/bash", Facts(F | 0o755)), (b"usr/bin/git", Facts(F | 0o755)),
            (b"etc/ssl/certs/ca-certificates.crt", Facts(F | 0o644)),
            (b"etc/passwd",
             Facts(F | 0o640, 0, 42, 5, b"root:x:0:0::/root:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/bash\n")),
            (b"etc/shadow", Facts(F | 0o640, data=b"root:*:::::::\n")),
            (b"etc/group", Facts(F | 0o644, data=b"root:x:0:\nbob:x:1000:\n"))]


def test_a_complete_image_lacks_nothing(bake, tmp_path):
    source = sources.write(tmp_path / "s.tar", COMPLETE)
    r = bake(source, "--strict", "--user", "bob", "--user", "eve", "--set", "default-user eve").ok()
    found = images.initramfs(r.path, tmp_path)
    assert r.says == "" and found[b"etc/shadow"].data.endswith(b"eve:!:0:0:99999:7:::\n")
    assert found[b"etc/passwd"].data.count(b"bob") == 2
    assert b"eve:x:1001:1001::/home/eve:/bin/bash\n" in found[b"etc/passwd"].data
    assert (found[b"etc/passwd"].mode, found[b"etc/passwd"].gid) == (F | 0o640, 42)  # as it was
    bake(source, "--strict").ok()
    r = bake(source, "--strict", "--set", "default-user nobody", to="other.cpio")
    assert r.status == 1 and "user 'nobody'" in r.says and not (tmp_path / "other.cpio").exists()


@pytest.mark.parametrize("words,says", [
    (["--user", "bob:5"], "the image has a user of that name with the id 1000"),
    (["--user", "eve:1000"], "the image's user 'bob' has that id"),
    (["--user", "a:b:c"], "not NAME or NAME:UID"),
    (["--user", "x/y"], "not NAME or NAME:UID"),
    (["--init-path", "/etc"], "'/etc': the image has a directory there"),
    (["--agent", "/no/such"], "/no/such: No such file or directory"),
    (["--config", "/no/such"], "/no/such: No such file or directory"),
    (["--modules", "/no/such", "vsock"], "neither modules.dep nor modules.builtin"),
])
def test_wrong_wishes_are_named(bake, tmp_path, words, says):
    r = bake(sources.write(tmp_path / "s.tar", COMPLETE), *words)
    assert r.status == 1 and says in r.says
    assert os.listdir(tmp_path) == ["s.tar"]


def test_an_agent_that_is_not_static_is_told(bake, tmp_path):
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-o", tmp_path / "dynamic", tmp_path / "a.c"], check=True)
    r = bake(sources.write(tmp_path / "s.tar", COMPLETE), "--agent", str(tmp_path / "dynamic"), "--strict")
    assert r.status == 1 and "which is not static" in r.says


def test_modules_come_with_what_they_need(bake, tmp_path):
    kernel = tmp_path / "6.6-test"
    (kernel / "kernel").mkdir(parents=True)
    for name, data in {"a.ko": b"a", "b-two.ko": b"b", "c.ko": b"c", "other.ko": b"o"}.items():
        (kernel / "kernel" / name).write_bytes(data)
    subprocess.run(["xz", kernel / "kernel/b-two.ko"], check=True)
    (kernel / "modules.dep").write_text("kernel/a.ko: kernel/b-two.ko.xz kernel/c.ko\nkernel/b-two.ko.xz: kernel/c.ko\n"
                                        "kernel/c.ko:\nkernel/other.ko:\n")
    (kernel / "modules.builtin").write_text("kernel/built-in.ko\nkernel/not-asked-for.ko\n")
    source = sources.write(tmp_path / "s.tar", COMPLETE)
    found = images.initramfs(bake(source, "--modules", str(kernel), "a", "b_two", "built_in").ok().path, tmp_path)
    base = "/lib/modules/6.6-test/"
    assert found[b"etc/guestd.conf"].data.decode().splitlines() == [
        f"module {base}kernel/{name}" for name in ("c.ko", "b-two.ko", "a.ko")]
    assert found[f"{base}kernel/b-two.ko".encode()[1:]].data == b"b"
    assert f"{base}kernel/other.ko".encode()[1:] not in found
    assert found[f"{base}modules.dep".encode()[1:]].data == (
        b"kernel/c.ko:\nkernel/b-two.ko: kernel/c.ko\nkernel/a.ko: kernel/b-two.ko kernel/c.ko\n")
    assert found[f"{base}modules.builtin".encode()[1:]].data == b"kernel/built-in.ko\n"
    r = bake(source, "--modules", str(kernel), "nope")
    assert r.status == 1 and "it has no module 'nope'" in r.says


def test_an_unprivileged_builder_makes_the_same_image(bake, form, tmp_path):
    """Owners, devices and set-user-ID files come from the archive, not from rights."""
    out = tmp_path / "out"
    out.mkdir()
    os.chmod(out, 0o777)
    for path in [tmp_path, *tmp_path.parents][:3]:
        os.chmod(path, 0o755)
    entries = {p: f for p, f in plain().items() if not p.startswith(b"many/")}
    source = sources.write(tmp_path / "s.tar", entries.items())
    shutil.copytree(ROOT / "rootfs", tmp_path / "rootfs")  # the tree may lie where only root gets to
    shutil.copy(BINARY, tmp_path / "guestd")
    mine = bake(source, to=FORMATS[form]).ok().path
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tmp_path / "rootfs/bake", source, "-o",
             out / FORMATS[form], "--agent", tmp_path / "guestd"]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL, cwd="/")
    assert sha(out / FORMATS[form]) == sha(mine)


def test_an_initramfs_is_what_cpio_reads(bake, tmp_path):
    entries = [(p, f) for p, f in plain().items() if b"\n" not in p and not p.startswith(b"many/")]
    source = sources.write(tmp_path / "s.tar", entries)
    image = bake(source).ok().path
    with open(image, "rb") as file:
        listed = subprocess.run(["cpio", "-t", "--quiet"], stdin=file, stdout=subprocess.PIPE,
                                check=True).stdout.splitlines()
    found = images.initramfs(image, tmp_path)
    assert sorted(p or b"." for p in found) == sorted(listed)
    assert subprocess.run(["gzip", "-dc", bake(source, to="image.cpio.gz").ok().path], stdout=subprocess.PIPE,
                          check=True).stdout == image.read_bytes()


def test_the_output_is_whole_or_not_there(bake, tmp_path):
    """A failure while it is written leaves what was there before, and nothing else."""
    source = sources.write(tmp_path / "s.tar", [(b"x", Facts(L | 0o777, data=b"y"))])
    (tmp_path / "image.ext4").write_bytes(b"before")
    r = bake(source, to="image.ext4", prefix=["prlimit", "--fsize=100000"])
    assert r.status == 1 and "File too large" in r.says
    assert sorted(os.listdir(tmp_path)) == ["image.ext4", "s.tar"]
    assert (tmp_path / "image.ext4").read_bytes() == b"before"
    assert os.stat(bake(source, to="image.ext4").ok().path).st_mode & 0o777 == 0o644
