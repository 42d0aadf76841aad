"""guestd as the system tests see it: a process with a socket, and a client that hides nothing.

The client is written from the protocols, not from guestd: HTTP/1.1 (RFC 9112) and Connect
(https://connectrpc.com/docs/protocol) over a plain socket, in both codecs.
"""
import base64
import importlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRESET = os.environ.get("GUESTD_PRESET", "release")
ARCH = "arm64" if "arm64" in PRESET else "amd64"
BUILD = ROOT / "build" / PRESET
KERNEL = os.environ.get("GUESTD_KERNEL")  # enosys, eperm: as on an older one (tests/kernel)
BINARY = BUILD / "tests" / KERNEL / "guestd" if KERNEL else BUILD / "guestd"
SLOW = 4 if PRESET != "release" else 1  # sanitizers cost time


def protos():
    """The messages of the protos, generated once into build/deps/python."""
    out = ROOT / "build/deps/python"
    files = ["process/process.proto", "filesystem/filesystem.proto", "guest/v1/agent.proto", "guest/v1/exec.proto",
             "guest/v1/files.proto", "guest/v1/git.proto"]
    newest = max((ROOT / "proto" / f).stat().st_mtime for f in files)
    made = [out / f.replace(".proto", "_pb2.py") for f in files]
    if not all(m.exists() and m.stat().st_mtime >= newest for m in made):
        out.mkdir(parents=True, exist_ok=True)
        subprocess.run(["protoc", "-I", ROOT / "proto", "-I", "/usr/include", f"--python_out={out}", *files],
                       check=True, cwd=ROOT / "proto")
    if str(out) not in sys.path:
        sys.path.insert(0, str(out))
    for file in files:  # each makes its messages known
        importlib.import_module(file.replace("/", ".").replace(".proto", "_pb2"))
    from guest.v1 import agent_pb2, exec_pb2
    from process import process_pb2
    return process_pb2, agent_pb2, exec_pb2


def pid_exists(pid):
    """Whether somebody has that pid: a zombie, too."""
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def wait_for(condition, seconds=5.0, what="condition"):
    end = time.monotonic() + seconds * SLOW
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * SLOW} s: {what}")
        time.sleep(0.005)
    return value


class Agent:
    """One guestd. By default it listens on a unix socket in a directory of its own."""

    def __init__(self, *args, listen=True, env=None, argv0=None, preexec=None, wait=True, **popen):
        self.dir = tempfile.TemporaryDirectory(prefix="gd", dir="/tmp")
        self.path = f"{self.dir.name}/s"
        words = [argv0 or str(BINARY)]
        if listen is True:
            words += ["--listen", f"unix:{self.path}"]
        if "--run-dir" not in args:
            words += ["--run-dir", f"{self.dir.name}/run"]
        self.args = [*words, *map(str, args)]
        self.log_path = f"{self.dir.name}/log"
        self.process = subprocess.Popen(self.args, executable=str(BINARY), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=open(self.log_path, "wb"),
                                        env={**os.environ, **(env or {})}, preexec_fn=preexec, **popen)
        if wait:
            wait_for(lambda: "agent.start" in self.log or self.process.poll() is not None, 10, "start")
            if self.process.poll() is not None:
                raise RuntimeError(f"guestd ended with {self.process.returncode}: {self.log}")

    @property
    def log(self):
        return Path(self.log_path).read_text(errors="replace")

    @property
    def pid(self):
        return self.process.pid

    def address(self, kind):
        """The first listener of that kind, as the log says it."""
        return re.search(rf"server.address={kind}:(\S+)", self.log).group(1)

    def connect(self, to=None):
        """A connected socket: to the unix socket, or to ("127.0.0.1", port)."""
        if to is None:
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.path)
        else:
            s = socket.create_connection(to)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(30 * SLOW)
        return Connection(s)

    def request(self, method, path, headers=None, body=b"", to=None):
        with self.connect(to) as c:
            return c.request(method, path, headers, body)

    def call(self, method, message=None, codec="json", to=None, **headers):
        """A unary call: the answer as a dict, or RpcError."""
        with self.connect(to) as c:
            return c.call(method, message, codec, **headers)

    def stream(self, method, message, codec="json", to=None, **headers):
        return self.connect(to).stream(method, message, codec, **headers)

    def session(self, first, codec="json", to=None, **headers):
        """guest.v1.Exec/Session, begun with that message."""
        s = Session(self.connect(to), codec, headers)
        s.send(first)
        return s

    def start(self, cmd, *args, codec="json", to=None, headers=None, **fields):
        """Process.Start; the stream. Further fields of ProcessConfig (envs, cwd) and StartRequest by name."""
        process = {"cmd": cmd, "args": list(args)}
        process.update({k: fields.pop(k) for k in ("envs", "cwd") if k in fields})
        message = {"process": process, "stdin": False, **fields}
        return self.stream("process.Process/Start", message, codec, to, **(headers or {}))

    def run(self, cmd, *args, **fields):
        """Starts a process and waits for its end: a Result."""
        with self.start(cmd, *args, **fields) as s:
            return s.result()

    def shell(self, script, **fields):
        return self.run("/bin/sh", "-c", script, **fields)

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self, signo=signal.SIGTERM, timeout=8):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"guestd did not end within {timeout} s\n{self.log}")

    def close(self):
        code = self.stop()
        log = self.log
        self.process.stdout.close()
        self.dir.cleanup()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        assert code == 0, f"guestd ended with {code}\n{log}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class RpcError(Exception):
    def __init__(self, code, message, status=None, details=()):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.details = code, message, status, details


