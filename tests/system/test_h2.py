"""HTTP/2 by prior knowledge, beside HTTP/1 on every listener."""
import base64
import hashlib
import re
import signal
import socket
import subprocess
import time

import pytest
from agent import Agent, RpcError, SLOW, encode, envelope, wait_for
from h2client import H2
from steady import rss

START, CONNECT, LIST = "process.Process/Start", "process.Process/Connect", "process.Process/List"
CALM = 11


@pytest.fixture
def h2(agent):
    with H2(agent.connect().sock) as c:
        yield c


def output(stream, codec="json"):
    """(what the process wrote, its end) of a whole Start or Connect."""
    out, end = b"", None
    for m in stream.messages(START, codec)[:-1]:
        (kind, value), = m["event"].items()
        if kind == "data":
            out += base64.b64decode(value.get("stdout", ""))
        elif kind == "end":
            end = value
    return out, end


def pid_of(stream):
    stream.client.run(lambda: b'"pid"' in stream.body)
    return int(re.search(rb'"pid":\s*(\d+)', stream.body).group(1))


# --- what works ---------------------------------------------------------------------------------------------------------


def curl(agent, *args):
    return subprocess.run(["curl", "-sS", "--unix-socket", agent.path, *args], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def test_both_versions_on_one_listener(shared):
    for option, version in [("--http2-prior-knowledge", "2"), ("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")]:
        assert curl(shared, option, "-w", "%{http_version} %{http_code}", "http://a/health") == f"{version} 204"
    assert curl(shared, "--http2-prior-knowledge", "-d", "{}", "-H", "Content-Type: application/json",
                f"http://a/{LIST}") == "{}"


def test_unary_calls(shared, codec):
    with H2(shared.connect().sock) as c:
        for _ in range(20):
            assert c.call(LIST, codec=codec) == {}
        with pytest.raises(RpcError) as e:
            c.call("process.Process/SendSignal", {"process": {"pid": 4194305}, "signal": "SIGNAL_SIGTERM"}, codec)
        assert e.value.code == "not_found" and e.value.status == 404


@pytest.mark.parametrize("frame", [16384, 65536])
def test_output_is_whole(agent, codec, frame):
    want = b"".join(b"%d\n" % i for i in range(1, 400001))
    with H2(agent.connect().sock) as c:
        c.h2.update_settings({5: frame})
        c.flush()
        streams = [c.start("seq", "400000", codec=codec) for _ in range(3)]
        for s in streams:
            out, end = output(s.wait(), codec)
            assert out == want and end["exited"] and "exitCode" not in end
            assert s.messages(START, codec)[-1] == {}


def test_one_stalled_stream_among_a_hundred(agent, h2):
    stalled = h2.start("yes", stalled=True)
    others = [h2.start("sh", "-c", f"echo {i}; head -c 100000 /dev/zero") for i in range(99)]
    for i, s in enumerate(others):
        out, end = output(s.wait())
        assert (len(out), s.reset, end) == (100000 + len(str(i)) + 1, None, end) and end
        assert out == b"%d\n" % i + bytes(100000)
    assert not stalled.ended and len(stalled.body) == 65535
    assert h2.call(LIST)["processes"]
    held = rss(agent.pid)
    time.sleep(0.3)
    assert rss(agent.pid) - held < 1 << 20  # yes waits for its reader
    stalled.go_on()
    stalled.read(1 << 20)


def test_a_hundred_clients_with_a_hundred_streams(tmp_path):
    """h2load, as it comes from Debian."""
    (tmp_path / "body").write_text("{}")
    for path, *more in [("/health",), (f"/{LIST}", "-d", tmp_path / "body", "-H", "content-type: application/json")]:
        with Agent("--listen", "tcp:127.0.0.1:0", "--open") as a:
            out = subprocess.run(["h2load", "-n", "20000", "-c", "100", "-m", "100", *more,
                                  f"http://{a.address('tcp')}{path}"], text=True, stdout=subprocess.PIPE,
                                 check=True).stdout
            assert "20000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
            assert "20000 2xx" in out, out


def test_upload_waits_for_its_process(agent, h2, codec, tmp_path):
    """A process that does not read its input stops the sender, and nobody else on the connection."""
    method = "process.Process/StreamInput"
    subprocess.run(["mkfifo", tmp_path / "go"], check=True)
    tmp_path.parent.chmod(0o755)
    reader = h2.start("sh", "-c", f"read go <{tmp_path}/go; exec sha256sum", stdin=True)
    pid = pid_of(reader)
    block = bytes(range(256)) * 120
    body = envelope(encode(method, {"start": {"process": {"pid": pid}}}, codec))
    message = envelope(encode(method, {"data": {"input": {"stdin": base64.b64encode(block).decode()}}}, codec))
    body += message * 100
    upload = h2.ask("POST", f"/{method}", {"content-type": f"application/connect+{codec}"}, end=False)
    sent = 0

    def send():
        nonlocal sent
        sent += h2.upload(upload, body[sent:], end=False)
        return sent == len(body)

    h2.sock.settimeout(0.5 * SLOW)
    with pytest.raises(TimeoutError):
        h2.run(send)
    assert sent < 1 << 20 < len(body)
    h2.sock.settimeout(30 * SLOW)
    assert h2.call(LIST)["processes"][0]["pid"] == pid
    other = h2.start("sh", "-c", "head -c 1000000 /dev/zero | wc -c")
    assert output(other.wait())[0] == b"1000000\n"
    (tmp_path / "go").write_text("go\n")
    h2.run(send)
    h2.h2.end_stream(upload.number)
    h2.flush()
    assert upload.wait().status == 200 and upload.body.endswith(envelope(b"{}", 2))
    h2.call("process.Process/CloseStdin", {"process": {"pid": pid}})
    assert output(reader.wait())[0].split()[0].decode() == hashlib.sha256(block * 100).hexdigest()


# --- ends ---------------------------------------------------------------------------------------------------------------


def test_a_reset_ends_its_stream_and_nothing_else(agent, h2):
    a, b = h2.start("sleep", "1000"), h2.start("sh", "-c", "sleep 0.5; echo done")
    pid = pid_of(a)
    pid_of(b)
    h2.h2.reset_stream(a.number, 8)
    h2.flush()
    assert output(b.wait())[0] == b"done\n"
    assert [p["pid"] for p in h2.call(LIST)["processes"]] == [pid]
    again = h2.stream(CONNECT, {"process": {"pid": pid}})
    pid_of(again)
    h2.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
    assert output(again.wait())[1]["status"].startswith("signal")


def test_clients_that_vanish(agent):
    before = agent.fds()
    for i in range(20):
        c = H2(agent.connect().sock)
        for _ in range(10):
            c.start("cat", stdin=True, stalled=True)
        if i % 2:
            c.turn()
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
    count = None  # what a client sent that was gone before it was read, is lost
    while count != (count := len(agent.call(LIST).get("processes", []))):
        time.sleep(0.5 * SLOW)
    assert count > 0
    agent.shell("true")
    for p in agent.call(LIST)["processes"]:
        agent.call("process.Process/SendSignal", {"process": {"pid": p["pid"]}, "signal": "SIGNAL_SIGKILL"})
    wait_for(lambda: "processes" not in agent.call(LIST) and agent.fds() <= before + 4)


def test_shutdown_drains():
    a = Agent()
    with H2(a.connect().sock) as c, H2(a.connect().sock) as idle:
        idle.call(LIST)
        s = c.start("sh", "-c", "echo up; sleep 1000")
        pid_of(s)
        a.process.send_signal(signal.SIGTERM)
        s.wait()
        assert s.ended and s.messages(START, "json")[-1]["error"] == {"code": "canceled", "message": "agent is shutting down"}
        assert c.until_gone()[-1] == (1, 0)
        assert idle.until_gone() == [(1, 0)]
    a.close()


# --- limits: what the unit tests reach one by one, over the real thing ---------------------------------------------------

GET = b"\x82\x86\x84\x01\x01a"


def settle(c):
    c.h2.ping(b"12345678")
    c.flush()
    n = c.pongs
    c.run(lambda: c.pongs > n)


def verdict(c):
    """The error code by which the connection ends; None: it was reset before that could be read."""
    goaways = c.until_gone()
    return goaways[-1][1] if goaways else None


FLOODS = {
    "ping": (6, 0, 0, b"12345678"),
    "settings": (4, 0, 0, b""),
    "priority": (2, 0, 9, b"\0\0\0\3\7"),
    "empty data": (0, 0, 1, b""),
    "small windows": (8, 0, 1, b"\0\0\0\1"),
    "resets of what is gone": (3, 0, 1, b"\0\0\0\0"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end_the_connection(shared, name):
    with H2(shared.connect().sock) as c:
        c.ask("POST", "/process.Process/StreamInput", {"content-type": "application/connect+json"}, end=False)
        settle(c)
        c.raw(*FLOODS[name], times=1500)
        assert verdict(c) == CALM
    assert shared.request("GET", "/health").status == 204


def test_rapid_reset(shared):
    """CVE-2023-44487."""
    with H2(shared.connect().sock) as c:
        settle(c)
        c.sock.settimeout(10 * SLOW)
        try:
            for i in range(1500):
                c.raw(1, 5, 2 * i + 1, GET)
                c.raw(3, 0, 2 * i + 1, b"\0\0\0\x08")
        except ConnectionError:
            pass
        assert verdict(c) in (CALM, None)  # None: it was reset, for more was on its way
    assert shared.request("GET", "/health").status == 204


def test_streams_beyond_the_limit(shared):
    with H2(shared.connect().sock) as c:
        settle(c)
        assert c.h2.remote_settings.max_concurrent_streams == 256
        for _ in range(256):
            c.ask("POST", "/process.Process/StreamInput", {"content-type": "application/connect+json"}, end=False)
        settle(c)
        c.raw(1, 5, 513, GET)
        assert verdict(c) == 1
    assert shared.request("GET", "/health").status == 204


def test_headers_beyond_the_limits(shared):
    with H2(shared.connect().sock) as c:
        assert c.request("GET", "/health", {"x": "a" * 15000}).status == 204
        assert c.request("GET", "/health", {"x": "a" * 17000}).status == 431
        assert c.request("GET", "/" + "a" * 9000).status == 414
        assert c.request("GET", "/health", {f"x{i}": "a" for i in range(130)}).status == 431
        c.ask("GET", "/health", {f"x{i}": "a" * 15000 for i in range(5)})
        assert verdict(c) == CALM
    with H2(shared.connect().sock) as c:
        settle(c)
        c.raw(1, 1, 1, GET)
        c.raw(9, 0, 1, times=20)
        assert verdict(c) in (None, CALM)
    assert shared.request("GET", "/health").status == 204


def test_half_a_header_is_not_waited_for(shared):
    with H2(shared.connect().sock) as c:
        settle(c)
        c.sock.settimeout(60)
        start = time.monotonic()
        c.raw(1, 1, 1, GET)
        assert verdict(c) == 0 and 18 < time.monotonic() - start < 30


def test_idle_connections_cost_little(agent):
    """A session is made when a client speaks HTTP/2, and is small."""
    before = rss(agent.pid)
    clients = [H2(agent.connect().sock) for _ in range(200)]
    for c in clients:
        assert c.request("GET", "/health").status == 204
    used = rss(agent.pid) - before
    for c in clients:
        c.close()
    assert used < (6 << 20) * SLOW, used
