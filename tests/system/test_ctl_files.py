"""guestctl's verbs for files: trees go in and out as they are, whole or not at all, and each verb does what its name says."""
import json
import os
import pty
import pwd
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from agent import SLOW, wait_for
from guestctl import command
from test_guestctl import ctl

pytestmark = pytest.mark.usefixtures("protocol")

BIG = 64 << 20  # more than a socket and the agent hold, so that a copy is seen on its way


def ok(agent, *args, **kwargs):
    r = ctl(agent, *args, **kwargs)
    assert (r.returncode, r.stderr) == (0, b""), r.stderr
    return r.stdout


def fails(agent, *args, code=1, **kwargs):
    r = ctl(agent, *args, **kwargs)
    assert r.returncode == code, r.stderr
    return r.stderr.decode()


def start(agent, *args, **kwargs):
    return subprocess.Popen(command("-t", f"unix:{agent.path}", *args), **kwargs)


@pytest.fixture
def here(tmp_path):
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path):
    """A directory of the guest's: the agent runs on the same machine."""
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def describe(root):
    """All below a directory: names, kinds, bits, contents, links, and times of files."""
    found = {}
    for directory, directories, files in os.walk(os.fsencode(root)):
        for name in directories + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            what = os.readlink(path) if os.path.islink(path) else None
            if what is None and os.path.isfile(path):
                what = (Path(os.fsdecode(path)).read_bytes(), st.st_mtime_ns)
            found[os.path.relpath(path, os.fsencode(root))] = (st.st_mode, what)
    return found


def make_tree(root):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b").chmod(0o500)
    (root / "empty").mkdir(mode=0o700)
    (root / "file").write_bytes(os.urandom(300_000))
    (root / "a/none").write_bytes(b"")
    (root / "a/script").write_text("#!/bin/sh\n")
    (root / "a/script").chmod(0o751)
    os.utime(root / "a/script", ns=(1, 987654321_123456789))
    os.utime(root / "a/none", ns=(1, -1_500_000_000))
    (root / "link").symlink_to("a/script")
    (root / "dead").symlink_to("/no/such")
    (root / "up").symlink_to("a")
    for name in [b"\xff\xfe", "ümlaut \n&?=+%".encode(), b"-r", b"a/:colon"]:
        Path(os.fsdecode(os.path.join(os.fsencode(root), name))).write_bytes(name)


def pair(direction, here, there):
    """Where a copy begins and ends, and how guestctl is told of both."""
    if direction == "up":
        return here, there, str, lambda path: f":{path}"
    return there, here, lambda path: f":{path}", str


both_ways = pytest.mark.parametrize("direction", ["up", "down"])


# --- cp -----------------------------------------------------------------------------------------------------------------


