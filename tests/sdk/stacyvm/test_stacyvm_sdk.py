"""The published Python SDK of StacyVM, both its clients, over a small control plane that forwards to guestd."""
import asyncio
import inspect
import os
import socket
import tempfile
import time

import pytest
import stacyvm
from control import ControlPlane
from stacyvm_host import StacyvmHost

PLACE = tempfile.mkdtemp(prefix="stacyvm-sdk-") + "/place"


class Awaited:
    """An object of the asyncio client whose calls are waited for."""

    def __init__(self, loop, inner):
        self.loop, self.inner = loop, inner

    def __getattr__(self, name):
        def call(*args, **options):
            value = getattr(self.inner, name)(*args, **options)
            if inspect.isasyncgen(value):
                return self.loop.run_until_complete(self.all_of(value))
            return self.loop.run_until_complete(value)
        return call

    @staticmethod
    async def all_of(generator):
        return [item async for item in generator]


@pytest.fixture(scope="module")
def plane():
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.environ["GUESTD_STACYVM"])
    s.settimeout(60)
    control = ControlPlane(StacyvmHost(s))
    yield control
    control.close()


@pytest.fixture(scope="module", params=["sync", "async"])
def box(request, plane):
    """A sandbox of each client."""
    if request.param == "sync":
        with stacyvm.Client(plane.url) as client:
            yield client.spawn(image="none")
        return
    loop = asyncio.new_event_loop()
    client = stacyvm.AsyncClient(plane.url)
    yield Awaited(loop, loop.run_until_complete(client.spawn(image="none")))
    loop.run_until_complete(client.close())
    loop.close()


@pytest.fixture(autouse=True)
def empty_place(box):
    box.delete_file(PLACE, recursive=True)
    yield
    box.delete_file(PLACE, recursive=True)


def test_exec(box):
    result = box.exec("echo $A; pwd; echo err >&2; exit 3", env={"A": "b"}, workdir="/tmp")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "b\n/tmp\n", "err\n")
    assert box.exec("printf '%s|'", args=["it's", "a b"]).stdout == "it's|a b|"
    assert box.exec("printf", args=["%s|", "$X"], mode="argv").stdout == "$X|"


def test_exec_stream(box):
    chunks = list(box.exec_stream("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo drei €"))
    assert [(c.stream, c.data) for c in chunks] == [("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "drei €\n")]


def test_a_server_in_the_background(box):
    begun = time.monotonic()
    pid = box.exec("sleep 200 & echo $!").stdout.strip()
    assert time.monotonic() - begun < 60
    assert box.exec(f"kill {pid}").exit_code == 0


def test_files(box):
    box.write_file(f"{PLACE}/a/b.txt", "grüße\n", mode="600")
    assert box.read_file(f"{PLACE}/a/b.txt") == "grüße\n"
    info = box.stat_file(f"{PLACE}/a/b.txt")
    assert (info["path"], info["size"], info["mode"], info["is_dir"]) == (f"{PLACE}/a/b.txt", 8, "600", False)
    box.chmod_file(f"{PLACE}/a/b.txt", "755")
    box.move_file(f"{PLACE}/a/b.txt", f"{PLACE}/c/d.txt")
    assert [(f["path"], f["is_dir"]) for f in box.list_files(PLACE)] == [(f"{PLACE}/a", True), (f"{PLACE}/c", True)]
    assert box.glob_files(f"{PLACE}/**/*.txt") == [f"{PLACE}/c/d.txt"]
    assert box.list_files(f"{PLACE}/c")[0]["mode"] == "755"
    box.delete_file(f"{PLACE}/c/d.txt")
    assert box.glob_files(f"{PLACE}/**/*.txt") == []


def test_a_large_file(box):
    text = "0123456789abcdef" * (1 << 18)
    box.write_file(f"{PLACE}/large", text)
    assert box.read_file(f"{PLACE}/large") == text


@pytest.mark.parametrize("call, says", [
    (lambda b: b.read_file("/nowhere"), "read: "), (lambda b: b.delete_file("/nowhere"), "delete: "),
    (lambda b: b.stat_file("/nowhere"), "stat: "), (lambda b: b.list_files("/nowhere"), "readdir: "),
    (lambda b: b.glob_files("/["), "glob: "), (lambda b: b.chmod_file("/tmp", "rwx"), "parse mode: "),
    (lambda b: b.exec("x", mode="fly"), 'unsupported exec mode "fly"'),
    (lambda b: b.exec("no-such-program", mode="argv"), "exec: no-such-program"),
])
def test_errors(box, call, says):
    with pytest.raises(stacyvm.ProviderError) as e:
        call(box)
    assert str(e.value).startswith(says)
