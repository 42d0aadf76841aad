"""Files go into a guest and out of it over vsock, and what happens to them is told; on kernels that ship."""
import hashlib
import random

FS = "filesystem.Filesystem/"
DIRECTORY = "/tmp/files"
MIB = 1 << 20
OCTETS = {"Content-Type": "application/octet-stream"}


def sha256(guest, path):
    return guest.text(f"sha256sum {path}").split()[0]


def put(guest, name, data):
    r = guest.request("POST", f"/files?path={DIRECTORY}/{name}", OCTETS, data)
    assert r.status == 200, r.text


def test_a_file_goes_in_and_comes_out(guest):
    data = random.randbytes(4 * MIB)
    put(guest, "sent", data)
    assert sha256(guest, f"{DIRECTORY}/sent") == hashlib.sha256(data).hexdigest()
    r = guest.request("GET", f"/files?path={DIRECTORY}/sent")
    assert (r.status, hashlib.sha256(r.body).digest()) == (200, hashlib.sha256(data).digest())
    entries = guest.call(FS + "ListDir", {"path": DIRECTORY}, "proto")["entries"]
    assert [(e["path"], e["size"]) for e in entries] == [(f"{DIRECTORY}/sent", str(len(data)))]
    part = guest.request("GET", f"/files?path={DIRECTORY}/sent", {"Range": f"bytes={3 * MIB}-"})
    assert (part.status, part.body == data[3 * MIB:]) == (206, True)
    guest.call(FS + "Remove", {"path": DIRECTORY})
    assert guest.request("GET", f"/files?path={DIRECTORY}/sent").status == 404


def test_what_happens_to_files_is_told(guest):
    guest.call(FS + "MakeDir", {"path": DIRECTORY})
    polled = guest.call(FS + "CreateWatcher", {"path": DIRECTORY, "recursive": True})
    with guest.stream(FS + "WatchDir", {"path": DIRECTORY, "recursive": True}) as s:
        messages = iter(s)
        assert next(messages) == {"start": {}}
        put(guest, "below/new", b"new")  # the directory is made with it
        guest.text(f"rm {DIRECTORY}/below/new")
        told = []
        while told[-1:] != [("REMOVE", "below/new")]:
            told.append(event(next(messages)["filesystem"]))
    assert told[0] == ("CREATE", "below") and told.count(("CREATE", "below/new")) == 1, told
    events = [event(e) for e in guest.call(FS + "GetWatcherEvents", polled)["events"]]
    assert events[0] == ("CREATE", "below") and events[-1] == ("REMOVE", "below/new"), events
    guest.call(FS + "RemoveWatcher", polled)
    guest.call(FS + "Remove", {"path": DIRECTORY})


def event(e):
    return e["type"].removeprefix("EVENT_TYPE_"), e["name"]


def test_guestctl_copies_a_tree_in_and_out(guest, tmp_path):
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/big").write_bytes(random.randbytes(2 * MIB))
    (tree / "a/b/script").write_text("#!/bin/sh\necho it runs\n")
    (tree / "a/b/script").chmod(0o750)
    (tree / "link").symlink_to("a/big")
    copied(guest.ctl("cp", "-r", tree, f":{DIRECTORY}"))
    assert guest.text(f"{DIRECTORY}/a/b/script; cat {DIRECTORY}/link | sha256sum") == \
        f"it runs\n{hashlib.sha256((tree / 'a/big').read_bytes()).hexdigest()}  -\n"
    copied(guest.ctl("cp", "-r", f":{DIRECTORY}", tmp_path / "back"))
    assert described(tmp_path / "back") == described(tree)
    guest.call(FS + "Remove", {"path": DIRECTORY})


def copied(r):
    assert (r.returncode, r.stderr) == (0, b""), r


def described(root):
    """All below a directory: modes, where links lead, contents and times of files."""
    return {str(p.relative_to(root)): (p.lstat().st_mode, content(p)) for p in root.rglob("*")}


def content(path):
    if path.is_symlink():
        return path.readlink()
    return (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
