"""What E2B's package of PyPI does with a sandbox that is a real guest: run by test_sdk.py, which bridges port 49983 to it."""
import threading

from e2b import CommandExitException, Sandbox
from e2b.sandbox.commands.command_handle import PtySize

TEXT = "grüße\n"


def commands(s):
    r = s.commands.run("echo out; echo err >&2; echo $HOME; id -un")
    assert (r.stdout, r.stderr, r.exit_code) == ("out\n/home/user\nuser\n", "err\n", 0), r
    try:
        s.commands.run("exit 7")
        raise AssertionError("exit 7 is no error")
    except CommandExitException as e:
        assert e.exit_code == 7
    big = s.commands.run("seq 200000", timeout=120)
    assert big.stdout == "".join(f"{i}\n" for i in range(1, 200001))


def background(s):
    h = s.commands.run("cat", background=True, stdin=True)
    assert h.pid in [p.pid for p in s.commands.list()]
    s.commands.send_stdin(h.pid, "echo\n")
    for out, _, _ in h:
        assert out == "echo\n"
        break
    assert s.commands.kill(h.pid) is True
    while h.pid in [p.pid for p in s.commands.list()]:
        pass
    assert s.commands.kill(h.pid) is False


def terminal(s):
    h = s.pty.create(PtySize(rows=30, cols=100))
    s.pty.send_stdin(h.pid, b"stty size; exit 3\n")
    seen = b""
    try:
        for _, _, data in h:
            seen += data or b""
        h.wait()
    except CommandExitException as e:
        assert e.exit_code == 3
    assert b"30 100" in seen, seen


def files(s):
    s.files.write("sdk/a.txt", TEXT)
    s.files.write_files([{"path": "sdk/b", "data": b"\0\1"}, {"path": "sdk/c", "data": b""}])
    assert s.files.read("sdk/a.txt") == TEXT
    assert bytes(s.files.read("sdk/b", format="bytes")) == b"\0\1"
    assert sorted(e.name for e in s.files.list("sdk")) == ["a.txt", "b", "c"]
    s.files.rename("sdk/c", "sdk/d")
    assert s.files.exists("sdk/d") and not s.files.exists("sdk/c")
    info = s.files.get_info("sdk/a.txt")
    assert (info.owner, info.size, info.path) == ("user", len(TEXT.encode()), "/home/user/sdk/a.txt")
    watch = s.files.watch_dir("sdk")
    s.files.write("sdk/e", "x")
    assert "e" in {event.name for event in watch.get_new_events()}
    watch.stop()
    s.files.remove("sdk")
    assert not s.files.exists("sdk")


def many(s):
    """At once, each with its own output."""
    results = {}

    def run(i):
        results[i] = s.commands.run(f"echo {i}; sleep 0.2; echo {i}").stdout
    threads = [threading.Thread(target=run, args=(i,)) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {i: f"{i}\n{i}\n" for i in range(10)}


sandbox = Sandbox.create()
for step in (commands, background, terminal, files, many):
    step(sandbox)
    print(step.__name__, flush=True)
