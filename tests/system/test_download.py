"""GET and HEAD /files as clients see it."""
import base64
import contextlib
import email
import gzip
import hashlib
import os
import random
import re
import socket
import threading
import time
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from agent import KERNEL, SLOW, Agent, wait_for
from h2client import H2

GZIP = {"Accept-Encoding": "gzip, *;q=0"}


def target(path, **query):
    words = [f"path={quote_from_bytes(os.fsencode(path))}", *(f"{k}={v}" for k, v in query.items())]
    return "/files?" + "&".join(words)


def get(agent, path, headers=None, method="GET", **query):
    return agent.request(method, target(path, **query), headers or {})


def write(path, data):
    Path(path).write_bytes(data)
    return path


def held(agent, path):
    """How many descriptors the agent has of it."""
    count = 0
    for fd in Path(f"/proc/{agent.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it is closed meanwhile
            count += os.readlink(fd) == str(path)
    return count


def error(r):
    return r.status, r.json()["code"], r.json()["message"]


def test_the_whole_file(shared, tmp_path):
    for size in (0, 1, 8191, 8192, 8193, 65536, 1_000_003):
        data = random.Random(size).randbytes(size)
        path = write(tmp_path / f"f{size}", data)
        r = get(shared, path)
        assert (r.status, r.headers["content-length"], r.body) == (200, str(size), data)
        assert r.headers["accept-ranges"] == "bytes" and r.headers["etag"].startswith('"')
        head = get(shared, path, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        for name in ("content-length", "content-type", "etag", "last-modified", "content-disposition"):
            assert head.headers[name] == r.headers[name]
        packed = get(shared, path, GZIP)
        assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body) == data
        assert packed.headers["etag"] == "W/" + r.headers["etag"]
        assert get(shared, path, {"Accept-Encoding": "gzip, deflate"}).body == data  # what httpx and Node send


def test_errors(shared, tmp_path):
    assert error(get(shared, "/no/such")) == (404, 404, "path '/no/such' does not exist")
    assert error(get(shared, tmp_path)) == (400, 400, f"path '{tmp_path}' is a directory")
    assert error(get(shared, "~other/x"))[:2] == (400, 400)
    assert error(get(shared, "x", username="nobody-here")) == (
        401, 401, "error looking up user 'nobody-here': user: unknown user nobody-here")
    assert error(get(shared, "/etc/passwd", {"Accept-Encoding": "identity;q=0"}))[0] == 406
    assert error(get(shared, "/etc/passwd/x"))[0] == 500
    assert error(shared.request("GET", "/files?path=%00"))[0] == 400
    assert error(get(shared, "/dev/null"))[0] == 400
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "s"))
        assert error(get(shared, tmp_path / "s")) == (400, 400, f"path '{tmp_path}/s' is a socket")
        assert error(get(shared, tmp_path / "s", special=1))[0] == 400


def test_paths_are_the_users(agent):
    home = Path(os.path.expanduser("~user"))
    write(home / "here.txt", b"mine")
    for path in ("here.txt", "~/here.txt", str(home / "here.txt"), "../" + home.name + "/here.txt"):
        assert get(agent, path, username="user").body == b"mine"


def test_who_may(tmp_path):
    path = str(write(tmp_path / "f", b"secret"))
    with Agent("--listen", "tcp:127.0.0.1:0", "--open") as a:
        to = ("127.0.0.1", int(a.address("tcp").rsplit(":", 1)[1]))

        def read(path, headers=None, **query):
            return a.request("GET", target(path, **query), headers, to=to)

        assert a.request("POST", "/init", {}, b'{"accessToken":"tok"}', to=to).status == 204
        assert error(read(path)) == (401, 401, "missing signature query parameter")
        assert read(path, {"X-Access-Token": "tok"}).body == b"secret"
        digest = hashlib.sha256(f"{path}:read::tok".encode()).digest()
        signature = "v1_" + base64.b64encode(digest).decode().rstrip("=").replace("+", "%2B")
        assert read(path, signature=signature).body == b"secret"
        assert error(read(path + "x", signature=signature))[0] == 401


@pytest.mark.parametrize("name, expected", [
    (b"plain.txt", "filename=plain.txt"), (b"two words", 'filename="two words"'), (b'a"b', 'filename="a\\"b"'),
    ("grüß".encode(), "filename*=utf-8''gr%C3%BC%C3%9F"), (b"\xff\xfe", "filename*=utf-8''%FF%FE"),
    (b"new\nline", "filename*=utf-8''new%0Aline"), (b"x" * 255, "filename=" + "x" * 255)])
