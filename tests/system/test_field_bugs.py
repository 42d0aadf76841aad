"""What went wrong in other agents of this kind, each by its name. What the other tests show already is not repeated."""
import base64
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import threading
import time

import pytest
from agent import Agent, PRESET, RpcError, SLOW, encode, wait_for
from steady import Steady, alive, rss

TTY = {"size": {"cols": 80, "rows": 24}}
CLONE_NEWNS = 0x20000


@pytest.fixture(scope="module")
def agent():
    with Steady() as a:
        yield a


@pytest.fixture(autouse=True)
def nothing_left(agent):
    yield
    agent.kill_all()


def numbers(last):
    return b"".join(b"%d\n" % n for n in range(1, last + 1))


# --- the end of a process and of its output -----------------------------------------------------------------------------


def test_the_tail_is_lost_after_sigterm(agent, codec):
    """Much is written in answer to the signal, and read slowly: all of it arrives before the end."""
    script = "trap 'seq 200000; exit 7' TERM; echo up; while :; do sleep .02; done"
    with agent.start("/bin/sh", "-c", script, codec=codec) as s:
        pid = s.started()
        s.read_until(b"up\n")
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGTERM"}, codec)
        time.sleep(1.5)
        r = s.result()
    assert r.stdout == numbers(200000) and r.code == 7


def test_the_tail_is_lost_at_the_deadline(agent, codec):
    """What was written before the time-out arrives before the word of it, however late it is read."""
    script = "seq 200000; sleep 1000"
    got = b""
    with agent.start("/bin/sh", "-c", script, codec=codec, headers={"Connect-Timeout-Ms": 1500 * SLOW}) as s:
        s.started()
        time.sleep(0.7)
        with pytest.raises(RpcError) as e:
            for kind, value in s.iterator:
                got += value
    assert e.value.code == "deadline_exceeded" and got == numbers(200000)


def test_the_tail_of_a_process_substitution_is_lost(agent, codec):
    """The leader has gone when its child has yet to write what it was given."""
    for _ in range(5):
        assert agent.run("/bin/bash", "-c", "echo x > >(read -r l; while kill -0 $$ 2>/dev/null; do :; done; echo $l)", codec=codec).stdout == b"x\n"


def test_a_grandchild_keeps_the_stream_open_or_dies_of_sigpipe(agent, tmp_path):
    """It prints for ever: the stream ends a second after the leader, and the grandchild goes on printing for nobody."""
    script = f"""trap 'echo pipe >{tmp_path}/died; exit' PIPE
        (i=0; while :; do echo $i; i=$((i+1)); echo $i >{tmp_path}/count; sleep .01; done) & echo pid:$!"""
    begin = time.monotonic()
    r = agent.shell(script)
    took = time.monotonic() - begin
    child = int(r.stdout.split(b"pid:")[1].split()[0])
    assert r.code == 0 and 0.9 < took < 3 * SLOW
    before = count(tmp_path)
    wait_for(lambda: count(tmp_path) > before + 20, what="it writes on")
    assert alive(child) and not (tmp_path / "died").exists()
    os.kill(child, signal.SIGKILL)


def count(directory):
    return int((directory / "count").read_text().strip() or 0)


