"""Many at once: requests on sixteen connections, and control calls beside an exec that floods."""
import contextlib
import os
import statistics
import subprocess

from measure import (CLIENT_CPU, NOTHING, PROGRAMS, Contender, Server, client, compare, guestd, per_second, ratio,
                     take_turns)
from wire import answer_of, call_request, http_request, start_request
from table import Row

CONNECTIONS = 16
ENDLESS = 1 << 60


def health_at_once(server, options):
    request = options.files.put(http_request("GET", "/health"))
    return per_second(server, request, CONNECTIONS, options.units(40000), 1600)


def at_once(options):
    with guestd() as agent:
        answer = options.files.put(answer_of(agent, http_request("GET", "/health")))
        with Server("raw_http", answer) as raw:
            yield from compare(f"/health on {CONNECTIONS} connections", options, health_at_once(agent, options),
                               health_at_once(raw, options), 0.5, "/s", at_least=True)


def reader():
    """Shares the client's CPU, but never keeps it from the client that measures."""
    os.sched_setaffinity(0, {CLIENT_CPU})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextlib.contextmanager
def flood(agent, options):
    """An exec that writes without end, and a client that reads it as fast as it can."""
    request = options.files.put(start_request("proto", NOTHING, "source", str(ENDLESS)))
    process = subprocess.Popen([PROGRAMS / "client", "unary", agent.path, request, "1"], preexec_fn=reader)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the flood ended")
    finally:
        process.kill()
        process.wait()
        for p in agent.call("process.Process/List").get("processes", []):
            if "source" in p["config"]["args"]:
                agent.call("process.Process/SendSignal", {"process": {"pid": p["pid"]}, "signal": "SIGNAL_SIGKILL"})


def p95_us(lines):
    return statistics.quantiles((line[0] for line in lines), n=20)[-1] / 1000


def controls(agent, options):
    """What must still answer: its name, and the times of n of it."""
    with agent.start(NOTHING, "pause", tag="quiet") as s:
        s.started()
    window_changed = {"process": {"tag": "quiet"}, "number": 28}  # SIGWINCH: nothing happens to the process
    start = options.files.put(start_request("proto", NOTHING, "echo", pty={"size": {"cols": 80, "rows": 24}}, tag="t"))
    key = options.files.put(call_request("SendInput", {"process": {"tag": "t"}, "input": {"pty": "aw=="}}, "proto"))
    signal = options.files.put(call_request("SendSignal", window_changed, "proto"))
    health = options.files.put(http_request("GET", "/health"))
    yield "SendSignal", lambda n: client("unary", agent.path, signal, n)
    yield "/health", lambda n: client("unary", agent.path, health, n)
    yield "keystroke", lambda n: client("keys", agent.path, start, key, n)


def beside_flood(options):
    with guestd() as agent:
        for name, measure in controls(agent, options):
            def flooded(n, measure=measure):
                with flood(agent, options):
                    return p95_us(measure(n))
            busy = Contender(flooded, options.units(2000))
            idle = Contender(lambda n, measure=measure: p95_us(measure(n)), options.units(2000))
            take_turns([busy, idle], options.rounds)
            yield Row(f"{name} p95, flooded / idle", busy.result, "µs", 10, False, idle.result, ratio(busy, idle))


def load(options):
    yield from at_once(options)
    yield from beside_flood(options)
