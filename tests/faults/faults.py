"""An agent whose system calls or allocations fail when a test says so, and what must be as before afterwards."""
import base64
import contextlib
import errno
import mmap
import os
import re
import socket
import struct
import subprocess
from pathlib import Path
from unittest import mock

import agent
from agent import BINARY, Agent, RpcError, protos, wait_for

FAILCALL = BINARY.parent / "tests/failcall"
FAILING, CTL_FAILING = BINARY.parent / "guestd-failing", BINARY.parent / "guestctl-failing"


class Faults:
    """What failed while it was armed: how many calls or allocations were seen, and how many of them failed."""

    def __init__(self):
        self.seen = self.failed = 0
        self.where = []


class CallFaults(Agent):
    """guestd under failcall: the calls that it names can be made to fail."""

    def __init__(self, calls, *args, **more):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(5)
        with theirs, mock.patch.object(agent, "BINARY", FAILCALL):
            super().__init__(*args, pass_fds=(theirs.fileno(),), env={
                "FAILCALL_PROGRAM": str(BINARY), "FAILCALL_CALLS": ",".join(calls),
                "FAILCALL_CONTROL": str(theirs.fileno())}, **more)

    def order(self, text):
        self.control.send(text.encode())
        return map(int, self.control.recv(64).split())

    @contextlib.contextmanager
    def fail(self, call, error, nth=1, times=1, scope="agent", text=""):
        """The n-th such call from now on, and those behind it, `times` in all, fail."""
        faults = Faults()
        self.order(f"arm {scope} {call} {nth} {times} {getattr(errno, error)} {text}")
        try:
            yield faults
        finally:
            faults.seen, faults.failed = self.order("end")

    def close(self):
        super().close()
        self.control.close()


class Orders:
    """What failmalloc.c shares with a test: which allocations of a program fail."""

    FORMAT = "8Q"  # struct orders of failmalloc.c

    def __init__(self, program):
        self.program = program
        self.file = os.memfd_create("orders")
        os.truncate(self.file, struct.calcsize(self.FORMAT))
        self.words = mmap.mmap(self.file, struct.calcsize(self.FORMAT))
        self.env = {"GUESTD_FAIL_MALLOC": f"/proc/self/fd/{self.file}"}

    @contextlib.contextmanager
    def fail(self, nth, times=1):
        """The n-th allocation from now on, and those behind it, `times` in all, fail."""
        faults = Faults()
        struct.pack_into("7Q", self.words, 8, times, *[0] * 6)
        struct.pack_into("Q", self.words, 0, nth)
        try:
            yield faults
        finally:
            struct.pack_into("Q", self.words, 0, 0)
            _, _, faults.seen, faults.failed, *where = struct.unpack(self.FORMAT, self.words)
            faults.where = where[:min(faults.failed, 4)]
            TALLY.failed += faults.failed
            TALLY.where.update((self.program.name, address) for address in faults.where)

    def close(self):
        self.words.close()
        os.close(self.file)


class Tally:
    """How many allocations a test lets fail, and which: (program, address)."""

    def begin(self):
        self.failed, self.where = 0, set()


TALLY = Tally()  # of the test under way (conftest.py)
TALLY.begin()


class MallocFaults(Agent):
    """guestd-failing: its allocations can be made to fail."""

    def __init__(self, *args, **more):
        self.orders = Orders(FAILING)
        self.fail = self.orders.fail
        with mock.patch.object(agent, "BINARY", FAILING):
            super().__init__(*args, pass_fds=(self.orders.file,), env=self.orders.env, **more)

    def close(self):
        super().close()
        self.orders.close()


MANY = 4000  # nothing that is tested allocates so often


def each_fault(agent, fail, once, most, is_short):
    """Lets what `fail(n)` makes fail do so in turn, until `once` needs no n-th; behind each it must work again. `once` raises what
    failed: an RpcError of which `is_short` says that it tells so, or a ConnectionError where there was nothing to answer with;
    anything else is wrong. Returns how many there were."""
    once()
    wrong = []
    for n in range(1, most):
        outcome = None
        with fail(n) as faults:
            try:
                once()
            except RpcError as e:
                if not is_short(e):
                    outcome = e
            except ConnectionError:
                pass
            except (AssertionError, OSError) as e:
                outcome = e
        if outcome:
            wrong.append(f"{n}: {outcome!r}{places(faults.where)}")
        if faults.failed == 0:
            break
        assert agent.process.poll() is None, f"{n}{places(faults.where)}: {agent.log[-3000:]}"
        once()
    assert n < most - 1, "there are more of them"
    assert not wrong, "\n".join(wrong)
    return n - 1


