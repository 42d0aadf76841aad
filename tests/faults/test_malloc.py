"""Each allocation of a request fails once: that request ends with resource_exhausted (or, where nobody needed the
memory, as if nothing had been), the next one works, and nothing is left. LeakSanitizer has the last word."""
import base64
import gzip
import os
import shutil
import tempfile

import file_steps
import pytest
from agent import RpcError, Session, wait_for
from faults import MallocFaults, at_rest, each_allocation, settled
from h2client import H2

TIMEOUT = 8


@pytest.fixture(scope="module")
def agent():
    with MallocFaults() as a:
        a.call("filesystem.Filesystem/Stat", {"path": "/"})  # the mount table stays open
        a.before = at_rest(a)
        yield a


def b64(data):
    return base64.b64encode(data).decode()


def connect(agent):
    connection = agent.connect()
    connection.sock.settimeout(TIMEOUT)
    return connection


def call(agent, method, message, codec):
    with connect(agent) as c:
        return c.call(method, message, codec)


def start(agent, codec, **fields):
    process = {"cmd": "/bin/sh", "args": ["-c", "echo out; echo err >&2"], "envs": {"A": "1", "B": "2"}, "cwd": "/tmp"}
    with connect(agent) as c:
        message = {"process": process, "tag": "faults", "stdin": True, **fields}
        r = c.stream("process.Process/Start", message, codec).result()
    assert r.code == 0 and r.stdout + r.stderr + r.pty in (b"out\nerr\n", b"out\r\nerr\r\n"), (r.end, r.stdout, r.pty)


def start_pipes(agent, codec):
    start(agent, codec)


def start_pty(agent, codec):
    start(agent, codec, pty={"size": {"cols": 80, "rows": 24}})


def start_with_options(agent, codec):
    start(agent, codec, options={"noNewPrivs": True, "umask": 0o27, "nice": 1, "extraGroups": ["tty", "7"],
                                 "limits": [{"name": "core", "soft": "0", "hard": "0"}],
                                 "maxOutput": {"bytes": "100"}},
          events={"offsets": True, "exited": True, "exitRecord": True})


def start_refused(agent, codec):
    """The error has memory of its own."""
    with pytest.raises(RpcError) as e:
        with connect(agent) as c:
            c.stream("process.Process/Start", {"process": {"cmd": "true", "cwd": "/no/such"}}, codec).result()
    if e.value.code != "invalid_argument":
        raise e.value


def list_processes(agent, codec):
    assert len(call(agent, "process.Process/List", {"ids": True}, codec)["processes"]) == 1


def send_input(agent, codec):
    message = {"process": {"pid": agent.cat}, "input": {"stdin": b64(b"x" * 100)}}
    assert call(agent, "process.Process/SendInput", message, codec) == {}


def session(agent, codec):
    data = b"x" * 30000
    with connect(agent) as c:
        s = Session(c, codec, {})
        s.send({"start": {"process": {"cmd": "cat"}}})
        s.feed(data)
        s.half_close()
        r = s.result()
    assert (r.stdout, r.code, s.input_closed) == (data, 0, None)


def connect_with_replay(agent, codec):
    message = {"process": {"pid": agent.cat}, "replay": {"start": True}, "events": {"offsets": True}}
    with connect(agent) as c:
        s = c.stream("process.Process/Connect", message, codec)
        s.started()
        assert s.read_bytes(5) == b"ready"


def get_info(agent, codec):
    assert call(agent, "guest.v1.Agent/GetInfo", {}, codec)["version"]


def list_over_h2(agent, codec):
    with H2(connect(agent).sock) as c:
        assert len(c.call("process.Process/List", {"ids": True}, codec)["processes"]) == 1


def start_over_h2(agent, codec):
    with H2(connect(agent).sock) as c:
        s = c.start("sh", "-c", "head -c 100000 /dev/zero", codec=codec).wait()
        if s.reset is not None:
            raise ConnectionError(s.reset)
        if s.status != 200:
            raise RpcError("http", s.body.decode(), s.status)
        messages = s.messages("process.Process/Start", codec)
        if "error" in messages[-1]:
            raise RpcError(messages[-1]["error"]["code"], "")
        assert sum(len(m["event"].get("data", {}).get("stdout", "")) for m in messages[:-1]) > 133000


def body_over_h2(agent, codec):
    """So long that it lies in the pool. Nobody takes it."""
    message = {"process": {"pid": 4194305}, "input": {"stdin": b64(b"x" * 40000)}}
    with pytest.raises(RpcError) as e:
        with H2(connect(agent).sock) as c:
            c.call("process.Process/SendInput", message, codec)
    if e.value.status not in (404, 429):  # which say it all, where there was no memory for the text
        raise e.value


