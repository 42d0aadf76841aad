"""POST /files: what clients send becomes files. The contract is E2B's envd, as its SDKs know it."""
import ctypes
import gzip
import json
import os
import random
import re
import stat
import struct
import subprocess
import threading
import time
import uuid
import zlib
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from agent import SLOW, Agent, wait_for

OCTETS = {"Content-Type": "application/octet-stream"}
BOUNDARY = "----formdata-undici-012345678901"


@pytest.fixture(scope="module")
def agent():
    with Agent() as a:
        yield a


@pytest.fixture
def home(tmp_path):
    os.chmod(tmp_path, 0o755)
    return tmp_path


def url(path=None, **query):
    fields = {} if path is None else {"path": str(path)}
    return "/files?" + urlencode({**fields, **query}, quote_via=quote)


def put(agent, path, body=b"", headers=None, **query):
    fields = {**OCTETS, "Content-Length": len(body), **(headers or {})}
    return agent.request("POST", url(path, **query), fields, body)


def form(*parts, boundary=BOUNDARY, end=True):
    """A multipart body of (name, filename, contents); filename may be None."""
    out = b""
    for name, filename, contents in parts:
        where = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        out += f"--{boundary}\r\nContent-Disposition: {where}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        out += contents + b"\r\n"
    return out + (f"--{boundary}--\r\n".encode() if end else b"")


def put_form(agent, body, headers=None, boundary=BOUNDARY, **query):
    fields = {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})}
    return agent.request("POST", url(**query), fields, body)


def refused(response, status, message):
    assert (response.status, response.json()) == (status, {"code": status, "message": message})


