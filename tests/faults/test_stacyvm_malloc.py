"""Each allocation of a request of StacyVM's host fails once: an error is answered or the connection ends, the next request works,
and nothing is left."""
import os
import socket
import tempfile

import pytest
from agent import RpcError, wait_for
from faults import MallocFaults, each_allocation
from stacyvm_host import AgentError, StacyvmHost

TIMEOUT = 8


class Failing(MallocFaults):
    """With a listener for StacyVM's host, and files to work on."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="gd", dir="/tmp")
        super().__init__("--listen", f"stacyvm@unix:{self.home.name}/s")

    def host(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        s.connect(f"{self.home.name}/s")
        return StacyvmHost(s)

    def close(self):
        super().close()
        self.home.cleanup()


@pytest.fixture(scope="module")
def agent():
    with Failing() as a:
        yield a


def exec_shell(h, home):
    assert h.exec("echo out $A; echo err >&2; exit 3", env={"A": "b"}) == (3, "out b\n", "err\n")


def exec_argv(h, home):
    assert h.exec("printf", "%s", "x", mode="argv", work_dir="/tmp") == (0, "x", "")


def exec_much(h, home):
    assert h.exec("head -c 200000 /dev/zero | tr '\\0' x")[1] == "x" * 200000


def exec_stream(h, home):
    chunks = list(h.stream("echo out; exit 3"))
    if "error" in chunks[-1]:
        raise AgentError(chunks[-1]["error"])
    assert [c.get("data") for c in chunks] == ["out\n", None] and chunks[-1]["exit_code"] == 3


def write(h, home):
    h.write(f"{home}/a/x", b"short", mode="600")


def write_large(h, home):
    h.write(f"{home}/large", bytes(300000))


def read(h, home):
    with open(f"{home}/read", "wb") as f:
        f.write(bytes(100000))
    assert h.content(f"{home}/read") == bytes(100000)


def read_unsized(h, home):
    assert h.content("/proc/version")


def listing(h, home):
    assert h.call("list_files", path="/proc/self/task")["files"]


def stat(h, home):
    h.call("stat_file", path="/")


def glob(h, home):
    assert h.call("glob_files", pattern="/etc/pass*")["matches"]


def move(h, home):
    with open(f"{home}/from", "w"):
        pass
    h.call("move_file", old_path=f"{home}/from", new_path=f"{home}/to/there")


def delete(h, home):
    os.makedirs(f"{home}/gone/below", exist_ok=True)
    h.call("delete_file", path=f"{home}/gone", recursive=True)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("request_of", [exec_shell, exec_argv, exec_much, exec_stream, write, write_large, read, read_unsized,
                                        listing, stat, glob, move, delete])
def test_an_allocation_fails(agent, request_of, times):
    def once():
        try:
            with agent.host() as h:
                request_of(h, agent.home.name)
        except AgentError as e:  # this dialect has no code for it
            raise RpcError("resource_exhausted", str(e)) from e
    each_allocation(agent, times, once)


def test_nothing_is_left(agent):
    def only_listeners():
        return sum("socket" in os.readlink(f"/proc/{agent.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{agent.pid}/fd")) == 2
    wait_for(lambda: agent.call("process.Process/List") == {}, what="no process is left")
    wait_for(only_listeners, what="no connection is left")
