"""Freezing the guest: POST /freeze, /unfreeze, /fsfreeze, /fsthaw and /collapse, and what becomes of starts meanwhile.

A file system is frozen inside of a loop device of the test's own: the agent lives in it by chroot. The machine's is never
touched.
"""
import contextlib
import os
import select
import subprocess
import threading
import time
from pathlib import Path

import pytest
from agent import BUILD, PRESET, Agent, RpcError, wait_for
from hung import HungMount

REPORT = ["mode", "visited", "allowlisted", "truncated", "preFrozen", "requested", "frozen", "notFrozen", "failed",
          "unobservable", "sweepMs", "waitMs"]


def post(agent, path, status=204):
    r = agent.request("POST", path)
    assert r.status == status, (r.status, r.text)
    if status == 204:
        assert r.body == b""
        return None
    return r.json()


def cgroup(agent, kind):
    mount = next(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line)
    root = Path(f"/proc/{agent.pid}/cgroup").read_text().split("0::", 1)[1].splitlines()[0]
    return Path(mount + root).parent / kind


def is_frozen(agent, kind="user"):
    return "frozen 1" in (cgroup(agent, kind) / "cgroup.events").read_text()


def ticking(agent):
    """A process that writes a line every 20 ms; its stream, begun."""
    s = agent.start("/bin/sh", "-c", "while :; do echo tick; sleep .02; done")
    s.started()
    s.read_until(b"tick")
    return s


def test_a_frozen_process_stands_still(agent):
    with ticking(agent) as s:
        report = post(agent, "/freeze?mode=legacy&maxWaitMs=5000", 200)
        assert list(report) == REPORT
        assert report | {"sweepMs": 0, "waitMs": 0} == {
            "mode": "legacy", "visited": 2, "allowlisted": 0, "truncated": False, "preFrozen": 0, "requested": 2,
            "frozen": 2, "notFrozen": 0, "failed": 0, "unobservable": 0, "sweepMs": 0, "waitMs": 0}
        assert is_frozen(agent) and is_frozen(agent, "ptys")
        before = Path(f"/proc/{s.pid}/stat").read_text()
        time.sleep(0.3)
        assert Path(f"/proc/{s.pid}/stat").read_text() == before
        assert post(agent, "/freeze?maxWaitMs=5000", 200)["preFrozen"] == 2
        post(agent, "/unfreeze")
        assert not is_frozen(agent) and not is_frozen(agent, "ptys")
        s.connection.buffer = b""
        wait_for(lambda: Path(f"/proc/{s.pid}/stat").read_text() != before, what="it goes on")
        post(agent, "/unfreeze")  # again is no error


@pytest.mark.parametrize("query", ["", "?maxWaitMs=0", "?maxWaitMs=-5", "?mode=legacy", "?mode=somethingelse"])
def test_without_a_wait_nobody_looks(agent, query):
    agent.run("true")
    post(agent, f"/freeze{query}")
    wait_for(lambda: is_frozen(agent), what="frozen")
    post(agent, "/unfreeze")


def test_a_mode_that_is_not_served_is_told(agent):
    agent.run("true")
    assert post(agent, "/freeze?mode=hierarchy&maxCgroups=9&maxWaitMs=1000", 200)["mode"] == "legacy"
    post(agent, "/unfreeze")
    for bad in "x", "", "1.5", "99999999999999999999":
        assert post(agent, f"/freeze?maxWaitMs={bad}", 400)["message"] == "maxWaitMs is not a number"
    assert not is_frozen(agent)
    assert agent.request("GET", "/freeze").status == 405


def test_what_cannot_be_frozen_is_told(agent, tmp_path):
    """A process that waits for a server that does not answer cannot stop: the wait ends, and the answer says so."""
    with HungMount(tmp_path), agent.start("stat", f"{tmp_path}/x") as s:
        pid = s.started()
        wait_for(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "D", what="it hangs")
        report = post(agent, "/freeze?maxWaitMs=300", 200)
        assert (report["requested"], report["frozen"], report["notFrozen"]) == (2, 1, 1)
        assert 300 <= report["waitMs"] and not is_frozen(agent)
        with agent.start("echo", "hello") as held:
            post(agent, "/unfreeze")
            assert held.result().stdout == b"hello\n"


def test_a_start_waits_for_the_thaw(agent):
    agent.run("true")
    post(agent, "/freeze?maxWaitMs=2000", 200)
    with agent.start("echo", "hello") as s, agent.start("tty", pty={"size": {"cols": 80, "rows": 24}}) as t:
        s.connection.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            s.head()
        s.connection.sock.settimeout(30)
        system = agent.run("echo", "mine", tag="_system")  # it lives in the agent's own cgroup, which is never frozen
        assert system.stdout == b"mine\n"
        post(agent, "/unfreeze")
        assert s.result().stdout == b"hello\n"
        assert t.result().code == 0


def test_64_starts_wait(agent):
    agent.run("true")
    post(agent, "/freeze?maxWaitMs=2000", 200)
    streams = {s.connection.sock: s for s in (agent.start("echo", "hello") for _ in range(65))}
    answered, _, _ = select.select(list(streams), [], [], 20)  # the last one that came
    refused = streams.pop(answered[0])
    with pytest.raises(RpcError) as e:
        refused.result()
    assert e.value.code == "failed_precondition" and "64 starts are waiting" in str(e.value)
    assert select.select(list(streams), [], [], 0.3)[0] == []
    post(agent, "/unfreeze")
    assert [s.result().stdout for s in streams.values()] == [b"hello\n"] * 64
    for s in [refused, *streams.values()]:
        s.close()
    assert agent.run("true").code == 0


