"""The same over each protocol: a call, a stream and an error of each, in both codecs."""
import pytest
import wires
from agent import RpcError
from faults import MallocFaults, at_rest, each_allocation, settled


@pytest.fixture(scope="module")
def agent():
    with MallocFaults() as a:
        a.before = at_rest(a)
        yield a


def unary(wire, agent, codec):
    [info] = wire(agent, "guest.v1.Agent/GetInfo", {}, codec, False)
    assert info["pid"] == agent.pid


def stream(wire, agent, codec):
    assert wires.start(wire, agent, codec, "/bin/sh", "-c", "seq 3000; echo err >&2; exit 3") == (
        b"".join(b"%d\n" % n for n in range(1, 3001)), b"err\n", b"", 3)


def error(wire, agent, codec):
    """It has details and a text."""
    with pytest.raises(RpcError) as e:
        wire(agent, "process.Process/Start", {"process": {"cmd": "true", "cwd": "/no/such"}}, codec, True)
    if e.value.code != "invalid_argument":
        raise e.value


@pytest.mark.parametrize("codec", ["json", "proto"])
@pytest.mark.parametrize("request_of", [unary, stream, error], ids=lambda f: f.__name__)
@pytest.mark.parametrize("wire", wires.WIRES, ids=lambda f: f.__name__)
def test_an_allocation_fails(agent, wire, request_of, codec):
    each_allocation(agent, 1, lambda: request_of(wire, agent, codec))


def test_nothing_is_left(agent):
    settled(agent, agent.before)