def wire_chunks(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


# --- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1024, 65535, 65536, 65537, 262144, 1 << 20, (5 << 20) + 17])
def test_bytes_as_they_are(agent, home, size):
    data = random.Random(size).randbytes(size)
    answer = put(agent, home / "a/b/x.bin", data)
    assert (answer.status, answer.json()) == (200, [{"path": f"{home}/a/b/x.bin", "name": "x.bin", "type": "file"}])
    assert (home / "a/b/x.bin").read_bytes() == data
    assert stat.S_IMODE((home / "a/b/x.bin").stat().st_mode) == 0o644
    assert stat.S_IMODE((home / "a/b").stat().st_mode) == 0o755


@pytest.mark.parametrize("size", [0, 1, 1024, 65536, 262144, (3 << 20) + 17])
def test_parts(agent, home, size):
    data = random.Random(size).randbytes(size)
    body = form(("file", "ignored", b"no"), ("other", None, b"no"), ("file", f"{home}/x/é ü.bin", data),
                ("file", f"{home}/y%22.bin", b"\r\n--" + BOUNDARY.encode()[:-1]))
    body = body.replace(b'name="file"; filename="ignored"', b'name="another"; filename="ignored"', 1)
    answer = put_form(agent, body)
    assert answer.status == 200, answer.text
    assert [f["name"] for f in answer.json()] == ["é ü.bin", "y%22.bin"]
    assert (home / "x/é ü.bin").read_bytes() == data
    assert (home / "y%22.bin").read_bytes() == b"\r\n--" + BOUNDARY.encode()[:-1]
    assert sorted(os.listdir(home)) == ["x", "y%22.bin"]


def test_small(agent, home):
    for i in range(50):
        assert put(agent, home / f"{i}", b"x" * i).status == 200
        assert (home / f"{i}").read_bytes() == b"x" * i


@pytest.mark.parametrize("size", [0, 1, 65536, 3 << 20])
def test_compressed(agent, home, size):
    data = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
    packed = gzip.compress(data[: size // 3], 1) + gzip.compress(data[size // 3:], 1)  # two members
    assert put(agent, home / "x", packed, {"Content-Encoding": "gzip"}).status == 200
    assert (home / "x").read_bytes() == data
    body = gzip.compress(form(("file", f"{home}/y", data)))
    assert put_form(agent, body, {"Content-Encoding": "gzip"}).status == 200
    assert (home / "y").read_bytes() == data


def test_chunked(agent, home):
    data = random.Random(1).randbytes(300000)
    pieces = [data[i:i + 7001] for i in range(0, len(data), 7001)]
    with agent.connect() as c:
        for head, body in ((OCTETS, wire_chunks(*pieces)),
                           ({"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
                            wire_chunks(*[form(("file", "x", data))[i:i + 999] for i in range(0, len(data) + 400, 999)]))):
            c.send_request("POST", url(home / "x"), {**head, "Transfer-Encoding": "chunked"}, body)
            assert c.read_response().status == 200
            assert (home / "x").read_bytes() == data
            (home / "x").unlink()


def test_many_on_one_connection(agent, home):
    with agent.connect() as c:
        for i in range(200):
            assert c.request("POST", url(home / f"{i}"), OCTETS, b"x" * i or b"").status == 200
        for i in range(200):
            assert (home / f"{i}").read_bytes() == b"x" * i


def test_expect_continue(agent, home):
    with agent.connect() as c:
        c.send_request("POST", url(home / "x"), {**OCTETS, "Expect": "100-continue", "Content-Length": 5})
        assert c.read_head()[0] == 100
        c.send(b"hello")
        assert c.read_response().status == 200
    assert (home / "x").read_bytes() == b"hello"


def test_http2(agent, home):
    data = random.Random(2).randbytes(3 << 20)
    (home / "source").write_bytes(data)
    for i, head in enumerate((["-H", "Content-Type: application/octet-stream", "--data-binary", f"@{home}/source"],
                              ["-F", f"file=@{home}/source"])):
        r = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--unix-socket", agent.path, "-w", "%{http_code}",
                            *head, f"http://x{url(home / str(i))}"], capture_output=True, timeout=60, check=True)
        assert r.stdout.endswith(b"200"), r
        assert (home / str(i)).read_bytes() == data


def test_curl_form(agent, home):
    (home / "source").write_bytes(b"from curl")
    r = subprocess.run(["curl", "-sS", "--unix-socket", agent.path, "-F", f"file=@{home}/source;filename={home}/d/x",
                        "http://x/files"], capture_output=True, timeout=60, check=True)
    assert json.loads(r.stdout) == [{"path": f"{home}/d/x", "name": "x", "type": "file"}]
    assert (home / "d/x").read_bytes() == b"from curl"


def test_a_large_file_needs_no_memory(agent, home):
    size, block = 64 << 20, bytes(1 << 20)
    with agent.connect() as c:
        c.send_request("POST", url(home / "x"), {**OCTETS, "Content-Length": size})
        for _ in range(size // len(block)):
            c.send(block)
        assert c.read_response().status == 200
    assert (home / "x").stat().st_size == size
    if SLOW == 1:
        assert int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text()).group(1)) <= 6144


def test_a_bomb_needs_no_memory(agent, home):
    bomb = zlib.compressobj(9, wbits=31)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    assert put(agent, home / "x", packed, {"Content-Encoding": "gzip"}).status == 200
    assert (home / "x").stat().st_size == 64 << 20
    if SLOW == 1:
        assert int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text()).group(1)) <= 6144


# --- whose it is, what is attached -------------------------------------------------------------------------------------


def test_owned_by_the_user(agent, home):
    assert put(agent, home / "a/x", b"1", username="nobody").status == 200
    nobody = int(re.search(r"^nobody:[^:]*:(\d+)", Path("/etc/passwd").read_text(), re.M).group(1))
    assert (home / "a/x").stat().st_uid == (home / "a").stat().st_uid == nobody
    assert put(agent, home / "a/x", b"2").status == 200
    assert (home / "a/x").stat().st_uid == 0
    assert (home / "a").stat().st_uid == nobody


