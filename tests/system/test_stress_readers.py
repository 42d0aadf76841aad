"""Clients that read slowly, late or not at all: nothing is lost, nobody else waits, and memory stays within its bounds."""
import base64
import contextlib
import hashlib
import re
import resource
import threading
import time

import pytest
from agent import PRESET, RpcError, SLOW, encode, envelope, wait_for
from steady import Steady, rss


@pytest.fixture(scope="module")
def agent():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with Steady("--max-connections", "1100", "--listen", "tcp:127.0.0.1:0", "--open") as a:
        yield a


@pytest.fixture(autouse=True)
def nothing_left(agent):
    yield
    agent.kill_all()


def healthy(agent):
    return agent.request("GET", "/health").status == 204


def numbers(first, last):
    return b"".join(b"%d\n" % n for n in range(first, last + 1))


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_sole_reader_may_sleep(agent, codec, kind):
    """It sleeps at the beginning, in the middle and when the program wants to end: every line is there, once, in order."""
    to = None if kind == "unix" else ("127.0.0.1", int(agent.address("tcp").rsplit(":", 1)[1]))
    with agent.start("seq", "1000000", codec=codec, to=to) as s:
        pid = s.started()
        time.sleep(1.2)
        assert [p["pid"] for p in agent.call("process.Process/List")["processes"]] == [pid]  # it waits in its write
        got = s.read_bytes(1000000)
        time.sleep(1.2)
        for kind, value in s.iterator:
            if kind != "stdout":
                break
            got += value
        assert (kind, value["status"]) == ("end", "exit status 0")
        assert got == numbers(1, 1000000)


def test_a_stuck_reader_holds_up_a_healthy_one_once(agent):
    """For a second and a bit, and never again. It is told from which offset on output was not sent, to the byte."""
    with agent.start("yes", codec="proto", events={"offsets": True}) as steady:
        pid = steady.started()
        with agent.stream("process.Process/Connect", {"process": {"pid": pid}, "events": {"offsets": True}}, "proto") as stuck:
            first = next(iter(stuck))["event"]["start"]
            gaps, last, end = [], time.monotonic(), time.monotonic() + 4
            while last < end:
                next(steady.iterator)
                now = time.monotonic()
                gaps.append(now - last)
                last = now
            gaps.sort()
            assert gaps[-1] < 1.2 * SLOW and gaps[-2] < 0.7 * SLOW, gaps[-5:]
            got = 0
            with pytest.raises(RpcError) as e:
                for kind, value in stuck.events():
                    got += len(value)
            assert e.value.code == "resource_exhausted"
            told = int(re.search(r"from offset (\d+) on", e.value.message)[1])
            assert told == int(first.get("offset", 0)) + got


def test_a_stuck_reader_does_not_keep_the_end_from_the_others(agent):
    """The program ends, it is taken off the list and every healthy reader is told, while the stuck one still is."""
    with agent.start("/bin/sh", "-c", "read x; head -c 8000000 /dev/zero; exit 3", stdin=True) as first:
        pid = first.started()
        readers = [agent.stream("process.Process/Connect", {"process": {"pid": pid}}) for _ in range(3)]
        for s in readers:
            s.started()
        results = []
        threads = [threading.Thread(target=lambda s=s: results.append(s.result())) for s in (first, *readers[1:])]
        for t in threads:
            t.start()
        agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
        for t in threads:
            t.join(20 * SLOW)
        assert [(r.code, len(r.stdout)) for r in results] == [(3, 8000000)] * 3
        wait_for(lambda: "processes" not in agent.call("process.Process/List"), what="it is gone from the list")
        with pytest.raises(RpcError) as e:
            readers[0].result()
        assert e.value.code == "resource_exhausted"
        for s in readers:
            s.close()


@pytest.fixture
def stalled(agent, codec):
    """Starts so many streams, each with 4 MiB to send to a client that does not read."""
    with contextlib.ExitStack() as streams:
        def start(count):
            started = []
            for _ in range(count):
                s = streams.enter_context(agent.start("head", "-c", str(4 << 20), "/dev/zero", codec=codec))
                s.started()
                started.append(s)
            time.sleep(1)  # all that can be sent has been
            return started
        yield start


