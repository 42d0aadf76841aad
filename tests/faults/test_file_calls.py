"""System calls of file operations fail, each in turn: the client is told what it was, by the code that is meant for it,
no half file stands under its name, and nothing of the agent's is left: no descriptor, no thread that does not come back, no
file."""
import os
import shutil
import tempfile

import pytest
import trees
from agent import RpcError, wait_for
from faults import CallFaults, at_rest, descriptors
from file_steps import (DATA, STEPS, Place, compose, connect, copy, download, holds, list_dir, list_page, make_dir, move, read_tree, stat, tidy,
                        upload, upload_atomic, watch, watcher, write_tree)

# What may fail with what. A disk that breaks (EIO) may do so in every call; room and quota end where something is made.
ROOM, TABLES = ["ENOSPC", "EDQUOT"], ["EMFILE", "ENFILE", "ENOMEM"]
ERRORS = {
    "copy_file_range": ["EIO", *ROOM], "fchmod": ["EIO"], "fchown": ["EIO", "EDQUOT"], "fsync": ["EIO", *ROOM],
    "ftruncate": ["EIO"], "getdents64": ["EIO", "ENOMEM"], "inotify_add_watch": ["ENOSPC", "ENOMEM"],
    "inotify_init1": ["EMFILE", "ENOMEM"], "linkat": ["EIO", *ROOM], "mkdir": ["EIO", *ROOM], "mkdirat": ["EIO", *ROOM],
    "newfstatat": ["EIO"], "openat": ["EIO", *TABLES], "openat2": ["EAGAIN", *TABLES], "preadv": ["EIO"], "preadv2": ["EIO"],
    "rename": ["EIO", *ROOM], "renameat": ["EIO", *ROOM], "unlinkat": ["EIO"], "writev": ["EIO", *ROOM],
}
TYPED = {"EAGAIN": set(),  # that something is not in memory is no error
         "EIO": {"internal", 500}, "ENOSPC": {"resource_exhausted", 507}, "EDQUOT": {"resource_exhausted", 507},
         **{e: {"resource_exhausted", 429} for e in TABLES}}
# Where a disk that breaks is no error: what lies below a directory, or behind a link, and cannot be read is left out.
LEFT_OUT = {(step, call) for step in (stat, list_dir, watch) for call in ("getdents64", "newfstatat", "openat")}
MANY = 60  # no step makes one call so often