def test_relative_paths_begin_at_the_home(agent):
    name = f"guestd-upload-{uuid.uuid4()}"
    answer = put(agent, f"~/{name}", b"x")
    try:
        assert answer.json() == [{"path": f"/root/{name}", "name": name, "type": "file"}]
        assert put(agent, name, b"y").json() == answer.json()
        assert Path(f"/root/{name}").read_bytes() == b"y"
    finally:
        Path(f"/root/{name}").unlink()


def test_metadata(agent, home):
    answer = put(agent, home / "x", b"1", {"X-Metadata-Author": "me", "x-metadata-b": "2"})
    assert answer.json()[0]["metadata"] == {"author": "me", "b": "2"}
    assert {n: os.getxattr(home / "x", n) for n in os.listxattr(home / "x")} == {"user.e2b.author": b"me", "user.e2b.b": b"2"}
    assert "metadata" not in put(agent, home / "x", b"1").json()[0]
    assert os.listxattr(home / "x") == []
    answer = put_form(agent, form(("file", f"{home}/y", b"")), {"X-Metadata-K": "v"})
    assert answer.json()[0]["metadata"] == {"k": "v"}


class Inotify:
    MASK = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200  # MODIFY ATTRIB MOVED_FROM MOVED_TO CREATE DELETE
    NAMES = {0x2: "WRITE", 0x4: "CHMOD", 0x40: "FROM", 0x80: "TO", 0x100: "CREATE", 0x200: "DELETE"}

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self.fd, str(path).encode(), self.MASK) > 0

    def events(self):
        data, out = os.read(self.fd, 1 << 16), []
        while data:
            _, mask, _, n = struct.unpack("iIII", data[:16])
            out.append((self.NAMES[mask], data[16:16 + n].rstrip(b"\0").decode()))
            data = data[16 + n:]
        return out


@pytest.mark.parametrize("kind", ["octets", "form", "chunked form"])
def test_watchers_see_three_events(agent, home, kind):
    watch = Inotify(home)
    for i in range(30):
        name = f"x{i}"
        if kind == "octets":
            answer = put(agent, home / name, b"y" * 1000)
        elif kind == "form":
            answer = put_form(agent, form(("file", str(home / name), b"y" * 1000)))
        else:
            with agent.connect() as c:
                head, body = form(("file", str(home / name), b"y" * 1000)).split(b"\r\n\r\n", 1)
                c.send_request("POST", "/files", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
                                                  "Transfer-Encoding": "chunked"})
                for piece in (head + b"\r\n\r\n", body[:500], body[500:]):
                    c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                    time.sleep(0.002)
                c.send(b"0\r\n\r\n")
                answer = c.read_response()
        assert answer.status == 200
        assert watch.events() == [("CREATE", name), ("CHMOD", name), ("WRITE", name)]
    os.close(watch.fd)


# --- who may, and what is refused --------------------------------------------------------------------------------------


def test_what_is_refused(agent, home):
    (home / "dir").mkdir()
    (home / "file").write_bytes(b"")
    os.mkfifo(home / "fifo")
    refused(put(agent, home / "x", b"", {"Content-Type": "text/plain"}), 400,
            "unsupported content type: text/plain, expected multipart/form-data or application/octet-stream")
    refused(agent.request("POST", "/files", OCTETS, b"x"), 400, "path query parameter is required for raw body upload")
    refused(put(agent, home / "dir", b"x"), 400, f"path is a directory: {home}/dir")
    refused(put(agent, home / "fifo", b"x"), 400, f"path is not a regular file: {home}/fifo")
    refused(put(agent, home / "file/x", b"x"), 500, f"error ensuring directories: path is a file: {home}/file")
    refused(put(agent, "~other/x", b"x"), 400, "cannot expand user-specific home dir")
    refused(put(agent, home / "x", b"x", {"Content-Encoding": "br"}), 400, "unsupported Content-Encoding: br")
    refused(put(agent, home / "x", b"x", username="no-such"), 401,
            "error looking up user 'no-such': user: unknown user no-such")
    assert put(agent, home / "x", b"x", {"X-Metadata-K": "v" * 4096}).json()["message"].startswith("invalid metadata: ")
    assert put(agent, home / "x", b"x", mode="999").json()["code"] == 400
    assert sorted(os.listdir(home)) == ["dir", "fifo", "file"]


