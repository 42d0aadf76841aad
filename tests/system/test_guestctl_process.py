"""guestctl's options of exec, and its verbs attach, logs, kill and ps: each does what it says, with the real agent."""
import json
import os
import re
import select
import signal
import subprocess
import threading
import time

import pytest
from agent import SLOW, wait_for
from guestctl import command
from test_guestctl import Terminal, ctl

pytestmark = pytest.mark.usefixtures("protocol")


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def detached(agent, *args):
    """A process that runs on; its pid."""
    r = ctl(agent, "exec", "-d", *args)
    assert r.returncode == 0, r.stderr
    return int(r.stdout)


def popen(agent, *args, **kwargs):
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    return subprocess.Popen(command("-t", f"unix:{agent.path}", *args), **kwargs)


# --- exec: how it is started --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, script, seen", [
    (["--umask", "027"], "umask", "0027"),
    (["--nice", "7"], "nice", "7"),
    (["--nice", "-3"], "nice", "-3"),
    (["--limit", "nofile=99:199"], "ulimit -Sn; ulimit -Hn", "99\n199"),
    (["--limit", "nofile=99"], "ulimit -Hn", "99"),
    (["--limit", "core=0:unlimited", "--limit", "fsize=512"], "ulimit -Sc; ulimit -Hc; ulimit -f", "0\nunlimited\n1"),
    (["--no-new-privs"], "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    (["--group", "daemon", "--group", "4242", "-u", "user"], "id -G | tr ' ' '\\n' | grep -xe 1 -e 4242 | sort", "1\n4242")])
def test_start_options(shared, options, script, seen):
    r = ctl(shared, "exec", *options, "sh", "-c", script)
    assert (r.stdout.decode().strip(), r.stderr) == (seen, b"")
    assert ctl(shared, "exec", "sh", "-c", script).stdout.decode().strip() != seen  # by itself it is otherwise


def test_a_key_starts_once(agent, tmp_path):
    script = f"echo x >>{tmp_path}/runs; echo out; exit 3"
    for _ in range(2):
        r = ctl(agent, "exec", "--key", "only", "sh", "-c", script)
        assert (r.returncode, r.stdout) == (3, b"out\n")
    assert (tmp_path / "runs").read_text() == "x\n"
    ctl(agent, "exec", "--key", "other", "sh", "-c", script)
    assert (tmp_path / "runs").read_text() == "x\nx\n"


@pytest.mark.parametrize("target, survives", [("leader", True), ("tree", False)])
def test_kill_target(agent, target, survives):
    r = ctl(agent, "exec", "--timeout", "300ms", "--kill-target", target, "sh", "-c",
            "setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait")
    pid = int(r.stdout)
    assert r.returncode == 124
    if survives:
        time.sleep(0.2)
        assert not gone(pid)
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid))


def test_kill_target_group_reaches_what_the_leader_does_not(agent):
    """In its group is a child, and another has left it."""
    script = "sleep 1000 >/dev/null 2>&1 & echo $!; exec setsid -f sleep 1001 >/dev/null 2>&1 & sleep .1; wait"
    r = ctl(agent, "exec", "--timeout", "500ms", "--kill-target", "group", "sh", "-c", script)
    assert r.returncode == 124
    wait_for(lambda: gone(int(r.stdout)))
    others = subprocess.run(["pgrep", "-f", "^sleep 1001"], stdout=subprocess.PIPE, text=True).stdout.split()
    assert others
    for pid in others:
        os.kill(int(pid), signal.SIGKILL)


def test_grace_lets_it_say_goodbye(agent):
    script = "trap 'echo bye; exit' TERM; echo up; while :; do sleep .05; done"
    r = ctl(agent, "exec", "--timeout", "500ms", "--grace", "20s", "sh", "-c", script)
    assert (r.returncode, r.stdout) == (124, b"up\nbye\n")
    assert ctl(agent, "exec", "--timeout", "500ms", "sh", "-c", script).stdout == b"up\n"


@pytest.mark.parametrize("options, dies", [(["--kill-on-disconnect"], True), ([], False)])
def test_kill_on_disconnect(agent, options, dies):
    p = popen(agent, "exec", *options, "sh", "-c", "echo $$; exec sleep 1000")
    pid = int(p.stdout.readline())
    p.kill()
    p.communicate()
    if dies:
        wait_for(lambda: gone(pid))
        return
    time.sleep(0.3)
    assert not gone(pid)


