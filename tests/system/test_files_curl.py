"""Uploads and downloads as one types them: with curl, over both versions of HTTP."""
import os
import random
import re
import subprocess
from urllib.parse import quote

import pytest
from agent import Agent

OCTETS = ("-H", "Content-Type: application/octet-stream")
SIZE = 3 << 20


@pytest.fixture(scope="module")
def agent():
    with Agent() as a:
        yield a


@pytest.fixture
def home(tmp_path):
    (tmp_path / "source").write_bytes(random.Random(6).randbytes(SIZE))
    return tmp_path


@pytest.fixture(params=["--http1.1", "--http2-prior-knowledge"])
def curl(agent, request):
    """curl(PATH, ARG...): what it has done, and as `status` what was answered."""
    def run(path, *args, check=True, **more):
        url = f"http://guest/files?path={quote(str(path))}"
        r = subprocess.run(["curl", "-sS", "-v", request.param, "--unix-socket", agent.path, "-w", "%{stderr}status %{http_code}\n",
                            *args, url], capture_output=True, timeout=60, check=check, **more)
        r.status = int(re.search(rb"^status (\d+)$", r.stderr, re.M)[1])
        return r
    return run


@pytest.mark.parametrize("how", ["file", "stdin", "data", "form"])
def test_up_and_down(curl, home, how):
    source, there, back = home / "source", home / "a/b/ü 1.bin", home / "back"
    args = {"file": (*OCTETS, "-X", "POST", "-T", str(source)), "stdin": (*OCTETS, "-X", "POST", "-T", "-"),
            "data": (*OCTETS, "--data-binary", f"@{source}"), "form": ("-F", f"file=@{source}")}[how]
    with open(source, "rb") as f:
        assert curl(there, *args, stdin=f).status == 200
    assert there.read_bytes() == source.read_bytes()
    assert curl(there, "-o", str(back)).status == 200
    assert back.read_bytes() == source.read_bytes()


def test_packed(curl, home):
    packed = subprocess.run(["gzip", "-c", home / "source"], capture_output=True, check=True).stdout
    assert curl(home / "x", *OCTETS, "-H", "Content-Encoding: gzip", "--data-binary", "@-", input=packed).status == 200
    assert (home / "x").read_bytes() == (home / "source").read_bytes()
    r = curl(home / "x", "--compressed", "-H", "Accept-Encoding: gzip, identity;q=0")
    assert r.stdout == (home / "source").read_bytes() and b"< content-encoding: gzip" in r.stderr.lower()


def test_ranges(curl, home):
    data = (home / "source").read_bytes()
    for asked, part in (("0-9", data[:10]), ("1000-", data[1000:]), ("-7", data[-7:])):
        r = curl(home / "source", "-r", asked)
        assert (r.status, r.stdout) == (206, part)
    assert curl(home / "source", "-r", f"{SIZE}-").status == 416


def test_a_download_goes_on_where_it_was(curl, home):
    data = (home / "source").read_bytes()
    (home / "part").write_bytes(data[:SIZE // 2])
    r = curl(home / "source", "-C", "-", "-o", str(home / "part"))
    assert r.status == 206 and (home / "part").read_bytes() == data


def test_what_has_not_changed_is_not_sent(curl, home):
    r = curl(home / "source", "-z", str(home / "source"), "-R")
    assert (r.status, r.stdout) == (304, b"")
    etag = re.search(rb"^< etag: (.*?)\r?$", curl(home / "source", "-I").stderr, re.M | re.I)[1].decode()
    assert curl(home / "source", "-H", f"If-None-Match: {etag}").status == 304
    os.utime(home / "source")
    assert curl(home / "source", "-H", f"If-None-Match: {etag}").status == 200


def test_the_name_it_is_saved_as(curl, home):
    (home / "out").mkdir()
    (home / "a name.txt").write_text("four")
    assert curl(home / "a name.txt", "-OJ", cwd=home / "out").status == 200
    assert (home / "out/a name.txt").read_text() == "four"


def test_expect_continue(agent, home):
    """curl waits for the word before it sends a body, and sends none that is refused at once."""
    def post(path, *args):
        return subprocess.run(["curl", "-sS", "-v", "--http1.1", "--unix-socket", agent.path, "--expect100-timeout", "60",
                               "-H", "Expect: 100-continue", *OCTETS, *args, "--data-binary", f"@{home}/source",
                               f"http://guest/files?path={path}"], capture_output=True, timeout=40)

    r = post(home / "x")
    assert b"< HTTP/1.1 100 Continue" in r.stderr and b"< HTTP/1.1 200 OK" in r.stderr
    assert (home / "x").read_bytes() == (home / "source").read_bytes()
    r = post(home / "y", "-H", "Content-Encoding: unheard-of")
    assert b"100 Continue" not in r.stderr and b"< HTTP/1.1 400 " in r.stderr
    assert b"unsupported Content-Encoding: unheard-of" in r.stdout and not (home / "y").exists()
    r = post(home)  # what only the kernel can tell is told when the first bytes are there
    assert b"< HTTP/1.1 100 Continue" in r.stderr and b"< HTTP/1.1 400 " in r.stderr and b"is a directory" in r.stdout
