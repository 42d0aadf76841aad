"""Hosts and agents one version apart: what one of them does not know of the other harms neither."""
import json
import subprocess
import sys

import pytest
import versions
from agent import ROOT, Agent, Stream, envelope
from between import Between
from google.protobuf import json_format
from guestctl import CTL

sys.path.insert(0, str(ROOT / "tests/lint"))

import released  # noqa: E402

METHODS = [
    ("guest.v1.Agent/GetInfo", {}),
    ("guest.v1.Agent/GetBoot", {}),
    ("process.Process/List", {}),
    ("process.Process/SendSignal", {"process": {"tag": "cat"}, "number": 18, "target": "SIGNAL_TARGET_TREE"}),
    ("process.Process/SendInput", {"process": {"tag": "cat"}, "input": {"stdin": ""}}),
    ("process.Process/Update", {"process": {"tag": "tty"}, "pty": {"size": {"cols": 100, "rows": 40}}}),
    ("filesystem.Filesystem/Stat", {"path": "/etc/passwd"}),
    ("filesystem.Filesystem/ListDir", {"path": "/etc/skel", "depth": 1}),
    ("guest.v1.Files/Stat", {"path": "/etc/passwd"}),
]


@pytest.fixture(scope="module")
def guest():
    """An agent with two processes that stay."""
    with Agent() as a:
        streams = [a.start("cat", stdin=True, tag="cat"), a.start("cat", tag="tty", pty={"size": {"cols": 80, "rows": 24}})]
        for s in streams:
            s.started()
        yield a
        for s in streams:
            s.close()


@pytest.fixture(scope="module")
def now():
    return versions.Protos(versions.current())


@pytest.fixture(scope="module")
def before():
    return versions.Protos(versions.older())


@pytest.fixture(scope="module")
def after():
    return versions.Protos(versions.newer())


def post(agent, method, kind, body):
    with agent.connect() as c:
        return c.request("POST", f"/{method}", {"Content-Type": f"application/{kind}", "Content-Length": len(body)}, body)


def answer(agent, method, kind, body):
    r = post(agent, method, kind, body)
    assert r.status == 200, f"{method}: {r.text}"
    return r.body


def told(message):
    """What an answer says, without the time of day."""
    value = json_format.MessageToDict(message)
    value.pop("now", None)
    return value


def parsed(cls, request):
    """As much of a request as its version knows."""
    return json_format.ParseDict(request, cls(), ignore_unknown_fields=True)


# --- an older host ----------------------------------------------------------------------------------------------------


def test_the_older_protos_have_what_was_released():
    """All of it, and of fields and methods nothing else."""
    listed = set((ROOT / "proto/released.txt").read_text().splitlines())
    had = released.lines([f for f in versions.older().file if not f.package.startswith("google.")])
    assert listed <= had and len(listed) > 200
    assert not [line for line in had - listed if "/" in line or len(line.split(" ")) > 3]


@pytest.mark.parametrize("method, request_", METHODS)
def test_an_older_host_reads_what_it_knows(guest, now, before, method, request_):
    if before.method(method) is None:  # it could not have called it; it has it from the next release on
        assert f".{method}" not in versions.released()
        return
    old, new = before.method(method), now.method(method)
    sent = parsed(old[0], request_).SerializeToString()
    there = versions.shrink(new[1].FromString(answer(guest, method, "proto", sent)), versions.released())
    seen = old[1].FromString(answer(guest, method, "proto", sent))
    seen.DiscardUnknownFields()
    assert told(seen) == told(there)
    text = answer(guest, method, "json", json_format.MessageToJson(parsed(old[0], request_)).encode())
    json_format.Parse(text, old[1](), ignore_unknown_fields=True)


def test_an_older_host_runs_a_process(guest, before):
    """Its events are those that it knows, and come in their order."""
    request, event = before.method("process.Process/Start")
    body = parsed(request, {"process": {"cmd": "sh", "args": ["-c", "echo out; echo err >&2; exit 3"]}}).SerializeToString()
    with guest.connect() as c:
        c.send_request("POST", "/process.Process/Start", {"Content-Type": "application/connect+proto"}, envelope(body))
        assert c.read_head()[0] == 200
        seen = b""
        while chunk := c.chunk():
            seen += chunk
    kinds, out = [], {}
    while seen:
        flags, size = seen[0], int.from_bytes(seen[1:5], "big")
        data, seen = seen[5:5 + size], seen[5 + size:]
        if not flags:
            e = event.FromString(data).event
            kinds.append(e.WhichOneof("event"))
            if kinds[-1] == "data":
                out[e.data.WhichOneof("output")] = getattr(e.data, e.data.WhichOneof("output"))
    assert kinds[0] == "start" and kinds[-1] == "end" and None not in kinds
    assert out == {"stdout": b"out\n", "stderr": b"err\n"} and e.end.exit_code == 3


# --- a newer host -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, request_", METHODS)
def test_what_a_newer_host_says_besides_is_passed_over(guest, now, after, method, request_):
    plain = json_format.ParseDict(request_, now.method(method)[0]()).SerializeToString()
    wanted = told(now.method(method)[1].FromString(answer(guest, method, "proto", plain)))
    filled = versions.fill(json_format.ParseDict(request_, after.method(method)[0]())).SerializeToString()
    foreign = versions.grow(json_format.ParseDict(request_, now.method(method)[0]())).SerializeToString()
    for body in (filled, foreign):
        assert len(body) > len(plain)
        got = after.method(method)[1].FromString(answer(guest, method, "proto", body))
        assert told(got) == wanted
    text = json.dumps(versions.grow_json(request_)).encode()
    got = json_format.Parse(answer(guest, method, "json", text), now.method(method)[1]())
    assert told(got) == wanted


