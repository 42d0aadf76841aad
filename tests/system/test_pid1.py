"""guestd as the first process of a pid, mount, uts and net namespace: what works there works in a container; the rest is
proved in a real guest by tests/vm."""
import os
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from agent import BINARY, PRESET, Agent, wait_for

# The sanitizer's own keeping of freed memory is none of ours.
QUIET = {"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}


HUGEPAGES = "/dev/hugepages"


class Init(Agent):
    """guestd as PID 1. Its standard error is a file; as PID 1 it logs to memory, so there is no start line to wait for."""

    def __init__(self, *args, env=None):
        self.dir = tempfile.TemporaryDirectory(prefix="gd", dir="/run")
        self.path = f"{self.dir.name}/s"
        self.pages = os.path.exists(HUGEPAGES)
        self.log_path = f"{self.dir.name}/log"
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--mount", "--uts", "--net", "--fork", "--kill-child", str(BINARY),
             "--listen", f"unix:{self.path}", "--run-dir", f"{self.dir.name}/run", *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open(self.log_path, "wb"),
            env={**os.environ, **(env or {})})
        wait_for(self.listens, 10)

    def listens(self):
        try:
            self.connect().close()
            return True
        except (FileNotFoundError, ConnectionRefusedError):  # not bound yet, or bound and not listening yet
            return False

    def close(self):
        os.kill(self.child, signal.SIGTERM)
        self.process.wait(10)
        log = self.log
        self.process.stdout.close()
        self.clean_up()
        assert "Sanitizer" not in log and "runtime error" not in log, log

    def clean_up(self):
        if not self.pages and os.path.exists(HUGEPAGES):
            os.rmdir(HUGEPAGES)  # there is one devtmpfs in a machine
        self.dir.cleanup()

    @property
    def child(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return int(f.read())


def test_it_mounts_and_serves():
    with Init() as a:
        r = a.shell("echo $$ $PPID; cat /proc/1/comm; mount | awk '{print $3, $5}'; ls /dev/pts /sys/fs/cgroup | head -3")
        lines = r.stdout.decode().splitlines()
        assert lines[0].endswith(" 1") and lines[1] == "guestd"
        mounts = dict(line.split() for line in lines[2:] if line.count(" ") == 1 and line.startswith("/"))
        for target, kind in {"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs", "/dev/pts": "devpts",
                             "/dev/shm": "tmpfs", "/run": "tmpfs", "/sys/fs/cgroup": "cgroup2"}.items():
            assert mounts[target] == kind
        assert a.shell("stat -c %a /run /tmp /dev/shm; readlink /dev/fd").stdout == b"755\n1777\n1777\n/proc/self/fd\n"
        assert a.shell("tty", pty={"size": {"cols": 80, "rows": 24}}).pty == b"/dev/pts/0\r\n"
        assert a.call("guest.v1.Agent/GetInfo")["pid"] == 1
        assert a.log == ""  # the console is quiet


def test_the_first_program_finds_the_machine_ready():
    """What no answer needs is done before it, and not twice."""
    with Init() as a:
        assert a.request("GET", "/health").status == 204
        r = a.shell("cat /sys/class/net/lo/flags; readlink /dev/stdin; nice; cat /proc/self/oom_score_adj")
        assert r.stdout == b"0x9\n/proc/self/fd/0\n0\n100\n"
        assert os.getpriority(os.PRIO_PROCESS, a.child) == -10
        names = [p["name"] for p in a.call("guest.v1.Agent/GetBoot")["phases"]]
        assert names[0] == "mounts" and names[-2:] == ["listen", "programs"] and names.count("programs") == 1


def test_without_a_program_the_machine_is_ready_soon():
    with Init() as a:
        wait_for(lambda: os.getpriority(os.PRIO_PROCESS, a.child) == -10, what="its priority")


def test_who_asks_how_it_booted_hears_all():
    with Init() as a:
        boot = a.call("guest.v1.Agent/GetBoot")
        assert [p["name"] for p in boot["phases"]][-1] == "programs" and "problems" not in boot


def test_an_address_of_lo_is_one():
    with Init("--listen", "tcp:127.0.0.1:49983") as a:
        boot = a.call("guest.v1.Agent/GetBoot")
        assert [p["name"] for p in boot["phases"]][-2:] == ["programs", "listen"] and "problems" not in boot
        assert "tcp:127.0.0.1:49983" in str(a.call("guest.v1.Agent/GetInfo")["listeners"])


def test_it_stays_init():
    """Whatever the kernel's command line puts into its environment: it is not git's askpass program."""
    with Init(env={"GUESTD_HELPER": "askpass:3"}) as a:
        assert a.call("guest.v1.Agent/GetInfo")["pid"] == 1


def test_it_reaps_orphans():
    with Init() as a:
        a.shell("for i in $(seq 200); do (sleep 0.1 &) ; done")
        wait_for(lambda: int(a.shell("ps -eo stat,ppid | awk '$2 == 1 && /^Z/' | wc -l").stdout) == 0, 10)
        wait_for(lambda: a.shell("ps -eo comm | grep -c sleep").stdout == b"0\n", 10)


# Keeps the numbers of new processes of its pid namespace below 1,024, as a machine with that kernel.pid_max has them, without
# changing the machine's (pid_namespaces(7), /proc/sys/kernel/ns_last_pid). Numbers come back within some hundred processes.
FEW_PIDS = """
import time
print("up", flush=True)
while True:
    with open("/proc/loadavg") as f:
        last = int(f.read().split()[4])
    if last >= 900:
        with open("/proc/sys/kernel/ns_last_pid", "w") as f:
            f.write("100")
    time.sleep(0.002)
"""


def test_no_exit_is_mistaken_while_pids_come_back():
    """Thousands of processes that are asked for beside as many orphans, whose pids are soon each other's: each exit code is the
    right one, and a moment later nothing is left of them."""
    count, streams = (10000, 8) if PRESET == "release" else (1000, 8)
    script = "(exit 99) & exit $0"
    with Init(env=QUIET) as a:
        few = a.start("python3", "-c", FEW_PIDS)
        few.started()
        few.read_until(b"up")
        seen = set()

        def run_some(first):
            for i in range(first, count, streams):
                r = a.run("/bin/sh", "-c", script, str(i % 90))
                assert r.code == i % 90, (i, r.end)
                seen.add(r.pid)

        with ThreadPoolExecutor(streams) as pool:
            list(pool.map(run_some, range(streams)))
        assert len(seen) < min(count, 2000)  # they did come back
        time.sleep(0.1)
        states = a.shell("cat /proc/[0-9]*/stat | sed 's/.*) //' | cut -d' ' -f1").stdout.decode().split()
        assert "Z" not in states and len(states) < 10


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_the_machine_in_order(signo):
    a = Init()
    with a.start("/bin/sh", "-c", f"trap 'echo bye > {a.dir.name}/bye; exit' TERM; echo up; while :; do sleep .05; done") as s:
        s.started()
        s.read_until(b"up")
        os.kill(a.child, signo)
        a.process.wait(10)
    # reboot(2) in a pid namespace kills its init: by SIGINT for a power-off, by SIGHUP for a restart (reboot(2)), which is
    # what Ctrl-Alt-Del asks for and a Firecracker guest needs; unshare passes it on.
    restart = signo == signal.SIGINT or "reboot=k" in open("/proc/cmdline").read().split()
    assert a.process.returncode == -(signal.SIGHUP if restart else signal.SIGINT), a.log
    assert open(f"{a.dir.name}/bye").read() == "bye\n"
    a.process.stdout.close()
    a.clean_up()


def test_the_log_is_in_memory_and_bounded():
    with Init(env=QUIET) as a:
        def resident_after(count):
            for _ in range(count):
                a.run("true")
            return int(open(f"/proc/{a.child}/statm").read().split()[1])

        warm = resident_after(300)
        assert resident_after(300) - warm < 100
        assert a.log == ""
