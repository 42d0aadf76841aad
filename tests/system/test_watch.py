"""filesystem.Filesystem's watches, against the kernel: what happens is told, all of it, once, and in order."""
import ctypes
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import threading

import pytest
from agent import Agent, RpcError, wait_for

FS = "filesystem.Filesystem/"


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "tree"
    path.mkdir()
    return path


class Watcher:
    """A polled watcher."""

    def __init__(self, agent, path, codec="json", **fields):
        self.agent, self.codec = agent, codec
        self.id = agent.call(FS + "CreateWatcher", {"path": str(path), **fields}, codec)["watcherId"]

    def raw(self):
        return self.agent.call(FS + "GetWatcherEvents", {"watcherId": self.id}, self.codec).get("events", [])

    def events(self):
        return [short(e) for e in self.raw()]

    def remove(self):
        self.agent.call(FS + "RemoveWatcher", {"watcherId": self.id}, self.codec)


def short(event):
    if event.get("overflow"):
        assert event["name"] == "." and "type" not in event
        return "OVERFLOW", "."
    return event["type"].removeprefix("EVENT_TYPE_"), event["name"]


class Watch:
    """A stream of WatchDir: `start` has come."""

    def __init__(self, agent, path, codec="json", headers=None, **fields):
        self.stream = agent.stream(FS + "WatchDir", {"path": str(path), **fields}, codec, **(headers or {}))
        self.messages = iter(self.stream)
        assert next(self.messages) == {"start": {}}

    def take(self, n):
        return [short(next(self.messages)["filesystem"]) for _ in range(n)]

    def until(self, event):
        """All up to that event."""
        seen = []
        while not seen or seen[-1] != event:
            seen += self.take(1)
        return seen

    def close(self):
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- what is told ---------------------------------------------------------------------------------------------------


def test_every_kind_of_event(agent, tree, codec):
    (tree / "old").write_text("")
    w = Watcher(agent, tree, codec)
    (tree / "f").write_text("x")
    os.chmod(tree / "f", 0o600)
    os.rename(tree / "f", tree / "g")
    os.remove(tree / "g")
    os.mkdir(tree / "d")
    os.rmdir(tree / "d")
    (tree / "old").touch()
    os.chmod(tree, 0o700)
    assert w.events() == [("CREATE", "f"), ("WRITE", "f"), ("CHMOD", "f"), ("RENAME", "f"), ("CREATE", "g"),
                          ("REMOVE", "g"), ("CREATE", "d"), ("REMOVE", "d"), ("CHMOD", "old"), ("CHMOD", ".")]
    assert w.events() == []
    w.remove()


def test_the_same_as_a_stream(agent, tree, codec):
    with Watch(agent, tree, codec) as w:
        (tree / "f").write_text("x")
        os.rename(tree / "f", tree / "g")
        assert w.take(4) == [("CREATE", "f"), ("WRITE", "f"), ("RENAME", "f"), ("CREATE", "g")]


def test_the_directory_itself(agent, tree):
    w, other = Watcher(agent, tree), tree / "other"
    other.mkdir()
    moved = Watcher(agent, other)
    os.rename(other, tree / "moved")
    assert moved.events() == [("RENAME", ".")]
    shutil.rmtree(tree)
    assert w.events()[-1] == ("REMOVE", ".")
    assert moved.events() == [("REMOVE", ".")]
    tree.mkdir()
    (tree / "f").write_text("")
    assert w.events() == []  # another directory


def test_not_recursive(agent, tree):
    (tree / "d").mkdir()
    w = Watcher(agent, tree)
    (tree / "d/f").write_text("")
    (tree / "e/e").mkdir(parents=True)
    assert w.events() == [("CREATE", "e")]


def test_a_link_to_a_directory_and_paths_as_clients_write_them(agent, tree):
    os.symlink(tree, tree.parent / "link")
    watchers = [Watcher(agent, p) for p in (tree.parent / "link", f"{tree}/", f"{tree}/../tree/.")]
    (tree / "f").write_text("")
    assert [w.events() for w in watchers] == [[("CREATE", "f")]] * 3