@pytest.mark.parametrize("codec", ["json", "proto"])
def test_a_newer_host_runs_a_process(guest, after, codec):
    message = {"process": {"cmd": "sh", "args": ["-c", "cat; exit 4"]}, "stdin": False}
    if codec == "json":
        body = json.dumps(versions.grow_json(message)).encode()
    else:
        body = versions.fill(json_format.ParseDict(message, after.method("process.Process/Start")[0]())).SerializeToString()
    with guest.connect() as c:
        c.send_request("POST", "/process.Process/Start", {"Content-Type": f"application/connect+{codec}"}, envelope(body))
        r = Stream(c, "process.Process/Start", codec).result()
    assert r.code == 4 and r.order == ["start", "end"]


def test_a_newer_method_is_unimplemented(guest, after):
    for method in ("guest.v1.Agent/Later", "process.Process/Later", "guest.v1.Later/Get"):
        for kind in ("json", "proto"):
            r = post(guest, method, kind, b"{}" if kind == "json" else b"")
            assert r.status == 404, (method, r.text)  # to every client of Connect that is "unimplemented"
        for protocol in ("connect", "grpc"):
            r = ctl(f"unix:{guest.path}", "call", method, "{}", protocol=protocol)
            assert r.returncode == 1 and b"does not know this call" in r.stderr, r.stderr
    assert after.method("guest.v1.Agent/Later")


def test_a_newer_enums_value_is_an_error_of_that_call(guest, after):
    request = {"process": {"tag": "cat"}, "signal": "SIGNAL_LATER"}
    body = json_format.ParseDict(request, after.method("process.Process/SendSignal")[0]()).SerializeToString()
    for kind, data in (("proto", body), ("json", json.dumps(request).encode())):
        r = post(guest, "process.Process/SendSignal", kind, data)
        assert (r.status, r.json()["code"]) == ((501, "unimplemented") if kind == "proto" else (400, "invalid_argument"))
    assert guest.call("process.Process/List")["processes"]


# --- guestctl and another agent ---------------------------------------------------------------------------------------


def ctl(target, *words, protocol="connect", **options):
    return subprocess.run([CTL, "-t", target, "--protocol", protocol, *map(str, words)], timeout=60,
                          **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})


def newer_answers(now):
    return lambda method, data: versions.grow(now.method(method)[1].FromString(data)).SerializeToString()


VERBS = [["exec", "sh", "-c", "echo out; echo err >&2; exit 7"], ["ps"], ["info"], ["boot"], ["ls", "-l", "/etc/skel"],
         ["stat", "/etc/passwd"], ["cat", "/etc/passwd"], ["kill", "--signal", "CONT", "cat"]]


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_guestctl_and_a_newer_agent(guest, now, tmp_path, words):
    """It prints what it prints of this one."""
    wanted = ctl(f"unix:{guest.path}", *words)
    changed = []

    def change(method, data):
        changed.append(method)
        return newer_answers(now)(method, data)

    with Between(guest, tmp_path / "s", change):
        got = ctl(f"unix:{tmp_path}/s", *words)
    assert (got.returncode, got.stdout, got.stderr) == (wanted.returncode, wanted.stdout, wanted.stderr)
    assert changed or words[0] == "cat"  # a file is no message


def test_guestctl_copies_trees_with_a_newer_agent(guest, now, tmp_path):
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").write_bytes(b"x" * 100000)
    (source / "link").symlink_to("a")
    with Between(guest, tmp_path / "s", newer_answers(now)):
        for words in (["cp", "-r", source, f":{tmp_path}/up"], ["cp", "-r", f":{tmp_path}/up", tmp_path / "down"]):
            r = ctl(f"unix:{tmp_path}/s", *words)
            assert r.returncode == 0, r.stderr
    assert (tmp_path / "down/a/b/file").read_bytes() == b"x" * 100000 and (tmp_path / "down/link").readlink().name == "a"


def older_agent(guest, now, path):
    there = versions.released()
    return Between(guest, path, lambda method, data: versions.shrink(now.method(method)[1].FromString(data), there)
                   .SerializeToString(), lambda method: f".{method}" in there)


@pytest.mark.parametrize("words", [v for v in VERBS if v[0] in ("exec", "ps", "kill")], ids=lambda words: words[0])
def test_guestctl_and_an_older_agent(guest, now, tmp_path, words):
    """What was released, works."""
    wanted = ctl(f"unix:{guest.path}", *words)
    with older_agent(guest, now, tmp_path / "s"):
        got = ctl(f"unix:{tmp_path}/s", *words)
    assert (got.returncode, got.stdout, got.stderr) == (wanted.returncode, wanted.stdout, wanted.stderr)


@pytest.mark.parametrize("method, words", [("guest.v1.Agent/GetBoot", ["boot"]),
                                           ("guest.v1.Files/Stat", ["stat", "/etc/passwd"])])
def test_guestctl_says_what_an_older_agent_lacks(guest, now, tmp_path, method, words):
    """One line, and the exit code of an agent's error."""
    there = versions.released() - {f".{method}"}
    with Between(guest, tmp_path / "s", lambda _, data: data, lambda m: m != method and f".{m}" in there):
        got = ctl(f"unix:{tmp_path}/s", *words)
    assert got.returncode == 1 and got.stdout == b"" and got.stderr.count(b"\n") == 1, got
    assert b"does not know this call" in got.stderr