def test_what_the_head_refuses_is_refused_before_the_body(agent, home):
    """Instead of 100 Continue (RFC 9110, 10.1.1), though a worker looks the user up first."""
    def first_line(path, type):
        with agent.connect() as c:
            c.sock.sendall(f"POST {path} HTTP/1.1\r\nHost: g\r\nContent-Type: {type}\r\nContent-Length: 2\r\n"
                           "Expect: 100-continue\r\n\r\n".encode())
            return c.sock.makefile("rb").readline()

    assert first_line(url(), OCTETS["Content-Type"]) == b"HTTP/1.1 400 Bad Request\r\n"
    assert first_line(url(home / "x"), "text/plain") == b"HTTP/1.1 400 Bad Request\r\n"
    assert first_line(url(home / "x", mode="999"), OCTETS["Content-Type"]) == b"HTTP/1.1 400 Bad Request\r\n"
    assert first_line(url(home / "x", username="no-such"), "text/plain") == b"HTTP/1.1 401 Unauthorized\r\n"
    assert first_line(url(home / "x"), OCTETS["Content-Type"]) == b"HTTP/1.1 100 Continue\r\n"


def test_the_order_of_checks(agent, home):
    odd = {"X-Metadata-K": "\xff", "Content-Type": "text/plain"}
    assert put(agent, home / "x", b"", {**odd, "Content-Encoding": "br"}, username="no-such").json()["message"].startswith(
        "unsupported Content-Encoding")
    assert put(agent, home / "x", b"", odd, username="no-such").status == 401
    assert put(agent, home / "x", b"", odd).json()["message"].startswith("invalid metadata")


def test_the_same_path_twice(agent, home):
    body = form(("file", f"{home}/a", b"1"), ("file", f"{home}/b", b"2"), ("file", f"{home}/a", b"3"))
    refused(put_form(agent, body), 400, f"you cannot upload multiple files to the same path '{home}/a' in one upload "
            f"request, only the first specified file was uploaded, also the following files were uploaded: {home}/b")
    assert (home / "a").read_bytes() == b"1"


@pytest.mark.parametrize("body", [b"", b"no parts", form(("file", "/tmp/x", b""), end=False)[:40]])
def test_broken_forms(agent, body):
    answer = put_form(agent, body, {"Content-Length": len(body)})
    assert answer.status == 400 and answer.json()["message"].startswith("error reading form: ")


def test_a_form_that_breaks_off_leaves_its_first_file(agent, home):
    body = form(("file", f"{home}/a", b"1"), ("file", f"{home}/b", b"2" * 1000), end=False)[:-500]
    assert put_form(agent, body).status == 400
    assert (home / "a").read_bytes() == b"1"


def test_broken_gzip(agent, home):
    packed = gzip.compress(os.urandom(1000))
    for body, why in ((packed[:-1], "the gzip data ends too early"), (packed + b"more", "not gzip data"), (b"plain", "not gzip data")):
        answer = put(agent, home / "x", body, {"Content-Encoding": "gzip"})
        assert answer.status == 400 and answer.json()["message"] == f"decompress: {why}"


