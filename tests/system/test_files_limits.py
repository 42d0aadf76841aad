"""Files where it is hard: a million entries, a gigabyte each way, no descriptors, an agent that is killed, clients that
are slow or gone, and the kernel's own judgement of a user."""
import os
import random
import resource
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlencode

import bulk
import pytest
from agent import SLOW, Agent, RpcError, wait_for

FILESYSTEM, FILES = "filesystem.Filesystem/", "guest.v1.Files/"
ENTRIES = 1_000_000 if SLOW == 1 else 200_000
LARGE = 1 << 30 if SLOW == 1 else 300 << 20


@pytest.fixture
def memory(tmp_path):
    """A file system of memory, gone with all that is in it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g,nr_inodes=0,mode=755", "none", tmp_path], check=True)
    for parent in tmp_path.parents[:-2]:
        os.chmod(parent, 0o755)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def kib(agent, field):
    """A line of /proc/PID/status: VmRSS, or VmHWM, the most that it ever was."""
    status = Path(f"/proc/{agent.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field + ":"))


def threads(agent):
    return len(os.listdir(f"/proc/{agent.pid}/task"))


def send(c, path, body=b"", length=None, **query):
    """An upload, or the first part of one."""
    length = len(body) if length is None else length
    c.send_request("POST", f"/files?{urlencode({'path': path, **query})}", {**bulk.OCTETS, "Content-Length": length}, body)


def put(agent, path, body=b"", **query):
    with agent.connect() as c:
        send(c, path, body, **query)
        return c.read_response()


def get(agent, path, **query):
    return agent.request("GET", f"/files?{urlencode({'path': path, **query})}")


# --- large ----------------------------------------------------------------------------------------------------------


def test_a_directory_of_a_million_entries(memory):
    """Every entry once, and the last page costs no more memory than the third."""
    bulk.fill_directory(memory, ENTRIES)
    seen, early = bytearray(ENTRIES), None
    with Agent(env={"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}) as agent:
        for number, page in enumerate(bulk.list_directory(agent, memory)):
            for name in page:
                seen[int(name)] += 1
            if number == 2:
                early = kib(agent, "VmHWM")
        assert kib(agent, "VmHWM") - early < 1024 * SLOW
        assert agent.request("GET", "/health").status == 204
    assert seen.count(1) == ENTRIES


def test_a_large_file_each_way(memory):
    """Its bytes, in memory that has nothing to do with its size."""
    with Agent() as agent:
        query = f"path={memory}/x"
        sent = bulk.upload(agent, query, LARGE)
        assert bulk.checksum(memory / "x") == sent
        assert bulk.download(agent, query, LARGE) == sent
        if SLOW == 1:
            assert kib(agent, "VmHWM") <= 6 << 10


# --- clients that are slow, or go -----------------------------------------------------------------------------------


def test_a_hundred_slow_clients_each_way(agent, memory):
    before, descriptors = kib(agent, "VmRSS"), agent.fds()
    large = random.Random(1).randbytes(4_000_000)
    (memory / "large").write_bytes(large)
    down, up = ([agent.connect() for _ in range(100)] for _ in range(2))
    for i, (d, u) in enumerate(zip(down, up)):
        d.send_request("GET", f"/files?path={memory}/large")
        send(u, memory / f"{i}", b"x" * 60_000, 500_000)  # so little waits for more
        assert d.read_head()[0] == 200
    for i, u in enumerate(up):
        u.send(b"y" * 340_000)
        wait_for(lambda: (memory / f"{i}").exists() and (memory / f"{i}").stat().st_size >= 300_000, what="what came")
    assert agent.request("GET", "/health").status == 204
    assert put(agent, memory / "quick", b"quick").status == 200 and get(agent, memory / "quick").body == b"quick"
    assert kib(agent, "VmRSS") - before < 100 * (80 + 64) * SLOW  # KiB: a frame, and what waits to be written
    for i, (d, u) in enumerate(zip(down, up)):
        u.send(b"z" * 100_000)
        assert u.read_response().status == 200
        assert (memory / f"{i}").read_bytes() == b"x" * 60_000 + b"y" * 340_000 + b"z" * 100_000
        if i < 10:
            assert d.exactly(len(large)) == large
        d.close()
        u.close()
    wait_for(lambda: agent.fds() <= descriptors + 1, what="descriptors are closed; the mount table stays")


def test_clients_that_go_leave_nothing(agent, memory):
    (memory / "large").write_bytes(bytes(8_000_000))
    stays = agent.connect()
    assert stays.request("GET", "/files?path=/etc/passwd").status == 200  # the mount table is open from now on
    before = agent.fds()
    clients = [agent.connect() for _ in range(60)]
    for i, c in enumerate(clients):
        if i % 3:
            send(c, memory / f"new{i}", b"x" * 300_000, 1_000_000, atomic=i % 3 - 1)
        else:
            c.send_request("GET", f"/files?path={memory}/large")
            assert c.read_head()[0] == 200
    wait_for(lambda: agent.fds() >= before + 120, what="sixty connections and files")
    for c in clients:
        c.close()
    wait_for(lambda: agent.fds() == before, what="all are closed")
    assert sorted(os.listdir(memory)) == sorted(["large", *(f"new{i}" for i in range(1, 60, 3))])  # those not atomic
    wait_for(lambda: threads(agent) == 1, 10, "the threads end")
    stays.close()


def test_killed_at_any_moment(memory):
    """The old file or the new one; and beside it at most what had its name of a moment."""
    old, new = b"old" * 100_000, b"new" * 100_000
    rolls = random.Random(6)
    for _ in range(12):
        (memory / "x").write_bytes(old)
        agent = Agent()
        try:
            with agent.connect() as c:
                send(c, memory / "x", new[:rolls.choice([1, 100_000, len(new)])], len(new), atomic=1)
                threading.Event().wait(rolls.choice([0, 0.001, 0.003, 0.01]))
                agent.process.kill()
                agent.process.wait()
        finally:
            agent.process.stdout.close()
            agent.dir.cleanup()
        assert (memory / "x").read_bytes() in (old, new)
        others = [f for f in os.listdir(memory) if f != "x"]
        assert len(others) <= 1 and all(f.startswith(".guestd-") and f.endswith(".tmp") for f in others)
        for f in others:
            os.unlink(memory / f)


# --- no descriptors -------------------------------------------------------------------------------------------------


def test_without_descriptors(agent, memory):
    """Whoever is connected is told so; and when there are some again all is as before."""
    (memory / "d/below").mkdir(parents=True)
    (memory / "f").write_bytes(b"x" * 100_000)

    def upload(c, **query):
        send(c, memory / "new", b"x" * 100_000, **query)
        return c.read_response().status

    def call(c, method, **message):
        try:
            return c.call(method, message)
        except RpcError as e:
            return e.code

    def watch(c):
        try:
            return next(iter(c.stream(FILESYSTEM + "WatchDir", {"path": f"{memory}/d", "recursive": True})))
        except RpcError as e:
            return e.code

    steps = [(upload, 429), (lambda c: upload(c, atomic=1), 429),
             (lambda c: c.request("GET", f"/files?path={memory}/f").status, 429),
             (lambda c: call(c, FILESYSTEM + "ListDir", path=f"{memory}/d"), "resource_exhausted"),
             (lambda c: call(c, FILES + "List", path=f"{memory}/d"), "resource_exhausted"),
             (lambda c: call(c, FILES + "Copy", source=f"{memory}/f", destination=f"{memory}/g"), "resource_exhausted"),
             (watch, "resource_exhausted")]
    connections = [agent.connect() for _ in steps]
    for c in connections:
        assert c.request("GET", f"/files?path={memory}/d").status == 400  # the mount table is open from now on
    before = agent.fds()
    limits = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    got = [step(c) for (step, _), c in zip(steps, connections)]
    assert got == [want for _, want in steps]
    assert sorted(os.listdir(memory)) == ["d", "f"] and agent.fds() <= before
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, limits)
    for c in connections:
        c.close()
    for step, want in steps:
        with agent.connect() as c:
            assert step(c) not in (want, 500)


# --- --files-as user ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [0, 1])
def test_the_kernel_decides_who_may_upload_and_download(memory, atomic):
    (memory / "open").mkdir()
    os.chmod(memory / "open", 0o777)
    for name, mode in (("secret", 0o600), ("told", 0o644), ("shared", 0o640)):
        (memory / name).write_bytes(name.encode())
        os.chmod(memory / name, mode)
    group = int(subprocess.run(["getent", "group", "sudo"], capture_output=True, text=True, check=True).stdout.split(":")[2])
    os.chown(memory / "shared", 0, group)  # the user is a member
    with Agent("--files-as", "user") as agent:
        assert put(agent, memory / "open/d/mine", b"m", username="user", atomic=atomic).status == 200
        made = (memory / "open/d/mine").stat()
        assert (made.st_uid, made.st_gid, (memory / "open/d").stat().st_uid) == (1000, 1000, 1000)
        for _ in range(5):  # so that workers are one user and the other
            assert put(agent, memory / "told", b"t", username="user", atomic=atomic).status == 403
            assert put(agent, memory / "new", b"n", username="user", atomic=atomic).status == 403
            assert get(agent, memory / "secret", username="user").status == 403
            assert get(agent, memory / "secret", username="root").body == b"secret"
        assert get(agent, memory / "told", username="user").body == b"told"
        assert get(agent, memory / "shared", username="user").body == b"shared"
        assert sorted(os.listdir(memory)) == ["open", "secret", "shared", "told"]
