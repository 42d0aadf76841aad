"""Peers behind a cable that is cut: at whatever point of a stream's life, the agent finds out and lets them go."""
import contextlib
import json
import re
import time
from pathlib import Path

from agent import Agent, encode, envelope, wait_for
from cable import HERE, Cable

# A connection is held by each; they read nothing but what has come first.
CLIENT = """
import json, socket, sys, time
connections = []
for text in json.loads(sys.argv[2]):
    s = socket.create_connection(("%s", int(sys.argv[1])))
    s.settimeout(1)
    s.sendall(text.encode("latin1"))
    try:
        s.recv(500)
    except TimeoutError:  # half a request has no answer
        pass
    connections.append(s)
    print(s.getsockname()[1], flush=True)
time.sleep(100000)
""" % HERE

OLD_S = 300  # the kernel's probes of a window that stays shut are as rare then as they get


def post(method, message, length=None):
    """A request as latin1 text; with a length, the head says that so much is to come."""
    body = envelope(encode(method, message, "json"))
    head = f"POST /{method} HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n{body.decode('latin1')}"


def start(*words):
    return post("process.Process/Start", {"process": {"cmd": words[0], "args": words[1:]}})


# Each: what it is doing, its request, and the seconds within which it must be found (docs/design.md, "Connections").
OLD = [
    ("reads nothing, for five minutes", start("yes"), 400),
]
YOUNG = [
    ("reads nothing", start("yes"), 45),
    ("watches a quiet program", start("sleep", "100000"), 45),
    ("watches a program that ticks", start("sh", "-c", "while :; do echo; sleep 1; done"), 1000),
    ("is idle", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 45),
    ("has sent half a header", "GET /health HTTP/1.1\r\nHos", 45),
    ("has sent half a request", post("process.Process/Start", {"process": {"cmd": "cat"}}, 1000), 45),
]


def open_here():
    """The peers' ports of the connections to the other host that are open on our side."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].split(":")[1], 16) for row in rows if row[3] == "01" and row[2].startswith("0200090A")}


def connect(cable, stack, port, cases):
    client = cable.run("python3", "-c", CLIENT, str(port), json.dumps([request for _, request, _ in cases]))
    stack.callback(client.wait)
    stack.callback(client.kill)
    return {int(client.stdout.readline()): (doing, limit) for doing, _, limit in cases}


def test_every_peer_behind_it_is_found(say):
    with Cable() as cable, Agent("--listen", "tcp:0.0.0.0:0", "--open") as agent, contextlib.ExitStack() as stack:
        port = int(re.search(r"tcp:0.0.0.0:(\d+)", agent.log)[1])
        near = stack.enter_context(agent.start("yes", to=("127.0.0.1", port)))  # reads nothing either, and lives
        near.started()
        peers = connect(cable, stack, port, OLD)
        time.sleep(OLD_S)
        peers.update(connect(cable, stack, port, YOUNG))
        time.sleep(2)
        assert open_here() == peers.keys()
        cable.cut()
        cut, late, left = time.monotonic(), [], dict(peers)
        while left:
            time.sleep(0.2)
            passed = time.monotonic() - cut
            for number in left.keys() - open_here():
                doing, limit = left.pop(number)
                say(f"cables: one that {doing} is found after {passed:.0f} s, of {limit}")
            late += [left.pop(number)[0] for number in list(left) if passed > left[number][1]]
        assert not late
        for _ in zip(range(50), near.iterator):
            pass  # it goes on where it was
        near.close()
        wait_for(lambda: agent.request("GET", "/health").status == 204)
