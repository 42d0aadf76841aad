"""What guestd costs when nothing happens: memory and system calls, with nobody there and with quiet company."""
import time

from measure import PROGRAMS, Trace, guestd
from table import Row

PROCESSES = 100
CONNECTIONS = 10


def smaps_kib(pid):
    """Fields of /proc/PID/smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f if line.endswith("kB\n")}


def keep_company(agent):
    """Processes whose clients have gone, and connections that have asked once; the caller holds these."""
    for i in range(PROCESSES):
        with agent.start(str(PROGRAMS / "programs"), "pause", tag=str(i)) as s:
            s.started()
    connections = [agent.connect() for _ in range(CONNECTIONS)]
    for c in connections:
        c.request("GET", "/health")
    return connections


def rest(agent, trace, since, name, seconds, rss, anonymous):
    calls = trace.calls(since, since + seconds)
    for line in calls[:10]:
        print(f"  {name}: {line}")
    memory = smaps_kib(agent.pid)
    yield Row(f"{name}: calls in {seconds} s", len(calls), "", 0)
    yield Row(f"{name}: RSS", memory["Rss"], "KiB", rss)
    yield Row(f"{name}: anonymous", memory["Anonymous"], "KiB", anonymous)


def idle(options):
    seconds = options.idle_seconds
    with guestd() as alone, guestd() as busy:
        alone.request("GET", "/health")
        connections = keep_company(busy)
        if len(busy.call("process.Process/List")["processes"]) != PROCESSES:
            raise RuntimeError("the quiet processes have ended")
        # Workers leave after 5 s, what was freed goes back after 1 s. Attaching ends a wait: that call does not count.
        time.sleep(8)
        traces = [Trace(alone.pid), Trace(busy.pid)]
        time.sleep(1)
        since = time.time()
        time.sleep(seconds)
        for trace in traces:
            trace.detach()
        yield from rest(alone, traces[0], since, "idle", seconds, 2048, 300)
        yield from rest(busy, traces[1], since, "with company", seconds, None, None)
        for c in connections:
            c.close()