def of_memory(e):
    """Where there was no memory for the body either, the status tells."""
    return e.code == "resource_exhausted" or (e.code, e.status) in (("http", 429), ("http", 500))


def each_allocation(agent, times, once):
    """Lets each allocation of `once` fail in turn."""
    seen = each_fault(agent, lambda n: agent.fail(n, times), once, MANY, of_memory)
    assert seen > 2, "the allocations were not seen"


def places(addresses, program=FAILING):
    """Where in the sources those allocations are: " at ..."; "" without any."""
    if not addresses:
        return ""
    out = subprocess.run(["addr2line", "-fse", program, *map(hex, addresses)], stdout=subprocess.PIPE, text=True)
    return " ".join([" at", *out.stdout.split()])


def spawn_failure(error):
    """The guest.v1.SpawnFailure that an RpcError carries: (stage, errno, object), or None."""
    for detail in error.details:
        if detail["type"] == "guest.v1.SpawnFailure":
            f = protos()[1].SpawnFailure.FromString(base64.b64decode(detail["value"] + "=="))
            return f.stage, f.errno_number, f.object
    return None


# --- what a fault must leave as it was ------------------------------------------------------------------------------


def children(a):
    """Zombies too. A child belongs to the thread that spawned it."""
    found = []
    for task in Path(f"/proc/{a.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += (task / "children").read_text().split()
    return found


def descriptors(a):
    """What they are. The directories of the cgroups are removed by whatever agent ends, and made again. passwd and group stay open
    from one Stat to their next change, or to a look at them that fails: each of them may be there once."""
    seen = []
    for fd in os.listdir(f"/proc/{a.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            seen.append(re.sub(r"\d+", "N", os.readlink(f"/proc/{a.pid}/fd/{fd}").removesuffix(" (deleted)")))
    for name in ("/etc/passwd", "/etc/group"):
        if name in seen:
            seen.remove(name)
    return sorted(seen)


def leaves(a):
    """The leaf cgroups of its processes."""
    root = a.call("guest.v1.Agent/GetInfo").get("cgroupRoot")
    return sorted(str(p) for k in ("user", "ptys") for p in Path(root, k).glob("*/")) if root else []


def anonymous_kib(a):
    """Without the program's own pages, which go and come."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{a.pid}/status").read_text()).group(1))


def settled(a, before):
    """Waits until the agent holds what it held, and answers."""
    def nothing_runs():
        return children(a) == [] and a.call("process.Process/List") == {} and leaves(a) == []
    try:
        wait_for(nothing_runs)
        wait_for(lambda: descriptors(a) == before)
    except AssertionError:
        held = descriptors(a)  # before a call is a connection of ours
        raise AssertionError(f"left: children {children(a)}, leaves {leaves(a)}, "
                             f"List {a.call('process.Process/List')}, descriptors {held}, which were {before}")


def at_rest(a, listeners=1):
    """The agent's descriptors when it has done everything once. Some are opened at their first need and kept: inotify for watches,
    inotify for the leaf of a program that outlives its leader, the mount table, and the user data, once it is in a cache."""
    for fields in ({}, {"stdin": True}, {"pty": {"size": {"cols": 80, "rows": 24}}}):
        assert a.run("/bin/true", **fields).code == 0
    assert a.shell("sleep .1 >/dev/null 2>&1 &").code == 0
    for _ in range(2):
        a.call("filesystem.Filesystem/Stat", {"path": "/"})
    watcher = a.call("filesystem.Filesystem/CreateWatcher", {"path": "/"})
    a.call("filesystem.Filesystem/RemoveWatcher", watcher)
    wait_for(lambda: children(a) == [] and leaves(a) == [])
    wait_for(lambda: descriptors(a).count("socket:[N]") == listeners, what="only listeners are open")
    return descriptors(a)


def attempt(a, timeout=8, **fields):
    """A Start of /bin/true: its exit code, or the RpcError."""
    with a.connect() as c:
        c.sock.settimeout(timeout)
        try:
            process = {"cmd": fields.pop("cmd", "/bin/true"), **fields.pop("process", {})}
            stream = c.stream("process.Process/Start", {"process": process, "stdin": True, **fields})
            return stream.result().code
        except RpcError as e:
            return e
