"""How the bench measures: contenders that take turns, their CPU time, and their system calls.

Servers and what they start stay on one CPU, the client on another: otherwise the scheduler moves them together and
apart as it likes, and every time is one of two.
"""
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, ROOT, wait_for  # noqa: E402

from table import Row  # noqa: E402

PROGRAMS = ROOT / "build/release/bench"
NOTHING = str(PROGRAMS / "programs")
KIB = 1024
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = CPUS[0], CPUS[-1]


def on_cpu(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def guestd(*args, pinned=True):
    """A guestd on the servers' CPU, or on all."""
    return Agent(*args, preexec=on_cpu(SERVER_CPU) if pinned else None)


class Server:
    """A counterpart or a floor at work: PROGRAM [MODE] SOCKET ARG..."""

    def __init__(self, program, *args, mode=(), pinned=True):
        self.dir = tempfile.TemporaryDirectory(prefix="gb", dir="/tmp")
        self.path = f"{self.dir.name}/s"
        self.process = subprocess.Popen([PROGRAMS / program, *mode, self.path, *args], stdin=subprocess.DEVNULL,
                                        preexec_fn=on_cpu(SERVER_CPU) if pinned else None)
        self.pid = self.process.pid
        wait_for(lambda: os.path.exists(self.path), what=f"{program} listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.dir.cleanup()


class Files:
    """Prepared requests and responses, as files that the client or a counterpart reads."""

    def __init__(self, folder):
        self.folder, self.count = Path(folder), 0

    def put(self, data):
        self.count += 1
        path = self.folder / str(self.count)
        path.write_bytes(data)
        return path


def client(*words):
    """Runs the client to its end; its lines as lists of numbers."""
    r = subprocess.run([PROGRAMS / "client", *map(str, words)], stdout=subprocess.PIPE, check=True, text=True,
                       preexec_fn=on_cpu(CLIENT_CPU))
    return [[int(word) for word in line.split()] for line in r.stdout.splitlines()]


def p50_us(lines):
    return statistics.median(line[0] for line in lines) / 1000


def cpu_seconds(pid):
    """CPU time of a process and its threads, those that have ended too; not of its children."""
    return time.clock_gettime(~pid << 3 | 2)  # how the kernel names another process's CPU clock


class Trace:
    """Counts the system calls of a process and its threads, and those of a child up to its exec."""

    def __init__(self, pid=None, command=None):
        self.file = tempfile.NamedTemporaryFile(prefix="gt", dir="/tmp")
        what = ["-p", str(pid)] if pid else ["--", *map(str, command)]
        self.process = subprocess.Popen(["strace", "-f", "-ttt", "-o", self.file.name, *what],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if pid and "attached" not in (line := self.process.stderr.readline()):
            raise RuntimeError(line)

    def detach(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()

    def kill(self):
        """Ends the command, and the tracing with it."""
        os.kill(int(self.lines()[0].split()[0]), signal.SIGKILL)
        self.process.communicate()

    def lines(self):
        return Path(self.file.name).read_text(errors="replace").splitlines()

    def calls(self, since=0.0, until=float("inf")):
        """The calls that began between these two times, as lines."""
        calls, own, programs = [], None, set()
        for line in self.lines():
            match = re.match(r"(\d+)\s+(\d+\.\d+) (\w+)\(", line)
            if not match or not since <= float(match[2]) <= until or match[1] in programs:
                continue
            own = own or match[1]
            calls.append(line)
            if match[3] == "execve" and match[1] != own:
                programs.add(match[1])
        return calls


@dataclass
class Contender:
    """One that is measured, round by round."""
    measure: callable  # runs so many units and returns the result: a time or a throughput
    units: int  # in a round
    cpu_clock: callable = None  # CPU seconds that the server has taken
    trace: callable = None  # counts system calls per unit: in a pass of its own, because tracing spoils the times
    results: list = field(default_factory=list)
    cpu: list = field(default_factory=list)

    def round(self):
        before = self.cpu_clock() if self.cpu_clock else 0
        self.results.append(self.measure(self.units))
        if self.cpu_clock:
            self.cpu.append((self.cpu_clock() - before) / self.units)

    @property
    def result(self):
        return statistics.median(self.results)

    @property
    def cpu_us(self):
        return statistics.median(self.cpu) * 1e6


def served(server, measure, units, traced=None):
    """A contender that is a running server; with `traced` its system calls are counted over so many units."""
    def trace():
        tracing = Trace(server.pid)
        measure(traced)
        tracing.detach()
        return len(tracing.calls()) / traced
    return Contender(measure, units, lambda: cpu_seconds(server.pid), trace if traced else None)


def unary(server, request, units, traced=200, mode="unary"):
    """One request after the other: the median of their times."""
    return served(server, lambda n: p50_us(client(mode, server.path, request, n)), units, traced)


def per_second(server, request, connections, units, traced=None):
    """As many at once as there are connections: how many in a second."""
    def measure(n):
        (ns, answers), = client("many", server.path, request, connections, n)
        return answers / ns * 1e9
    return served(server, measure, units, traced)


def take_turns(contenders, rounds):
    """Each once a round, another one first each time. A round before warms them up and does not count."""
    for c in contenders:
        c.measure(c.units)
    for i in range(rounds):
        turn = i % len(contenders)
        for c in contenders[turn:] + contenders[:turn]:
            c.round()


def ratio(a, b):
    """The median of the rounds' ratios: what slows a whole round down cancels out."""
    return statistics.median(x / y for x, y in zip(a.results, b.results))


def compare(name, options, agent, raw, target, unit="µs", floor=None, at_least=False):
    """Two rows. `floor`: its name, its contender, and how much slower than it the counterpart may be."""
    take_turns([agent, raw] + ([floor[1]] if floor else []), options.rounds)
    yield Row(name, agent.result, unit, target, at_least, raw.result, ratio(agent, raw), (agent.cpu_us, raw.cpu_us),
              (agent.trace(), raw.trace()) if agent.trace else ())
    if floor:
        times = ratio(floor[1], raw) if at_least else ratio(raw, floor[1])
        yield Row(f"  its raw / {floor[0]}", raw.result, unit, floor[2], False, floor[1].result, times)