# --- exec: what is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep, seen", [([], b"0123"), (["--keep", "head"], b"0123"), (["--keep", "tail"], b"6789")])
def test_max_output(shared, keep, seen):
    r = ctl(shared, "exec", "--max-output", "4", *keep, "printf", "0123456789")
    assert (r.stdout, r.stderr) == (seen, b"guestctl: there was more output than --max-output\n")
    r = ctl(shared, "exec", "--max-output", "10", *keep, "printf", "0123456789")
    assert (r.stdout, r.stderr) == (b"0123456789", b"")


def test_record(shared):
    r = ctl(shared, "exec", "--record", "sh", "-c", "echo err >&2; exit 6")
    assert r.returncode == 6
    err, line, rest = r.stderr.decode().split("\n")
    record = json.loads(line)
    assert (err, rest) == ("err", "") and record["code"] == 6 and int(record["durationUs"]) > 0
    assert json.loads(ctl(shared, "exec", "--record", "sh", "-c", "kill -11 $$").stderr)["signal"] == 11
    assert ctl(shared, "exec", "true").stderr == b""


def test_leave_on_exit(agent):
    """A child goes on to write; the program's own output is whole, however much it is."""
    script = "(while sleep .02; do echo child; done) & seq 100000; exit 9"
    for options, code in ((["--leave-on-exit"], 9), ([], 9)):
        r = ctl(agent, "exec", *options, "sh", "-c", script)
        own = r.stdout.replace(b"child\n", b"").decode().splitlines()  # it may stand inside a line: they share a pipe
        assert r.returncode == code and own == [str(i) for i in range(1, 100001)]
        children = r.stdout.count(b"child")
        assert children < 15 if options else children > 15
    assert ctl(agent, "exec", "--leave-on-exit", "sh", "-c", "kill -9 $$").returncode == 137
    assert ctl(agent, "exec", "--leave-on-exit", "--timeout", "200ms", "sleep", "1000").returncode == 124


def test_leave_on_exit_loses_nothing_of_the_program(agent):
    """It ends while we do not read: a part of its output has not been sent when its end is told."""
    p = popen(agent, "exec", "--leave-on-exit", "--tag", "t", "sh", "-c", "seq 60000")
    time.sleep(0.5 * SLOW)
    assert p.communicate()[0] == b"".join(b"%d\n" % i for i in range(1, 60001))


# --- detach keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, keys", [([], b"\x10\x11"), (["--detach-keys", "ctrl-x,y"], b"\x18y")])
def test_detach_keys(agent, options, keys):
    t = Terminal(agent, *options, "sh", "-c", "stty -echo; echo pid $$.; while read line; do echo got $line; done")
    t.read_until(b"pid ")
    pid = int(t.read_until(b"."))
    t.type(b"one\r")
    t.read_until(b"got one")
    t.type(keys[:1])
    t.type(b"two\r")  # not the sequence: the first key is the command's
    t.read_until(b"got ")
    t.read_until(b"two")
    t.type(b"three\r" + keys)
    t.read_until(f"\n{pid}\n".encode().replace(b"\n", b"\r\n"))
    assert t.close() == 0
    assert not gone(pid)
    wait_for(lambda: b"got three" in ctl(agent, "logs", pid).stdout)  # typed before the keys
    ctl(agent, "kill", "-s", "KILL", pid)


# --- attach -------------------------------------------------------------------------------------------------------------


def attached(agent, *args, **kwargs):
    """An attach that has its stream already: the process has one subscriber more."""
    return popen(agent, "attach", *args, **kwargs)


def test_attach_watches_feeds_and_ends_as_the_process(agent):
    p = popen(agent, "exec", "-i", "--tag", "t", "sh", "-c", "echo first; while read x; do echo got $x; done; exit 7",
              stdin=subprocess.PIPE)
    assert p.stdout.readline() == b"first\n"
    a = attached(agent, "--replay", "all", "-i", "t", stdin=subprocess.PIPE)
    assert a.stdout.readline() == b"first\n"
    a.stdin.write(b"from attach\n")
    a.stdin.flush()
    assert a.stdout.readline() == b"got from attach\n" == p.stdout.readline()
    out, err = a.communicate()  # the end of its input is the process's
    assert (out, err, a.returncode) == (b"", b"", 7)
    p.communicate()
    assert p.returncode == 7


@pytest.mark.parametrize("replay, seen", [(["--replay", "all"], b"0123456789end"), (["--replay", "3"], b"789end"), ([], b"end")])
def test_attach_replay(agent, replay, seen, tmp_path):
    pid = detached(agent, "sh", "-c", f"printf 0123456789; while [ ! -e {tmp_path}/go ]; do sleep .02; done; printf end")
    wait_for(lambda: ctl(agent, "logs", pid).stdout == b"0123456789")
    fds = None
    while fds != (fds := agent.fds()):  # the connections before this one are gone
        time.sleep(0.3 * SLOW)
    a = attached(agent, *replay, pid)
    wait_for(lambda: agent.fds() > fds)
    time.sleep(0.2 * SLOW)  # it is connected, and its request is read
    (tmp_path / "go").touch()
    assert a.communicate()[0] == seen and a.returncode == 0