@both_ways
def test_a_tree_arrives_as_it_is(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    make_tree(source)
    ok(shared, "cp", "-r", src(source), dst(target / "copy"))
    assert describe(target / "copy") == describe(source)
    ok(shared, "cp", "-r", src(source), dst(target / "copy"))  # now it is there, so the tree goes into it
    assert describe(target / "copy" / source.name) == describe(source)


@both_ways
def test_merging_replaces_files_and_links_and_leaves_the_rest(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    (source / "d").mkdir()
    (source / "d/file").write_text("new")
    (source / "d/link").symlink_to("new")
    (target / "d").mkdir(mode=0o700)
    (target / "d/file").write_text("old and longer")
    (target / "d/link").symlink_to("old")
    (target / "d/other").write_text("stays")
    ok(shared, "cp", "-r", src(source / "d"), dst(target))
    assert sorted(os.listdir(target / "d")) == ["file", "link", "other"]
    assert (target / "d/file").read_text() == "new" and os.readlink(target / "d/link") == "new"
    assert (target / "d").stat().st_mode & 0o777 == 0o700


@both_ways
def test_where_sources_go(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    (source / "f").write_text("f")
    (source / "g").write_text("g")
    (source / "t/u").mkdir(parents=True)
    (source / "to_f").symlink_to("f")
    (target / "d").mkdir()
    (target / "to_d").symlink_to("d")
    (target / "file").write_text("")
    for words, arrives in [(["f", "new"], "new"), (["f", "d"], "d/f"), (["f", "d/"], "d/f"), (["g", "to_d"], "d/g"),
                           (["f", "g", "d"], "d/g"), (["-r", "t", "d"], "d/t/u"), (["-r", "t/", "e"], "e/u"),
                           (["-r", "t/.", "d"], "d/u"), (["f", "file"], "file"), (["to_f", "h"], "h"),
                           (["-r", "to_f", "l"], "l")]:
        options = [w for w in words if w == "-r"]
        names = words[len(options):]
        ok(shared, "cp", *options, *[src(f"{source}/{n}") for n in names[:-1]], dst(f"{target}/{names[-1]}"))
        assert os.path.lexists(target / arrives), words
    assert not (target / "h").is_symlink() and os.readlink(target / "l") == "f"
    before = describe(target)
    for words, says in [(["f", "no/"], "not a directory"), (["f", "file/"], "not a directory"),
                        (["f", "g", "no"], "not a directory"), (["f", "g", "file"], "not a directory"),
                        (["t", "d"], "a directory (-r copies it)"), (["-r", "t", "file"], "is not a directory"),
                        (["none", "d"], "none")]:
        options = [w for w in words if w == "-r"]
        names = words[len(options):]
        assert says in fails(shared, "cp", *options, *[src(f"{source}/{n}") for n in names[:-1]],
                             dst(f"{target}/{names[-1]}")), words
    assert describe(target) == before


def test_what_is_no_copy_is_wrong_usage(shared):
    for words in [["a"], ["a", "b"], ["--resume", ":a", ":b"], ["a", ":b", ":c"], ["-r", "--resume", "a", ":b"], ["--nope", "a", ":b"]]:
        assert fails(shared, "cp", *words, code=2).startswith("guestctl: ")


def test_directories_above_are_made_in_the_guest(shared, here, there):
    (here / "f").write_text("f")
    ok(shared, "cp", here / "f", f":{there}/x/y/f")
    ok(shared, "cp", "-r", here, f":{there}/v/w/h")
    assert (there / "x/y/f").read_text() == (there / "v/w/h/f").read_text() == "f"


def test_within_the_guest(shared, there):
    make_tree(there)
    (there / "d").mkdir()
    ok(shared, "cp", "-r", f":{there}/a", f":{there}/d")
    assert describe(there / "d/a") == describe(there / "a")
    ok(shared, "cp", "-r", f":{there}/a/.", f":{there}/x/y/b")
    assert describe(there / "x/y/b") == describe(there / "a")
    ok(shared, "cp", f":{there}/link", f":{there}/d/f\udcfe")
    [copied] = [f for f in os.listdir(os.fsencode(there / "d")) if f == b"f\xfe"]
    assert (there / "d" / os.fsdecode(copied)).read_text() == "#!/bin/sh\n"
    (there / "file").write_text("new")
    ok(shared, "cp", f":{there}/file", f":{there}/a/script", f":{there}/d/")
    assert (there / "d/file").read_text() == "new"
    assert "a directory (-r copies it)" in fails(shared, "cp", f":{there}/a", f":{there}/n")
    assert "lies in it" in fails(shared, "cp", "-r", f":{there}/a", f":{there}/a/c")
    assert "none" in fails(shared, "cp", f":{there}/none", f":{there}/n")


def test_standard_streams(shared, there):
    data = os.urandom(3_000_000)
    ok(shared, "cp", "-", f":{there}/f", input=data)
    assert (there / "f").read_bytes() == data
    assert ok(shared, "cp", f":{there}/f", "-") == data
    assert ok(shared, "cat", f"{there}/f", f":{there}/f") == data + data
    ok(shared, "cp", "-", f":{there}/none", input=b"")
    assert (there / "none").read_bytes() == b""
    assert "standard input has no name" in fails(shared, "cp", "-", f":{there}", input=data)
    assert "a directory" in fails(shared, "cp", "-r", f":{there}", "-")


@both_ways
def test_one_that_fails_does_not_keep_the_others(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    (source / "t/blocked").mkdir(parents=True)
    for i in range(30):
        (source / f"t/{i}").write_text(str(i))
    (source / "t/7x").write_text("7x")
    os.mkfifo(source / "t/fifo")
    (target / "t/7x").mkdir(parents=True)  # a directory where a file is to go
    (target / "t/blocked").write_text("")
    says = fails(shared, "cp", "-r", src(source / "t"), src(source / "none"), dst(target))
    for name in ["t/7x'", "t/fifo': neither a file, a directory nor a link", "none'"]:
        assert name in says
    assert all(line.startswith("guestctl: cp '") for line in says.splitlines())
    for i in range(30):
        assert (target / f"t/{i}").read_text() == str(i)
    assert not [n for n in os.listdir(target / "t") if "guestctl" in n or "tmp" in n]


def test_out_of_the_guest_no_rights_are_gained(shared, here, there):
    (there / "su").write_text("x")
    (there / "su").chmod(0o6755)
    ok(shared, "cp", f":{there}/su", here / "su")
    assert (here / "su").stat().st_mode & 0o7777 == 0o755
    ok(shared, "cp", there / "su", f":{there}/in")
    assert (there / "in").stat().st_mode & 0o7777 == 0o6755


def test_through_a_link_the_user_named_and_into_what_is_no_file(shared, here, there):
    (there / "f").write_text("content")
    (here / "real").write_text("old")
    (here / "link").symlink_to("real")
    ok(shared, "cp", f":{there}/f", here / "link")
    assert (here / "link").is_symlink() and (here / "real").read_text() == "content"
    ok(shared, "cp", f":{there}/f", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_owner(shared, here, there):
    (here / "t").mkdir()
    (here / "t/f").write_text("f")
    (here / "t/l").symlink_to("f")
    there.chmod(0o777)
    there.parent.chmod(0o755)
    ok(shared, "cp", "-r", "--owner", "user", here / "t", f":{there}")
    for name in ["t", "t/f", "t/l"]:
        assert (there / name).lstat().st_uid == pwd.getpwnam("user").pw_uid, name
    assert "nobody-here" in fails(shared, "cp", "--owner", "nobody-here", here / "t/f", f":{there}/g")


# --- interrupted --------------------------------------------------------------------------------------------------------


def big(path):
    with open(path, "wb") as f:
        f.truncate(BIG)
        for i in range(0, BIG, 1 << 20):
            f.seek(i)
            f.write(os.urandom(64))


def test_interrupted_on_the_way_out_nothing_is_left(shared, here, there):
    big(there / "big")
    p = start(shared, "cp", f":{there}/big", here / "big")
    wait_for(lambda: os.listdir(here))
    p.send_signal(signal.SIGINT)
    if p.wait(10 * SLOW) == 0:
        pytest.fail("it was done too soon to be interrupted")
    assert p.returncode == -signal.SIGINT and os.listdir(here) == []


def test_interrupted_on_the_way_in_nothing_is_left(shared, there):
    p = start(shared, "cp", "-", f":{there}/big", stdin=subprocess.PIPE)
    p.stdin.write(os.urandom(2 << 20))
    p.stdin.flush()
    p.send_signal(signal.SIGINT)
    assert p.wait(10 * SLOW) == -signal.SIGINT
    p.stdin.close()
    wait_for(lambda: os.listdir(there) == [])


@both_ways
def test_resume_goes_on_with_what_came(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    big(source / "big")
    p = start(shared, "cp", "--resume", src(source / "big"), dst(target / "big"))

    def part():
        return [f for f in target.iterdir() if f.name.endswith(".part") and f.stat().st_size > 0]
    wait_for(lambda: part() or p.poll() is not None)
    p.kill()
    p.wait()
    [left] = part()
    assert not (target / "big").exists()
    before = left.stat().st_size
    with open(left, "r+b") as f:  # a mark that is there in the end only if these bytes were not sent again
        f.write(b"mark")
    ok(shared, "cp", "--resume", src(source / "big"), dst(target / "big"))
    got, want = (target / "big").read_bytes(), (source / "big").read_bytes()
    assert 0 < before < BIG and got[:4] == b"mark" and got[4:] == want[4:]
    assert os.listdir(target) == ["big"]
    assert (target / "big").stat().st_mtime_ns == (source / "big").stat().st_mtime_ns
    assert (target / "big").stat().st_mode == (source / "big").stat().st_mode


@both_ways
def test_resume_of_another_version_begins_anew(shared, here, there, direction):
    source, target, src, dst = pair(direction, here, there)
    big(source / "big")
    p = start(shared, "cp", "--resume", src(source / "big"), dst(target / "big"))
    wait_for(lambda: os.listdir(target) or p.poll() is not None)
    p.kill()
    p.wait()
    (source / "big").write_bytes(b"another")
    ok(shared, "cp", "--resume", src(source / "big"), dst(target / "big"))
    assert (target / "big").read_bytes() == b"another"


# --- progress -----------------------------------------------------------------------------------------------------------


def test_progress_is_for_terminals(shared, there):
    master, slave = pty.openpty()
    p = start(shared, "cp", "-", f":{there}/f", stdin=subprocess.PIPE, stdout=slave, stderr=slave)
    os.close(slave)
    p.stdin.write(b"x" * 100_000)
    p.stdin.flush()
    shown = b""
    while b"/s" not in shown:
        shown += os.read(master, 4096)
    assert b"97.7 KiB" in shown
    p.stdin.close()
    assert p.wait(10 * SLOW) == 0
    os.close(master)
    p = start(shared, "cp", "-", f":{there}/f", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    timer = threading.Timer(1.5, p.stdin.close)
    timer.start()
    assert p.stdout.read() + p.stderr.read() == b"" and p.wait(10 * SLOW) == 0


# --- the other verbs ----------------------------------------------------------------------------------------------------


def test_ls(shared, there):
    for name in ["b", ".hidden", "a"]:
        (there / name).write_text(name)
    (there / "d").mkdir()
    (there / "l").symlink_to("d")
    os.utime(there / "a", (0, 86400))
    assert ok(shared, "ls", there) == b"a\nb\nd\nl\n"
    assert ok(shared, "ls", "-ap", f":{there}") == b".hidden\na\nb\nd/\nl\n"
    assert ok(shared, "ls", there / "l", there / "a") == f"{there}/l:\n\na\n".encode()
    lines = ok(shared, "ls", "-l", there, env={"TZ": "UTC"}).decode().splitlines()
    assert lines[0].split() == ["-rw-r--r--", "1", "root", "root", "1", "1970-01-02", "00:00", "a"]
    assert lines[3].startswith("lrwxrwxrwx") and lines[3].endswith(" l -> d")
    assert ok(shared, "ls", "-d", there) == there.name.encode() + b"\n"
    entries = [json.loads(line) for line in ok(shared, "--json", "ls", there).splitlines()]
    assert [e["name"] for e in entries] == ["a", "b", "d", "l"]
    assert entries[0]["modified"] == "1970-01-02T00:00:00Z" and entries[3]["target"] == "d"
    says = fails(shared, "ls", "/no/such", there / "a")
    assert says.count("\n") == 1 and "guestctl: ls '/no/such': " in says


def test_ls_of_many_and_of_odd_names(shared, there):
    for i in range(2500):
        (there / f"{i:04}").touch()
    odd = os.fsdecode(os.fsencode(there) + b"/z\xff")
    Path(odd).write_text("x")
    assert ok(shared, "ls", there) == b"".join(b"%04d\n" % i for i in range(2500)) + b"z\xff\n"
    last = json.loads(ok(shared, "--json", "ls", there).splitlines()[-1])
    assert last["name"] == "z\ufffd" and last["name_bytes"] == "ev8="
    assert ok(shared, "cat", odd) == b"x"
    ok(shared, "rm", odd)
    assert len(os.listdir(there)) == 2500


def test_stat(shared, there):
    (there / "f").write_text("four")
    (there / "l").symlink_to("f")
    st = (there / "f").stat()
    got = json.loads(ok(shared, "--json", "stat", there / "f"))
    assert (got["size"], got["mode"], got["inode"], got["type"]) == (4, "0644", st.st_ino, "file")
    assert json.loads(ok(shared, "--json", "stat", there / "l"))["type"] == "symlink"
    assert json.loads(ok(shared, "--json", "stat", "-L", there / "l"))["inode"] == st.st_ino
    assert f"inode     {st.st_ino} ".encode() in ok(shared, "stat", there / "f")
    assert "no/such" in fails(shared, "stat", "/no/such")


def test_rm(shared, there):
    for name in ["f", "t/u/v", "g"]:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text("")
    (there / "l").symlink_to("t")
    assert "a directory (-r removes it)" in fails(shared, "rm", there / "t", there / "f")
    assert sorted(os.listdir(there)) == ["g", "l", "t"]
    ok(shared, "rm", "-r", there / "l")
    assert os.listdir(there / "t/u") == ["v"]
    ok(shared, "rm", "-r", there / "t", there / "g")
    assert os.listdir(there) == []
    assert "g'" in fails(shared, "rm", there / "g")
    ok(shared, "rm", "-f", there / "g")
    ok(shared, "rm", "-f")
    for nothing in ["", "/", "//", ":"]:
        assert "this is not removed" in fails(shared, "rm", "-rf", nothing)


def test_mkdir(shared, there):
    ok(shared, "mkdir", there / "d")
    assert "d'" in fails(shared, "mkdir", there / "d")
    ok(shared, "mkdir", "-p", there / "d", there / "x/y")
    ok(shared, "mkdir", "-m", "1750", there / "m")
    ok(shared, "mkdir", "-p", "-m", "700", there / "p/q")
    assert "no/d'" in fails(shared, "mkdir", there / "no/d")
    bits = {n: (there / n).stat().st_mode & 0o7777 for n in ["d", "x/y", "m", "p/q"]}
    assert bits == {"d": 0o755, "x/y": 0o755, "m": 0o1750, "p/q": 0o700}


def test_mv(shared, there):
    (there / "f").write_text("f")
    (there / "d").mkdir()
    ok(shared, "mv", there / "f", there / "g")
    ok(shared, "mv", there / "g", there / "d")
    ok(shared, "mv", there / "d/g", there / "x/y")
    assert (there / "x/y").read_text() == "f"
    assert "not a directory" in fails(shared, "mv", there / "x/y", f"{there}/no/")
    assert "nope'" in fails(shared, "mv", there / "nope", there / "z")
    ok(shared, "mv", there / "x", there / "d", f":{there}/x/..")
    assert (there / "x/y").read_text() == "f"


def test_chmod(shared, there):
    (there / "t/u").mkdir(parents=True)
    (there / "t/u/f").touch()
    ok(shared, "chmod", "4711", there / "t/u/f")
    assert (there / "t/u/f").stat().st_mode & 0o7777 == 0o4711
    ok(shared, "chmod", "-R", "700", f":{there}/t")
    assert {p.stat().st_mode & 0o7777 for p in [there / "t", there / "t/u", there / "t/u/f"]} == {0o700}
    for mode in ["9", "10000", "+x", ""]:
        assert "is no mode in octal" in fails(shared, "chmod", mode, there / "t", code=2)


def test_watch(shared, there):
    (there / "d").mkdir()
    for options, name in [(["--json"], "one"), ([], "two")]:
        p = start(shared, *options, "watch", "-r", there, stdout=subprocess.PIPE)
        first = []

        def appear():
            first.append(name)
            (there / f"d/{name}{len(first)}").write_text("")
        reader = threading.Thread(target=lambda: first.append(p.stdout.readline()))
        reader.start()
        while reader.is_alive():  # it says nothing of when it began to watch
            appear()
            reader.join(0.1)
        line = first[-1].decode()
        if options:
            assert json.loads(line)["event"] == "create" and json.loads(line)["name"].startswith("d/one")
        else:
            assert line.split()[0] == "create" and line.split()[1].startswith("d/two")
        p.send_signal(signal.SIGTERM)
        p.wait(10 * SLOW)
        p.stdout.close()
    assert "no/such" in fails(shared, "watch", "/no/such")
    assert "one directory at a time" in fails(shared, "watch", "a", "b", code=2)