def test_entries(agent, tree, codec):
    w = Watcher(agent, tree, codec, recursive=True, includeEntry=True)
    (tree / "d").mkdir()
    (tree / "d/f").write_text("four")
    os.chmod(tree / "d/f", 0o640)
    (tree / "gone").write_text("")
    os.remove(tree / "gone")
    by_name = {}
    for e in w.raw():
        by_name.setdefault(e["name"], []).append(e)
    for e in by_name["d/f"]:
        assert (e["entry"]["path"], e["entry"]["size"], e["entry"]["permissions"]) == (f"{tree}/d/f", "4", "-rw-r-----")
    assert by_name["d"][0]["entry"]["type"] == "FILE_TYPE_DIRECTORY"
    assert all("entry" not in e for e in by_name["gone"])


def test_entries_in_a_stream(agent, tree, codec):
    with Watch(agent, tree, codec, includeEntry=True) as w:
        (tree / "f").write_text("four")
        event = next(w.messages)["filesystem"]
        assert (event["name"], event["entry"]["path"]) == ("f", f"{tree}/f")
        os.remove(tree / "f")
        rest = []
        while not rest or rest[-1]["type"] != "EVENT_TYPE_REMOVE":
            rest.append(next(w.messages)["filesystem"])
        assert "entry" not in rest[-1]


def test_names_that_are_not_text(agent, tree, codec):
    w = Watcher(agent, tree, codec, includeEntry=True)
    with open(os.fsencode(tree) + b"/a\xffb", "w"):
        pass
    (event,) = w.raw()
    assert event["name"] == "a\ufffdb" and event["entry"]["name"] == "a\ufffdb"


def test_keepalives(agent, tree):
    with Watch(agent, tree, headers={"Keepalive-Ping-Interval": "1"}) as w:
        assert next(w.messages) == {"keepalive": {}}


def test_what_was_answered_is_told(agent, tree, codec):
    w = Watcher(agent, tree, codec, recursive=True)
    for i in range(30):
        agent.call(FS + "MakeDir", {"path": f"{tree}/{i}/a"}, codec)
        agent.call(FS + "Move", {"source": f"{tree}/{i}/a", "destination": f"{tree}/{i}/b"}, codec)
        agent.call(FS + "Remove", {"path": f"{tree}/{i}"}, codec)
        events = w.events()
        assert events[0] == ("CREATE", f"{i}") and events[-1] == ("REMOVE", f"{i}")
        paths = set()
        apply(paths, events)
        assert paths == set()
        agent.call(FS + "MakeDir", {"path": f"{tree}/{i}"}, codec)
        assert w.events() == [("CREATE", f"{i}"), ("CHMOD", f"{i}")]  # its owner


def upload(agent, path, kind):
    """A small file, as a body of its own or as a part of a form."""
    if kind == "octets":
        return agent.request("POST", f"/files?path={path}", {"Content-Type": "application/octet-stream"}, b"text")
    body = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{path}"\r\n\r\ntext\r\n--b--\r\n'
    return agent.request("POST", "/files", {"Content-Type": "multipart/form-data; boundary=b"}, body.encode())


@pytest.mark.parametrize("kind", ["octets", "form"])
def test_an_upload_that_was_answered_is_told(agent, tree, codec, kind):
    flat, deep = Watcher(agent, tree, codec), Watcher(agent, tree.parent, codec, recursive=True, includeEntry=True)
    for i in range(30):
        assert upload(agent, tree / f"f{i}", kind).status == 200
        assert flat.events() == [("CREATE", f"f{i}"), ("CHMOD", f"f{i}"), ("WRITE", f"f{i}")]
        told = deep.raw()
        assert [short(e) for e in told] == [(k, f"tree/f{i}") for k in ("CREATE", "CHMOD", "WRITE")]
        assert [(e["entry"]["path"], e["entry"]["size"]) for e in told] == [(f"{tree}/f{i}", "4")] * 3
        assert flat.events() == deep.events() == []


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["WatchDir", "CreateWatcher"])
def test_what_cannot_be_watched(agent, tree, codec, method):
    (tree / "f").write_text("")
    for path, code, text in [(tree / "none", "not_found", f"path {tree}/none not found: stat {tree}/none: "
                                                          "no such file or directory"),
                             (tree / "f", "invalid_argument", f"path {tree}/f not a directory"),
                             ("~other/x", "invalid_argument", "cannot expand user-specific home dir")]:
        with pytest.raises(RpcError) as e:
            if method == "WatchDir":
                with agent.stream(FS + method, {"path": str(path)}, codec) as stream:
                    list(stream)
            else:
                agent.call(FS + method, {"path": str(path)}, codec)
        assert (e.value.code, e.value.message) == (code, text)


