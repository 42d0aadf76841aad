"""Rows of single requests: guestd beside a raw counterpart, and the counterpart beside its floor."""
import os
from pathlib import Path

from measure import (Contender, NOTHING, PROGRAMS, SERVER_CPU, Server, Trace, client, compare, guestd, p50_us, served,
                     unary)
from wire import answer_of, call_request, http_request, start_request

from agent import BINARY, wait_for


def small(name, options, agent, request, target):
    answer, request = options.files.put(answer_of(agent, request)), options.files.put(request)
    units = options.units(4000)
    with Server("raw_http", answer) as raw, Server("floor", answer, mode=["echo"]) as echo:
        yield from compare(name, options, unary(agent, request, units), unary(raw, request, units), target,
                           floor=("blocking echo", unary(echo, request, units), 1.3))


def health(options):
    with guestd() as agent:
        yield from small("/health p50", options, agent, http_request("GET", "/health"), 1.2)


def ten_processes(agent):
    for i in range(10):
        with agent.start(NOTHING, "pause", tag=f"quiet-{i}", envs={"NUMBER": str(i)}, cwd="/") as s:
            s.started()


def listing(options):
    """Of ten processes."""
    with guestd() as agent:
        ten_processes(agent)
        for codec in ("proto", "json"):
            yield from small(f"List p50, {codec}", options, agent, call_request("List", {}, codec), 1.5)


def typing(server, options):
    """Keys into a program that echoes them."""
    start = options.files.put(start_request("proto", NOTHING, "echo", pty={"size": {"cols": 80, "rows": 24}}, tag="t"))
    # The key is the request's last byte; that is where the counterpart takes it from.
    key = options.files.put(call_request("SendInput", {"process": {"tag": "t"}, "input": {"pty": "aw=="}}, "proto"))
    return served(server, lambda n: p50_us(client("keys", server.path, start, key, n)), options.units(2000), 200)


def keystroke(options):
    with guestd() as agent, Server("raw_pty", NOTHING, "echo") as raw:
        yield from compare("keystroke echo p50", options, typing(agent, options), typing(raw, options), 1.4)


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