def test_a_short_command_loses_its_output_and_its_end(agent, codec):
    """Over before anybody could have subscribed to it."""
    with agent.connect() as c:
        for i in range(300 // SLOW):
            message = {"process": {"cmd": "echo", "args": [str(i)]}, "stdin": False}
            r = c.stream("process.Process/Start", message, codec).result()
            assert (r.stdout, r.order, r.code) == (b"%d\n" % i, ["start", "stdout", "end"], 0)


# --- one client and the others -------------------------------------------------------------------------------------------


def test_a_stopped_reader_stops_the_process(agent):
    """A reader that is stuck, beside one that reads: the program is through in its own time, and all is read."""
    with agent.start("/bin/sh", "-c", "read x; seq 500000", stdin=True) as reading:
        pid = reading.started()
        with agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as stuck:
            stuck.started()
            agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
            r = reading.result()
            assert r.stdout == numbers(500000) and r.code == 0
            assert agent.call("process.Process/List") == {}


def test_a_vanished_reader_stops_the_process(agent):
    """Its client is gone in the midst of the output: the others and the program go on."""
    with agent.start("/bin/sh", "-c", "read x; seq 500000", stdin=True) as reading:
        pid = reading.started()
        gone = agent.stream("process.Process/Connect", {"process": {"pid": pid}})
        gone.started()
        agent.call("process.Process/CloseStdin", {"process": {"pid": pid}})
        gone.close()
        assert reading.result().stdout == numbers(500000)


def test_a_process_that_nobody_watches_blocks_in_its_write(agent):
    with agent.start("/bin/sh", "-c", "sleep .1; head -c 50000000 /dev/zero; exit 3") as s:
        pid = s.started()
    wait_for(lambda: agent.call("process.Process/List") == {}, 10, "it has ended without a reader")
    with agent.stream("process.Process/Connect", {"process": {"pid": pid}}) as c:
        assert c.result().code == 3


def test_an_unread_input_freezes_the_others(agent, codec):
    """While a sender waits for a program that does not read, the program can be signalled, resized, fed and listed."""
    with agent.start("sleep", "1000", codec=codec, stdin=True) as s, agent.connect() as waiting:
        pid = s.started()
        selector = {"process": {"pid": pid}}
        data = base64.b64encode(bytes(1 << 20)).decode()
        body = encode("process.Process/SendInput", {**selector, "input": {"stdin": data}}, codec)
        waiting.send_request("POST", "/process.Process/SendInput", {"Content-Type": f"application/{codec}"}, body)
        time.sleep(0.2)
        assert agent.request("GET", "/health").status == 204
        assert len(agent.call("process.Process/List", codec=codec)["processes"]) == 1
        agent.call("process.Process/Update", selector, codec)
        with agent.stream("process.Process/Connect", selector, codec) as c:
            assert c.started() == pid
        assert agent.shell("echo hi", codec=codec).stdout == b"hi\n"
        agent.call("process.Process/SendSignal", {**selector, "signal": "SIGNAL_SIGTERM"}, codec)
        assert s.result().end["status"] == "signal: terminated"
        assert waiting.read_response().status != 200  # and its sender is told


def test_an_unread_terminal_freezes_the_agent(agent, codec):
    """As much is typed as nobody can take; the program is gone, and with it what waited."""
    with agent.start("/bin/sh", "-c", "stty raw -echo; echo up; exec sleep 1000", pty=TTY, codec=codec) as s:
        selector = {"process": {"pid": s.started()}}
        s.read_until(b"up", "pty")
        threads = []
        for _ in range(4):
            message = {**selector, "input": {"pty": base64.b64encode(bytes(300000)).decode()}}
            threads.append(threading.Thread(target=quietly, args=(agent, "process.Process/SendInput", message, codec)))
            threads[-1].start()
        time.sleep(0.2)
        assert agent.request("GET", "/health").status == 204
        assert agent.shell("echo hi", pty=TTY, codec=codec).pty == b"hi\r\n"
        agent.call("process.Process/SendSignal", {**selector, "signal": "SIGNAL_SIGKILL"}, codec)
        assert s.result().end["status"] == "signal: killed"
        for t in threads:
            t.join(10 * SLOW)
            assert not t.is_alive()


def quietly(agent, *args):
    try:
        agent.call(*args)
    except RpcError:
        pass  # the program ends while it waits


# --- what a process is given ---------------------------------------------------------------------------------------------


def descriptors(pid):
    """What a process has open."""
    links = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed while we look
            links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return links


def test_a_terminal_leaks_into_later_children(agent):
    """A child that held another's terminal would keep it from hanging up."""
    with agent.start("sleep", "1000", pty=TTY) as terminal:
        pid = terminal.started()
        with agent.start("sleep", "1000", pty=TTY) as other:
            other_pid = other.started()
            for child in (pid, other_pid):  # which opens its libraries first
                wait_for(lambda: re.fullmatch(r"/dev/pts/\d+", " ".join(descriptors(child))), what="its terminal is all it has")
            assert agent.shell("ls -l /proc/self/fd").stdout.count(b"/dev/pt") == 0
            agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
            assert terminal.result().end["status"] == "signal: killed"
            assert alive(other_pid)


def test_a_machine_without_shell_and_nice_runs_nothing():
    """Neither is needed to start a program: nothing is, but the program."""
    libc = ctypes.CDLL(None, use_errno=True)

    def hide():
        assert libc.unshare(CLONE_NEWNS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for program in ("/bin/sh", "/usr/bin/nice", "/usr/bin/ionice"):
            subprocess.run(["mount", "--bind", "/dev/null", program], check=True)

    with Agent(preexec=hide) as a:
        assert a.run("echo", "hi").stdout == b"hi\n"
        assert a.run("echo", "hi", pty=TTY).pty == b"hi\r\n"
        assert a.shell("echo hi").code == 126  # it is hidden indeed
        assert a.run("cat", "/proc/self/oom_score_adj").stdout == b"100\n"


def test_a_script_without_an_interpreters_name_does_not_run(agent, tmp_path):
    script = tmp_path / "script"
    script.write_text("echo from $1\n")
    script.chmod(0o755)
    assert agent.run(str(script), "a script").stdout == b"from a script\n"


# --- what is left --------------------------------------------------------------------------------------------------------


def test_a_background_child_stays_a_zombie(agent):
    """Orphans are ours, and reaped: while their leader runs, and after."""
    with agent.start("/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (true &); done; echo done; exec sleep 1000") as s:
        pid = s.started()
        s.read_until(b"done")
        wait_for(lambda: agent.state()[1] == [pid], what="the leader is the only child")


def test_a_leader_stays_a_zombie_while_its_pipe_is_held(agent):
    with agent.start("/bin/sh", "-c", "sleep 1000 & echo $!") as s:
        pid = s.started()
        child = int(s.read_until(b"\n"))
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the leader is reaped")
        assert s.result().code == 0 and alive(child)
        os.kill(child, signal.SIGKILL)


def test_every_command_leaves_memory_behind(agent):
    """Its size settles: what the second five hundred commands add is nothing."""
    def commands(count):
        with agent.connect() as c:
            for _ in range(count // SLOW):
                c.stream("process.Process/Start", {"process": {"cmd": "echo", "args": ["x" * 100]}}, "proto").result()

    commands(500)
    before = rss(agent.pid)
    commands(500)
    assert rss(agent.pid) - before < 1 << 20 or PRESET != "release"  # a sanitizer holds freed memory back
