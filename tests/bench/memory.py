"""What guestd holds while many do nothing or do not read, and what is left of it afterwards."""
import os
import resource
import time
from contextlib import ExitStack
from pathlib import Path

import execs
import feeding
import load
import output
from idle import smaps_kib
from measure import KIB, NOTHING, guestd
from table import Row

from agent import wait_for

SLEEPING = 100
STALLED = ((100, 10), (1000, 36))  # streams, MB
PENDING = 4 * KIB * KIB
LEAVING_S = 8  # workers leave after 5 s without work, what was freed goes back after 1 s
MB_IN_KIB = 10 ** 6 // KIB  # rounded down


def children(agent):
    return sum(len(p.read_text().split()) for p in Path(f"/proc/{agent.pid}/task").glob("*/children"))


def settled(agent):
    """Waits until its memory and its processes stay as they are for two seconds."""
    seen = []

    def same():
        time.sleep(1)
        seen.append((smaps_kib(agent.pid)["Rss"] // 64, children(agent)))
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]
    wait_for(same, 60, "guestd's memory stays as it is")


def footprint(agent):
    return smaps_kib(agent.pid)["Rss"], len(os.listdir(f"/proc/{agent.pid}/task"))


def sleeping(options):
    with guestd() as agent, ExitStack() as stack:
        agent.run(NOTHING)
        time.sleep(LEAVING_S)
        rss, threads = footprint(agent)
        for _ in range(SLEEPING):
            stack.enter_context(agent.start(NOTHING, "pause", codec="proto")).started()
        time.sleep(LEAVING_S)
        now = footprint(agent)
        yield Row(f"{SLEEPING} asleep, attached: RSS added", now[0] - rss, "KiB", 1024)
        yield Row("  threads added", now[1] - threads, "", 0)


def stall(agent, streams, stack):
    """So many processes with 4 MiB to write each, and clients that do not read."""
    for _ in range(streams):
        stack.enter_context(agent.start(NOTHING, "source", str(PENDING), codec="proto")).started()
    settled(agent)


def stalled(options):
    for streams, target in STALLED:
        with guestd("--max-connections", "1100") as agent, ExitStack() as stack:
            stall(agent, streams, stack)
            yield Row(f"{streams:,} stalled streams: RSS", smaps_kib(agent.pid)["Rss"], "KiB", target * MB_IN_KIB)
            yield Row("  processes that wait for them", children(agent), "", streams, at_least=True)


def afterwards(options):
    """One agent that has done everything of the bench that is large or many."""
    with guestd("--max-connections", "1100") as agent:
        units = options.units(2048)
        contenders = [execs.at_once(agent, options), output.fan(agent, options), output.lines(agent, options),
                      output.terminal(agent, options), load.health_at_once(agent, options)]
        contenders += [feeding.feeding(agent, options, kind, units) for kind in ("stream", "proto", "json")]
        for c in contenders:
            c.measure(c.units)
        for streams, _ in STALLED:
            with ExitStack() as stack:
                stall(agent, streams, stack)
            wait_for(lambda: children(agent) == 0, 60, "all processes have ended")
        time.sleep(2)
        yield Row("2 s after all of it: RSS", smaps_kib(agent.pid)["Rss"], "KiB", 3072)


def memory(options):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the clients' sockets
    for rows in (sleeping, stalled, afterwards):
        yield from rows(options)