class Response:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Result:
    """What a process did: its output by stream, and its end event."""

    def __init__(self):
        self.pid, self.stdout, self.stderr, self.pty, self.end, self.keepalives = None, b"", b"", b"", None, 0
        self.order = []

    @property
    def code(self):
        return self.end.get("exitCode", 0)


def to_json(message):
    return json.dumps(message or {}).encode()


def encode(method, message, codec, response=False):
    if codec == "json":
        return to_json(message)
    from google.protobuf import json_format
    return json_format.ParseDict(message or {}, message_class(method, response)()).SerializeToString()


def decode(method, data, codec):
    if codec == "json":
        return json.loads(data)
    from google.protobuf import json_format
    return json_format.MessageToDict(message_class(method, True).FromString(data))


def message_class(method, response):
    protos()
    from google.protobuf import symbol_database
    symbols = symbol_database.Default()
    service, name = method.split("/")
    descriptor = symbols.pool.FindServiceByName(service).methods_by_name[name]
    return symbols.GetSymbol((descriptor.output_type if response else descriptor.input_type).full_name)


def envelope(data, flags=0):
    return struct.pack(">BI", flags, len(data)) + data


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise ConnectionError(f"closed by the agent; unread: {self.buffer[:200]!r}")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin1")

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send_request(self, method, path, headers=None, body=b""):
        fields = {"Host": "test", **(headers or {})}
        if body and not any(k.lower() in ("content-length", "transfer-encoding") for k in fields):
            fields["Content-Length"] = len(body)
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        self.send(head.encode() + body)

    def read_head(self):
        status = self.line()
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) (.*)", status)
        assert match, status
        headers = {}
        while line := self.line():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        return int(match.group(1)), match.group(2), headers

    def chunk(self):
        """The next chunk; b"" is the last one."""
        size = int(self.line(), 16)
        data = self.exactly(size)
        assert self.line() == ""
        return data

    def read_response(self, method="GET"):
        status, reason, headers = self.read_head()
        if status == 100:
            return self.read_response(method)
        body = b""
        if method == "HEAD" or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while chunk := self.chunk():
                body += chunk
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            try:
                while True:
                    self.more()
            except ConnectionError:
                body, self.buffer = self.buffer, b""
        return Response(status, reason, headers, body)

    def request(self, method, path, headers=None, body=b""):
        self.send_request(method, path, headers, body)
        return self.read_response(method)

    def call(self, method, message=None, codec="json", **headers):
        fields = {"Content-Type": f"application/{codec}", "Connect-Protocol-Version": "1",
                  **{k.replace("_", "-"): v for k, v in headers.items()}}
        body = encode(method, message, codec)
        if not body:
            fields["Content-Length"] = 0
        r = self.request("POST", f"/{method}", fields, body)
        if r.status != 200:
            try:
                error = r.json()
                code = error["code"]
            except (ValueError, KeyError):
                raise RpcError("http", r.text, r.status)
            raise RpcError(code, error.get("message", ""), r.status, error.get("details", ()))
        assert r.headers["content-type"] == f"application/{codec}"
        return decode(method, r.body, codec)

    def stream(self, method, message, codec="json", **headers):
        fields = {"Content-Type": f"application/connect+{codec}",
                  **{k.replace("_", "-"): str(v) for k, v in headers.items()}}
        self.send_request("POST", f"/{method}", fields, envelope(encode(method, message, codec)))
        return Stream(self, method, codec)


