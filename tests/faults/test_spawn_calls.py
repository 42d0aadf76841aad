"""Each step of a spawn fails once, with each error that the kernel has for it: the caller hears which step it was,
nothing is left of the attempt, and the next one works."""
import contextlib
import errno

import pytest
from agent import RpcError
from faults import CallFaults, at_rest, attempt, descriptors, settled, spawn_failure

CALLS = ["pipe2", "openat", "mkdirat", "ioctl", "clone3", "clone", "close_range", "fcntl", "setsid", "dup3", "prlimit64", "setgroups",
         "setresgid", "setresuid", "chdir", "execve", "fchown", "setpriority", "ioprio_set", "prctl", "unlinkat"]
PTY = {"pty": {"size": {"cols": 80, "rows": 24}}}
NO_STDIN = {"stdin": False}
EXHAUSTED = "resource_exhausted"


@pytest.fixture(scope="module")
def agent():
    with CallFaults(CALLS) as a:
        a.before = at_rest(a)
        yield a


def table(*rows):
    """One case for each error of each row."""
    for call, errors, how, want in rows:
        for error in errors.split():
            yield pytest.param(call, error, how, want, id=f"{call}-{error}-{how.get('id', '')}".rstrip("-"))


# The call, its errors, which of them it is and in what Start, and what the caller hears: (code, stage, object) or an
# exit code.
CASES = list(table(
    ("pipe2", "EMFILE ENFILE ENOMEM", {"nth": 1, "id": "stdin"}, (EXHAUSTED, "pipe", "stdin")),
    ("pipe2", "EMFILE ENFILE ENOMEM", {"nth": 2, "id": "stdout"}, (EXHAUSTED, "pipe", "stdout")),
    ("pipe2", "EMFILE ENFILE ENOMEM", {"nth": 3, "id": "stderr"}, (EXHAUSTED, "pipe", "stderr")),
    ("pipe2", "EMFILE", {"nth": 2, "fields": NO_STDIN, "id": "no-stdin"}, (EXHAUSTED, "pipe", "stderr")),
    ("mkdirat", "ENOMEM EAGAIN ENOSPC", {}, (EXHAUSTED, "cgroup", None)),
    ("openat", "EMFILE ENFILE ENOMEM", {"text": "0000", "id": "leaf"}, (EXHAUSTED, "cgroup", None)),
    ("clone3", "EAGAIN ENOMEM", {}, (EXHAUSTED, "clone", "")),
    ("clone3", "ENOSYS", {"id": "older-call"}, 0),
    ("close_range", "ENOMEM EMFILE", {"scope": "child"}, (EXHAUSTED, "pipe", "")),
    ("openat", "EMFILE ENOMEM", {"text": "ptmx", "times": 2, "fields": PTY, "id": "ptmx"},
     (EXHAUSTED, "pty", "/dev/ptmx")),
    ("openat", "EMFILE", {"text": "/dev/pts/ptmx", "fields": PTY, "id": "other-ptmx"}, 0),
    ("ioctl", "EIO", {"nth": 1, "fields": PTY, "id": "unlock"}, (EXHAUSTED, "pty", "terminal")),
    ("ioctl", "EMFILE ENOMEM EIO", {"nth": 2, "fields": PTY, "id": "slave"}, (EXHAUSTED, "pty", "terminal")),
    ("ioctl", "EIO", {"nth": 3, "fields": PTY, "id": "size"}, (EXHAUSTED, "pty", "terminal")),
    ("ioctl", "EPERM", {"scope": "child", "fields": PTY, "id": "controlling"}, (EXHAUSTED, "pty", "")),
    ("fchown", "EPERM EROFS", {"fields": PTY}, 0),
    ("setsid", "EPERM", {"scope": "child"}, (EXHAUSTED, "session", "")),
    ("dup3", "EBUSY EMFILE", {"scope": "child", "nth": 1, "id": "stdin"}, (EXHAUSTED, "pipe", "")),
    ("dup3", "EBUSY EMFILE", {"scope": "child", "nth": 3, "id": "stderr"}, (EXHAUSTED, "pipe", "")),
    ("openat", "EMFILE ENOMEM EACCES", {"scope": "child", "text": "oom_score_adj", "id": "oom-score"}, 0),
    ("ioprio_set", "EPERM ENOMEM", {"scope": "child"}, 0),
    ("setpriority", "EACCES EPERM", {"scope": "child", "fields": {"options": {"nice": 5}}},
     ("permission_denied", "nice", "nice")),
    ("prlimit64", "EPERM", {"scope": "child", "nth": 2, "fields": {"options": {"limits": [
        {"name": "core", "soft": "0", "hard": "0"}]}}}, ("permission_denied", "limit", None)),
    ("setgroups", "ENOMEM", {"scope": "child"}, (EXHAUSTED, "groups", "")),
    ("setgroups", "EPERM", {"scope": "child"}, ("permission_denied", "groups", "")),
    ("setresgid", "EPERM", {"scope": "child"}, ("permission_denied", "gid", "")),
    ("setresuid", "EAGAIN ENOMEM", {"scope": "child"}, (EXHAUSTED, "uid", "")),
    ("setresuid", "EPERM", {"scope": "child"}, ("permission_denied", "uid", "")),
    ("chdir", "ENOMEM", {"scope": "child"}, (EXHAUSTED, "chdir", "/root")),
    ("chdir", "EACCES ELOOP EIO", {"scope": "child"}, ("invalid_argument", "chdir", "/root")),
    ("execve", "ENOMEM EAGAIN EMFILE ENFILE", {"scope": "child"}, (EXHAUSTED, "exec", "/bin/true")),
    ("execve", "E2BIG", {"scope": "child"}, ("invalid_argument", "exec", "/bin/true")),
    ("execve", "ENOENT ELOOP", {"scope": "child"}, 127),
    ("execve", "EACCES EIO ETXTBSY", {"scope": "child"}, 126),
))