@pytest.fixture(scope="module")
def place():
    path = tempfile.mkdtemp(dir="/dev/shm")
    yield Place(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def agent(place):
    with CallFaults([*ERRORS, "close"]) as a:
        at_rest(a)
        for step in STEPS:
            step(a, place)
            tidy(place)
        a.before = at_rest(a)
        yield a


def outcome(step, agent, place):
    """None, or how it failed."""
    try:
        step(agent, place)
    except (RpcError, ConnectionError) as e:
        return e
    finally:
        tidy(place)
    return None


def nothing_left(agent, place):
    wait_for(lambda: descriptors(agent) == agent.before, what=f"{descriptors(agent)} as {agent.before}")
    assert place.left_over() == []
    assert agent.process.poll() is None


def errors_of(step, call):
    return [e for e in ERRORS[call] if e != "EIO" or (step, call) not in LEFT_OUT]


@pytest.mark.parametrize("step,call", [pytest.param(step, call, id=f"{step.__name__}-{call}")
                                       for step in STEPS for call in ERRORS if errors_of(step, call)])
def test_each_call_fails_in_turn(agent, place, step, call):
    wrong, failed = [], 0
    for error in errors_of(step, call):
        for nth in range(1, MANY):
            with agent.fail(call, error, nth) as faults:
                try:
                    got = outcome(step, agent, place)
                except (AssertionError, OSError) as e:
                    got = e
            if faults.failed == 0:
                break
            failed += 1
            cut_off = isinstance(got, ConnectionError) and step is download
            if not (got is None or cut_off or isinstance(got, RpcError) and got.code in TYPED[error]):
                wrong.append(f"{error} of call {nth}: {got!r}")
            if place.left_over():
                wrong.append(f"{error} of call {nth}: {place.left_over()}")
                for name in place.left_over():
                    os.unlink(place / name)
        assert nth < MANY - 1
    assert not wrong, "\n".join(wrong)
    assert outcome(step, agent, place) is None
    nothing_left(agent, place)
    if (step, call) in MADE:
        assert failed, "it makes no such call"


@pytest.mark.parametrize("error,status", [("EIO", 500), ("EDQUOT", 507), ("ENOSPC", 507)])
@pytest.mark.parametrize("step", [upload, upload_atomic], ids=lambda s: s.__name__)
def test_what_a_close_says_is_told(place, step, error, status):
    """On NFS it is the close that knows of a full disk. A close that fails here leaves the descriptor open, so this agent
    is nobody else's."""
    with CallFaults(["close"]) as agent:
        with agent.fail("close", error, times=MANY):
            got = outcome(step, agent, place)
        assert isinstance(got, RpcError) and got.code == status, got
        assert place.left_over() == []


def test_without_files_that_have_no_name_there_is_a_named_one(agent, place):
    """The first file that an atomic upload opens below the place is the unnamed one."""
    with agent.fail("openat", "EOPNOTSUPP", text=place.path) as faults, connect(agent) as c:
        c.send_request("POST", f"/files?path={place / 'file'}&atomic=1",
                       {"Content-Type": "application/octet-stream", "Content-Length": len(DATA)}, DATA[:-1])
        wait_for(lambda: [os.path.getsize(place / f) for f in place.left_over()] == [len(DATA) - 1], what="a file that grows")
        holds(place / "file")
        c.send(b"!")
        assert c.read_response().status == 200
    assert faults.failed == 1
    holds(place / "file", DATA[:-1] + b"!")
    with open(place / "file", "wb") as f:
        f.write(DATA)
    nothing_left(agent, place)


@pytest.mark.parametrize("goes", [False, True])
def test_a_tree_without_files_that_have_no_name(agent, place, goes):
    """The first file has one of its own until it is whole, and none when the client goes."""
    with agent.fail("openat", "EOPNOTSUPP", text=".") as faults, connect(agent) as c:
        w = trees.Writing(c, path=place / "grown")
        w.items(trees.entry("file", data=DATA[:1000], more=True))
        wait_for(lambda: [os.path.getsize(place / f"grown/{f}") for f in place.left_over()] == [1000], what="a file that grows")
        if not goes:
            assert w.answer({"data": trees.b64(b"!")})["files"] == "1"
            holds(place / "grown/file", DATA[:1000] + b"!")
    assert faults.failed == 1
    wait_for(lambda: os.listdir(place / "grown") == ([] if goes else ["file"]))
    tidy(place)
    nothing_left(agent, place)


# Which step is the proof of which call.
MADE = {(upload, "writev"), (upload, "fsync"), (upload, "openat"), (upload_atomic, "writev"), (upload_atomic, "linkat"),
        (upload_atomic, "renameat"), (upload_atomic, "fsync"), (download, "preadv2"), (download, "preadv"), (upload, "newfstatat"),
        (list_dir, "getdents64"), (list_page, "getdents64"), (make_dir, "mkdir"), (move, "rename"), (copy, "copy_file_range"),
        (copy, "renameat"), (compose, "copy_file_range"), (compose, "linkat"), (watch, "inotify_add_watch"),
        (watcher, "inotify_add_watch"), (stat, "openat2"), (read_tree, "getdents64"), (read_tree, "openat"),
        (write_tree, "openat"), (write_tree, "linkat"), (write_tree, "renameat"), (write_tree, "mkdirat"), (write_tree, "fchmod")}
