"""System calls around a git fail: the call ends with an error that says what was short, or as if nothing had been; the next works."""
import tempfile

import git_remote
import git_steps as steps
import pytest
from faults import CallFaults, at_rest, each_fault, settled
from git_host import git

CALLS = ["openat", "socketpair", "pipe2", "clone3", "memfd_create", "epoll_ctl", "recvmsg", "newfstatat", "writev", "fchown", "fcntl"]
MOST = 40  # of a kind in one request


@pytest.fixture(scope="module")
def agent():
    with CallFaults(CALLS) as a, tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        a.place = steps.Place(folder)
        a.place.sshd = git_remote.Sshd(a.place.root / "ssh")
        with a.place.server:
            a.before = at_rest(a)
            yield a
        a.place.sshd.close()


def ssh(agent):
    """The key and the known hosts are files in memory."""
    git(agent.place.ours, "update-ref", "-d", "refs/remotes/origin/side")
    updates = steps.last(agent, "Fetch", remote=agent.place.sshd.url(agent.place.bare), refspecs=["+refs/heads/*:refs/remotes/origin/*"],
                         credentials=agent.place.sshd.credentials())
    assert [u["ref"] for u in updates["updates"]] == ["refs/remotes/origin/side"]


@pytest.mark.parametrize("call,error", [
    ("openat", "EMFILE"), ("openat", "ENOMEM"), ("socketpair", "EMFILE"), ("pipe2", "EMFILE"), ("clone3", "EAGAIN"),
    ("memfd_create", "EMFILE"), ("memfd_create", "ENOMEM"), ("epoll_ctl", "ENOMEM"), ("recvmsg", "ENOMEM"), ("newfstatat", "ENOMEM"),
    ("writev", "ENOMEM"), ("fchown", "ENOMEM"), ("fcntl", "ENOMEM")])
@pytest.mark.parametrize("step", [steps.clone, ssh, steps.status], ids=lambda s: s.__name__)
def test_what_is_short_is_told(agent, step, call, error):
    each_fault(agent, lambda n: agent.fail(call, error, n), lambda: step(agent), MOST, lambda e: e.code == "resource_exhausted")


def test_nothing_is_left(agent):
    settled(agent, agent.before)
