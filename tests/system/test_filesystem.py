"""filesystem.Filesystem and guest.v1.Files over the wire, in both codecs: what clients of envd rely on, and what coreutils
and the kernel say about the same tree."""
import base64
import contextlib
import filecmp
import os
import random
import shutil
import socket
import stat
import subprocess
import threading
import time

import pytest
from agent import Agent, RpcError, SLOW, wait_for

FILESYSTEM = "filesystem.Filesystem/"
FILES = "guest.v1.Files/"


@pytest.fixture
def tree(tmp_path):
    """A directory that every user may enter."""
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:-2]:
        os.chmod(parent, 0o755)
    return tmp_path


@pytest.fixture
def small(tree):
    """A file system of 1 MiB and 32 inodes."""
    path = tree / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=32", "none", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def fails(agent, method, message, code, text=None, codec="json", **headers):
    with pytest.raises(RpcError) as e:
        agent.call(method, message, codec, **headers)
    assert e.value.code == code, e.value
    if text is not None:
        assert text in e.value.message
    return e.value.message


def names(entries, below):
    return [os.path.relpath(e["path"], below) for e in entries]


# --- entries --------------------------------------------------------------------------------------------------------


def test_a_listing_tells_of_each_level_and_stays_nowhere(shared, codec, small):
    """Attributes are read in the directory that the listing is in just then; which can be unmounted afterwards (`small`)."""
    (small / "b/b").mkdir(parents=True)
    for name in ("a", "b/a", "b/b/f", "b/c", "c"):
        (small / name).touch()
        os.setxattr(small / name, "user.e2b.own", name.encode())
    entries = shared.call(FILESYSTEM + "ListDir", {"path": str(small), "depth": 3}, codec)["entries"]
    told = {os.path.relpath(e["path"], small): e.get("metadata", {}).get("own") for e in entries}
    assert told == {"a": "a", "b": None, "b/a": "b/a", "b/b": None, "b/b/f": "b/b/f", "b/c": "b/c", "c": "c"}


def test_an_entry_has_all_that_envd_tells(shared, codec, tree):
    path = tree / "file"
    path.write_bytes(b"four")
    os.chmod(path, 0o4750)
    os.chown(path, 1000, 4321)
    os.chmod(path, 0o4750)
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    os.setxattr(path, "user.e2b.key", b"value")
    os.setxattr(path, "user.other", b"x")
    os.setxattr(path, "user.e2b.raw", b"\xff")
    entry = shared.call(FILESYSTEM + "Stat", {"path": str(path)}, codec)["entry"]
    assert entry == {"name": "file", "type": "FILE_TYPE_FILE", "path": str(path), "size": "4", "mode": 0o750,
                     "permissions": "urwxr-x---", "owner": "user", "group": "4321", "metadata": {"key": "value"},
                     "modifiedTime": "2023-11-14T22:13:20.123456789Z"}


def test_links(shared, codec, tree):
    (tree / "dir").mkdir(mode=0o711)
    os.symlink("dir", tree / "one")
    os.symlink("one", tree / "two")
    os.symlink("nowhere", tree / "dangling")
    two = shared.call(FILESYSTEM + "Stat", {"path": f"{tree}/two"}, codec)["entry"]
    assert (two["type"], two["mode"], two["permissions"]) == ("FILE_TYPE_DIRECTORY", 0o711, "Lrwxrwxrwx")
    assert two["size"] == "3" and two["symlinkTarget"] == f"{tree}/dir" and two["isSymlink"]
    dangling = shared.call(FILESYSTEM + "Stat", {"path": f"{tree}/dangling"}, codec)["entry"]
    assert "type" not in dangling and "mode" not in dangling and dangling["symlinkTarget"] == f"{tree}/dangling"
    assert dangling["isSymlink"] and "isSymlink" not in shared.call(FILESYSTEM + "Stat", {"path": f"{tree}/dir"}, codec)["entry"]


def test_what_is_neither_file_nor_directory(shared, tree):
    os.mkfifo(tree / "fifo", 0o644)
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(tree / "socket"))
    os.mkdir(tree / "sticky")
    os.chmod(tree / "sticky", 0o1777)
    said = {n: shared.call(FILESYSTEM + "Stat", {"path": p})["entry"] for n, p in
            [("fifo", f"{tree}/fifo"), ("socket", f"{tree}/socket"), ("null", "/dev/null"), ("sticky", f"{tree}/sticky")]}
    s.close()
    assert all("type" not in said[n] for n in ("fifo", "socket", "null"))
    assert said["fifo"]["permissions"] == "prw-r--r--"
    assert said["socket"]["permissions"][0] == "S"
    assert said["null"]["permissions"] == "Dcrw-rw-rw-"
    assert said["sticky"]["permissions"] == "dtrwxrwxrwx"