def test_unknown_watchers(agent, tree, codec):
    w = Watcher(agent, tree, codec)
    assert len(w.id) == 21 and w.id[0] == "w" and w.id.isalnum()
    w.remove()
    for call in (w.raw, w.remove):
        with pytest.raises(RpcError) as e:
            call()
        assert (e.value.code, e.value.message) == ("not_found", f"watcher with id {w.id} not found")


class Fuse:
    """A FUSE mount whose server answers what it must for stat and statfs, and nothing else."""

    def __init__(self, path):
        self.path = path
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"x", str(path).encode(), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        attr = struct.pack("<QII", 3600, 0, 0) + struct.pack("<QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0,
                                                             0o40755, 2, 0, 0, 0, 4096, 0)
        answers = {26: struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 16, 12, 65536, 1, 1, 0, 0), 3: attr,
                   17: bytes(80)}
        while True:
            try:
                request = os.read(self.fd, 1 << 17)
            except OSError:
                return
            _, opcode, unique = struct.unpack_from("<IIQ", request)
            if opcode in (2, 42):  # FORGET wants no answer
                continue
            body = answers.get(opcode)
            header = struct.pack("<IiQ", 16 + len(body or b""), 0 if body is not None else -38, unique)
            os.write(self.fd, header + (body or b""))

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)
        self.thread.join()
        os.close(self.fd)


def test_network_file_systems_are_refused_unless_asked_for(agent, tree):
    (tree / "net").mkdir()
    fuse = Fuse(tree / "net")
    try:
        with pytest.raises(RpcError) as e:
            Watcher(agent, tree / "net")
        assert (e.value.code, e.value.message) == (
            "invalid_argument", f"cannot watch path on network filesystem: {tree}/net")
        Watcher(agent, tree / "net", allowNetworkMounts=True).remove()
        Watcher(agent, tree, recursive=True).remove()  # one below is left out
    finally:
        fuse.close()


# --- recursive ------------------------------------------------------------------------------------------------------


def test_directories_that_are_there(agent, tree):
    (tree / "a/b/c").mkdir(parents=True)
    with Watch(agent, tree, recursive=True) as w:
        (tree / "a/b/c/f").write_text("")
        assert w.take(1) == [("CREATE", "a/b/c/f")]


@pytest.mark.parametrize("polled", [True, False])
def test_new_directories_miss_nothing_and_tell_once(agent, tree, polled):
    w = Watcher(agent, tree, recursive=True) if polled else Watch(agent, tree, recursive=True)
    for i in range(50):
        os.makedirs(tree / f"{i}/b/c/d")
        (tree / f"{i}/b/c/d/f").touch()
        want = [f"{i}", f"{i}/b", f"{i}/b/c", f"{i}/b/c/d", f"{i}/b/c/d/f"]
        events = w.events() if polled else w.until(("CREATE", want[-1]))
        assert [name for kind, name in events if kind == "CREATE"] == want
        assert all(name.startswith(f"{i - 1}/") or name in want for _, name in events)
    assert polled or w.close() is None


def test_a_directory_that_moves(agent, tree):
    (tree / "a/sub").mkdir(parents=True)
    (tree / "a/sub/f").write_text("")
    outside = tree.parent / "outside"
    w = Watcher(agent, tree, recursive=True)
    os.rename(tree / "a", tree / "b")
    assert w.events() == [("RENAME", "a"), ("CREATE", "b"), ("CREATE", "b/sub"), ("CREATE", "b/sub/f")]
    (tree / "b/sub/g").touch()
    assert w.events() == [("CREATE", "b/sub/g")]
    os.rename(tree / "b", outside)
    (outside / "sub/h").touch()
    assert w.events() == [("RENAME", "b")]
    os.rename(outside, tree / "c")
    assert sorted(w.events()) == [("CREATE", p) for p in ("c", "c/sub", "c/sub/f", "c/sub/g", "c/sub/h")]
    os.remove(tree / "c/sub/f")
    assert ("REMOVE", "c/sub/f") in w.events()


