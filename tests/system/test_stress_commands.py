"""Many commands: one after the other, at once, and alive at the same time. Every byte and every exit code is checked."""
import random
import threading

import pytest
from agent import RpcError, SLOW, wait_for
from steady import Steady, alive

CONNECTIONS = 10
COMMANDS = 1000 if SLOW == 1 else 100
TTY = {"size": {"cols": 80, "rows": 24}}


@pytest.fixture(scope="module")
def agent():
    with Steady() as a:
        yield a


@pytest.fixture(autouse=True)
def nothing_left(agent):
    yield
    agent.kill_all()


def in_threads(count, work):
    """Calls work(i) in threads; the first failure is the test's."""
    failures = []

    def run(i):
        try:
            work(i)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def start(connection, script, *args, codec="json", **fields):
    process = {"cmd": "/bin/sh", "args": ["-c", script, *args]}
    return connection.stream("process.Process/Start", {"process": process, "stdin": False, **fields}, codec)


def test_10000_short_commands(agent):
    """Ten clients, a connection each: every command says who it is on both outputs and in its code."""
    def work(client):
        codec = "json" if client % 2 else "proto"
        with agent.connect() as c:
            for i in range(COMMANDS):
                r = start(c, "echo $0; echo $0 >&2; exit $1", f"{client}-{i}", str(i % 256), codec=codec).result()
                assert r.stdout == r.stderr == b"%d-%d\n" % (client, i)
                assert r.code == i % 256 and r.end["status"] == f"exit status {i % 256}"

    in_threads(CONNECTIONS, work)


def test_200_at_once(agent):
    """All of them run before one may go on; then they write at the same time."""
    streams = [agent.start("/bin/sh", "-c", f"read x; seq {i * 1000} {i * 1000 + 5000}; exit {i}", stdin=True,
                           codec="proto" if i % 2 else "json") for i in range(200)]
    pids = [s.started() for s in streams]
    assert len(set(pids)) == 200 and all(alive(pid) for pid in pids)
    for pid in pids:
        agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
    for i, s in enumerate(streams):
        with s:
            r = s.result()
            assert r.stdout == b"".join(b"%d\n" % n for n in range(i * 1000, i * 1000 + 5001)) and r.code == i


def test_1000_processes_alive(agent):
    """They are listed in order, each is found by its tag, the one too many is refused, and nobody is slow for them."""
    pids = []
    for i in range(1000):
        with agent.start("sleep", "1000", tag=f"t{i}") as s:
            pids.append(s.started())
    listed = agent.call("process.Process/List")["processes"]
    assert [(p["pid"], p["tag"]) for p in listed] == [(pid, f"t{i}") for i, pid in enumerate(pids)]
    for i in random.Random(1).sample(range(1000), 50):
        with agent.stream("process.Process/Connect", {"process": {"tag": f"t{i}"}}) as s:
            assert s.started() == pids[i]
    assert agent.shell("echo still; exit 3").stdout == b"still\n"
    for _ in range(24):
        with agent.start("sleep", "1000") as s:
            s.started()
    with pytest.raises(RpcError) as e:
        agent.run("/bin/true")
    assert e.value.code == "resource_exhausted"
    assert agent.request("GET", "/health").status == 204
    agent.kill_all()
    assert not any(alive(pid) for pid in pids)
    assert agent.shell("exit 4").code == 4


def test_no_output_of_a_terminal_is_lost_at_its_beginning(agent):
    """A thousand times: the program writes and is gone before anybody can have connected."""
    def work(client):
        with agent.connect() as c:
            for i in range(250 // SLOW):
                r = start(c, "printf $0", f"{client}-{i}", pty=TTY).result()
                assert r.pty == b"%d-%d" % (client, i) and r.order[-1] == "end"

    in_threads(4, work)


def test_no_output_of_a_terminal_is_lost_at_its_end(agent):
    """Much output, and the program's end while the terminal is full of it."""
    want = b"".join(b"%d\r\n" % n for n in range(20000))
    for _ in range(4):
        assert agent.shell("seq 0 19999", pty=TTY).pty == want


def test_bytes_of_a_terminal_are_not_text(agent):
    """Characters of two, three and four bytes, and bytes that are none: at every place where a read may cut."""
    unit = "aä€😀".encode() + b"\xff\xc3"
    script = "stty raw; yes \"$(printf '%s')\" | head -c %d" % ("".join(f"\\{b:03o}" for b in unit), 6000 * (len(unit) + 1))
    for codec in ("json", "proto"):
        assert agent.shell(script, pty=TTY, codec=codec).pty == (unit + b"\n") * 6000


def test_a_terminal_is_resized_while_it_writes(agent):
    """Every size that was set is seen, in order, by the program."""
    script = "echo up; while :; do stty size; sleep .02; done"
    with agent.start("/bin/bash", "-c", script, pty=TTY) as s:
        pid = s.started()
        s.read_until(b"up\r\n", "pty")
        for i in range(1, 20):
            agent.call("process.Process/Update",
                       {"process": {"pid": pid}, "pty": {"size": {"cols": 80 + i, "rows": 24 + i}}})
            s.read_until(b"%d %d\r\n" % (24 + i, 80 + i), "pty")
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
        s.result()


def test_waiting_processes_add_no_thread(agent):
    """A hundred with their clients attached: the workers that started them leave, and one thread serves all."""
    streams = [agent.start("sleep", "1000") for _ in range(100)]
    for s in streams:
        s.started()
    wait_for(lambda: agent.threads() == 1, 20, "only the loop's thread is there")
    for s in streams:
        s.close()
