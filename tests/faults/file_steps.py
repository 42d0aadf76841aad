"""What clients do with files, each once and whole: for tests that let it fail somewhere in the middle."""
import base64
import json
import os
import shutil
from urllib.parse import urlencode

import trees
from agent import RpcError

FILESYSTEM, FILES = "filesystem.Filesystem/", "guest.v1.Files/"
DATA = bytes(range(256)) * 1200  # more than one block of an upload, and more than one frame of a download


class Place:
    """A directory with something of everything."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(f"{path}/tree/below", exist_ok=True)
        for name in ("file", "tree/one", "tree/below/two"):
            with open(f"{path}/{name}", "wb") as f:
                f.write(DATA)
        os.symlink("one", f"{path}/tree/link")

    def __truediv__(self, name):
        return f"{self.path}/{name}"

    def left_over(self):
        """Names that only the agent gives."""
        return [f for _, dirs, files in os.walk(self.path) for f in dirs + files if f.startswith(".guestd")]


def connect(agent, timeout=8):
    c = agent.connect()
    c.sock.settimeout(timeout)
    return c


def rest(agent, method, query, body=b"", kind="application/octet-stream", path="/files"):
    """The answer's body; what is refused is RpcError with the status as its code."""
    with connect(agent) as c:
        r = c.request(method, f"{path}?{urlencode(query)}", {"Content-Type": kind, "Content-Length": len(body)}, body)
    if r.status != 200:
        raise RpcError(r.status, r.text, r.status)
    return r.body


def call(agent, method, codec="json", **message):
    with connect(agent) as c:
        return c.call(method, message, codec)


def holds(path, data=DATA):
    with open(path, "rb") as f:
        assert f.read() == data


def upload(agent, place, codec="json"):
    rest(agent, "POST", {"path": place / "new", "fsync": "all", "mode": "0640"}, DATA)
    holds(place / "new")
    os.unlink(place / "new")


def upload_atomic(agent, place, codec="json"):
    """Whatever becomes of it, the old file or the new one is there, whole."""
    with open(place / "old", "wb") as f:
        f.write(b"old")
    try:
        rest(agent, "POST", {"path": place / "old", "fsync": "all", "atomic": "1"}, DATA)
        holds(place / "old")
    except (RpcError, ConnectionError):
        with open(place / "old", "rb") as f:
            assert f.read() in (b"old", DATA)
        raise


def download(agent, place, codec="json"):
    assert rest(agent, "GET", {"path": place / "file"}) == DATA


def stat(agent, place, codec="json"):
    assert call(agent, FILESYSTEM + "Stat", codec, path=place / "file")["entry"]["size"] == str(len(DATA))
    assert call(agent, FILESYSTEM + "Stat", codec, path=place / "tree/link")["entry"]["symlinkTarget"] == place / "tree/one"
    assert int(call(agent, FILES + "Stat", codec, path=place / "file")["file"]["size"]) == len(DATA)


def list_dir(agent, place, codec="json"):
    entries = call(agent, FILESYSTEM + "ListDir", codec, path=place / "tree", depth=2)["entries"]
    assert [e["path"] for e in entries] == [place / f"tree/{n}" for n in ("below", "below/two", "link", "one")]


def list_page(agent, place, codec="json"):
    r = call(agent, FILES + "List", codec, path=place / "tree", limit=2)
    files = r["files"] + call(agent, FILES + "List", codec, path=place / "tree", page=r["nextPage"])["files"]
    assert sorted(base64.b64decode(f["name"]) for f in files) == [b"below", b"link", b"one"]


def make_dir(agent, place, codec="json"):
    call(agent, FILESYSTEM + "MakeDir", codec, path=place / "made/by/steps")
    assert os.path.isdir(place / "made/by/steps")


def move(agent, place, codec="json"):
    with open(place / "from", "wb") as f:
        f.write(b"moved")
    call(agent, FILESYSTEM + "Move", codec, source=place / "from", destination=place / "moved/to")
    holds(place / "moved/to", b"moved")