def test_attach_leaves_the_process_alone(agent):
    pid = detached(agent, "sh", "-c", "echo up; exec sleep 1000")
    a = attached(agent, "--replay", "all", pid)
    assert a.stdout.readline() == b"up\n"
    a.send_signal(signal.SIGINT)
    assert a.wait(10) == 130
    a.communicate()
    assert not gone(pid)
    assert ctl(agent, "attach", "no-such-tag").returncode == 125


# --- logs ---------------------------------------------------------------------------------------------------------------


def test_logs(agent):
    pid = detached(agent, "--tag", "job", "sh", "-c", "printf 01234; sleep .1; printf abc >&2; sleep .1; printf 56; sleep 1000")
    wait_for(lambda: ctl(agent, "logs", pid).stdout == b"0123456")
    r = ctl(agent, "logs", "job")
    assert (r.returncode, r.stdout, r.stderr) == (0, b"0123456", b"abc")
    r = ctl(agent, "logs", "--tail", "4", "job")
    assert (r.stdout, r.stderr) == (b"56", b"bc")
    r = ctl(agent, "logs", "--offsets", "job")
    assert (r.stdout, r.stderr) == (b"0123456", b"guestctl: 0 stdout 5\nguestctl: 5 stderr 3\nabcguestctl: 8 stdout 2\n")
    process = json.loads(ctl(agent, "--json", "ps").stdout)["processes"][0]
    assert ctl(agent, "logs", f"id:{process['id']}").stdout == b"0123456"
    ctl(agent, "kill", "--tree", "job")
    wait_for(lambda: gone(pid))
    assert ctl(agent, "logs", "job").stdout == b"0123456"  # for 30 s after the end
    r = ctl(agent, "logs", "nobody")
    assert (r.returncode, r.stderr) == (1, b"guestctl: process with tag nobody not found\n")


def test_logs_says_what_is_not_kept(agent):
    detached(agent, "--tag", "much", "sh", "-c", "seq 400000; echo end")
    wait_for(lambda: ctl(agent, "logs", "--tail", "4", "much").stdout == b"end\n", 20)
    r = ctl(agent, "logs", "much")
    whole = b"".join(b"%d\n" % i for i in range(1, 400001)) + b"end\n"
    missing = int(re.fullmatch(rb"guestctl: (\d+) bytes before this are not kept any more\n", r.stderr)[1])
    assert missing > 0 and r.stdout == whole[missing:]


def test_logs_follow(agent):
    pid = detached(agent, "sh", "-c", "i=0; while [ $i -lt 30 ]; do echo $i; sleep .02; i=$((i + 1)); done; exit 5")
    r = ctl(agent, "logs", "-f", pid)
    assert (r.returncode, r.stdout) == (0, b"".join(b"%d\n" % i for i in range(30)))


def test_logs_without_follow_end_while_it_writes(agent):
    """A process that never stops to write: the head at the start is the end."""
    pid = detached(agent, "sh", "-c", "while :; do echo x; done")
    assert ctl(agent, "logs", "--tail", "1000", pid).returncode == 0
    ctl(agent, "kill", "-s", "KILL", pid)


# --- kill and ps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, number", [(["-s", "USR1"], 10), (["-s", "sighup"], 1), (["-s", "12"], 12), (["-s", "RTMIN+6"], 40),
                                           (["-s", "64"], 64), ([], 15)])
def test_kill_sends_any_signal(agent, words, number):
    pid = detached(agent, "sh", "-c", f"trap 'echo signal {number}' {number}; echo up; while :; do sleep .02; done")
    wait_for(lambda: ctl(agent, "logs", pid).stdout == b"up\n")
    assert ctl(agent, "kill", *words, pid).returncode == 0
    wait_for(lambda: ctl(agent, "logs", pid).stdout == b"up\nsignal %d\n" % number)
    assert not gone(pid)


@pytest.mark.parametrize("words, child_dies", [(["--target", "leader"], False), (["--target", "group"], True),
                                               (["--target", "tree"], True), (["--tree"], True), ([], False)])
def test_kill_targets(agent, words, child_dies):
    pid = detached(agent, "sh", "-c", "sleep 1000 & echo $!; wait")
    child = int(wait_for(lambda: ctl(agent, "logs", pid).stdout))
    assert ctl(agent, "kill", *words, pid).returncode == 0
    wait_for(lambda: gone(pid))
    if child_dies:
        wait_for(lambda: gone(child))
    else:
        time.sleep(0.2)
        assert not gone(child)
        os.kill(child, signal.SIGKILL)