def test_a_name_that_is_not_utf8_hides_nothing(shared, codec, tree):
    name = b"a\xffb"
    (tree / "fine").touch()
    os.mkdir(os.fsencode(tree) + b"/" + name)
    entries = shared.call(FILESYSTEM + "ListDir", {"path": str(tree)}, codec)["entries"]
    assert [e["name"] for e in entries] == ["a\ufffdb", "fine"]
    assert base64.b64decode(entries[0]["nameBytes"]) == name
    assert base64.b64decode(entries[0]["pathBytes"]) == os.fsencode(tree) + b"/" + name
    assert "nameBytes" not in entries[1] and "pathBytes" not in entries[1]
    path = base64.b64encode(os.fsencode(tree) + b"/" + name).decode()
    file = shared.call(FILES + "Stat", {"pathBytes": path}, codec)["file"]
    assert base64.b64decode(file["name"]) == name and file["type"] == "TYPE_DIRECTORY"
    shared.call(FILES + "Remove", {"pathBytes": path}, codec)
    assert os.listdir(tree) == ["fine"]


def test_a_changed_passwd_is_noticed(shared, tree):
    path = tree / "f"
    path.touch()
    os.chown(path, 7777, 7777)
    passwd, before = "/etc/passwd", open("/etc/passwd").read()
    assert shared.call(FILESYSTEM + "Stat", {"path": str(path)})["entry"]["owner"] == "7777"
    try:
        with open(passwd, "a") as f:
            f.write("newcomer:x:7777:7777::/:/bin/sh\n")
        assert shared.call(FILESYSTEM + "Stat", {"path": str(path)})["entry"]["owner"] == "newcomer"
    finally:
        with open(passwd, "w") as f:
            f.write(before)
    assert shared.call(FILESYSTEM + "Stat", {"path": str(path)})["entry"]["owner"] == "7777"


def told(agent, path, codec):
    return agent.call(FILESYSTEM + "Stat", {"path": str(path)}, codec)["entry"]


def test_what_is_told_from_memory_changes_with_the_file(shared, codec, tree):
    """An entry that was asked for before is told without a worker; each change of it is in the next answer."""
    path = tree / "f"
    path.write_text("x")
    time.sleep(0.2)  # what has just changed is asked for again each time
    first = told(shared, path, codec)
    assert all(told(shared, path, codec) == first for _ in range(3))
    os.setxattr(path, "user.e2b.key", b"value")
    assert told(shared, path, codec)["metadata"] == {"key": "value"}
    os.removexattr(path, "user.e2b.key")
    assert told(shared, path, codec) == first
    os.chmod(path, 0o600)
    assert told(shared, path, codec)["mode"] == 0o600
    os.chown(path, 1000, 0)
    assert told(shared, path, codec)["owner"] == "user"
    path.write_text("four")
    assert told(shared, path, codec)["size"] == "4"
    os.rename(path, tree / "g")
    with pytest.raises(RpcError, match="not_found"):
        told(shared, path, codec)
    os.symlink("g", path)
    assert told(shared, path, codec)["symlinkTarget"] == f"{tree}/g"
    path.unlink()
    path.mkdir()
    assert told(shared, path, codec)["type"] == "FILE_TYPE_DIRECTORY"


def test_the_oldest_client_gets_three_fields(shared, tree):
    (tree / "f").write_text("x")
    for agent, fields in ("connect-python", {"name", "type", "path"}), ("connect-python/2", None):
        with shared.connect() as c:
            r = c.request("POST", f"/{FILESYSTEM}ListDir", {"Content-Type": "application/json", "User-Agent": agent},
                          b'{"path":"%s"}' % os.fsencode(tree))
        entry = r.json()["entries"][0]
        assert r.headers.get("x-e2b-legacy-sdk") == ("true" if fields else None)
        assert set(entry) == fields if fields else "permissions" in entry


# --- codes and texts ------------------------------------------------------------------------------------------------


def test_errors_of_stat(shared, codec, tree):
    (tree / "file").touch()
    fails(shared, FILESYSTEM + "Stat", {"path": f"{tree}/none"}, "not_found",
          f"file not found: lstat {tree}/none: no such file or directory", codec)
    fails(shared, FILESYSTEM + "Stat", {"path": f"{tree}/file/x"}, "internal", "not a directory", codec)
    fails(shared, FILESYSTEM + "Stat", {"path": "~other/x"}, "invalid_argument",
          "cannot expand user-specific home dir", codec)
    fails(shared, FILESYSTEM + "Stat", {"path": "/"}, "unauthenticated", "invalid username: 'nobody-here'", codec,
          **basic("nobody-here"))