def test_any_name(shared, tmp_path, name, expected):
    path = os.fsencode(tmp_path) + b"/" + name
    write(os.fsdecode(path), b"x")
    assert get(shared, path).headers["content-disposition"] == "inline; " + expected


def test_types(shared, tmp_path):
    for name, data, expected in (("a.html", b"\0", "text/html; charset=utf-8"), ("a.JSON", b"", "application/json"),
                                 ("a", b"text", "text/plain; charset=utf-8"), ("b", b"\x7fELF\0", "application/octet-stream"),
                                 ("c", b"t" * 9000, "text/plain; charset=utf-8")):
        assert get(shared, write(tmp_path / name, data)).headers["content-type"] == expected


def test_ranges_against_a_model(shared, tmp_path):
    for size in (5000, 300_000):  # answered by the job, and streamed
        data = random.Random(7).randbytes(size)
        path = write(tmp_path / f"f{size}", data)
        rng = random.Random(size)
        with shared.connect() as c:
            for _ in range(60):
                a, b = sorted(rng.randrange(size) for _ in range(2))
                spec, expected = rng.choice([(f"{a}-{b}", data[a:b + 1]), (f"{a}-", data[a:]), (f"-{size - a}", data[a:]),
                                             (f"{a}-{size * 2}", data[a:])])
                r = c.request("GET", target(path), {"Range": f"bytes={spec}"})
                assert (r.status, r.body) == (206, expected), spec
                first = size - len(expected) if spec[0] == "-" else a
                assert r.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{size}"


def test_several_ranges(shared, tmp_path):
    data = random.Random(1).randbytes(300_000)
    path = write(tmp_path / "f", data)
    wanted = [(0, 9), (100_000, 250_000), (5, 5), (299_990, 299_999)]
    r = get(shared, path, {"Range": "bytes=" + ", ".join(f"{a}-{b}" for a, b in wanted)})
    assert r.status == 206 and len(r.body) == int(r.headers["content-length"])
    message = email.message_from_bytes(b"Content-Type: " + r.headers["content-type"].encode() + b"\r\n\r\n" + r.body)
    parts = message.get_payload()
    assert [p["content-range"] for p in parts] == [f"bytes {a}-{b}/300000" for a, b in wanted]
    assert all(p["content-type"] == "application/octet-stream" for p in parts)
    for a, b in wanted:
        assert data[a:b + 1] in r.body
    whole = get(shared, path, {"Range": "bytes=0-200000,100000-"})  # more than there is: the whole, once
    assert (whole.status, whole.body) == (200, data)
    assert get(shared, path, {"Range": "bytes=" + ",".join("0-0" for _ in range(1000))}).status == 200


def test_ranges_that_are_refused_or_ignored(shared, tmp_path):
    path = write(tmp_path / "f", b"0123456789")
    for spec in ("bytes=10-", "bytes=x", "bytes=5-4", "bytes=-0"):
        r = get(shared, path, {"Range": spec})
        assert (r.status, r.headers["content-range"]) == (416, "bytes */10"), spec
    for spec in ("lines=1-2", ""):
        assert get(shared, path, {"Range": spec}).status == 200
    assert get(shared, write(tmp_path / "e", b""), {"Range": "bytes=0-"}).status == 200
    assert get(shared, path, {"Range": "bytes=0-1"}, method="HEAD").status == 200
    assert get(shared, path, {"Range": "bytes=0-1", **GZIP}).status == 406
    r = get(shared, path, {"Range": "bytes=0-1", "Accept-Encoding": "gzip, identity;q=0.5"})
    assert (r.status, r.body, "content-encoding" in r.headers) == (206, b"01", False)


