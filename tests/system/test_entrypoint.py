"""guestd --init -- PROGRAM: the entrypoint of a container, as its PID 1 and as somebody's child."""
import os
import pty
import resource
import signal
import subprocess
import tempfile

import pytest
from agent import BINARY, Agent, wait_for

NAMESPACE = ["unshare", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child"]


class Entrypoint(Agent):
    """What the program writes comes by the pipe, what guestd says by the log."""

    def __init__(self, *program, wrap=(), stdin=subprocess.DEVNULL, preexec=None):
        self.dir = tempfile.TemporaryDirectory(prefix="gd", dir="/tmp")
        self.path = f"{self.dir.name}/s"
        self.log_path = f"{self.dir.name}/log"
        self.wrapped = "unshare" in wrap
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*wrap, str(BINARY), "--listen", f"unix:{self.path}", "--run-dir", f"{self.dir.name}/run", "--init", "--",
                 *program], stdin=stdin, stdout=subprocess.PIPE, stderr=log, preexec_fn=preexec)
        wait_for(lambda: os.path.exists(self.path) or self.process.poll() is not None, 10)

    def line(self):
        return self.process.stdout.readline().decode().strip()

    @property
    def pid(self):
        return self.child if self.wrapped else self.process.pid

    @property
    def child(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return int(f.read())

    def ended(self):
        code = self.process.wait(10)
        log = self.log
        self.process.stdout.close()
        self.dir.cleanup()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        return code


@pytest.fixture(params=["init", "child"])
def wrap(request):
    return NAMESPACE if request.param == "init" else []


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_it_ends_as_the_program_does(wrap, script, code):
    assert Entrypoint("sh", "-c", f"sleep 0.1; {script}", wrap=wrap).ended() == code


def test_a_program_that_is_not_there(wrap):
    assert Entrypoint("/no/such", wrap=wrap).ended() == 127
    assert Entrypoint("/etc", wrap=wrap).ended() == 126


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT", "WINCH", "RTMIN+3", "ALRM", "CONT"])
def test_signals_are_forwarded(wrap, name):
    """To the program only, which may do with them what it wants: the agent goes on."""
    e = Entrypoint("bash", "-c", f"trap 'echo got; exit 3' {name}; echo up; while :; do sleep 0.05; done", wrap=wrap)
    assert e.line() == "up"
    subprocess.run(["kill", "-s", name, str(e.pid)], check=True)
    assert e.line() == "got"
    assert e.ended() == 3


def test_the_agent_serves_beside_it(wrap):
    e = Entrypoint("sh", "-c", "echo up; read line; exit 4", wrap=wrap, stdin=subprocess.PIPE)
    assert e.line() == "up"
    assert e.shell("echo hello").stdout == b"hello\n"
    info = e.call("guest.v1.Agent/GetInfo")
    assert (info["pid"] == 1) == bool(wrap)
    with e.start("sh", "-c", "trap 'echo bye; exit 0' TERM; echo here; while :; do sleep 0.05; done") as s:
        s.started()
        s.read_until(b"here")
        e.process.stdin.write(b"\n")
        e.process.stdin.close()
        if wrap:  # as PID 1 it sees everything to its end
            assert s.result().stdout == b"bye\n"
    assert e.ended() == 4


def test_orphans_are_reaped(wrap):
    e = Entrypoint("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &); done; echo up; sleep 1000", wrap=wrap)
    assert e.line() == "up"
    # guestd's children: the orphans until they end, the program, and who asks.
    wait_for(lambda: e.shell("ps --ppid $PPID -o stat=,comm= | grep -v -e ' sh$' -e ' ps$'").stdout == b"", 10)
    os.kill(e.pid, signal.SIGTERM)
    assert e.ended() == 143


def test_the_program_has_the_terminal(wrap):
    """It is in the foreground, so that Ctrl-C reaches it from the terminal."""
    leader, follower = pty.openpty()
    e = Entrypoint("sh", "-c", "trap 'echo got; exit 5' INT; stty -echo; echo up; while :; do sleep 0.05; done",
                   wrap=["setsid", "--ctty", *wrap], stdin=follower)
    assert e.line() == "up"
    os.write(leader, b"\x03")
    assert e.line() == "got"
    assert e.ended() == 5
    os.close(leader)
    os.close(follower)


def test_the_program_gets_nothing_of_ours():
    e = Entrypoint("sh", "-c", "ulimit -n; echo $(ls /proc/self/fd); awk '/Sig(Blk|Ign)/ {print $2}' /proc/self/status",
                   preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 4000)))
    assert e.process.stdout.read().decode().splitlines() == ["1000", "0 1 2 3", "0" * 16, "0" * 16]  # 3 is the folder
    assert e.ended() == 0