def test_signatures(home):
    import base64
    import hashlib
    (home / "token").write_text("0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0\n")

    def signed(path, expires=None, operation="write"):
        words = [path, operation, "", "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0"] + ([str(expires)] if expires else [])
        return "v1_" + base64.b64encode(hashlib.sha256(":".join(words).encode()).digest()).decode().rstrip("=")

    with Agent("--listen", "tcp:127.0.0.1:0", "--token-file", home / "token") as agent:
        to = ("127.0.0.1", int(agent.address("tcp").rsplit(":", 1)[1]))
        path, token = str(home / "x"), "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0"

        def put_tcp(headers=None, **query):
            return agent.request("POST", url(path, **query), {**OCTETS, **(headers or {})}, b"x", to=to)

        refused(put_tcp(), 401, "missing signature query parameter")
        refused(put_tcp(signature=signed(path, operation="read")), 401, "invalid signature")
        refused(put_tcp({"X-Access-Token": "no"}, signature=signed(path)), 401,
                "access token present in header but does not match")
        refused(put_tcp(signature=signed(path, 1), signature_expiration=1), 401, "signature is already expired")
        assert put_tcp(signature=signed(path)).status == 200
        assert put_tcp({"X-Access-Token": token}).status == 200
        refused(agent.request("POST", "/files/compose", {}, b"{}", to=to), 401, "unauthorized access, please provide a "
                "valid access token or method signing if supported")
        assert put(agent, path, b"x").status == 200  # root, by the unix socket


# --- no room -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(home):
    disk = home / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=8,mode=755", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_no_space(agent, small_disk):
    refused(put(agent, small_disk / "x", bytes(100000)), 507,
            "attempted to write 100000 bytes: not enough disk space available")
    assert (small_disk / "x").stat().st_size > 0  # what fitted stays
    with agent.connect() as c:
        c.send_request("POST", url(small_disk / "x"), {**OCTETS, "Transfer-Encoding": "chunked"}, wire_chunks(bytes(100000)))
        refused(c.read_response(), 507, "not enough disk space available")
    refused(put(agent, small_disk / "y", bytes(100000), atomic=1), 507,
            "attempted to write 100000 bytes: not enough disk space available")
    assert os.listdir(small_disk) == ["x"]


def test_no_space_while_much_more_comes(agent, small_disk):
    with agent.connect() as c:
        c.send_request("POST", url(small_disk / "x"), {**OCTETS, "Content-Length": 1 << 30})
        sent = 0
        try:
            while sent < 1 << 30:
                sent += c.sock.send(bytes(1 << 20))
        except OSError:
            pass
        assert sent < 1 << 30
        assert c.read_head()[0] == 507


def test_no_inodes(agent, small_disk):
    for i in range(7):
        (small_disk / f"{i}").write_bytes(b"")
    answer = put(agent, small_disk / "x", b"")
    assert answer.status == 507 and answer.json()["message"].startswith("not enough inodes available: ")
    assert put(agent, small_disk / "d/x", b"").status == 507
    assert put(agent, small_disk / "0", b"x").status == 200


# --- who goes, who waits -----------------------------------------------------------------------------------------------


def files_open(agent, below):
    """What the agent has open there."""
    out = []
    for fd in os.listdir(f"/proc/{agent.pid}/fd"):
        try:
            out += [t for t in [os.readlink(f"/proc/{agent.pid}/fd/{fd}")] if t.startswith(str(below))]
        except FileNotFoundError:
            pass
    return out


def test_a_client_that_goes_early_leaves_nothing(agent, home):
    """It may be sending the same again: what is opened late would take that from it."""
    (home / "x").write_bytes(b"old")
    with agent.connect() as c:
        c.send_request("POST", url(home / "x"), {**OCTETS, "Content-Length": 1000}, b"x" * 10)
    assert put(agent, home / "y", b"").status == 200
    assert (home / "x").read_bytes() == b"old"


@pytest.mark.parametrize("sent", [100_000, 1_000_000])
def test_a_client_that_goes_leaves_what_came(agent, home, sent):
    with agent.connect() as c:
        c.send_request("POST", url(home / "x"), {**OCTETS, "Content-Length": 2_000_000}, b"x" * sent)
        wait_for(lambda: (home / "x").exists(), what="the file")
    wait_for(lambda: (home / "x").exists() and (home / "x").stat().st_size == sent, what="what came")
    wait_for(lambda: not files_open(agent, home), what="the close")


def test_many_clients_that_go_leave_what_came(agent, home):
    """Also what had no room yet in the block that a worker was to write next."""
    for i in range(64):
        with agent.connect() as c:
            c.send_request("POST", url(home / f"{i}"), {**OCTETS, "Content-Length": 2_000_000}, b"x" * 1_000_000)
    wait_for(lambda: not files_open(agent, home), what="the close of all")
    wait_for(lambda: {(home / f"{i}").stat().st_size for i in range(64) if (home / f"{i}").exists()} == {1_000_000},
             what="what came")