@pytest.mark.parametrize("count, megabytes", [(100, 10), (1000, 36)])
def test_stalled_streams_share_what_there_is(agent, stalled, count, megabytes):
    """Each costs what a full pipe costs, and less the more there are: the agent, its connections, and what waits in them."""
    stalled(count)
    assert healthy(agent)
    wait_for(lambda: rss(agent.pid) <= megabytes * 10 ** 6 or PRESET != "release", what="that memory")


def test_memory_comes_back():
    """Soon after many were served nothing is left of it but what is kept on purpose."""
    with Steady("--max-connections", "1100") as agent:
        with contextlib.ExitStack() as streams:
            for _ in range(500):
                streams.enter_context(agent.start("head", "-c", str(4 << 20), "/dev/zero", codec="proto")).started()
            assert rss(agent.pid) > 8 << 20
        agent.kill_all()
        wait_for(lambda: rss(agent.pid) <= 3 << 20 or PRESET != "release", 20, "it is small again")


@pytest.mark.parametrize("count", [100, 1000])
def test_stalled_streams_hurt_nobody(agent, stalled, codec, count):
    """Everything else is served meanwhile, and they lose nothing by it."""
    streams = stalled(count)
    assert healthy(agent)
    assert len(agent.call("process.Process/List", codec=codec)["processes"]) == count
    assert agent.run("seq", "100000", codec=codec).stdout == numbers(1, 100000)
    with agent.start("cat", codec=codec, stdin=True) as s:
        selector = {"process": {"pid": s.started()}}
        data = base64.b64encode(bytes(300000)).decode()
        agent.call("process.Process/SendInput", {**selector, "input": {"stdin": data}}, codec)
        agent.call("process.Process/CloseStdin", selector, codec)
        assert s.result().stdout == bytes(300000)
    for s in (streams[0], streams[-1]):
        r = s.result()
        assert r.stdout == bytes(4 << 20) and r.code == 0


def test_output_that_nobody_reads_costs_nothing(agent):
    """The program is not held up either: without a subscriber its output is read and its last bytes are kept."""
    with agent.start("/bin/sh", "-c", "head -c 200000000 /dev/zero; exec sleep 1000") as s:
        pid = s.started()
    before = rss(agent.pid)

    wait_for(lambda: open(f"/proc/{pid}/comm").read() == "sleep\n", 20, "it has written all")
    assert rss(agent.pid) < before + (3 << 20) or PRESET != "release"


def test_64_mib_of_input_reach_a_slow_reader(agent, codec):
    """The program reads in fits and starts, the sender is faster than it all the time."""
    size = (64 << 20) // SLOW // SLOW
    method = "process.Process/StreamInput"
    script = "head -c 1000000; sleep 1; head -c 10000000; sleep 1; cat"
    block = bytes(range(256)) * 1024
    sent = hashlib.sha256()
    with agent.start("/bin/sh", "-c", f"({script}) | sha256sum", codec=codec, stdin=True) as s, agent.connect() as c:
        pid = s.started()
        selector = {"process": {"pid": pid}}
        c.send_request("POST", f"/{method}", {"Content-Type": f"application/connect+{codec}", "Transfer-Encoding": "chunked"})

        def chunk(data):
            c.send(b"%x\r\n" % len(data) + data + b"\r\n")

        chunk(envelope(encode(method, {"start": selector}, codec)))
        for i in range(size // len(block)):
            data = i.to_bytes(8, "big") + block[8:]
            sent.update(data)
            chunk(envelope(input_message(method, data, codec)))
        c.send(b"0\r\n\r\n")
        assert c.read_response().body.endswith(envelope(b"{}", 2))
        agent.call("process.Process/CloseStdin", selector)
        assert s.result().stdout.split()[0].decode() == sent.hexdigest()
    assert rss(agent.pid) < 36 << 20 or PRESET != "release"


def input_message(method, data, codec):
    return encode(method, {"data": {"input": {"stdin": base64.b64encode(data).decode()}}}, codec)
