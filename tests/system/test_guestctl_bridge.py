"""guestctl bridge: other programs of the host reach the agent through it, byte for byte."""
import concurrent.futures
import hashlib
import os
import re
import resource
import signal
import socket
import subprocess
import threading

import pytest
from agent import SLOW, wait_for
from guestctl import CTL
from test_guestctl import Vmm, ctl, relay


class Bridge:
    """A guestctl bridge to the target; `address` as it said it."""

    def __init__(self, target, listen="tcp:127.0.0.1:0", *options):
        self.process = subprocess.Popen([CTL, "-t", target, "bridge", *options, listen], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().strip()

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.settimeout(30 * SLOW)
        return s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.said = self.process.communicate(timeout=10 * SLOW)[1].decode()
        assert self.process.returncode == 0 and "Sanitizer" not in self.said, self.said


class Echo:
    """A server that gives back what it gets, and its end after the other's."""

    def __init__(self, path, serve=None):
        self.target = f"unix:{path}"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(512)
        self.serve = serve or self.echo
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    @staticmethod
    def echo(s):
        with s:
            while data := s.recv(65536):
                s.sendall(data)

    def close(self):
        self.server.close()


@pytest.fixture
def echo(tmp_path):
    e = Echo(f"{tmp_path}/echo")
    yield e
    e.close()


def read_all(s):
    data = b""
    while part := s.recv(1 << 16):
        data += part
    return data


def test_curl_through_it(agent):
    """The call that README.md shows, over TCP and over a unix socket."""
    with Bridge(f"unix:{agent.path}") as tcp, Bridge(f"unix:{agent.path}", f"unix:{agent.dir.name}/bridge") as unix:
        assert re.fullmatch(r"tcp:127\.0\.0\.1:\d+", tcp.address) and unix.address == f"unix:{agent.dir.name}/bridge"
        for where in ([f"http://127.0.0.1:{tcp.port}"], ["--unix-socket", f"{agent.dir.name}/bridge", "http://guest"]):
            url = where.pop()
            r = subprocess.run(["curl", "-sS", *where, "-H", "Content-Type: application/json", "-d", "{}",
                                f"{url}/process.Process/List"], capture_output=True)
            assert (r.stdout, r.stderr) == (b"{}", b"")
        assert os.stat(f"{agent.dir.name}/bridge").st_mode & 0o777 == 0o700
        assert ctl(None, "-t", tcp.address, "exec", "-i", "cat", input=b"hi").stdout == b"hi"
    assert not os.path.exists(f"{agent.dir.name}/bridge")


def test_the_handshake_of_a_hybrid_socket(agent, tmp_path):
    vmm = Vmm(f"{tmp_path}/v", relay(agent))
    with Bridge(f"hybrid:{tmp_path}/v:1024") as b:
        assert ctl(None, "-t", b.address, "exec", "echo", "hi").stdout == b"hi\n"
    assert vmm.lines[0] == b"CONNECT 1024\n"
    vmm.close()


def test_64_mib_are_whole_in_both_directions(echo):
    data = os.urandom(1 << 20) * 64
    with Bridge(echo.target) as b, b.connect() as s:
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        seen = hashlib.sha256()
        while part := s.recv(1 << 18):
            seen.update(part)
        sender.join()
    assert seen.hexdigest() == hashlib.sha256(data).hexdigest()


def test_half_close_passes_each_way(tmp_path):
    def serve(s):
        with s:
            s.sendall(b"hello")
            s.shutdown(socket.SHUT_WR)  # it has said all, and listens on
            heard.append(read_all(s))

    heard = []
    server = Echo(f"{tmp_path}/half", serve)
    with Bridge(server.target) as b, b.connect() as s:
        assert read_all(s) == b"hello"
        s.sendall(b"still there")
        s.shutdown(socket.SHUT_WR)
        wait_for(lambda: heard)
    assert heard == [b"still there"]
    server.close()


def test_a_reader_that_does_not_read_costs_no_memory(tmp_path):
    def serve(s):
        try:
            while True:
                sent.append(s.send(bytes(65536)))
        except OSError:  # the client has gone
            s.close()

    sent = []
    server = Echo(f"{tmp_path}/endless", serve)
    with Bridge(server.target) as b, b.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = -1
        while before != (before := sum(sent)):
            threading.Event().wait(0.5 * SLOW)
        assert sum(sent) < 32 << 20
        with open(f"/proc/{b.process.pid}/status") as f:
            rss = int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])
        assert rss < (8 << 10 if SLOW == 1 else 64 << 10)
    server.close()


