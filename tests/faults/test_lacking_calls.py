"""System calls that the kernel, or a filter in front of it, does not have: the older way works, it is found out once, and then
not tried again. tests/kernel is about all of them together."""
import os
import time

import pytest
from agent import PRESET, wait_for
from faults import CallFaults, at_rest
from file_steps import Place, copy, download, stat, tidy

EVER = 10**6
USES = 20


def spawn(agent, place):
    assert agent.run("/bin/true").code == 0


# Each use, the call that it would make, and how often that may be made at most: once, and once more to see what the failure
# means; by statx(2) libc answers what it knows without. Threads are made by clone3 as well, each by one of its own.
LACKS = [(spawn, "clone3", "ENOSYS", 2 + 12), (stat, "openat2", "ENOSYS", 2), (stat, "openat2", "EPERM", 2), (stat, "statx", "ENOSYS", 2),
         (stat, "statx", "EPERM", 2), (download, "preadv2", "ENOSYS", 2), (download, "preadv2", "EPERM", 2),
         (copy, "copy_file_range", "ENOSYS", 2), (copy, "copy_file_range", "EPERM", 2)]
if PRESET == "release":  # a libc that is not ours makes no thread without it
    LACKS.append((spawn, "clone3", "EPERM", 2 + 12))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize("use,call,error,most", LACKS)
def test_a_lack_is_found_once(use, call, error, most, place):
    with CallFaults([call]) as agent:
        with agent.fail(call, error, times=EVER) as faults:
            for _ in range(USES):
                use(agent, place)
                tidy(place)
        assert 1 <= faults.failed <= most < USES
        assert faults.seen == faults.failed


def test_a_failure_that_is_no_lack_is_tried_again(place):
    """The file system has refused, or a limit has: not the call."""
    with CallFaults(["copy_file_range"]) as agent:
        for _ in range(3):
            with agent.fail("copy_file_range", "EOPNOTSUPP") as faults:
                copy(agent, place)
            tidy(place)
            assert faults.failed == 1 and faults.seen > 1


def sleepers(mark):
    """Pids of processes that have the mark in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if f"MARK={mark}".encode() in f.read():
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def test_a_tree_dies_without_cgroup_kill():
    """What fled its session, and what is started all the while, too."""
    script = "for i in 1 2 3; do setsid sleep 1000 & done; (while :; do setsid sleep 1000 & done) 2>/dev/null & echo on; wait"
    with CallFaults(["openat"]) as agent:
        at_rest(agent)
        with agent.fail("openat", "ENOENT", times=EVER, text="cgroup.kill") as faults:
            for i in range(3):
                mark = f"{agent.pid}-{i}"
                with agent.start("sh", "-c", script, envs={"MARK": mark}) as s:
                    pid = s.started()
                    s.read_until(b"on\n")
                    time.sleep(0.05)
                    agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
                    assert s.result().end["status"] == "signal: killed"
                wait_for(lambda: sleepers(mark) == [], what="all are dead")
        assert faults.failed == 1
