"""Commands in the guest, by guestctl through the hybrid socket."""
import fcntl
import hashlib
import os
import pty
import random
import struct
import subprocess
import termios

import pytest
from machine import CTL, HANG

MIB = 1 << 20


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_exit_codes(guest, script, code):
    assert guest.exec("sh", "-c", script).returncode == code


def test_what_cannot_be_started(guest):
    r = guest.exec("no-such-program")
    assert (r.returncode, r.stdout) == (127, b"") and b"no such file" in r.stderr
    assert guest.exec("/etc/passwd").returncode == 126
    r = guest.exec("-w", "/no/such", "true")
    assert r.returncode == 125 and b"cwd '/no/such' does not exist" in r.stderr


def test_standard_error_is_apart(guest):
    r = guest.exec("sh", "-c", "seq 20000; seq 3000 >&2")
    assert r.stdout == b"".join(b"%d\n" % i for i in range(1, 20001))
    assert r.stderr == b"".join(b"%d\n" % i for i in range(1, 3001))


def test_environment_directory_user(guest):
    script = 'echo "$A|$PWD|$HOME|$(id -un)|$(id -u):$(id -g)"'
    r = guest.exec("-e", "A=1 =2", "-w", "/tmp", "-u", "user", "sh", "-c", script)
    assert (r.returncode, r.stdout) == (0, b"1 =2|/tmp|/home/user|user|1000:1000\n"), r.stderr
    assert guest.text("echo $PWD $HOME; id -un") == "/root /root\nroot\n"


def test_64_mib_of_output_arrive_as_they_left(guest):
    block = random.randbytes(MIB)
    assert guest.exec("-i", "sh", "-c", "cat >/tmp/block", input=block).returncode == 0
    r = guest.exec("sh", "-c", "for i in $(seq 64); do echo $i; cat /tmp/block; done; rm /tmp/block")
    want = hashlib.sha256()
    for i in range(1, 65):
        want.update(b"%d\n" % i + block)
    assert r.returncode == 0 and len(r.stdout) > 64 * MIB
    assert hashlib.sha256(r.stdout).hexdigest() == want.hexdigest()


def test_input(guest):
    data = random.randbytes(8 * MIB)
    r = guest.exec("-i", "sha256sum", input=data)
    assert r.stdout.decode().split()[0] == hashlib.sha256(data).hexdigest()
    assert guest.exec("-i", "head", "-c", "5", input=data).stdout == data[:5]  # it leaves the rest
    assert guest.exec("cat", input=b"without -i").stdout == b""


def test_a_timeout_kills(guest):
    r = guest.exec("--timeout", "1s", "sleep", "1000")
    assert r.returncode == 124 and guest.processes() == []


def test_signals(guest):
    script = "trap 'exit 9' TERM; touch /tmp/ready; while :; do sleep 0.05; done"
    guest.exec("--detach", "--tag", "job", "sh", "-c", script)
    guest.text("until [ -e /tmp/ready ]; do sleep 0.05; done; rm /tmp/ready")
    assert b"job" in guest.ctl("ps").stdout
    with guest.stream("process.Process/Connect", {"process": {"tag": "job"}}) as s:
        s.started()
        assert guest.ctl("kill", "job").returncode == 0
        assert s.result().code == 9


def test_a_terminal(guest):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 101, 0, 0))
    script = "trap 'stty size' WINCH; trap 'exit 5' INT; stty size; tty; while :; do sleep 0.05; done"
    command = subprocess.Popen(["setsid", "--ctty", CTL, "-t", guest.target, "exec", "-it", "sh", "-c", script],
                               stdin=theirs, stdout=theirs, stderr=theirs)
    with open(ours, "rb", buffering=0) as screen, open(theirs):
        seen = b""

        def until(text):
            nonlocal seen
            while text not in seen:
                seen += screen.read(4096)

        until(b"41 101\r\n/dev/pts/0\r\n")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))  # guestctl gets SIGWINCH
        until(b"20 50\r\n")
        os.write(ours, b"\x03")  # Ctrl-C is for the command, not for guestctl
        assert command.wait(HANG) == 5


def test_what_killed_it_is_told(guest):
    """The guest's memory runs out under a process: the kernel kills it, and the agent knows that it did."""
    hog = "awk 'BEGIN { for (i = 0; ; i++) a[i] = sprintf(\"%100000d\", i) }'"
    with guest.start("sh", "-c", hog, events={"exitRecord": True}) as s:
        end = [m["event"]["end"] for m in s if "end" in m["event"]][0]
    # busybox's sh runs its last command itself, so the process that was started is the one that is killed.
    assert end["status"] == "signal: killed"
    assert end["record"]["signal"] == 9 and end["record"]["oomKilled"] is True
    with guest.start("sh", "-c", "kill -9 $$", events={"exitRecord": True}) as s:
        record = [m["event"]["end"]["record"] for m in s if "end" in m["event"]][0]
    assert record["signal"] == 9 and "oomKilled" not in record
    assert guest.text("echo alive") == "alive\n"