def test_conditions(shared, tmp_path):
    path = write(tmp_path / "f", b"0123456789")
    r = get(shared, path)
    tag, date = r.headers["etag"], r.headers["last-modified"]
    old = "Sun, 06 Nov 1994 08:49:37 GMT"
    for fields, status in (({"If-None-Match": tag}, 304), ({"If-None-Match": f'"x", W/{tag}'}, 304), ({"If-None-Match": "*"}, 304),
                           ({"If-None-Match": '"x"'}, 200), ({"If-Modified-Since": date}, 304), ({"If-Modified-Since": old}, 200),
                           ({"If-None-Match": '"x"', "If-Modified-Since": date}, 200), ({"If-Match": tag}, 200),
                           ({"If-Match": '"x"'}, 412), ({"If-Unmodified-Since": date}, 200), ({"If-Unmodified-Since": old}, 412),
                           ({"Range": "bytes=0-1", "If-Range": tag}, 206), ({"Range": "bytes=0-1", "If-Range": date}, 206),
                           ({"Range": "bytes=0-1", "If-Range": '"x"'}, 200), ({"Range": "bytes=0-1", "If-Range": old}, 200)):
        r = get(shared, path, fields)
        assert r.status == status, fields
        assert status != 304 or (r.body, r.headers["etag"], "content-length" in r.headers) == (b"", tag, False)
    write(path, b"9876543210")  # of the same size, perhaps within the same second
    assert get(shared, path, {"If-None-Match": tag}).status == 200
    assert get(shared, path, {"If-Match": tag}).status == 412


# Not every kernel has all of them.
INVENTED = [path for path in ("/proc/version", "/proc/meminfo", "/proc/self/maps", "/proc/kallsyms", "/proc/sys/kernel/ostype",
                              "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/notes") if os.access(path, os.R_OK)]


@pytest.mark.parametrize("path", INVENTED)
@pytest.mark.parametrize("fields", [{}, GZIP, {"Range": "bytes=0-3"}])
def test_files_that_are_made_when_they_are_read(shared, path, fields):
    r = get(shared, path, fields)
    body = gzip.decompress(r.body) if fields is GZIP else r.body
    assert r.status == 200 and "etag" not in r.headers and "accept-ranges" not in r.headers
    expected = Path(path.replace("self", str(shared.pid))).read_bytes()
    if "meminfo" in path:
        assert body.startswith(b"MemTotal:") and body.count(b"\n") == expected.count(b"\n")
    elif "maps" in path:
        assert b"guestd" in body and body.endswith(b"\n")
    else:
        assert body == expected


def test_a_fifo_is_read_when_asked_for_and_nobody_waits(agent, tmp_path):
    fifo = str(tmp_path / "p")
    os.mkfifo(fifo)
    assert "special=1" in error(get(agent, fifo))[2]
    readers = [agent.connect() for _ in range(20)]  # more than there are workers
    for c in readers:
        c.send_request("GET", target(fifo, special=1))
        assert c.read_head()[0] == 200
    assert get(agent, "/etc/passwd").status == 200
    for c in readers[1:]:
        c.close()
    wait_for(lambda: held(agent, fifo) == 1, what="nobody holds it for those who went")
    with open(fifo, "wb", buffering=0) as w:
        w.write(b"one")
        assert readers[0].chunk() == b"one"
        w.write(b"two")
        assert readers[0].chunk() == b"two"
    assert readers[0].chunk() == b""
    wait_for(lambda: held(agent, fifo) == 0, what="it is closed at its end")
    readers[0].close()


def test_a_device_streams_until_the_client_goes(agent):
    with agent.connect() as c:
        c.send_request("GET", target("/dev/zero", special=1))
        assert c.read_head()[0] == 200
        assert sum(len(c.chunk()) for _ in range(20)) > 20 and get(agent, "/dev/null", special=1).body == b""
    wait_for(lambda: held(agent, "/dev/zero") == 0, what="it is closed")


def test_a_file_that_shrinks_is_broken_off(shared, tmp_path):
    path = write(tmp_path / "f", b"x" * 10_000_000)
    with shared.connect() as c:
        c.send_request("GET", target(path))
        assert c.read_head()[2]["content-length"] == "10000000"
        os.truncate(path, 5_000_000)
        with pytest.raises(ConnectionError):
            c.exactly(10_000_000)
        assert len(c.buffer) <= 5_000_000


def test_a_file_that_grows_ends_where_it_was(shared, tmp_path):
    path = write(tmp_path / "f", b"x" * 10_000_000)
    with shared.connect() as c:
        c.send_request("GET", target(path))
        c.read_head()
        with open(path, "ab") as f:
            f.write(b"y" * 1000)
        assert c.exactly(10_000_000) == b"x" * 10_000_000
        assert c.request("GET", "/health").status == 204  # nothing more came


