"""A thousand idle agents on one machine, as on a developer's or a host that runs them beside its guests: what all of them hold in
memory, each shared page counted once, and whether any of them wakes."""
import contextlib
import re
import time
from pathlib import Path

from idle import smaps_kib
from table import Row

from agent import Agent

AGENTS = 1000


def switches(pid):
    """How often its threads have gone to sleep, or were put to."""
    return sum(int(n) for status in Path(f"/proc/{pid}/task").glob("*/status")
               for n in re.findall(r"ctxt_switches:\s+(\d+)", status.read_text()))


def crowd(options):
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(Agent()).pid for _ in range(AGENTS)]
        time.sleep(8)
        before = {pid: switches(pid) for pid in pids}
        time.sleep(options.idle_seconds)
        woken = sum(switches(pid) != before[pid] for pid in pids)
        memory = [smaps_kib(pid) for pid in pids]
    yield Row(f"{AGENTS:,} agents: PSS", sum(m["Pss"] for m in memory) / 1024, "MiB", 400)
    yield Row("  of these anonymous", sum(m["Anonymous"] for m in memory) / 1024, "MiB")
    yield Row(f"  that woke in {options.idle_seconds} s", woken, "", 0)
