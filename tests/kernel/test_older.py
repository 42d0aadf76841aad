"""The agent where newer system calls are unknown or forbidden (older.c): that they are, and what guestd --check says of it. That
all else works there is what tests/system says under GUESTD_KERNEL (tools/test old-kernel)."""
import errno
import subprocess
from unittest import mock

import agent
import pytest
from agent import BUILD, Agent

NEWER = ["clone3", "close_range", "cloexec range", "openat2"]
OLDER = ["statx", "preadv2", "copy_file_range"]
REFUSALS = [("enosys", "function not implemented", NEWER + OLDER), ("eperm", "operation not permitted", NEWER)]


def check(*place):
    """The rows of guestd --check by their names: what is said of each; and its exit code."""
    r = subprocess.run([BUILD.joinpath(*place, "guestd"), "--check"], stdout=subprocess.PIPE, text=True)
    return {line[:18].strip(): line[20:] for line in r.stdout.splitlines()[1:]}, r.returncode


@pytest.mark.parametrize("kernel,text,lacking", REFUSALS, ids=lambda p: p if p in ("enosys", "eperm") else "")
def test_check_names_each_lack_and_its_cost(kernel, text, lacking):
    here, code_here = check()
    there, code = check("tests", kernel)
    assert code == code_here  # it does without each of them
    assert here.keys() == there.keys()
    for what, row in there.items():
        if what in lacking:
            assert here[what].startswith("ok "), here[what]
            assert row.startswith(f"missing  wanted  {text} ") and len(row.split(text)[1].strip()) > 10, row
        elif what == "MADV_COLLAPSE":
            assert row.startswith("missing  wanted  invalid argument "), row
        elif what not in ("cgroup.kill", "overlay"):  # what is a module that nobody has loaded, fsopen(2) knows
            assert row == here[what]


@pytest.mark.parametrize("kernel,refusal", [("enosys", errno.ENOSYS), ("eperm", errno.EPERM)])
def test_what_it_runs_finds_that_kernel_too(kernel, refusal):
    script = "import os; os.pidfd_open(os.getpid())"
    with mock.patch.object(agent, "BINARY", BUILD / "tests" / kernel / "guestd"), Agent() as a:
        r = a.run("/usr/bin/python3", "-c", script)
        assert r.code == 1 and f"[Errno {refusal}]".encode() in r.stderr, r.stderr
    with mock.patch.object(agent, "BINARY", BUILD / "guestd"), Agent() as a:
        assert a.run("/usr/bin/python3", "-c", script).code == 0


LOOK = """
import os, sys
for name in "cgroup.kill", "cgroup.freeze":
    path = f"{sys.argv[1]}/user/{name}"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
        print(name, 0, os.access(path, os.F_OK))
    except OSError as e:
        print(name, e.errno, os.access(path, os.F_OK))
"""


def test_no_cgroup_has_a_kill_file():
    with mock.patch.object(agent, "BINARY", BUILD / "tests/enosys/guestd"), Agent() as a:
        root = a.call("guest.v1.Agent/GetInfo")["cgroupRoot"]
        r = a.run("/usr/bin/python3", "-c", LOOK, root)
    assert r.stdout.decode().splitlines() == [f"cgroup.kill {errno.ENOENT} False", "cgroup.freeze 0 True"], r.stderr