def test_paths_begin_where_envd_says(shared, tree):
    """Relative ones and ~ at the home, whoever's that is; absolute ones are told as they came."""
    os.makedirs("/home/user/here", exist_ok=True)
    for path, want in (("here", "/home/user/here"), ("~/x/../here", "/home/user/here"), ("", "/home/user"),
                       ("/home/user//here/", "/home/user//here/")):
        assert shared.call(FILESYSTEM + "Stat", {"path": path}, **basic("user"))["entry"]["path"] == want


def test_make_dir(shared, codec, tree):
    (tree / "file").touch()
    entry = shared.call(FILESYSTEM + "MakeDir", {"path": f"{tree}/a/b/c"}, codec, **basic("user"))["entry"]
    assert (entry["type"], entry["owner"], entry["permissions"]) == ("FILE_TYPE_DIRECTORY", "user", "drwxr-xr-x")
    assert os.stat(tree / "a").st_uid == 1000 and os.stat(tree).st_uid == 0
    fails(shared, FILESYSTEM + "MakeDir", {"path": f"{tree}/a"}, "already_exists", f"directory already exists: {tree}/a",
          codec)
    fails(shared, FILESYSTEM + "MakeDir", {"path": f"{tree}/file"}, "invalid_argument",
          f"path already exists but it is not a directory: {tree}/file", codec)
    fails(shared, FILESYSTEM + "MakeDir", {"path": f"{tree}/file/x/y"}, "internal", None, codec)


def test_move(shared, codec, tree):
    (tree / "a").write_text("a")
    os.setxattr(tree / "a", "user.e2b.k", b"v")
    (tree / "old").write_text("old")
    entry = shared.call(FILESYSTEM + "Move", {"source": f"{tree}/a", "destination": f"{tree}/x/y/b"}, codec)["entry"]
    assert entry["path"] == f"{tree}/x/y/b" and entry["metadata"] == {"k": "v"}
    shared.call(FILESYSTEM + "Move", {"source": f"{tree}/x/y/b", "destination": f"{tree}/old"}, codec)
    assert (tree / "old").read_text() == "a"
    fails(shared, FILESYSTEM + "Move", {"source": f"{tree}/none", "destination": f"{tree}/made/b"}, "not_found",
          "source file not found: ", codec)
    assert (tree / "made").is_dir()
    shared.call(FILESYSTEM + "Move", {"source": f"{tree}/x", "destination": f"{tree}/made"}, codec)  # an empty directory
    (tree / "full").mkdir()
    fails(shared, FILESYSTEM + "Move", {"source": f"{tree}/full", "destination": f"{tree}/made"}, "internal",
          "error renaming: ", codec)
    fails(shared, FILESYSTEM + "Move", {"source": f"{tree}/old", "destination": "/dev/shm/guestd-other-fs"}, "internal",
          "error renaming: ", codec)


def test_remove(shared, codec, tree):
    (tree / "kept").mkdir()
    (tree / "kept/file").touch()
    os.symlink("kept", tree / "link")
    os.makedirs(tree / "t/a/b")
    os.symlink("../../kept", tree / "t/a/out")
    shared.call(FILESYSTEM + "Remove", {"path": f"{tree}/link"}, codec)
    for _ in range(2):  # what is not there counts as removed
        assert shared.call(FILESYSTEM + "Remove", {"path": f"{tree}/t"}, codec) == {}
    assert os.listdir(tree) == ["kept"] and (tree / "kept/file").exists()
    assert "invalid argument" in fails(shared, FILESYSTEM + "Remove", {"path": f"{tree}/kept/."}, "internal", None, codec)
    fails(shared, FILESYSTEM + "Remove", {"path": "/usr/../"}, "internal", None, codec)