def test_init_thaws(agent):
    agent.run("true")
    post(agent, "/freeze?maxWaitMs=2000", 200)
    with agent.start("echo", "hello") as s:
        assert agent.request("POST", "/init", body=b"{bad").status == 400
        assert is_frozen(agent)
        assert agent.request("POST", "/init", body=b'{"accessToken":"secret"}').status == 204
        assert s.result().stdout == b"hello\n"
    assert not is_frozen(agent)
    post(agent, "/freeze?maxWaitMs=2000", 200)
    assert agent.request("POST", "/init", body=b'{"accessToken":"wrong"}').status == 401
    time.sleep(0.1)
    assert is_frozen(agent)
    assert agent.request("POST", "/init", body=b'{"accessToken":"secret"}').status == 204
    wait_for(lambda: not is_frozen(agent), what="thawed")


def test_without_cgroups_it_is_an_error():
    with Agent("--no-cgroups") as a:
        assert a.run("true").code == 0
        for query in "", "?maxWaitMs=100":
            error = post(a, f"/freeze{query}", 500)
            assert error["code"] == 500 and "no cgroup v2" in error["message"] and "turned off" in error["message"]
        assert a.run("echo", "on").stdout == b"on\n"  # nothing waits for a thaw
        post(a, "/unfreeze")


def test_the_end_of_the_agent_thaws():
    with Agent("--keep-processes") as a:
        s = ticking(a)
        leaves = cgroup(a, "user")
        post(a, "/freeze?maxWaitMs=2000", 200)
        held = a.start("true")
        time.sleep(0.2)
        assert a.stop() == 0
        with pytest.raises((RpcError, ConnectionError)):
            held.started()
        assert "frozen 0" in (leaves / "cgroup.events").read_text()
        (leaves / "cgroup.kill").write_text("1")
        s.close()


def test_many_at_once_end_as_the_last_one_says(agent):
    agent.run("true")
    paths = ["/freeze?maxWaitMs=200", "/unfreeze"] * 5
    connections = [agent.connect() for _ in paths]
    for c, path in zip(connections, paths):  # one loop: in the order of their coming
        c.send_request("POST", path)
        time.sleep(0.01)
    assert {c.read_response("POST").status for c in connections} <= {200, 204, 503}
    for c in connections:
        c.close()
    post(agent, "/unfreeze")
    assert not is_frozen(agent)
    assert agent.run("echo", "on").stdout == b"on\n"


# --- the file system --------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def rooted(root, *mount):
    """An agent whose root is a file system of its own, mounted there. All that it needs is on others."""
    root.mkdir()
    subprocess.run(["mount", *mount, root], check=True)
    try:
        for directory in "/tmp", "/usr", "/proc", str(BUILD):
            inside = root / directory[1:]
            inside.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", directory, inside], check=True)
        for name in "lib", "lib64":  # of a guestd that is not static: with sanitizers
            (root / name).symlink_to(f"usr/{name}")
        with Agent("--no-cgroups", preexec=lambda: (os.chroot(root), os.chdir("/"))) as a:
            yield a
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", root], stderr=subprocess.DEVNULL)
        subprocess.run(["umount", "--recursive", root], check=True)


@pytest.fixture
def jail(tmp_path):
    image = tmp_path / "image"
    with open(image, "wb") as f:
        f.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with rooted(tmp_path / "root", "-o", "loop", image) as a:
        yield a, tmp_path / "root"


def test_a_frozen_file_system_takes_no_writes(jail):
    agent, root = jail
    done = threading.Event()

    def write():
        (root / "file").write_text("x")
        done.set()

    post(agent, "/fsfreeze")
    post(agent, "/fsfreeze")  # again is no error
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert not done.wait(0.5)
    assert agent.request("GET", "/health").status == 204
    post(agent, "/fsthaw")
    assert done.wait(10)
    writer.join()
    post(agent, "/fsthaw")


def test_a_file_system_that_cannot_is_an_error(tmp_path):
    with rooted(tmp_path / "root", "-t", "tmpfs", "none") as a:
        error = post(a, "/fsfreeze", 500)
        assert error == {"code": 500, "message": "freeze the file system of '/': operation not supported"}
        post(a, "/fsthaw")  # it is not frozen


# --- huge pages -------------------------------------------------------------------------------------------------------

def test_collapse(agent):
    agent.shell("head -c 20000000 /dev/zero")
    time.sleep(1.5)  # what that took has gone back to the kernel, and nothing moves any more
    report = post(agent, "/collapse", 200)
    assert list(report) == ["regions", "chunks", "collapsed", "alreadyHuge", "skipped", "elapsedMs"]
    assert report["chunks"] == report["collapsed"] + report["alreadyHuge"] + report["skipped"]
    huge = sum(int(line.split()[1]) for line in Path(f"/proc/{agent.pid}/smaps").read_text().splitlines()
               if line.startswith("AnonHugePages"))
    told = 2048 * (report["collapsed"] + report["alreadyHuge"])
    assert huge == told if PRESET == "release" else huge >= told > 0  # sanitizers touch memory of their own all the time
    assert agent.run("echo", "on").stdout == b"on\n"