def test_slow_clients_cost_little(agent, tmp_path):
    path = write(tmp_path / "f", os.urandom(4_000_000))

    def rss():
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text()).group(1)) << 10

    before = rss()
    clients = [agent.connect() for _ in range(100)]
    for c in clients:
        c.send_request("GET", target(path))
        assert c.read_head()[0] == 200
    time.sleep(0.2)
    # Without preadv2 whatever a client asks for is read by a worker, a block (128 KiB) ahead of it.
    each = 80 * 1024 * (4 if SLOW > 1 else 1) + (128 * 1024 if KERNEL == "enosys" else 0)
    assert rss() - before < 100 * each
    assert get(agent, path).body == Path(path).read_bytes()
    data = Path(path).read_bytes()
    for c in clients[:10]:
        assert c.exactly(4_000_000) == data
    for c in clients:
        c.close()
    wait_for(lambda: held(agent, path) == 0, what="all are closed")


def test_pipes_are_for_so_many(agent, tmp_path):
    """Clients that do not read have 16 times two pipes; the others are served without, and all get every byte."""
    data = random.Random(3).randbytes(3_000_001)
    path = write(tmp_path / "f", data)

    def pipes():
        return sum(os.readlink(fd).startswith("pipe:") for fd in Path(f"/proc/{agent.pid}/fd").iterdir())

    before = pipes()
    clients = [agent.connect() for _ in range(40)]
    for c in clients:
        c.send_request("GET", target(path))
        assert c.read_head()[0] == 200
    wait_for(lambda: pipes() - before == 16 * 4, what="16 have pipes")
    for c in reversed(clients):
        assert c.exactly(3_000_001) == data
    wait_for(lambda: pipes() == before, what="all are closed")
    for c in clients:
        c.close()


def test_over_tcp(tmp_path):
    data = random.Random(4).randbytes(20_000_001)
    path = write(tmp_path / "f", data)
    with Agent("--listen", "tcp:127.0.0.1:0", "--open") as a:
        to = ("127.0.0.1", int(re.search(r"tcp:127.0.0.1:(\d+)", a.log).group(1)))
        assert a.request("GET", target(path), to=to).body == data
        part = a.request("GET", target(path), {"Range": "bytes=4097-9999999"}, to=to)
        assert (part.status, part.body) == (206, data[4097:10_000_000])


def test_memory_does_not_grow_with_the_file(agent, tmp_path):
    path = tmp_path / "f"
    with open(path, "wb") as f:
        f.truncate(1 << 30)
    get_and_count = hashlib.sha256()
    with agent.connect() as c:
        c.send_request("GET", target(path))
        left = int(c.read_head()[2]["content-length"]) - len(c.buffer)
        while left > 0:
            left -= len(data := c.sock.recv(1 << 20))
            get_and_count.update(data[:64])
            assert data
    assert left == 0
    if SLOW == 1:
        assert int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text()).group(1)) < 6 << 10


def test_many_at_once_get_what_they_asked_for(shared, tmp_path):
    files = [write(tmp_path / f"f{i}", random.Random(i).randbytes(200_000 + i)) for i in range(8)]
    wrong = []

    def client(seed):
        rng = random.Random(seed)
        with shared.connect() as c:
            for _ in range(15):
                path = rng.choice(files)
                r = c.request("GET", target(path), rng.choice([{}, GZIP]))
                body = gzip.decompress(r.body) if "content-encoding" in r.headers else r.body
                if body != Path(path).read_bytes():
                    wrong.append(path)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_http2(shared, tmp_path):
    data = random.Random(2).randbytes(1_500_000)
    path = write(tmp_path / "f", data)
    with H2(shared.connect().sock) as c:
        stalled = c.ask("GET", target(path), stalled=True)
        streams = [c.ask("GET", target(path), {"range": f"bytes={i}-"} if i else {}) for i in range(4)]
        for i, s in enumerate(streams):
            assert s.wait().body == data[i:] and s.status == (206 if i else 200)
            assert s.headers["content-length"] == str(len(data) - i)
        head = c.request("HEAD", target(path))
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(data)))
        assert not stalled.ended
        stalled.go_on()
        assert stalled.wait().body == data


def test_http2_is_reset_when_a_file_shrinks(shared, tmp_path):
    path = write(tmp_path / "f", b"x" * 3_000_000)
    with H2(shared.connect().sock) as c:
        s = c.ask("GET", target(path), stalled=True)
        s.read(1000)
        os.truncate(path, 1_000_000)
        s.go_on()
        s.wait()
        assert not s.ended and s.reset and len(s.body) <= 1_000_000
        assert c.request("GET", "/health").status == 204  # the others go on
