"""The same for what is seldom asked: compressed and conditional requests, metadata, the guest's own affairs."""
import base64
import gzip
import json
import os
import shutil
import tempfile
from urllib.parse import quote

import pytest
from agent import RpcError, encode, envelope, wait_for
from faults import MallocFaults, at_rest, each_allocation, settled
from h2client import H2
from wires import whole

DATA = b"0123456789" * 20_000


@pytest.fixture(scope="module")
def agent():
    with MallocFaults() as a, tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        a.home = home
        with open(f"{home}/file", "wb") as f:
            f.write(DATA)
        os.setxattr(f"{home}/file", "user.kept", b"value")
        a.before = at_rest(a)
        yield a


def ask(agent, method, path, status, body=b"", **headers):
    """The answer; an error of the agent's is an RpcError."""
    r = agent.request(method, path, {k.replace("_", "-"): v for k, v in headers.items()}, body)
    if r.status in (429, 500, 503):  # 503: whoever freezes comes again
        raise RpcError("resource_exhausted", r.text, r.status)
    assert r.status == status, (r.status, r.text)
    return r


def packed_call(agent):
    r = ask(agent, "POST", "/process.Process/List", 200, gzip.compress(b"{}"), Content_Type="application/json",
            Content_Encoding="gzip", Accept_Encoding="gzip")
    assert json.loads(gzip.decompress(r.body) if "content-encoding" in r.headers else r.body) == {}


def packed_stream(agent):
    body = envelope(gzip.compress(encode("process.Process/Start", {"process": {"cmd": "seq", "args": ["2000"]}}, "json")), 1)
    r = ask(agent, "POST", "/process.Process/Start", 200, body, Content_Type="application/connect+json",
            Connect_Content_Encoding="gzip", Connect_Accept_Encoding="gzip")
    out, at = b"", 0
    while at < len(r.body):
        flags, length = r.body[at], int.from_bytes(r.body[at + 1:at + 5], "big")
        data, at = r.body[at + 5:at + 5 + length], at + 5 + length
        message = json.loads(gzip.decompress(data) if flags & 1 else data)
        if "error" in message:
            raise RpcError(message["error"]["code"], message["error"].get("message", ""), 200)
        out += base64.b64decode(message.get("event", {}).get("data", {}).get("stdout", ""))
    assert flags & 2 and out == b"".join(b"%d\n" % n for n in range(1, 2001))


def call_by_get(agent):
    r = ask(agent, "GET", "/grpc.health.v1.Health/Check?connect=v1&encoding=json&message=%7B%7D", 200)
    assert r.json()["status"] == "SERVING"


def reflection(agent):
    """Of all services."""
    with H2(agent.connect().sock) as c:
        s = c.request("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                      {"content-type": "application/grpc+proto", "te": "trailers"}, envelope(b"\x3a\x00"))
    if whole(s).status != 200:
        raise RpcError("http", s.body.decode(errors="replace"), s.status)
    status = (s.trailers or s.headers)["grpc-status"]
    if status != "0":
        raise RpcError({"8": "resource_exhausted"}.get(status, status), "")
    assert b"process.Process" in s.body


def ranges(agent):
    r = ask(agent, "GET", f"/files?path={agent.home}/file", 206, Range="bytes=3-6")
    assert r.body == DATA[3:7]
    r = ask(agent, "GET", f"/files?path={agent.home}/file", 206, Range="bytes=0-1,5-6,9-12")
    assert DATA[9:13] in r.body


def packed_download(agent):
    r = ask(agent, "GET", f"/files?path={agent.home}/file", 200, Accept_Encoding="gzip")
    assert (gzip.decompress(r.body) if "content-encoding" in r.headers else r.body) == DATA


def unsized_download(agent):
    assert b"Linux" in ask(agent, "GET", "/files?path=/proc/version", 200).body


def cross_origin(agent):
    ask(agent, "OPTIONS", "/process.Process/List", 204, Origin="http://a", Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="x-a, x-b")
    ask(agent, "GET", "/health", 204, Origin="http://a")


def form_with_a_name(agent):
    """Encoded as RFC 5987 has it."""
    body = (b'--B\r\nContent-Disposition: form-data; name="file"; filename*=UTF-8\'\'' + quote(f"{agent.home}/n\u00fc", safe="").encode()
            + b"\r\n\r\nx\r\n--B--")
    ask(agent, "POST", "/files", 200, body, Content_Type="multipart/form-data; boundary=B")


def metadata(agent):
    """What a file has beside its bytes is kept where it is replaced, and copied."""
    path = f"{agent.home}/replaced"
    with open(path, "wb") as f:
        f.write(b"old")
    os.setxattr(path, "user.kept", b"value")
    ask(agent, "POST", f"/files?path={path}&atomic=1", 200, b"new", Content_Type="application/octet-stream", X_Metadata_A="b")
    agent.call("guest.v1.Files/Copy", {"source": f"{agent.home}/file", "destination": f"{agent.home}/copied", "overwrite": True})
    assert os.getxattr(f"{agent.home}/copied", "user.kept") == b"value"
    assert agent.call("filesystem.Filesystem/Stat", {"path": path})["entry"]["metadata"] == {"a": "b"}


def other_user(agent):
    """One that is looked up anew, with its home."""
    os.utime("/etc/passwd")
    os.utime("/etc/group")
    ask(agent, "POST", "/files?path=new/x&username=user", 200, b"x", Content_Type="application/octet-stream")
    with open("/home/user/new/x", "rb") as f:
        assert f.read() == b"x"
    shutil.rmtree("/home/user/new")


def freeze(agent):
    try:
        assert ask(agent, "POST", "/freeze?maxWaitMs=1000", 200).json()["failed"] == 0
    finally:
        wait_for(lambda: agent.request("POST", "/unfreeze").status == 204)


def guest(agent):
    for method in ("GetInfo", "GetBoot", "GetLog", "ListConnections"):
        agent.call(f"guest.v1.Agent/{method}")


@pytest.mark.parametrize("request_of", [packed_call, packed_stream, call_by_get, reflection, ranges, packed_download, unsized_download,
                                        cross_origin, form_with_a_name, metadata, other_user, freeze, guest],
                         ids=lambda f: f.__name__)
def test_an_allocation_fails(agent, request_of):
    each_allocation(agent, 1, lambda: request_of(agent))


def test_nothing_is_left(agent):
    settled(agent, agent.before)
