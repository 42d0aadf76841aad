"""Clients that vanish, lie or attack. What they leave behind is nothing; what others notice is nothing."""
import contextlib
import os
import random
import socket
import struct
import time
from pathlib import Path

import pytest
from agent import PRESET, SLOW, encode, envelope, wait_for
from steady import Steady, alive, rss, stats

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST
STREAM = {"Content-Type": "application/connect+json"}


@pytest.fixture(scope="module")
def agent():
    with Steady("--listen", "tcp:127.0.0.1:0", "--open") as a:
        yield a


@pytest.fixture(autouse=True)
def nothing_left(agent):
    yield
    agent.kill_all()


def tcp(agent):
    return "127.0.0.1", int(agent.address("tcp").rsplit(":", 1)[1])


def start_request(path="/process.Process/Start", **fields):
    body = envelope(encode("process.Process/Start", {"process": {"cmd": "sleep", "args": ["1000"]}, **fields}, "json"))
    head = (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def listed(agent):
    return agent.call("process.Process/List").get("processes", [])


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_client_vanishes_after_each_byte_of_its_request(agent, kind):
    """A Start that is not whole starts nothing; one that is runs on, and its stream goes."""
    request = start_request()
    to = tcp(agent) if kind == "tcp" else None
    for i in range(len(request)):
        c = agent.connect(to)
        c.send(request[:i])
        if i % 2:
            time.sleep(0.001)  # so that it is read, sometimes
        reset(c)
    wait_for(agent.settled, what="no descriptor and no process is left")
    c = agent.connect(to)
    c.send(request)
    wait_for(lambda: listed(agent), what="the whole one has started")
    reset(c)
    wait_for(lambda: agent.fds() < agent.before[0] + 4, what="its stream is gone")


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_client_vanishes_after_each_byte_of_its_response(agent, kind):
    """Every stream goes with its client, every process stays, and is found by its tag."""
    to = tcp(agent) if kind == "tcp" else None
    with agent.connect(to) as c:
        c.send(start_request(tag="whole"))
        c.read_head()
        whole = len(c.chunk()) + 200
    for i in range(1, whole, SLOW):
        c = agent.connect(to)
        c.send(start_request(tag=f"t{i}"))
        c.sock.recv(i, socket.MSG_WAITALL) if i < 150 else c.sock.recv(i)
        reset(c)
    tags = [p["tag"] for p in listed(agent)]
    assert tags == ["whole", *(f"t{i}" for i in range(1, whole, SLOW))]
    per_process = 3  # its outputs, and what watches its leaf
    wait_for(lambda: agent.fds() <= agent.before[0] + len(tags) * per_process, what="no connection is left")
    with agent.stream("process.Process/Connect", {"process": {"tag": tags[-1]}}) as s:
        assert alive(s.started())


@pytest.mark.parametrize("method", ["Start", "Connect", "StreamInput"])
def test_truncated_envelopes(agent, method):
    """The body ends within the envelope: an error in the end-stream message, at every length."""
    whole = envelope(encode(f"process.Process/{method}", {"process": {"cmd": "true"}}, "json"))
    for i in range(1, len(whole)):
        with agent.connect() as c:
            r = c.request("POST", f"/process.Process/{method}", STREAM, whole[:i])
            assert r.status == 200 and b'"error"' in r.body and r.body[0] == 2, (i, r.body)
    assert listed(agent) == []


@pytest.mark.parametrize("method", ["Start", "Connect", "StreamInput"])
@pytest.mark.parametrize("length", [2**32 - 1, 2**31, (16 << 20) + 1])
def test_a_length_of_gigabytes_is_refused(agent, method, length):
    """At the latest when as much has come as a message may have: the rest is neither awaited nor held."""
    before = rss(agent.pid)
    with agent.connect() as c:
        fields = {**STREAM, "Content-Length": str(length + 5)}
        c.send_request("POST", f"/process.Process/{method}", fields, struct.pack(">BI", 0, length))
        with contextlib.suppress(BrokenPipeError):  # it has answered already
            c.send(bytes((16 << 20) + (256 << 10)))
        status, _, _ = c.read_head()
        assert status == 200 and b"resource_exhausted" in c.chunk()
    assert rss(agent.pid) < before + (20 << 20) or PRESET != "release"


def test_messages_out_of_order(agent):
    """Data before Start, Start twice, a message behind a unary stream's only one: errors, and nothing runs."""
    data = {"data": {"input": {"stdin": "eA=="}}}
    start = {"start": {"process": {"pid": 4194305}}}
    for method, messages in [("StreamInput", [data]), ("StreamInput", [data, start]), ("StreamInput", [start, start]),
                             ("Connect", [{"process": {"pid": 4194305}}] * 2), ("Start", [{"process": {"cmd": "true"}}] * 2)]:
        body = b"".join(envelope(encode(f"process.Process/{method}", m, "json")) for m in messages)
        with agent.connect() as c:
            r = c.request("POST", f"/process.Process/{method}", STREAM, body)
            assert r.status == 200 and b'"error"' in r.body, (method, messages)


def test_unknown_fields_are_ignored(agent):
    """Of any shape, at any depth, in both codecs."""
    odd = {"new": [1, {"deep": [None, True, "x" * 1000]}], "process2": {}, "ünknown": -1e300}
    with agent.stream("process.Process/Start", {"process": {"cmd": "echo", "args": ["hi"], **odd}, "stdin": False, **odd}) as s:
        assert s.result().stdout == b"hi\n"
    unknown = b"".join([b"\xf8\x7f\x01",            # field 2047: a varint,
                        b"\xf9\x7f" + bytes(8),     # eight bytes,
                        b"\xfa\x7f\x03abc",         # a string,
                        b"\xfd\x7f" + bytes(4)])    # four bytes
    message = encode("process.Process/Start", {"process": {"cmd": "echo", "args": ["hi"]}, "stdin": False}, "proto")
    with agent.connect() as c:
        r = c.request("POST", "/process.Process/Start", {"Content-Type": "application/connect+proto"},
                      envelope(unknown + message + unknown))
        assert r.status == 200 and b"hi\n" in r.body and b"exit status 0" in r.body


@pytest.mark.parametrize("opening, closing", [
    (b'{"a":', b"}"), (b"[", b"]"), (b'{"process":', b"}"), (b"[", b""), (b'{"a":[', b"")])
def test_deep_json(agent, opening, closing):
    deep = opening * 100000 + b"1" + closing * 100000
    with agent.connect() as c:
        r = c.request("POST", "/process.Process/Start", STREAM, envelope(deep))
        assert r.status == 200 and b'"invalid_argument"' in r.body
    with agent.connect() as c:
        assert c.request("POST", "/process.Process/List", {"Content-Type": "application/json"}, deep).status == 400


def test_deep_protobuf(agent):
    """Groups within groups, which a skipping parser would follow down."""
    with agent.connect() as c:
        r = c.request("POST", "/process.Process/Start", {"Content-Type": "application/connect+proto"},
                      envelope(b"\xfb\x7f" * 100000))
        assert r.status == 200 and b'"invalid_argument"' in r.body


@pytest.mark.parametrize("method", ["Start", "Connect"])
def test_hostile_keepalive_intervals(agent, method):
    values = ["0", "-0", "-1", "+1", "0x1", "1e9", "9223372036", "9223372037", "18446744073709551616", "NaN", "1,1", "\t", "é",
              "9" * 4000, "-9223372036854775808", "86401", "0000000000000000000000000000001"]
    with agent.start("sleep", "1000") as running:
        pid = running.started()
        for value in values:
            fields = {**STREAM, "Keepalive-Ping-Interval": value}
            message = {"process": {"cmd": "true"} if method == "Start" else {"pid": pid}}
            with agent.connect() as c:
                body = envelope(encode(f"process.Process/{method}", message, "json"))
                c.send_request("POST", f"/process.Process/{method}", fields, body)
                status, _, _ = c.read_head()
                assert status == 200 and b'"start"' in c.chunk(), value
    assert agent.request("GET", "/health").status == 204


def test_noise(agent):
    """Random bytes where an envelope should be, and random damage to a good one."""
    rng = random.Random(4)
    good = envelope(encode("process.Process/Start", {"process": {"cmd": "true"}, "tag": "noise"}, "json"))
    for i in range(400 // SLOW):
        body = bytearray(good if i % 2 else rng.randbytes(rng.randrange(1, 300)))
        for _ in range(rng.randrange(1, 4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        with agent.connect() as c:
            r = c.request("POST", "/process.Process/Start", STREAM, bytes(body))
            assert r.status == 200 and b"\2\0\0" in r.body, body
    assert agent.request("GET", "/health").status == 204


@pytest.fixture
def bomber():
    """A user of this test's own: what a fork bomb may have is limited by user."""
    uid = random.randrange(200000, 1000000)
    passwd = Path("/etc/passwd")  # the namespace's
    before = passwd.read_text()
    passwd.write_text(before + f"bomber:x:{uid}:{uid}::/tmp:/bin/sh\n")
    yield uid
    passwd.write_text(before)


def processes_of(uid):
    found = []
    for pid, fields in stats().items():
        try:
            if fields[0] != "Z" and os.stat(f"/proc/{pid}").st_uid == uid:
                found.append(pid)
        except OSError:  # it went while we looked
            pass
    return found


def test_a_fork_bomb_in_one_process(agent, bomber):
    """It takes all that its user may have, and tries on. The others are served; SIGKILL of its tree ends all of it."""
    basic = {"Authorization": "Basic Ym9tYmVyOg=="}
    options = {"limits": [{"name": "nproc", "soft": 60, "hard": 60}]}
    with agent.start("perl", "-e", "fork while 1", headers=basic, options=options, cwd="/tmp") as s:
        pid = s.started()
        wait_for(lambda: len(processes_of(bomber)) == 60, what="it has gone off")
        for _ in range(5):
            assert agent.request("GET", "/health").status == 204
            assert agent.shell("echo alive").stdout == b"alive\n"
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
        assert s.result().end["status"] == "signal: killed"
        wait_for(lambda: processes_of(bomber) == [], what="all of it is gone")