def copy(agent, place, codec="json"):
    with open(place / "target", "wb") as f:
        f.write(b"old")
    r = call(agent, FILES + "Copy", codec, source=place / "file", destination=place / "target", overwrite=True)
    assert int(r["bytes"]) == len(DATA)
    holds(place / "target")
    call(agent, FILES + "Copy", codec, source=place / "tree", destination=place / "copied", recursive=True)
    holds(place / "copied/below/two")


def compose(agent, place, codec="json"):
    for name in ("part1", "part2"):
        with open(place / name, "wb") as f:
            f.write(DATA)
    body = json.dumps({"source_paths": [place / "part1", place / "part2"], "destination": place / "composed"}).encode()
    rest(agent, "POST", {}, body, "application/json", "/files/compose")
    holds(place / "composed", DATA + DATA)


def remove(agent, place, codec="json"):
    os.makedirs(place / "doomed/d/e", exist_ok=True)
    call(agent, FILESYSTEM + "Remove", codec, path=place / "doomed")
    assert not os.path.lexists(place / "doomed")


def watch(agent, place, codec="json"):
    """Recursive, with a directory that comes while it watches."""
    with connect(agent) as c:
        events = iter(c.stream(FILESYSTEM + "WatchDir", {"path": place / "tree", "recursive": True}, codec))
        assert "start" in next(events)
        os.makedirs(place / "tree/came/in")
        seen = []
        while "came/in" not in seen:
            event = next(events)["filesystem"]
            if event.get("overflow"):
                return  # it says that it missed something
            seen.append(event["name"])


def watcher(agent, place, codec="json"):
    r = call(agent, FILESYSTEM + "CreateWatcher", codec, path=place / "tree", recursive=True)
    try:
        with open(place / "tree/seen", "wb"):
            pass
        events = call(agent, FILESYSTEM + "GetWatcherEvents", codec, watcherId=r["watcherId"])["events"]
        assert events[0].get("overflow") or events[0]["name"] == "seen"
    finally:
        call(agent, FILESYSTEM + "RemoveWatcher", codec, watcherId=r["watcherId"])


def read_tree(agent, place, codec="json"):
    with connect(agent) as c:
        items = [i for m in c.stream(trees.READ, {"path": place / "tree", "stop": True}, codec) for i in m.get("items", [])]
    assert sum(len(base64.b64decode(i.get("data", ""))) for i in items) == 2 * len(DATA)


def write_tree(agent, place, codec="proto"):
    """A file that is there is the old one or the new one, whole. In JSON it is less, so that the agent reads all of a body that it
    does not want any more: else a client that only writes hears of the error seconds later."""
    data = DATA if codec == "proto" else DATA[:180_000]
    os.makedirs(place / "grown/d", exist_ok=True)
    with open(place / "grown/d/old", "wb") as f:
        f.write(b"old")
    try:
        with connect(agent) as c:
            w = trees.Writing(c, codec, path=place / "grown", overwrite=True, stop=True)
            answer = w.answer(trees.directory("d"), trees.entry("d/old", data=data[:60_000], more=True),
                              {"data": trees.b64(data[60_000:120_000]), "more": True}, {"data": trees.b64(data[120_000:])},
                              trees.directory("new"), trees.entry("new/file", data=b"x"), trees.link("new/link", "file"))
        assert (answer["files"], answer["directories"], answer["bytes"]) == ("3", "2", str(len(data) + 1))
        holds(place / "grown/d/old", data)
        holds(place / "grown/new/link", b"x")
    except (RpcError, ConnectionError):
        with open(place / "grown/d/old", "rb") as f:
            assert f.read() in (b"old", data)
        raise


STEPS = [upload, upload_atomic, download, stat, list_dir, list_page, make_dir, move, copy, compose, remove, watch, watcher, read_tree,
         write_tree]


def tidy(place):
    """Takes away what a step made, whole or not."""
    for name in ("new", "old", "from", "target", "part1", "part2", "composed", "tree/seen"):
        if os.path.lexists(place / name):
            os.unlink(place / name)
    for name in ("made", "moved", "copied", "doomed", "tree/came", "grown"):
        shutil.rmtree(place / name, ignore_errors=True)