@pytest.mark.parametrize("call,error,how,want", CASES)
def test_a_step_of_a_spawn(agent, call, error, how, want):
    how = {k: v for k, v in how.items() if k != "id"}
    fields = how.pop("fields", {})
    with agent.fail(call, error, **how) as faults:
        got = attempt(agent, **fields)
    assert faults.failed == how.get("times", 1), f"the spawn did not do it: {got}"
    if isinstance(want, int):
        assert got == want
    else:
        code, stage, about = want
        assert isinstance(got, RpcError), got
        assert (got.code, got.status) == (code, 200), got
        failure = spawn_failure(got)
        assert failure[:2] == (stage, getattr(errno, error)), failure
        assert about in (None, failure[2]), failure
    assert attempt(agent, **fields) == 0
    settled(agent, agent.before)


@pytest.fixture(scope="module")
def crowd():
    """An agent whose low descriptors are all taken, by connections."""
    with CallFaults(CALLS) as a, contextlib.ExitStack() as stack:
        at_rest(a)
        for _ in range(80):
            stack.enter_context(a.connect()).request("GET", "/health")
        a.before = sorted(descriptors(a))
        yield a


@pytest.mark.parametrize("fields", [{}, PTY], ids=["pipes", "pty"])
@pytest.mark.parametrize("nth", [1, 3])
def test_what_a_child_needs_cannot_be_moved(crowd, nth, fields):
    """It gets a copy of all the descriptors then, and runs."""
    with crowd.fail("dup3", "EBUSY", nth=nth) as faults:
        assert attempt(crowd, **fields) == 0
    assert faults.failed == 1
    assert attempt(crowd, **fields) == 0
    settled(crowd, crowd.before)


def test_a_low_number_cannot_be_taken_back(crowd):
    """Its program's end is seen all the same; the number is lost."""
    with crowd.fail("dup3", "EBUSY", nth=5) as faults:
        assert attempt(crowd) == 0
    assert faults.failed == 1
    crowd.before.remove("/dev/null")
    for fields in ({}, PTY):
        assert attempt(crowd, **fields) == 0
    settled(crowd, crowd.before)