class Stream:
    """The messages of a server stream."""

    def __init__(self, connection, method, codec):
        self.connection, self.method, self.codec = connection, method, codec
        self.buffer, self.status, self.headers, self.pid = b"", None, None, None

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def head(self):
        if self.status is None:
            self.status, _, self.headers = self.connection.read_head()
            if self.status != 200:
                self.connection.buffer += b""
                length = int(self.headers.get("content-length", 0))
                body = self.connection.exactly(length)
                try:
                    error = json.loads(body)
                except ValueError:
                    error = {}
                raise RpcError(str(error.get("code", "http")), error.get("message", body.decode()), self.status)
            assert self.headers["content-type"] == f"application/connect+{self.codec}"

    def _bytes(self, n):
        while len(self.buffer) < n:
            if "content-length" in self.headers:
                chunk = self.connection.exactly(int(self.headers["content-length"]))
            else:
                chunk = self.connection.chunk()
            assert chunk, f"the stream ended in {self.buffer!r}"
            self.buffer += chunk
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def __iter__(self):
        """Messages as dicts; ends in order, or with RpcError."""
        self.head()
        while True:
            flags, length = struct.unpack(">BI", self._bytes(5))
            data = self._bytes(length)
            if flags & 2:
                assert self.buffer == b""
                if "content-length" not in self.headers:
                    assert self.connection.chunk() == b""
                error = json.loads(data).get("error")
                if error:
                    raise RpcError(error["code"], error.get("message", ""), 200, error.get("details", ()))
                return
            assert flags == 0
            yield decode(self.method, data, self.codec)

    def events(self):
        """Process events: ("start", pid), ("stdout", bytes), ("end", dict), ("keepalive", None)."""
        for message in self:
            (kind, value), = message["event"].items()
            if kind == "start":
                self.pid = value["pid"]
                yield kind, self.pid
            elif kind == "data":
                (name, data), = ((k, v) for k, v in value.items() if k != "offset")
                yield name, base64.b64decode(data)
            elif kind == "end":
                yield kind, value
            else:
                yield kind, None

    def started(self):
        """Reads up to the start event; the pid. Go on with the same iterator."""
        self.iterator = self.events()
        kind, pid = next(self.iterator)
        assert kind == "start"
        return pid

    def result(self):
        r = Result()
        iterator = getattr(self, "iterator", None) or self.events()
        r.pid = self.pid
        for kind, value in iterator:
            r.order.append(kind)
            if kind == "start":
                r.pid = value
            elif kind == "end":
                assert r.end is None
                r.end = value
            elif kind in ("keepalive", "exited"):
                r.keepalives += kind == "keepalive"
            else:
                assert r.end is None
                setattr(r, kind, getattr(r, kind) + value)
        return r

    def read_bytes(self, n, name="stdout"):
        """Output of one stream until there is so much of it."""
        seen = b""
        while len(seen) < n:
            kind, value = next(self.iterator)
            if kind == name:
                seen += value
        return seen

    def read_until(self, text, name="stdout"):
        """Output of one stream until it holds the text."""
        seen = b""
        for kind, value in self.iterator:
            if kind == name:
                seen += value
            if text in seen:
                return seen
        raise AssertionError(f"the stream ended without {text!r}: {seen!r}")


class Session(Stream):
    """A bidirectional stream whose request is open while its answers come, which HTTP/1.1 allows."""

    METHOD = "guest.v1.Exec/Session"

    def __init__(self, connection, codec, headers):
        super().__init__(connection, self.METHOD, codec)
        self.input_closed = None
        connection.send_request("POST", f"/{self.METHOD}", {
            "Content-Type": f"application/connect+{codec}", "Transfer-Encoding": "chunked",
            **{k.replace("_", "-"): str(v) for k, v in headers.items()}})

    def send(self, *messages):
        data = b"".join(envelope(encode(self.METHOD, m, self.codec)) for m in messages)
        self.connection.send(b"%x\r\n%b\r\n" % (len(data), data))

    def feed(self, data):
        self.send({"input": base64.b64encode(data).decode()})

    def half_close(self):
        self.connection.send(b"0\r\n\r\n")

    def __iter__(self):
        for message in super().__iter__():
            if "inputClosed" in message:
                assert self.input_closed is None
                self.input_closed = message["inputClosed"]
            else:
                yield message