def test_kill_grace(agent):
    pid = detached(agent, "sh", "-c", "trap 'echo no' TERM; echo up; while :; do sleep .02; done")
    wait_for(lambda: ctl(agent, "logs", pid).stdout)
    assert ctl(agent, "kill", "--grace", "300ms", pid).returncode == 0
    wait_for(lambda: gone(pid))
    assert ctl(agent, "logs", pid).stdout.startswith(b"up\nno")


def test_kill_by_id(agent):
    pid = detached(agent, "sleep", "1000")
    row = ctl(agent, "ps").stdout.decode().splitlines()[1].split()
    assert row[0] == str(pid)
    assert ctl(agent, "kill", f"id:{row[1]}").returncode == 0
    wait_for(lambda: gone(pid))


# --- exec --replay ------------------------------------------------------------------------------------------------------


class Cutter:
    """Relays connections to the agent, and cuts each after so many bytes of the agent's, as long as there are cuts left."""

    def __init__(self, agent, path, cuts):
        import socket
        self.socket, self.agent, self.cuts, self.done = socket, agent, list(cuts), 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        other = self.socket.socket(self.socket.AF_UNIX)
        left = None
        with client, other:
            other.connect(self.agent.path)
            while True:
                for s in select.select([client, other], [], [])[0]:
                    data = s.recv(4096)
                    if not data:
                        return
                    if s is client:
                        if b"/Start " in data or b"/Connect " in data or data.startswith(b"PRI * HTTP/2.0"):
                            left = self.cuts.pop(0) if self.cuts else None
                        other.sendall(data)
                        continue
                    part = data if left is None else data[:left]
                    client.sendall(part)
                    if left is not None:
                        left -= len(part)
                        if left == 0:
                            self.done += 1
                            return

    def close(self):
        self.server.close()


CUTS = [300, 5000, 301, 65536, 100001, 70000, 250]


def test_replay_survives_cuts(agent, tmp_path):
    cutter = Cutter(agent, f"{tmp_path}/c", CUTS)
    script = "for k in 1 2 3 4; do seq $((k * 100000)) $((k * 100000 + 30000)); sleep .05; done; echo err >&2; exit 8"
    r = ctl(None, "-t", f"unix:{tmp_path}/c", "exec", "--replay", "sh", "-c", script)
    wanted = b"".join(b"%d\n" % i for k in range(1, 5) for i in range(k * 100000, k * 100000 + 30001))
    assert (r.returncode, r.stderr) == (8, b"err\n")
    assert r.stdout == wanted  # all of it, once
    assert cutter.done == len(CUTS)
    cutter.close()


def test_without_replay_a_cut_is_125(agent, tmp_path):
    cutter = Cutter(agent, f"{tmp_path}/c", [5000])
    r = ctl(None, "-t", f"unix:{tmp_path}/c", "exec", "seq", "100000")
    assert r.returncode == 125 and b"the connection was closed" in r.stderr
    cutter.close()


def test_replay_with_a_key_survives_a_cut_before_the_start(agent, tmp_path):
    cutter = Cutter(agent, f"{tmp_path}/c", [1, 50])
    r = ctl(None, "-t", f"unix:{tmp_path}/c", "exec", "--replay", "--key", "k", "sh", "-c", f"echo x >>{tmp_path}/runs; echo out")
    assert (r.returncode, r.stdout, (tmp_path / "runs").read_text()) == (0, b"out\n", "x\n")
    cutter.close()


def test_replay_keeps_its_time_out(agent, tmp_path):
    """The stream that was resumed is not the one whose time-out it is."""
    cutter = Cutter(agent, f"{tmp_path}/c", [300])
    r = ctl(None, "-t", f"unix:{tmp_path}/c", "exec", "--replay", "--timeout", "1s", "sh", "-c", "seq 1000; sleep 1000")
    assert r.returncode == 124 and r.stdout.endswith(b"\n1000\n") and cutter.done == 1
    cutter.close()


def test_replay_gives_up_when_the_agent_is_gone(agent):
    p = popen(agent, "exec", "--replay", "sh", "-c", "echo up; sleep 1000")
    assert p.stdout.readline() == b"up\n"
    agent.stop(signal.SIGKILL)
    out, err = p.communicate(timeout=30 * SLOW)
    assert p.returncode == 125 and err.startswith(b"guestctl: gave up after 10 s: ")
    agent.process.returncode = 0