@pytest.mark.parametrize("sent", [10, 1_000_000])
def test_atomic_leaves_nothing(agent, home, sent):
    (home / "x").write_bytes(b"old")
    with agent.connect() as c:
        c.send_request("POST", url(home / "x", atomic=1), {**OCTETS, "Content-Length": 2_000_000}, b"x" * sent)
        if sent > 65536:
            wait_for(lambda: files_open(agent, home), what="the temporary file")
    wait_for(lambda: os.listdir(home) == ["x"] and not files_open(agent, home), what="the end of it")
    assert (home / "x").read_bytes() == b"old"


def test_a_hundred_slow_clients(agent, home):
    before = agent.fds()
    clients = [agent.connect() for _ in range(100)]
    for i, c in enumerate(clients):
        c.send_request("POST", url(home / f"{i}"), {**OCTETS, "Content-Length": 100_000}, b"x" * 70_000)
    wait_for(lambda: len(os.listdir(home)) == 100, what="a hundred files")
    assert put(agent, home / "another", b"quick").status == 200
    assert agent.request("GET", "/health").status == 204
    for c in clients:
        c.send(b"y" * 30_000)
    for i, c in enumerate(clients):
        assert c.read_response().status == 200
        assert (home / f"{i}").read_bytes() == b"x" * 70_000 + b"y" * 30_000
        c.close()
    wait_for(lambda: agent.fds() <= before, what="descriptors closed")


