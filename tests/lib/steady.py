"""An agent that must be, after a module's tests, what it was before them: no descriptor, thread, child or page more."""
import contextlib
import os
import resource
import time
from pathlib import Path

from agent import Agent, PRESET, RpcError, SLOW, wait_for

# Of ended processes half a megabyte of output and up to a megabyte of exits are remembered, and the heap has holes. More than this goes when the exits are forgotten, after 30 s.
KEPT = 3 << 20
FORGOTTEN_S = 35


def rss(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def stats():
    """The fields of /proc/PID/stat behind the name, of every process: {pid: [state, ppid, ...]}."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(entry.parent.name)] = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it went while we looked
            pass
    return found


def alive(pid):
    return stats().get(pid, "Z")[0] != "Z"


class Steady(Agent):
    """Use it as an Agent; its end fails when something is left."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.shell("sleep .2 >/dev/null 2>&1 &")  # made once and kept: the watch on what outlives its leader
        time.sleep(0.5 * SLOW)  # that has ended, and the connection is closed
        self.before = self.state()
        self.rss_before = rss(self.pid)

    def state(self):
        """(number of descriptors, children); zombies are children."""
        children = sorted(pid for pid, fields in stats().items() if int(fields[1]) == self.pid)
        return self.fds(), children

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def settled(self):
        fds, children = self.state()
        return fds <= self.before[0] and children == self.before[1] and "processes" not in self.call("process.Process/List")

    def kill_all(self):
        """Ends what a test has left running on purpose."""
        for process in self.call("process.Process/List").get("processes", ()):
            with contextlib.suppress(RpcError):  # it may have ended meanwhile
                self.call("process.Process/SendSignal", {"process": {"pid": process["pid"]}, "signal": "SIGNAL_SIGKILL"})
        wait_for(self.settled, 20, "what was killed is gone")

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                wait_for(self.settled, 10, "descriptors and children are as before")
                wait_for(lambda: self.threads() == 1, 20 / SLOW, "the workers have left")
                if PRESET == "release":  # a sanitizer holds freed memory back; it looks for leaks itself at the end
                    wait_for(lambda: rss(self.pid) <= self.rss_before + KEPT, FORGOTTEN_S, "the memory is given back")
        finally:
            self.close()