def apply(paths, events):
    """The set of paths as one who reads the events would keep it."""
    for kind, name in events:
        if kind == "CREATE":
            paths.add(name)
        elif kind in ("REMOVE", "RENAME"):
            for path in [p for p in paths if p == name or p.startswith(name + "/")]:
                paths.discard(path)
        assert kind != "OVERFLOW"


def found(tree):
    return {os.path.relpath(os.path.join(d, n), tree) for d, dirs, files in os.walk(tree) for n in dirs + files}


def churn(tree, seed, steps):
    """Random makes, moves and removes; what is in the way of a step is left alone."""
    rng = random.Random(seed)
    outside = tree.parent / f"outside{seed}"
    outside.mkdir()

    def place():
        return os.path.join(rng.choice([tree, tree, tree, outside]), *(rng.choice("abc") for _ in range(rng.randint(1, 4))))

    for _ in range(steps):
        path = place()
        try:
            match rng.randint(0, 6):
                case 0 | 1:
                    os.makedirs(path)
                case 2 | 3:
                    with open(path, "w") as f:
                        f.write("x")
                case 4:
                    os.rename(path, place())
                case 5:
                    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
                case 6:
                    os.makedirs(path)
                    with open(path + "/deep", "w"):
                        pass
        except OSError:
            pass


@pytest.mark.parametrize("seed", range(8))
def test_a_tree_can_be_rebuilt_from_its_events(agent, tree, seed):
    """Several watchers of the same directories at once, polled meanwhile and at the end."""
    churn(tree, 1000 + seed, 200)
    paths = {w: found(tree) for w in [Watcher(agent, tree, recursive=True) for _ in range(3)]}
    first, *others = paths
    with Watch(agent, tree, recursive=True) as stream:
        streamed = found(tree)
        for part in range(10):
            churn(tree, seed * 10 + part, 60)
            apply(paths[first], first.events())
            assert paths[first] == found(tree)
        for w in others:
            apply(paths[w], w.events())
            assert paths[w] == found(tree)
        (tree / "end").mkdir()
        apply(streamed, stream.until(("CREATE", "end")))
        assert streamed == found(tree)
    assert all(w.events() == [("CREATE", "end")] for w in paths)


# --- too much -------------------------------------------------------------------------------------------------------


def flood(tree, n):
    """Changes that inotify does not merge, for no two in a row are the same."""
    for i in range(n):
        os.chmod(tree / "ab"[i % 2], 0o644)


@pytest.fixture
def two_files(tree):
    (tree / "a").touch()
    (tree / "b").touch()
    return tree


def test_a_watcher_that_is_not_asked_keeps_10000_events(agent, two_files, codec):
    w = Watcher(agent, two_files, codec)
    flood(two_files, 10000)
    events = w.events()
    assert len(events) == 10000 and ("OVERFLOW", ".") not in events
    flood(two_files, 10001)
    events = w.events()
    assert len(events) == 10001 and events.index(("OVERFLOW", ".")) == 10000
    (two_files / "c").touch()
    assert w.events() == [("CREATE", "c")]


def test_the_kernels_overflow_is_told_and_survived(agent, two_files):
    polled, other = (Watcher(agent, two_files, recursive=True) for _ in range(2))
    with Watch(agent, two_files, recursive=True) as stream:
        most = int(open("/proc/sys/fs/inotify/max_queued_events").read())
        os.kill(agent.pid, signal.SIGSTOP)
        (two_files / "gone").mkdir()
        flood(two_files, most + 10)
        (two_files / "missed/deep").mkdir(parents=True)
        (two_files / "gone").rmdir()
        os.kill(agent.pid, signal.SIGCONT)
        stream.until(("OVERFLOW", "."))
        for w in (polled, other):
            assert w.events()[-1] == ("OVERFLOW", ".")
        (two_files / "missed/deep/f").touch()
        (two_files / "gone").mkdir()
        (two_files / "gone/f").touch()
        want = [("CREATE", "missed/deep/f"), ("CREATE", "gone"), ("CREATE", "gone/f")]
        for w in (polled, other):
            assert w.events() == want
        assert [e for e in stream.until(want[-1]) if e[0] == "CREATE"] == want