def test_a_byte_at_a_time(agent, home):
    body = form(("file", f"{home}/x", b"slowly\r\n--"))
    with agent.connect() as c:
        c.send_request("POST", "/files", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": len(body)})
        for i in range(len(body)):
            c.send(body[i:i + 1])
        assert c.read_response().status == 200
    assert (home / "x").read_bytes() == b"slowly\r\n--"


def written_unnamed(agent, below):
    """The size of the one file there that the agent has open and that has no name."""
    for fd in Path(f"/proc/{agent.pid}/fd").iterdir():
        try:
            if (to := os.readlink(fd)).startswith(str(below)) and to.endswith(" (deleted)"):
                return os.stat(fd).st_size
        except FileNotFoundError:
            pass
    return 0


def test_killed_while_it_wrote_atomically(home):
    (home / "x").write_bytes(b"old")
    agent = Agent()
    try:
        with agent.connect() as c:
            c.send_request("POST", url(home / "x", atomic=1), {**OCTETS, "Content-Length": 2_000_000}, b"x" * 1_000_000)
            wait_for(lambda: written_unnamed(agent, home) > 900_000, what="what was sent, in a file without a name")
            agent.process.kill()
            agent.process.wait()
        assert os.listdir(home) == ["x"] and (home / "x").read_bytes() == b"old"
    finally:
        agent.process.stdout.close()
        agent.dir.cleanup()


# --- our own flags -----------------------------------------------------------------------------------------------------


def test_atomic_keeps_what_the_old_file_was(agent, home):
    (home / "file").write_bytes(b"old")
    os.chmod(home / "file", 0o740)
    os.chown(home / "file", 1234, 1235)
    os.setxattr(home / "file", "user.mine", b"kept")
    os.setxattr(home / "file", "user.e2b.k", b"old")
    (home / "link").symlink_to("file")
    inode = (home / "file").stat().st_ino
    assert put(agent, home / "link", b"new", atomic=1).status == 200
    st = (home / "file").stat()
    assert ((home / "file").read_bytes(), (home / "link").is_symlink()) == (b"new", True)
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (1234, 1235, 0o740) and st.st_ino != inode
    assert os.listxattr(home / "file") == ["user.mine"]


def test_readers_see_the_old_file_or_the_new_one(agent, home):
    size, seen, stop = 300_000, set(), threading.Event()
    (home / "x").write_bytes(b"0" * size)

    def read():
        while not stop.is_set():
            data = (home / "x").read_bytes()
            seen.add((len(data), len(set(data))))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for i in range(20):
            assert put(agent, home / "x", b"%d" % (i % 10) * size, atomic=1, fsync="none").status == 200
    finally:
        stop.set()
        reader.join()
    assert seen == {(size, 1)}


def test_flags(agent, home):
    assert put(agent, home / "x", b"1", mode="0751", mtime="1000.25", fsync="all").status == 200
    st = (home / "x").stat()
    assert (stat.S_IMODE(st.st_mode), st.st_mtime_ns) == (0o751, 1000_250_000_000)
    (home / "part").write_bytes(b"0123456789")
    os.setxattr(home / "part", "user.e2b.k", b"v")
    assert put(agent, home / "part", b"abc", offset=8).status == 200
    assert (home / "part").read_bytes() == b"01234567abc" and os.getxattr(home / "part", "user.e2b.k") == b"v"
    assert put(agent, home / "none", b"abc", offset=8).status == 404
    assert put_form(agent, form(("file", "x", b"")), path=home / "part", offset=1).status == 400
    os.mkfifo(home / "fifo")
    with open(os.open(home / "fifo", os.O_RDONLY | os.O_NONBLOCK), "rb") as fifo:
        assert put(agent, home / "fifo", b"through", special=1).status == 200
        assert fifo.read() == b"through"


# --- compose -----------------------------------------------------------------------------------------------------------


def compose(agent, sources, destination, **more):
    body = json.dumps({"source_paths": [str(s) for s in sources], "destination": str(destination), **more})
    return agent.request("POST", "/files/compose", {"Content-Type": "application/json"}, body.encode())


def test_compose(agent, home):
    parts = [random.Random(i).randbytes(100_000 + i) for i in range(5)]
    for i, part in enumerate(parts):
        assert put(agent, home / f"{i}", part).status == 200
    answer = compose(agent, [home / f"{i}" for i in range(5)], home / "sub/all", username="nobody")
    assert (answer.status, answer.body) == (200, b'{"path":"%s/sub/all","name":"all","type":"file"}\n' % str(home).encode())
    assert answer.headers["content-type"] == "application/json"
    assert (home / "sub/all").read_bytes() == b"".join(parts)
    assert os.listdir(home) == ["sub"] and (home / "sub/all").stat().st_uid == (home / "sub").stat().st_uid != 0


def test_what_cannot_be_composed(agent, home):
    (home / "a").write_bytes(b"a")
    (home / "dir").mkdir()
    post = lambda body: agent.request("POST", "/files/compose", {"Content-Type": "application/json"}, body)  # noqa: E731
    for body in (b"{", b"[]", b'{"source_paths":"x","destination":"/x"}', b'{"source_paths":[1],"destination":"/x"}',
                 b'{"source_paths":["/x"],"destination":1}', b'{"source_paths":["/x"],"destination":""}',
                 b'{"source_paths":["/x"]}', b'{"source_paths":[],"destination":"/x"}', b"x" * 100):
        assert post(body).json()["code"] == 400, body
    assert post(b" " * (1 << 20) + b"{}").status == 413
    refused(compose(agent, ["missing"], home / "x"), 404, "source file not found: missing")
    assert compose(agent, [home / "a"], home / "a").status == 400
    assert compose(agent, [home / "dir"], home / "x").status == 400
    refused(compose(agent, [home / "a"], home / "x", username="no-such"), 401,
            "error looking up user 'no-such': user: unknown user no-such")
    assert sorted(os.listdir(home)) == ["a", "dir"]


def test_compose_without_space(agent, home, small_disk):
    (home / "a").write_bytes(bytes(100_000))
    refused(compose(agent, [home / "a"], small_disk / "x"), 507, "not enough disk space available")
    assert os.listdir(small_disk) == [] and (home / "a").exists()