def test_list_dir(shared, codec, tree):
    for d in ("b/y", "b.d", "B"):
        os.makedirs(tree / "t" / d)
    for f in ("b/x", "b/y/deep", "a", "ä"):
        (tree / "t" / f).touch()
    os.symlink("b", tree / "t/link")
    os.symlink("t", tree / "root")

    def listed(path, depth):
        return names(shared.call(FILESYSTEM + "ListDir", {"path": path, "depth": depth}, codec)["entries"], path)
    assert listed(f"{tree}/t", 0) == listed(f"{tree}/t", 1) == ["B", "a", "b", "b.d", "link", "ä"]
    assert listed(f"{tree}/t", 2) == ["B", "a", "b", "b/x", "b/y", "b.d", "link", "ä"]
    assert listed(f"{tree}/root", 9) == ["B", "a", "b", "b/x", "b/y", "b/y/deep", "b.d", "link", "ä"]
    assert shared.call(FILESYSTEM + "ListDir", {"path": f"{tree}/t/B"}, codec) == {}
    os.symlink("loop", tree / "loop")
    fails(shared, FILESYSTEM + "ListDir", {"path": f"{tree}/none"}, "not_found",
          f"path not found: lstat {tree}/none: no such file or directory", codec)
    fails(shared, FILESYSTEM + "ListDir", {"path": f"{tree}/t/a"}, "invalid_argument",
          f"path is not a directory: {tree}/t/a", codec)
    fails(shared, FILESYSTEM + "ListDir", {"path": f"{tree}/loop"}, "failed_precondition",
          "cyclic symlink or chain >255 links at ", codec)


def test_a_listing_is_bounded_and_says_where_to_go(shared, tree):
    fd = os.open(tree, os.O_RDONLY)
    for i in range(50_001):
        os.mknod(str(i), dir_fd=fd)
    os.close(fd)
    fails(shared, FILESYSTEM + "ListDir", {"path": str(tree)}, "resource_exhausted", "guest.v1.Files/List")
    os.unlink(tree / "0")
    assert len(shared.call(FILESYSTEM + "ListDir", {"path": str(tree)})["entries"]) == 50_000