def test_50_at_once(agent):
    with Bridge(f"unix:{agent.path}") as b:
        def run(i):
            return ctl(None, "-t", b.address, "exec", "sh", "-c", f"echo {i}; sleep .2; seq 2000").stdout

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            outputs = list(pool.map(run, range(50)))
    numbers = b"".join(b"%d\n" % i for i in range(1, 2001))
    assert outputs == [b"%d\n" % i + numbers for i in range(50)]


def test_600_connections(echo):
    """More than it takes at once: the others wait, and come when there is room."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with Bridge(echo.target) as b:
        all_of_them = [b.connect() for _ in range(600)]
        for i, s in enumerate(all_of_them):
            s.sendall(b"%d" % i)
        for i, s in enumerate(all_of_them):
            assert s.recv(100) == b"%d" % i
            s.close()


def test_a_client_that_goes_is_noticed(agent):
    """The agent sees its end, and gives up what it did for it."""
    ctl(agent, "exec", "true")  # what the agent opens with the first process stays open
    fds = agent.fds()
    with Bridge(f"unix:{agent.path}") as b:
        p = subprocess.Popen([CTL, "-t", b.address, "exec", "--kill-on-disconnect", "sh", "-c", "echo $$; exec sleep 1000"],
                             stdout=subprocess.PIPE)
        pid = int(p.stdout.readline())
        p.kill()
        p.communicate()
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"))
        wait_for(lambda: agent.fds() <= fds)
        wait_for(lambda: len(os.listdir(f"/proc/{b.process.pid}/fd")) <= 6)


def test_an_agent_that_is_not_there_ends_the_connection_only(tmp_path):
    with Bridge(f"unix:{tmp_path}/none") as b:
        for _ in range(2):
            with b.connect() as s:
                assert s.recv(1) == b""
    assert b.said.count("no such socket; is the agent running") == 2


def test_wait(agent, tmp_path):
    """With --wait a connection waits for an agent that is yet to come."""
    with Bridge(f"unix:{tmp_path}/late", "tcp:127.0.0.1:0") as b:
        with b.connect() as s:
            assert s.recv(1) == b""
    p = subprocess.Popen([CTL, "-t", f"unix:{tmp_path}/late", "--wait", "60s", "bridge", "tcp:127.0.0.1:0"],
                         stdout=subprocess.PIPE)
    port = int(p.stdout.readline().decode().rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"early")
        threading.Event().wait(0.3)
        late = Echo(f"{tmp_path}/late")
        assert s.recv(100) == b"early"
    late.close()
    p.terminate()
    assert p.wait(10) == 0
    p.stdout.close()


def test_where_it_listens(agent):
    r = ctl(agent, "bridge", "tcp:0.0.0.0:0")
    assert r.returncode == 2 and b"--open" in r.stderr
    with Bridge(f"unix:{agent.path}", "tcp:0.0.0.0:0", "--open") as b:
        assert ctl(None, "-t", f"tcp:127.0.0.1:{b.port}", "ping").returncode == 0
    with Bridge(f"unix:{agent.path}") as b:
        r = ctl(agent, "bridge", b.address)
        assert r.returncode == 125 and b"address already in use" in r.stderr
