"""What the clients of the mix do, each once and whole, with what must come of it. Any may vanish in the middle."""
import base64
import os
import socket

import file_steps
import wires
from agent import Session
from h2client import H2
from stacyvm_host import StacyvmHost

TTY = {"size": {"cols": 80, "rows": 24}}


class Step:
    """One step of a client: whom it calls, by which dice, in which directory, and where StacyVM's listener is."""

    def __init__(self, client, rng, path, stacyvm):
        self.client, self.rng, self.path, self.stacyvm = client, rng, path, stacyvm
        self.codec = rng.choice(["json", "proto"])


def program(step):
    """A program's words, stdout and exit code: nothing, a line, or more than any buffer holds."""
    count, code = step.rng.choice([0, 1, 30_000, step.rng.randrange(200_000)]), step.rng.randrange(200)
    lines = b"".join(b"%d\n" % n for n in range(1, count + 1))
    return ("/bin/sh", "-c", f"seq {count}; exit {code}"), lines, code


def run(step):
    words, lines, code = program(step)
    assert wires.start(step.rng.choice(wires.WIRES), step.client, step.codec, *words) == (lines, b"", b"", code)


def terminal(step):
    words, lines, code = program(step)
    got = wires.start(step.rng.choice(wires.WIRES), step.client, step.codec, *words, pty=TTY)
    assert got == (b"", b"", lines.replace(b"\n", b"\r\n"), code)


def session(step):
    """Input and output at the same time, in pieces."""
    data = step.rng.randbytes(step.rng.choice([0, 1, 1000, 60_000]))
    with step.client.connect() as c:
        s = Session(c, step.codec, {})
        s.send({"start": {"process": {"cmd": "cat"}}})
        for at in range(0, len(data), 9000):
            s.feed(data[at:at + 9000])
        s.half_close()
        r = s.result()
    assert (r.stdout, r.code) == (data, 0)


def keys(step):
    """A shell on a terminal: typed into by calls of their own, resized, ended by a signal or by itself."""
    with step.client.start("/bin/cat", pty=TTY, codec=step.codec) as s:
        selector = {"process": {"pid": s.started()}}
        for i in range(step.rng.randrange(4)):
            text = f"key {i}".encode()
            step.client.call("process.Process/SendInput",
                             {**selector, "input": {"pty": base64.b64encode(text + b"\n").decode()}}, step.codec)
            s.read_until(text, "pty")
        step.client.call("process.Process/Update", {**selector, "pty": {"size": {"cols": 100, "rows": 30}}}, step.codec)
        step.client.call("process.Process/SendSignal", {**selector, "signal": "SIGNAL_SIGKILL"}, step.codec)
        s.result()


def two_watch(step):
    """A second subscriber sees what the first does, and the end."""
    with step.client.start("/bin/sh", "-c", "read x; seq 1000", stdin=True) as first:
        selector = {"process": {"pid": first.started()}}
        with step.client.stream("process.Process/Connect", selector, step.codec) as second:
            second.started()
            step.client.call("process.Process/CloseStdin", selector)
            assert first.result().stdout == second.result().stdout == b"".join(b"%d\n" % n for n in range(1, 1001))


def left_alone(step):
    """A program that outlives its leader, or its client."""
    script = step.rng.choice(["sleep 1 & exit 0", "sleep 3", "seq 300000; sleep 1", "trap '' TERM; sleep 2"])
    with step.client.start("/bin/sh", "-c", f"exec 2>/dev/null; {script}") as s:
        s.started()


def many_streams(step):
    """Programs on one connection of HTTP/2; some streams are reset."""
    with H2(step.client.connect().sock) as c:
        streams = [c.start("/bin/sh", "-c", f"seq {n}", codec=step.codec) for n in (1, 1000, 20_000, 20_000)]
        if step.rng.random() < 0.5:
            c.h2.reset_stream(streams.pop().number)
            c.flush()
        for s in streams:
            *messages, end = wires.whole(s).messages("process.Process/Start", step.codec)
            assert end == {}, end
            assert wires.output(messages)[3] == 0, messages[-1]


def small_calls(step):
    wire = step.rng.choice(wires.WIRES)
    wire(step.client, "process.Process/List", {"ids": True}, step.codec, False)
    [info] = wire(step.client, "guest.v1.Agent/GetInfo", {}, step.codec, False)
    assert info["pid"] == step.client.agent.pid
    with step.client.connect() as c:
        assert [c.request("GET", path).status for path in ("/health", "/metrics", "/nowhere")] == [204, 200, 404]


def files(step):
    place = file_steps.Place(step.path)
    f = step.rng.choice([f for f in file_steps.STEPS if f is not file_steps.watcher])
    f(step.client, place, step.codec)
    assert place.left_over() == []


def watcher(step):
    """Nobody vanishes here: a watcher whose id was sent is its client's for half an hour."""
    step.client.doomed = False
    file_steps.watcher(step.client, file_steps.Place(step.path), step.codec)


def stacyvm(step):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(step.stacyvm)
    with StacyvmHost(step.client.wrap(sock)) as h:
        for i in range(step.rng.randrange(1, 4)):
            data = step.rng.randbytes(step.rng.choice([0, 5, 100_000]))
            h.write(f"{step.path}/below/{i}", data)
            assert h.content(f"{step.path}/below/{i}") == data
        assert len(h.call("list_files", path=f"{step.path}/below")["files"]) == i + 1
        assert h.exec(f"seq 1000; exit {i}") == (i, "".join(f"{n}\n" for n in range(1, 1001)), "")
        chunks = list(h.stream("seq 20000"))
        assert "".join(c.get("data", "") for c in chunks) == "".join(f"{n}\n" for n in range(1, 20001))


STEPS = [run, run, terminal, session, keys, two_watch, left_alone, many_streams, small_calls, files, files, files, watcher, stacyvm]


def left_over(path):
    """Names below that only the agent gives."""
    return [f for _, dirs, names in os.walk(path) for f in dirs + names if f.startswith(".guestd")]