def make_chain(at, depth):
    fd = os.open(at, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def test_a_tree_of_any_depth(shared, tree):
    """Deeper than a path may be long, than a thread's stack, than there are descriptors."""
    (tree / "t").mkdir()
    make_chain(tree / "t", 4000)
    before = shared.fds()
    assert len(shared.call(FILESYSTEM + "ListDir", {"path": f"{tree}/t", "depth": 3000})["entries"]) == 3000
    shared.call(FILES + "Copy", {"source": f"{tree}/t", "destination": f"{tree}/u", "recursive": True})
    shared.call(FILES + "Chmod", {"path": f"{tree}/u", "mode": 0o700, "recursive": True})
    for name in "tu":
        shared.call(FILESYSTEM + "Remove", {"path": f"{tree}/{name}"})
    assert os.listdir(tree) == []
    wait_for(lambda: shared.fds() <= before, what="descriptors to be closed")


# --- while others change the tree -----------------------------------------------------------------------------------


def test_what_vanishes_does_not_fail_a_listing(shared, tree):
    """And links that take a directory's place are not followed, neither to list nor to remove."""
    outside = tree / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (tree / "t").mkdir()
    over = threading.Event()

    def churn():
        while not over.is_set():
            try:
                os.makedirs(tree / "t/d/e", exist_ok=True)
                (tree / "t/d/f").touch()
                shutil.rmtree(tree / "t/d", ignore_errors=True)
                os.symlink(outside, tree / "t/d")
                os.unlink(tree / "t/d")
            except OSError:
                pass
    thread = threading.Thread(target=churn)
    thread.start()
    try:
        with shared.connect() as c:
            for _ in range(300):
                entries = c.call(FILESYSTEM + "ListDir", {"path": f"{tree}/t", "depth": 5}).get("entries", [])
                assert set(names(entries, tree / "t")) <= {"d", "d/e", "d/f"}
                try:
                    c.call(FILESYSTEM + "Remove", {"path": f"{tree}/t/d"})
                except RpcError as e:  # new entries come as fast as they go
                    assert "directory not empty" in e.message, e
    finally:
        over.set()
        thread.join()
    assert (outside / "precious").exists()


# --- guest.v1.Files -------------------------------------------------------------------------------------------------


def test_stat_as_the_kernel_says(shared, codec, tree):
    path = tree / "f"
    path.write_bytes(b"x" * 5000)
    os.chown(path, 1000, 999_999)
    os.chmod(path, 0o6751)
    os.symlink("f", tree / "link")
    st = os.lstat(path)
    f = shared.call(FILES + "Stat", {"path": str(path)}, codec)["file"]
    assert (f["mode"], int(f["size"]), int(f["blocks"]), int(f["inode"]), int(f["device"]), f["links"]) == (
        st.st_mode, 5000, st.st_blocks, st.st_ino, st.st_dev, 1)
    assert (f["uid"], f["gid"], f["owner"], "group" in f, f["type"]) == (1000, 999_999, "user", False, "TYPE_FILE")
    assert all(k in f for k in ("modifiedTime", "changedTime", "accessedTime"))
    link = shared.call(FILES + "Stat", {"path": f"{tree}/link"}, codec)["file"]
    assert link["type"] == "TYPE_SYMLINK" and base64.b64decode(link["linkTarget"]) == b"f"
    fails(shared, FILES + "Stat", {"path": f"{tree}/none"}, "not_found", None, codec)


def pages(agent, path, **fields):
    message = {"path": str(path), **fields}
    with agent.connect() as c:
        while True:
            r = c.call(FILES + "List", message)
            yield r.get("files", [])
            assert r.get("truncated", False) == bool(r.get("nextPage"))
            if not r.get("nextPage"):
                return
            message["page"] = r["nextPage"]


def test_pages_have_each_entry_once(shared, tree):
    want = {f"name-{i}" for i in range(2500)}
    for name in want:
        (tree / name).touch()
    got = list(pages(shared, tree, limit=700))
    assert [len(p) for p in got] == [700, 700, 700, 400]
    assert sorted(base64.b64decode(f["name"]).decode() for p in got for f in p) == sorted(want)
    assert [len(p) for p in pages(shared, tree)] == [1000, 1000, 500]
    assert [len(p) for p in pages(shared, tree, limit=2500)] == [2500]
    fails(shared, FILES + "List", {"path": str(tree), "limit": 10_001}, "invalid_argument")
    fails(shared, FILES + "List", {"path": str(tree), "page": "2-5"}, "invalid_argument")
    fails(shared, FILES + "List", {"path": f"{tree}/none"}, "not_found")
    fails(shared, FILES + "List", {"path": f"{tree}/name-1"}, "failed_precondition")


def test_pages_cost_no_memory(tree):
    """What the agent needs does not grow with the directory."""
    fd = os.open(tree, os.O_RDONLY)
    for i in range(60_000):
        os.link("0", str(i), src_dir_fd=fd, dst_dir_fd=fd) if i else os.mknod("0", dir_fd=fd)
    os.close(fd)

    def anonymous(agent):
        return int(next(line for line in open(f"/proc/{agent.pid}/status") if line.startswith("RssAnon")).split()[1])
    # The sanitizer's own keeping of freed memory is none of ours.
    with Agent(env={"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}) as agent:
        assert sum(len(p) for p in pages(agent, tree, limit=500)) == 60_000
        before = anonymous(agent)
        assert sum(len(p) for p in pages(agent, tree, limit=500)) == 60_000
        assert anonymous(agent) - before < 2048
        assert anonymous(agent) < 6144 * SLOW  # all of them at once take 50 MiB


def test_one_strict_step(shared, codec, tree):
    made = shared.call(FILES + "MakeDir", {"path": f"{tree}/d", "mode": 0o2770}, codec, **basic("user"))["file"]
    assert stat.S_IMODE(made["mode"]) == 0o2770 and made["owner"] == "user"
    fails(shared, FILES + "MakeDir", {"path": f"{tree}/d"}, "already_exists", None, codec)
    fails(shared, FILES + "MakeDir", {"path": f"{tree}/no/d"}, "not_found", None, codec)
    fails(shared, FILES + "MakeDir", {"path": f"{tree}/e", "mode": 0o10000}, "invalid_argument", None, codec)
    shared.call(FILES + "Symlink", {"target": "../any where", "path": f"{tree}/d/link"}, codec, **basic("user"))
    assert os.readlink(tree / "d/link") == "../any where" and os.lstat(tree / "d/link").st_uid == 1000
    fails(shared, FILES + "Symlink", {"target": "x", "path": f"{tree}/d/link"}, "already_exists", None, codec)
    target = shared.call(FILES + "ReadLink", {"path": f"{tree}/d/link"}, codec)["target"]
    assert base64.b64decode(target) == b"../any where"
    fails(shared, FILES + "ReadLink", {"path": f"{tree}/d"}, "failed_precondition", None, codec)
    fails(shared, FILES + "Remove", {"path": f"{tree}/d"}, "failed_precondition", None, codec)
    shared.call(FILES + "Remove", {"path": f"{tree}/d/link"}, codec)
    shared.call(FILES + "Remove", {"path": f"{tree}/d"}, codec)
    fails(shared, FILES + "Remove", {"path": f"{tree}/d"}, "not_found", None, codec)


def test_chmod_and_chown(shared, codec, tree):
    os.makedirs(tree / "t/d")
    (tree / "t/d/f").touch()
    (tree / "outside").touch()
    os.symlink(tree / "outside", tree / "t/d/link")
    os.symlink("t", tree / "to")
    outside = os.stat(tree / "outside")
    shared.call(FILES + "Chmod", {"path": f"{tree}/to", "mode": 0o701}, codec)
    assert [stat.S_IMODE(os.stat(tree / p).st_mode) for p in ("t", "t/d")] == [0o701, 0o755]
    shared.call(FILES + "Chmod", {"path": f"{tree}/t", "mode": 0o750, "recursive": True}, codec)
    shared.call(FILES + "Chown", {"path": f"{tree}/t", "owner": "user", "group": "4242", "recursive": True}, codec)
    for p in "t", "t/d", "t/d/f", "t/d/link":
        st = os.lstat(tree / p)
        assert (st.st_uid, st.st_gid) == (1000, 4242) and (p == "t/d/link" or stat.S_IMODE(st.st_mode) == 0o750)
    after = os.stat(tree / "outside")
    assert (after.st_mode, after.st_uid) == (outside.st_mode, outside.st_uid)
    shared.call(FILES + "Chown", {"path": f"{tree}/to", "owner": "4343"}, codec)
    assert (os.lstat(tree / "to").st_uid, os.lstat(tree / "to").st_gid, os.stat(tree / "t").st_uid) == (4343, 0, 1000)
    fails(shared, FILES + "Chown", {"path": f"{tree}/t", "owner": "nobody-here"}, "not_found", None, codec)
    fails(shared, FILES + "Chmod", {"path": f"{tree}/none", "mode": 0o700}, "not_found", None, codec)


# --- Copy -----------------------------------------------------------------------------------------------------------


def copy(agent, source, destination, codec="json", headers=None, **fields):
    return agent.call(FILES + "Copy", {"source": str(source), "destination": str(destination), **fields}, codec,
                      **(headers or {}))


def described(path):
    """All that a copy must have: of each entry below path."""
    found = {}
    for directory, dirs, files in os.walk(path):
        for name in [".", *dirs, *files]:
            at = os.path.join(directory, name)
            st = os.lstat(at)
            kind = stat.S_IFMT(st.st_mode)
            content = {stat.S_IFREG: lambda: open(at, "rb").read(), stat.S_IFLNK: lambda: os.readlink(at)}.get(kind, lambda: 0)()
            xattrs = {x: os.getxattr(at, x, follow_symlinks=False) for x in os.listxattr(at, follow_symlinks=False)}
            found[os.path.relpath(at, path)] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_rdev, content, xattrs)
    return found


def test_a_copy_has_all_that_the_source_has(shared, codec, tree):
    t = tree / "t"
    os.makedirs(t / "d/empty")
    (t / "f").write_bytes(os.urandom(300_000))
    (t / "d/set").write_text("x")
    os.chown(t / "d/set", 1000, 1000)
    os.chmod(t / "d/set", 0o6755)
    os.setxattr(t / "f", "user.e2b.k", b"v")
    os.symlink("../f", t / "d/link")
    os.mkfifo(t / "fifo", 0o600)
    os.mknod(t / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(t / "d", 0o1701)
    for p in ("f", "d/set", "d/link", "d", "."):
        os.utime(t / p, ns=(1, 1_600_000_000_000_000_001), follow_symlinks=False)
    assert copy(shared, t, tree / "u", codec, recursive=True) == {"files": "5", "directories": "3", "bytes": "300001"}
    assert described(tree / "u") == described(t)


def test_holes_stay_holes(shared, tree):
    for name, writes in (("middle", {0: b"a", 8 << 20: b"b"}), ("end", {0: b"a"}), ("all", {})):
        with open(tree / name, "wb") as f:
            for at, data in writes.items():
                f.seek(at)
                f.write(data)
            f.truncate(16 << 20)
        copy(shared, tree / name, tree / f"{name}2")
        assert filecmp.cmp(tree / name, tree / f"{name}2", shallow=False)
        assert os.stat(tree / f"{name}2").st_blocks <= os.stat(tree / name).st_blocks + 16


def test_files_of_the_kernel_are_copied_whole(shared, tree):
    copy(shared, "/proc/version", tree / "version")
    assert (tree / "version").read_bytes() == open("/proc/version", "rb").read()
    copy(shared, "/sys/kernel/mm/transparent_hugepage/enabled", tree / "enabled")
    assert (tree / "enabled").read_bytes() == open("/sys/kernel/mm/transparent_hugepage/enabled", "rb").read()


def test_errors_of_copy(shared, codec, tree):
    (tree / "a").write_text("a")
    (tree / "b").write_text("b")
    os.makedirs(tree / "d/e")

    def refused(source, destination, code, **fields):
        fails(shared, FILES + "Copy", {"source": f"{tree}/{source}", "destination": f"{tree}/{destination}", **fields},
              code, None, codec)
    refused("none", "x", "not_found")
    refused("a", "none/x", "not_found")
    refused("a", "b", "already_exists")
    refused("d", "x", "failed_precondition")
    refused("a", "d", "failed_precondition", overwrite=True)
    refused("d", "a", "failed_precondition", overwrite=True, recursive=True)
    refused("d", "d/e/f", "invalid_argument", recursive=True)
    refused("d", "d", "invalid_argument", recursive=True, overwrite=True)
    assert sorted(os.listdir(tree)) == ["a", "b", "d"] and os.listdir(tree / "d/e") == []
    copy(shared, tree / "a", tree / "b", codec, overwrite=True)
    assert (tree / "b").read_text() == "a"
    (tree / "d/a").write_text("old")
    (tree / "s").mkdir()
    (tree / "s/a").write_text("new")
    copy(shared, tree / "s", tree / "d", codec, overwrite=True, recursive=True)
    assert sorted(os.listdir(tree / "d")) == ["a", "e"] and (tree / "d/a").read_text() == "new"


def test_a_copy_that_is_not_whole_is_not_there(shared, codec, small, tree):
    (tree / "big").write_bytes(b"x" * (2 << 20))
    (small / "old").write_text("old")
    fails(shared, FILES + "Copy", {"source": f"{tree}/big", "destination": f"{small}/big"}, "resource_exhausted",
          "no space left on device", codec)
    fails(shared, FILES + "Copy", {"source": f"{tree}/big", "destination": f"{small}/old", "overwrite": True},
          "resource_exhausted", None, codec)
    assert os.listdir(small) == ["old"] and (small / "old").read_text() == "old"


def test_without_inodes(shared, codec, small):
    for i in range(200):
        try:
            (small / str(i)).touch()
        except OSError:
            break
    for method, message in ((FILESYSTEM + "MakeDir", {"path": f"{small}/a/b"}), (FILES + "MakeDir", {"path": f"{small}/d"}),
                            (FILES + "Symlink", {"path": f"{small}/l", "target": "x"}),
                            (FILES + "Copy", {"source": f"{small}/1", "destination": f"{small}/c"})):
        fails(shared, method, message, "resource_exhausted", "no space left on device", codec)
    shared.call(FILESYSTEM + "Remove", {"path": f"{small}/1"}, codec)
    shared.call(FILES + "MakeDir", {"path": f"{small}/d"}, codec)


def size_of(folder):
    """Of its files; of those that vanish meanwhile, nothing."""
    size = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def test_a_copy_stops_when_nobody_waits(shared, tree):
    """The client goes away in the middle: the copy ends early, and leaves no half file."""
    (tree / "t").mkdir()
    for i in range(64):
        with open(tree / "t" / f"{i:02}", "wb") as f:
            f.write(b"x" * (4 << 20))
    with shared.connect() as c:
        c.send_request("POST", f"/{FILES}Copy", {"Content-Type": "application/json"},
                       b'{"source":"%s/t","destination":"%s/u","recursive":true}' % ((os.fsencode(tree),) * 2))
        wait_for((tree / "u").exists, what="the copy's beginning")
    size = -1
    while size != (size := size_of(tree / "u")):
        time.sleep(0.2)
    copied = list((tree / "u").iterdir())
    assert len(copied) < 64 and all(p.stat().st_size == 4 << 20 for p in copied)


# --- --files-as user ------------------------------------------------------------------------------------------------


def test_the_kernel_decides_over_the_user(tree, codec):
    (tree / "secret").mkdir(mode=0o700)
    (tree / "secret/f").write_text("x")
    (tree / "f").write_text("x")
    os.chmod(tree / "f", 0o600)
    (tree / "open").mkdir()
    os.chmod(tree / "open", 0o777)
    with Agent("--files-as", "user") as agent:
        def refused(method, **message):
            fails(agent, method, message, "permission_denied", None, codec, **basic("user"))
        refused(FILESYSTEM + "Stat", path=f"{tree}/secret/f")
        refused(FILESYSTEM + "ListDir", path=f"{tree}/secret")
        refused(FILESYSTEM + "MakeDir", path=f"{tree}/mine")
        refused(FILESYSTEM + "Move", source=f"{tree}/f", destination=f"{tree}/g")
        refused(FILESYSTEM + "Remove", path=f"{tree}/f")
        refused(FILES + "Copy", source=f"{tree}/f", destination=f"{tree}/open/f")
        refused(FILES + "Chmod", path=f"{tree}/f", mode=0o777)
        refused(FILES + "Chown", path=f"{tree}/f", owner="user")
        entries = agent.call(FILESYSTEM + "ListDir", {"path": str(tree), "depth": 3}, codec, **basic("user"))["entries"]
        assert names(entries, tree) == ["f", "open", "secret"]  # an unreadable directory is told without its content
        made = agent.call(FILESYSTEM + "MakeDir", {"path": f"{tree}/open/mine"}, codec, **basic("user"))["entry"]
        assert made["owner"] == "user"
        assert agent.call(FILESYSTEM + "Stat", {"path": f"{tree}/secret/f"}, codec)["entry"]["size"] == "1"  # root's


# --- against coreutils ----------------------------------------------------------------------------------------------


class Twin:
    """The same random operations on two trees: by the agent, and by coreutils."""

    def __init__(self, agent, tree, seed):
        self.c, self.r = agent.connect(), random.Random(seed)
        self.ours, self.theirs = tree / "ours", tree / "theirs"
        self.ours.mkdir()
        self.theirs.mkdir()

    def path(self):
        return "/".join(self.r.choice(["a", "b", "c", "ü", " x"]) for _ in range(self.r.randint(1, 4)))

    def both(self, method, message, *command):
        """Runs both and wants the same verdict."""
        try:
            self.c.call(method, {k: v if k not in ("path", "source", "destination") else f"{self.ours}/{v}"
                                 for k, v in message.items()})
            ours = True
        except RpcError as e:
            ours = e
        done = subprocess.run([*command], cwd=self.theirs, capture_output=True, text=True)
        assert (ours is True) == (done.returncode == 0), (method, message, ours, done)

    def step(self):
        p, q = self.path(), self.path()
        mode = self.r.choice([0o700, 0o755, 0o711])
        self.r.choice([
            lambda: self.both(FILES + "MakeDir", {"path": p, "mode": mode}, "mkdir", "-m", f"{mode:o}", "--", p),
            lambda: self.both(FILES + "Symlink", {"path": p, "target": q}, "ln", "-sT", "--", q, p),
            lambda: self.both(FILES + "Remove", {"path": p}, "sh", "-c", 'rm -- "$0" 2>/dev/null || rmdir -- "$0"', p),
            lambda: self.both(FILES + "Chmod", {"path": p, "mode": mode, "recursive": True}, "chmod", "-R", f"{mode:o}", "--", p),
            lambda: self.both(FILES + "Chown", {"path": p, "owner": "user", "group": "7", "recursive": True},
                              "chown", "-hR", "user:7", "--", p),
            lambda: self.both(FILES + "Copy", {"source": p, "destination": q, "recursive": True},
                              "sh", "-c", 'test ! -e "$1" && test ! -L "$1" && cp -aT -- "$0" "$1"', p, q),
            lambda: self.write(p),
            lambda: self.remove_tree(p),
        ])()

    def write(self, p):
        data = self.r.randbytes(self.r.choice([0, 10, 100_000]))
        for root in self.ours, self.theirs:
            try:
                (root / p).write_bytes(data)
            except OSError:
                pass

    def remove_tree(self, p):
        if self.r.random() < 0.4:
            # A file on the way is an error, as in Go; rm -f calls that gone.
            self.both(FILESYSTEM + "Remove", {"path": p},
                      "sh", "-c", 'stat -- "$0" 2>&1 | grep -q "Not a dir" && exit 1; rm -rf -- "$0"', p)

    def same(self):
        def plain(root):
            return {k: (v[0], v[1], v[2], v[5]) for k, v in described(root).items()}
        assert plain(self.ours) == plain(self.theirs)
        want = [line for line in subprocess.run(["find", ".", "-mindepth", "1"], cwd=self.theirs, capture_output=True,
                                                text=True, check=True).stdout.splitlines()]
        got = self.c.call(FILESYSTEM + "ListDir", {"path": str(self.ours), "depth": 99}).get("entries", [])
        assert sorted(f"./{n}" for n in names(got, self.ours)) == sorted(want)
        for entry in got[:20]:
            told = entry["permissions"].replace("d", "-", 1) if entry["permissions"][0] == "d" else entry["permissions"]
            want = stat.filemode(os.lstat(entry["path"]).st_mode)
            assert told[1:] == want[1:] and entry["permissions"][0] == want[0].replace("l", "L")


@pytest.mark.parametrize("seed", range(3))
def test_random_trees_are_those_of_coreutils(shared, tree, seed):
    twin = Twin(shared, tree, seed)
    for i in range(150):
        twin.step()
        if i % 30 == 29:
            twin.same()
    twin.c.close()
