"""Connections as hostile and unlucky clients make them: all that an HTTP/1 server meets, over a real socket."""
import os
import resource
import socket
import time

import pytest
from agent import Agent, PRESET, SLOW, wait_for
from cable import HERE, Cable
from steady import rss


def test_byte_by_byte(shared):
    request = b"POST /process.Process/List HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with shared.connect() as c:
        for i in range(len(request)):
            c.send(request[i:i + 1])
        assert c.read_response().body == b"{}"


def test_a_slow_header_is_not_waited_for(agent):
    with agent.connect() as c, agent.connect() as silent:
        c.sock.settimeout(40)
        start = time.monotonic()
        c.send(b"GET /health HTTP/1.1\r\nHos")
        r = c.read_response()
        assert r.status == 408 and 18 < time.monotonic() - start < 30
        assert c.sock.recv(1) == b""
        silent.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")  # one that has not begun may be silent
        assert silent.read_response().status == 204


def test_half_closed_clients_are_gone(agent):
    """EOF while a response runs means that the client has gone: its subscriber goes, the process stays."""
    with agent.start("sleep", "1000") as s:
        pid = s.started()
        s.connection.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            next(s.iterator)
    assert agent.call("process.Process/List")["processes"][0]["pid"] == pid
    with agent.connect() as c:  # before the answer was begun it is answered, though
        c.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        c.sock.shutdown(socket.SHUT_WR)
        assert c.read_response().status == 204


def test_clients_that_vanish_anywhere(agent):
    """A Start cut off after each of its bytes: nothing leaks."""
    from agent import encode, envelope
    body = envelope(encode("process.Process/Start", {"process": {"cmd": "true"}}, "json"))
    request = (b"POST /process.Process/Start HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    before = agent.fds()
    for i in range(0, len(request) + 1, 3):
        c = agent.connect()
        c.send(request[:i])
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
    wait_for(lambda: agent.fds() <= before and "processes" not in agent.call("process.Process/List"))


def test_a_thousand_idle_connections(agent):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    before = rss(agent.pid)
    idle = [agent.connect() for _ in range(990)]
    for c in idle:
        assert c.request("GET", "/health").status == 204
    assert rss(agent.pid) - before < (4 if PRESET == "release" else 12) << 20  # a sanitizer holds freed memory back
    newcomers = [agent.connect() for _ in range(30)]  # the longest idle ones make room
    for c in newcomers:
        assert c.request("GET", "/health").status == 204
    assert idle[0].sock.recv(1) == b""
    for c in idle + newcomers:
        c.close()
    wait_for(lambda: agent.fds() < 30)


def test_descriptors_run_out():
    """With all descriptors used a newcomer is turned away, nobody else notices, and it ends when there are some again."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    with Agent(preexec=few) as a:
        kept = a.connect()
        assert kept.request("GET", "/health").status == 204
        streams = []
        for _ in range(6):  # busy, so that they cannot be evicted
            s = a.start("sleep", "1000")
            try:
                s.started()
            except Exception:
                pass
            streams.append(s)
        more = [a.connect() for _ in range(40)]
        time.sleep(0.2)
        cpu = cpu_time(a.pid)
        time.sleep(0.5)
        assert cpu_time(a.pid) - cpu < 0.3  # it does not spin on what it cannot accept
        for c in more + streams:
            c.close()
        wait_for(lambda: answers(a))


def answers(a):
    try:
        return a.request("GET", "/health").status == 204
    except OSError:
        return False


def cpu_time(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


READ_LITTLE = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(bytes.fromhex(sys.argv[3]))
s.recv(1000)
print("up", flush=True)
time.sleep(1000)
"""


def test_a_dead_peer_is_found_and_a_slow_one_is_not():
    """Two clients do not read. One sits behind a cut cable: it is let go within half a minute. The other is alive."""
    import re
    from agent import encode, envelope
    body = envelope(encode("process.Process/Start", {"process": {"cmd": "yes"}}, "json"))
    request = (b"POST /process.Process/Start HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    with Cable() as cable, Agent("--listen", "tcp:0.0.0.0:0", "--open") as a:
        port = re.search(r"tcp:0.0.0.0:(\d+)", a.log).group(1)
        dead = cable.run("python3", "-c", READ_LITTLE, HERE, port, request.hex())
        assert dead.stdout.readline() == "up\n"
        slow = a.start("yes", to=("127.0.0.1", int(port)))
        slow.started()
        quiet = cable.run("python3", "-c", READ_LITTLE, HERE, port, request.replace(b'"yes"', b'"cat"').hex())
        assert quiet.stdout.readline() == "up\n"
        time.sleep(1)
        connections = a.fds()
        cable.cut()
        wait_for(lambda: a.fds() <= connections - 2, 45 / SLOW, "both connections behind the cable are closed")
        time.sleep(2)
        assert a.fds() == connections - 2
        for _, value in zip(range(50), slow.iterator):
            pass  # the slow one goes on where it was
        for p in (dead, quiet):
            p.kill()
            p.wait()
            p.stdout.close()
        slow.close()
