"""Sole readers that sleep for an hour while their programs want to write: they find every byte, and nobody was awake for
their sake meanwhile."""
import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from agent import Agent
from machine import KERNELS, Guest
from steady import rss

SLEEP_S = float(os.environ["GUESTD_SOAK_MINUTES"]) * 60
SETTLE_S = 10  # by then what fits into sockets is there, and the workers have left
# Why the agent may wake: a keepalive's timer for each stream; and on TCP a look at a blocked connection, whose first
# comes after 15 s (core/limits.h: KEEPALIVE_DEFAULT_S, STALL_AGAIN_MS).
KEEPALIVE_S = 90
STALL_AGAIN_S = 5
MIB = 1 << 20


def lines(last):
    """The program's output: the numbers from 1, a line each; in pieces."""
    with subprocess.Popen(["seq", str(last)], stdout=subprocess.PIPE) as p:
        yield from iter(lambda: p.stdout.read(MIB), b"")


class Place:
    """An agent, and two clients of it that sleep: one in each codec."""

    def __init__(self, name, agent, last, to=None):
        self.name, self.agent, self.last = name, agent, last
        self.streams = [agent.start("seq", str(last), codec=codec, to=to) for codec in ("json", "proto")]
        self.pids = [s.started() for s in self.streams]

    def switches(self):
        """How often its thread has gone to sleep."""
        return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", self.status())[1])

    def status(self):
        return Path(f"/proc/{self.agent.pid}/status").read_text()

    def memory(self):
        return rss(self.agent.pid)

    def settle(self):
        self.since, self.at_rest, self.look = time.monotonic(), self.switches(), self.cost_of_a_look()

    def cost_of_a_look(self):
        return 0

    def wake(self):
        self.slept_s = time.monotonic() - self.since
        self.wakeups = self.switches() - self.at_rest - 2 * self.look
        listed = self.agent.call("process.Process/List").get("processes", [])
        self.waiting = [p["pid"] for p in listed]
        self.rss = self.memory()

    @property
    def may_wake(self):
        return len(self.streams) * (self.slept_s / KEEPALIVE_S + 1)

    def close(self):
        for s in self.streams:
            s.close()


class TcpPlace(Place):
    @property
    def may_wake(self):
        return super().may_wake + len(self.streams) * (self.slept_s / STALL_AGAIN_S + 1)


class GuestPlace(Place):
    """In a VM: looking at the agent wakes it, so that is counted too and left out."""

    def status(self):
        return self.agent.text("cat /proc/1/status")

    def memory(self):
        return int(re.search(r"\nVmRSS:\s+(\d+)", self.status())[1]) * 1024

    def cost_of_a_look(self):
        before = self.switches()
        return self.switches() - before

    @property
    def may_wake(self):
        return super().may_wake + 2 * self.look  # two looks never cost the same


@pytest.fixture(scope="module")
def places():
    """All of them have slept at the same time."""
    with contextlib.ExitStack() as stack:
        unix = stack.enter_context(Agent())
        tcp = stack.enter_context(Agent("--listen", "tcp:127.0.0.1:0", "--open"))
        port = int(tcp.address("tcp").rsplit(":", 1)[1])
        guest = stack.enter_context(Guest(KERNELS[-1]))
        found = {
            "unix": Place("unix", unix, 25_000_000),
            "tcp": TcpPlace("tcp", tcp, 25_000_000, ("127.0.0.1", port)),
            "vsock": GuestPlace("vsock", guest, 5_000_000),
        }
        time.sleep(SETTLE_S)
        for place in found.values():
            stack.callback(place.close)
            place.settle()
        time.sleep(SLEEP_S)
        for place in found.values():
            place.wake()
        yield found


@pytest.fixture(params=["unix", "tcp", "vsock"])
def place(request, places):
    return places[request.param]


def test_the_agent_slept_too(place, say):
    say(f"sleepers, {place.name}: {place.wakeups} times awake in {place.slept_s / 60:.1f} min, "
        f"of {place.may_wake:.0f} that it may; {place.rss / MIB:.1f} MiB")
    assert place.wakeups <= place.may_wake
    assert place.rss < 16 * MIB


def test_the_programs_wait(place):
    assert sorted(place.waiting) == sorted(place.pids)


def test_nothing_is_lost(place, say):
    """Each then reads to the end, in order; among what it reads are no more keepalives than fit into the time."""
    for s in place.streams:
        want, held, got, alive, end = lines(place.last), b"", 0, 0, None
        since = time.monotonic()
        for kind, value in s.iterator:
            if kind == "stdout":
                assert end is None
                while len(held) < len(value) and (piece := next(want, b"")):
                    held += piece
                assert held[:len(value)] == value, f"not what was written: from byte {got} on"
                held = held[len(value):]
                got += len(value)
            elif kind == "keepalive":
                alive += 1
            else:
                assert (kind, value["status"]) == ("end", "exit status 0")
                end = value
        assert end and not held and not next(want, b""), f"it ended after {got} bytes"
        assert alive <= 1 + (place.slept_s + time.monotonic() - since) / KEEPALIVE_S
        say(f"sleepers, {place.name}, {s.codec}: {got:,} bytes in order, {alive} keepalives")