def test_a_stream_that_is_not_read(agent, two_files):
    """Its events are kept like a watcher's, and others do not suffer."""
    polled = Watcher(agent, two_files)
    with Watch(agent, two_files) as slow:
        for _ in range(8):
            flood(two_files, 10000)
            assert len(polled.events()) == 10000
        events = slow.until(("OVERFLOW", "."))
        assert 10000 < len(events) < 80000  # the queue, and what was on its way
        (two_files / "more").mkdir()
        assert slow.take(1) == [("CREATE", "more")]


def descriptors(agent, kind):
    """Those of the agent that the kernel names so."""
    found = []
    for fd in os.listdir(f"/proc/{agent.pid}/fd"):
        try:
            if os.readlink(f"/proc/{agent.pid}/fd/{fd}").startswith(kind):
                found.append(fd)
        except FileNotFoundError:
            pass
    return found


def watched(agent):
    """How many directories the kernel watches for the agent, and by how many inotify instances."""
    instances = descriptors(agent, "anon_inode:inotify")
    watches = sum(open(f"/proc/{agent.pid}/fdinfo/{fd}").read().count("inotify wd:") for fd in instances)
    return watches, len(instances)


def test_1000_watchers(agent, tree):
    for i in range(100):
        (tree / f"{i}").mkdir()
    before = watched(agent)
    watchers = [Watcher(agent, tree if i % 2 else tree / f"{i % 100}", recursive=True) for i in range(1000)]
    assert watched(agent) == (before[0] + 101, max(before[1], 1))
    for i in range(100):
        (tree / f"{i}/f").touch()
    everything = [("CREATE", f"{i}/f") for i in range(100)]
    for i, w in enumerate(watchers):
        assert w.events() == (everything if i % 2 else [("CREATE", "f")])
    for w in watchers:
        w.remove()
    wait_for(lambda: watched(agent)[0] == before[0], what="no watch is left")


def test_a_client_that_goes(agent, tree):
    (tree / "a/b").mkdir(parents=True)
    before, connections = watched(agent)[0], len(descriptors(agent, "socket:"))
    streams = [Watch(agent, tree, recursive=True, includeEntry=True) for _ in range(20)]
    assert watched(agent)[0] == before + 3
    for i, s in enumerate(streams):
        (tree / f"a/b/{i}").mkdir()  # some go while a worker arms or reads entries for them
        s.close()
    wait_for(lambda: watched(agent)[0] == before, what="no watch is left")
    wait_for(lambda: len(descriptors(agent, "socket:")) <= connections, what="no connection is left")


def few_watches():
    """In a user namespace of its own, where inotify has 5 watches."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) != 0:  # CLONE_NEWUSER
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
        with open(f"/proc/self/{name}", "w") as f:
            f.write(text)
    with open("/proc/sys/user/max_inotify_watches", "w") as f:
        f.write("5")


def test_no_watches_left(tree):
    for i in range(3):
        (tree / f"{i}").mkdir()
    with Agent(preexec=few_watches) as agent:
        w = Watcher(agent, tree, recursive=True)
        (tree / "new").mkdir()
        assert w.events() == [("CREATE", "new")]
        (tree / "more").mkdir()
        assert w.events() == [("CREATE", "more"), ("OVERFLOW", ".")]  # what is in it will not be told
        (tree / "new/f").touch()
        assert w.events() == [("CREATE", "new/f")]
        (tree.parent / "else").mkdir()
        with pytest.raises(RpcError) as e:
            Watcher(agent, tree.parent / "else")
        assert e.value.code == "resource_exhausted" and "fs.inotify.max_user_watches" in e.value.message
        w.remove()
        wait_for(lambda: watched(agent)[0] == 0, what="no watch is left")
        Watcher(agent, tree.parent / "else")


def test_files_as_the_user():
    """What the user may not read cannot be watched."""
    with tempfile.TemporaryDirectory(prefix="gd", dir="/tmp") as tree:
        os.mkdir(f"{tree}/own")
        os.chown(f"{tree}/own", 1000, 1000)
        os.chmod(tree, 0o711)
        with Agent("--files-as", "user", "--default-user", "user") as agent:
            with pytest.raises(RpcError) as e:
                Watcher(agent, tree)
            assert e.value.code == "permission_denied"
            w = Watcher(agent, f"{tree}/own", includeEntry=True)
            with open(f"{tree}/own/f", "w"):
                pass
            (event,) = w.raw()
            assert event["entry"]["name"] == "f"
