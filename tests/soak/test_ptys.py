"""Programs on terminals that are gone at once: nothing of what they wrote is, from the first byte to the last."""
import time
from concurrent.futures import ThreadPoolExecutor

from steady import Steady

RUNS = 10_000
CLIENTS = 8
TTY = {"size": {"cols": 80, "rows": 24}}

# What they do: a few bytes and gone; two writes with an exec between them; more than a terminal holds at once; an end by a
# signal right behind a write.
SCRIPTS = [
    ("exec printf %s $0", lambda name: name, 0),
    ("printf 'first %s\\n' $0; exec printf 'last %s' $0", lambda name: b"first %s\r\nlast %s" % (name, name), 0),
    ("seq 3000; exec printf %s $0", lambda name: LINES + name, 0),
    ("printf %s $0; kill -9 $$", lambda name: name, 9),
]
LINES = b"".join(b"%d\r\n" % n for n in range(1, 3001))


def runs(agent, client):
    """A client's share, on one connection. Returns how many bytes it got."""
    codec, total = ("json", "proto")[client % 2], 0
    with agent.connect() as c:
        for i in range(client, RUNS, CLIENTS):
            script, expected, killed_by = SCRIPTS[i // CLIENTS % len(SCRIPTS)]
            name = f"{client}-{i}"
            process = {"cmd": "/bin/sh", "args": ["-c", script, name]}
            r = c.stream("process.Process/Start", {"process": process, "stdin": False, "pty": TTY}, codec).result()
            assert r.pty == expected(name.encode()), f"run {i}: {script}"
            assert r.order[-1] == "end"
            assert r.end["status"] == ("signal: killed" if killed_by else "exit status 0"), f"run {i}: {script}"
            total += len(r.pty)
    return total


def test_10000_short_programs(say):
    since = time.monotonic()
    with Steady() as agent, ThreadPoolExecutor(CLIENTS) as clients:
        total = sum(clients.map(lambda client: runs(agent, client), range(CLIENTS)))
    say(f"ptys: {RUNS:,} programs, {total:,} bytes, in {time.monotonic() - since:.0f} s")
