"""System calls around a spawn fail: users, threads, connections, the loop. One caller hears of it and nobody else."""
import contextlib
import errno
import os

import pytest
from agent import RpcError, wait_for
from faults import CallFaults, at_rest, attempt, leaves, settled, spawn_failure

CALLS = ["accept4", "epoll_ctl", "recvfrom", "sendto", "sendmsg", "openat", "clone3",
         "clone", "unlinkat"]
PTY = {"pty": {"size": {"cols": 80, "rows": 24}}}
SHORTAGES = ["EMFILE", "ENFILE", "ENOMEM"]


@pytest.fixture(scope="module")
def agent():
    with CallFaults(CALLS) as a:
        a.before = at_rest(a)
        yield a


@pytest.fixture(autouse=True)
def nothing_is_left(agent):
    yield
    assert agent.call("guest.v1.Agent/GetInfo")["pid"] == agent.pid
    assert attempt(agent) == 0
    settled(agent, agent.before)


def refresh_users():
    """The agent reads the user data again when the files have changed."""
    os.utime("/etc/passwd")


# --- users ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", SHORTAGES)
@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/group"])
def test_user_data_cannot_be_read(agent, path, error):
    """Least of all may a process run without its groups, or its user be unknown."""
    refresh_users()
    with agent.fail("openat", error, text=path) as faults:
        got = attempt(agent)
    assert faults.failed == 1
    assert isinstance(got, RpcError) and got.code == "resource_exhausted", got
    assert spawn_failure(got)[:2] == ("user", getattr(errno, error))


@pytest.mark.parametrize("error", SHORTAGES)
def test_the_requested_groups_cannot_be_read(agent, error):
    with agent.fail("openat", error, text="/etc/group") as faults:
        got = attempt(agent, options={"extraGroups": ["tty"]})
    assert faults.failed == 1
    assert isinstance(got, RpcError) and got.code == "resource_exhausted", got
    assert spawn_failure(got)[0] == "groups"


def test_a_terminal_without_its_group_is_a_terminal(agent):
    with agent.fail("openat", "EMFILE", text="/etc/group") as faults:
        assert attempt(agent, **PTY) == 0
    assert faults.failed == 1


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM"])
def test_the_first_thread_cannot_start(error):
    """A thread starts with the first job, so this wants an agent that has had none."""
    with CallFaults(CALLS) as fresh:
        with fresh.fail("clone3", error, times=2) as faults:
            got = attempt(fresh)
        assert faults.failed >= 1
        assert isinstance(got, RpcError) and got.code == "resource_exhausted", got
        assert "resource temporarily unavailable" in got.message or "cannot allocate memory" in got.message, got
        assert attempt(fresh) == 0


# --- leaves ---------------------------------------------------------------------------------------------------------


def test_a_busy_leaf_is_removed_later(agent):
    """The kernel may call it busy for a moment after its last process; the second attempt finds it empty."""
    with agent.fail("unlinkat", "EBUSY") as faults:
        assert attempt(agent) == 0
        wait_for(lambda: agent.call("process.Process/List") == {} and leaves(agent) == [])
    assert faults.failed == 1


# --- connections ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE"])
def test_no_descriptor_for_a_caller(agent, error):
    """It is taken in and sent away; it is not left to wait, and the next one is served."""
    with agent.fail("accept4", error) as faults:
        with agent.connect() as c, contextlib.suppress(ConnectionError):
            c.sock.settimeout(5)
            c.request("GET", "/health")
            pytest.fail("it was served")
    assert faults.failed == 1


@pytest.mark.parametrize("error", ["ENOMEM", "ENOBUFS", "ECONNABORTED", "EPERM", "EPROTO"])
def test_a_passing_error_of_accept(agent, error):
    with agent.fail("accept4", error) as faults:
        assert agent.request("GET", "/health").status == 204
    assert faults.failed == 1


@pytest.mark.parametrize("error", ["ENOMEM", "ENOSPC"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_descriptor_cannot_be_watched(agent, error, nth):
    """Of a Start's connection and its pipes, in turn: the client is told or cut off, it does not wait for ever."""
    with agent.fail("epoll_ctl", error, nth) as faults:
        try:
            got = attempt(agent, process={"cmd": "/bin/sh", "args": ["-c", "echo out"]}, timeout=5)
        except ConnectionError:
            got = None
    assert faults.failed == 1
    assert got in (None, 0) or (isinstance(got, RpcError) and got.code == "resource_exhausted"), got


@pytest.mark.parametrize("call,error", [
    ("recvfrom", "ECONNRESET"), ("recvfrom", "ENOMEM"), ("recvfrom", "ETIMEDOUT"),
    ("sendto", "ECONNRESET"), ("sendto", "EPIPE"), ("sendto", "ENOBUFS"), ("sendto", "ENOMEM")])
def test_an_error_on_a_connection_is_its_end(agent, call, error):
    with agent.fail(call, error) as faults:
        with agent.connect() as c, contextlib.suppress(ConnectionError):
            c.sock.settimeout(5)
            c.request("GET", "/health")
            pytest.fail("it was served")
    assert faults.failed == 1


@pytest.mark.parametrize("call,error", [("recvfrom", "EAGAIN"), ("recvfrom", "EINTR"), ("sendto", "EAGAIN"),
                                        ("sendto", "EINTR")])
def test_would_block_and_interrupted_are_no_errors(agent, call, error):
    with agent.fail(call, error) as faults:
        assert agent.request("GET", "/health").status == 204
    assert faults.failed == 1


def test_an_error_in_a_stream_ends_the_stream_and_not_the_process(agent, tmp_path):
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    with agent.start("/bin/sh", "-c", f"read x < {fifo}; echo got $x") as first:
        pid = first.started()
        with agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as second:
            second.started()
            with agent.fail("sendmsg", "ECONNRESET") as faults:
                fifo.write_text("it\n")
                ends = []
                for stream in (first, second):
                    try:
                        ends.append(stream.result().stdout)
                    except ConnectionError:
                        ends.append(None)
    assert faults.failed == 1
    assert sorted(ends, key=bool) == [None, b"got it\n"], ends