def rest(method, path, status, body=b""):
    def request(agent, codec):
        with connect(agent) as c:
            r = c.request(method, path, {"Content-Type": "application/json"}, body)
        if r.status in (429, 500):
            raise RpcError("resource_exhausted", r.text, r.status)
        assert r.status == status, (r.status, r.body)
    request.__name__ = path.strip("/")
    return request


def upload(name, kind, body, query="", **headers):
    """The file is there, whole, when the answer says so."""
    def request(agent, codec):
        path = f"{agent.dir.name}/{name}"
        with connect(agent) as c:
            r = c.request("POST", f"/files?{query.format(path)}", {"Content-Type": kind, **{
                k.replace("_", "-"): v for k, v in headers.items()}}, body.replace(b"PATH", path.encode()))
        if r.status in (429, 500):
            raise RpcError("resource_exhausted", r.text, r.status)
        assert r.status == 200, (r.status, r.body)
        with open(path, "rb") as f:
            assert f.read() == b"x" * 100000
        os.unlink(path)
    request.__name__ = f"upload_{name}"
    return request


def compose(agent, codec):
    source, path = f"{agent.dir.name}/source", f"{agent.dir.name}/composed"
    with open(source, "wb") as f:
        f.write(b"x")
    body = f'{{"source_paths":["{source}"],"destination":"{path}"}}'.encode()
    rest("POST", "/files/compose", 200, body)(agent, codec)
    with open(path, "rb") as f:
        assert f.read() == b"x"


def of_files(step):
    """A step of file_steps, in a directory that is as before when it has failed."""
    def request(agent, codec):
        path = tempfile.mkdtemp(dir="/dev/shm")
        try:
            place = file_steps.Place(path)
            step(agent, place, codec)
            assert place.left_over() == []
        except RpcError as e:
            raise e if e.code not in (429, 500) else RpcError("resource_exhausted", e.message, e.status)
        finally:  # a worker may be at it for a moment after its call has failed
            wait_for(lambda: shutil.rmtree(path, ignore_errors=True) or not os.path.exists(path))
    request.__name__ = step.__name__
    return request


OCTETS, FORM = "application/octet-stream", "multipart/form-data; boundary=B"
PART = b'--B\r\nContent-Disposition: form-data; name="file"; filename="PATH"\r\n\r\n' + b"x" * 100000 + b"\r\n--B--"
CODECS = [start_pipes, start_pty, start_with_options, start_refused, list_processes, send_input, session,
          connect_with_replay, get_info, list_over_h2, start_over_h2, body_over_h2,
          *map(of_files, [file_steps.stat, file_steps.list_dir, file_steps.list_page, file_steps.make_dir, file_steps.move,
                          file_steps.copy, file_steps.remove, file_steps.watch, file_steps.watcher, file_steps.read_tree,
                          file_steps.write_tree])]
PLAIN = [rest("POST", "/init", 204, b'{"envVars":{"STAGE":"test"},"defaultUser":"root","defaultWorkdir":"/tmp"}'),
         upload("octets", OCTETS, b"x" * 100000, "path={}&atomic=1&username=root", X_Metadata_A="b"),
         upload("form", FORM, PART), upload("gzip", OCTETS, gzip.compress(b"x" * 100000), "path={}", Content_Encoding="gzip"),
         compose, *map(of_files, [file_steps.upload_atomic, file_steps.download]), rest("GET", "/envs", 200), rest("GET", "/metrics", 200), rest("GET", "/health", 204)]
CASES = ([pytest.param(s, codec, id=f"{s.__name__}-{codec}") for s in CODECS for codec in ("json", "proto")]
         + [pytest.param(s, None, id=s.__name__) for s in PLAIN])


@pytest.fixture
def cat(agent):
    """A process for those requests that want one; and the end of those that a request has left, which failed."""
    with agent.start("/bin/sh", "-c", "printf ready; exec cat >/dev/null", stdin=True) as s:
        agent.cat = s.started()
        s.read_until(b"ready")
        yield
        for p in agent.call("process.Process/List")["processes"]:
            agent.call("process.Process/SendSignal", {"process": {"pid": p["pid"]}, "signal": "SIGNAL_SIGKILL"})
        s.result()


@pytest.mark.parametrize("times", [1, 3], ids=["once", "thrice"])
@pytest.mark.parametrize("request_of,codec", CASES)
def test_an_allocation_fails(agent, cat, request_of, codec, times):
    each_allocation(agent, times, lambda: request_of(agent, codec))


def test_nothing_is_left(agent):
    settled(agent, agent.before)
