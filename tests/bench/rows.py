"""The rows: guestd beside a raw counterpart, and the counterpart beside its floor."""
import os
import re
from pathlib import Path

from measure import (Contender, PROGRAMS, SERVER_CPU, Server, Trace, client, guestd, p50_us, ratio, served, take_turns)
from table import Row

from agent import BINARY, encode, envelope, wait_for

NOTHING = str(PROGRAMS / "programs")
KIB = 1024


def compare(name, options, agent, raw, target, unit="µs", floor=None, at_least=False):
    """Two rows. `floor`: its name, its contender, and how much slower than it the counterpart may be."""
    take_turns([agent, raw] + ([floor[1]] if floor else []), options.rounds)
    yield Row(name, agent.result, unit, target, at_least, raw.result, ratio(agent, raw), (agent.cpu_us, raw.cpu_us),
              (agent.trace(), raw.trace()))
    if floor:
        times = ratio(floor[1], raw) if at_least else ratio(raw, floor[1])
        yield Row(f"  its raw / {floor[0]}", raw.result, unit, floor[2], False, floor[1].result, times)


# --- requests -----------------------------------------------------------------------------------

def http_request(method, path, body=b"", **fields):
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n".encode() + body


def call_request(method, message, codec):
    body = encode(f"process.Process/{method}", message, codec)
    return http_request("POST", f"/process.Process/{method}", body, Content_Type=f"application/{codec}",
                        Content_Length=len(body))


def start_request(codec, *words, **fields):
    message = {"process": {"cmd": words[0], "args": list(words[1:])}, "stdin": False, **fields}
    body = envelope(encode("process.Process/Start", message, codec))
    return http_request("POST", "/process.Process/Start", body, Content_Type=f"application/connect+{codec}",
                        Content_Length=len(body))


def unary(server, request, units, traced=200):
    return served(server, lambda n: p50_us(client("unary", server.path, request, n)), units, traced)


# --- small requests -----------------------------------------------------------------------------

def answer_of(agent, request):
    """What guestd answers: the very bytes, for a counterpart to send."""
    with agent.connect() as c:
        c.send(request)
        while True:
            c.more()
            head, end, body = c.buffer.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            if end and len(body) == int(length[1] if length else 0):
                return c.buffer


def small(name, options, agent, request, target):
    answer, request = options.files.put(answer_of(agent, request)), options.files.put(request)
    units = options.units(4000)
    with Server("raw_http", answer) as raw, Server("floor", answer, mode=["echo"]) as echo:
        yield from compare(name, options, unary(agent, request, units), unary(raw, request, units), target,
                           floor=("blocking echo", unary(echo, request, units), 1.3))


def health(options):
    with guestd() as agent:
        yield from small("/health p50", options, agent, http_request("GET", "/health"), 1.2)


def listing(options):
    """Of ten processes."""
    with guestd() as agent:
        for i in range(10):
            with agent.start(NOTHING, "pause", tag=f"quiet-{i}", envs={"NUMBER": str(i)}, cwd="/") as s:
                s.started()
        for codec in ("proto", "json"):
            yield from small(f"List p50, {codec}", options, agent, call_request("List", {}, codec), 1.5)


# --- processes ----------------------------------------------------------------------------------

def execs(options):
    request = options.files.put(start_request("proto", NOTHING))
    units = options.units(400)
    for name, flags, target in (("exec p50", ["--no-cgroups"], 1.35), ("exec p50, with leaf", [], 1.7)):
        with (guestd(*flags) as agent, Server("raw_exec", "plain", NOTHING) as raw,
              Server("floor", NOTHING, mode=["spawn"]) as loop):
            if agent.run(NOTHING).code != 0 or ("cgroupRoot" in agent.call("guest.v1.Agent/GetInfo")) == bool(flags):
                raise RuntimeError(f"{name}: not what this row measures; guestd's log:\n{agent.log}")
            yield from compare(name, options, unary(agent, request, units, 50), unary(raw, request, units, 50), target,
                               floor=("vfork + wait", unary(loop, request, units), 1.3))


def stdout(options):
    """A unit is 64 KiB."""
    for codec, mode, target in (("proto", "plain", 0.87), ("json", "base64", 0.83)):
        units = options.units(4096)
        words = [NOTHING, "source", str(units * 64 * KIB)]
        request = options.files.put(start_request(codec, *words))

        def relay(server):
            def measure(_):  # the program that was told how much to write decides
                (ns, size), = client("unary", server.path, request, 1)
                if size < units * 64 * KIB:
                    raise RuntimeError(f"stdout, {codec}: only {size} bytes came")
                return units * 64 * KIB / ns * 1000
            return served(server, measure, units, units)

        with (guestd() as agent, Server("raw_exec", mode, *words) as raw,
              Server("floor", *words, mode=["dd"]) as dd):
            yield from compare(f"stdout, {codec}", options, relay(agent), relay(raw), target, "MB/s",
                               ("dd", relay(dd), 1.2) if mode == "plain" else None, at_least=True)


def keystroke(options):
    start = options.files.put(start_request("proto", NOTHING, "echo", pty={"size": {"cols": 80, "rows": 24}}, tag="t"))
    # The key is the request's last byte; that is where the counterpart takes it from.
    key = options.files.put(call_request("SendInput", {"process": {"tag": "t"}, "input": {"pty": "aw=="}}, "proto"))
    units = options.units(2000)

    def typing(server):
        return served(server, lambda n: p50_us(client("keys", server.path, start, key, n)), units, 200)

    with guestd() as agent, Server("raw_pty", NOTHING, "echo") as raw:
        yield from compare("keystroke echo p50", options, typing(agent), typing(raw), 1.4)


# --- start --------------------------------------------------------------------------------------

def starting(path, request, units, *command):
    """A contender that is started anew for each unit."""
    spent = [0.0]

    def measure(n):
        lines = client("start", path, request, n, SERVER_CPU, *command)
        spent[0] += sum(line[1] for line in lines) / 1e9
        return p50_us(lines)

    def trace():
        Path(path).unlink()
        tracing = Trace(command=command)
        wait_for(lambda: os.path.exists(path), what=f"{command[0]} listens")
        client("unary", path, request, 1)
        tracing.kill()
        return len(tracing.calls())
    return Contender(measure, units, lambda: spent[0], trace)


def start(options):
    """From fork to the first answer."""
    request, units = options.files.put(http_request("GET", "/health")), options.units(50)
    with guestd() as agent:
        answer = options.files.put(answer_of(agent, request.read_bytes()))
    sockets = [f"{options.files.folder}/{name}" for name in ("guestd", "raw")]
    agent = starting(sockets[0], request, units, BINARY, "--listen", f"unix:{sockets[0]}", "--run-dir",
                     options.files.folder, "--log-level", "off")
    raw = starting(sockets[1], request, units, PROGRAMS / "raw_http", sockets[1], answer)
    yield from compare("start to first answer", options, agent, raw, 1.5)
