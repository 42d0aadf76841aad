"""sandbox.commands of the published package."""
import hashlib
import itertools
import os

import pytest
from agent import wait_for
from clients import alive, pids_of
from e2b import (AuthenticationException, CommandExitException, InvalidArgumentException, NotFoundException,
                 SandboxException, TimeoutException)

NO_PID = 4194305  # above every pid_max
UNICODE = "grüße, 世界 🌍"

# A sleep of a length that nothing else uses: a test finds its own processes by it.
unique_seconds = map(str, itertools.count(100001))


# --- run -------------------------------------------------------------------------------------------------------------


def test_the_sandbox_is_running(sdk):
    assert sdk(sdk.sandbox.is_running()) is True


def test_run(sdk):
    r = sdk.run("echo out; echo err >&2")
    assert (r.stdout, r.stderr, r.exit_code, r.error) == ("out\n", "err\n", 0, None)


def test_a_failure_is_an_exception_with_everything_in_it(sdk):
    with pytest.raises(CommandExitException) as e:
        sdk.run("echo out; echo err >&2; exit 7")
    assert (e.value.stdout, e.value.stderr, e.value.exit_code, e.value.error) == ("out\n", "err\n", 7, "exit status 7")


def test_a_missing_program_is_exit_127(sdk):
    with pytest.raises(CommandExitException) as e:
        sdk.run("no-such-program")
    assert e.value.exit_code == 127 and "no-such-program" in e.value.stderr


def test_output_arrives_as_it_is_written(sdk, tmp_path):
    """Each line is written only when the one before has arrived."""
    seen = []

    def on_stdout(text):
        seen.append(text)
        (tmp_path / str(len(seen))).touch()

    sdk.run(f"for i in 1 2 3; do echo line $i; while [ ! -e {tmp_path}/$i ]; do sleep 0.01; done; done",
            user="root", on_stdout=on_stdout)
    assert seen == ["line 1\n", "line 2\n", "line 3\n"]


def test_stdout_and_stderr_have_their_own_callbacks(sdk):
    out, err = [], []
    r = sdk.run("seq 1000; seq 2000 3000 >&2", on_stdout=out.append, on_stderr=err.append)
    assert "".join(out) == r.stdout == "".join(f"{i}\n" for i in range(1, 1001))
    assert "".join(err) == r.stderr == "".join(f"{i}\n" for i in range(2000, 3001))


def test_cwd(sdk):
    assert sdk.run("pwd").stdout == "/home/user\n"
    assert sdk.run("pwd", cwd="/tmp").stdout == "/tmp\n"
    sdk.run("mkdir -p sub/dir")
    assert sdk.run("pwd", cwd="sub/dir").stdout == "/home/user/sub/dir\n"
    with pytest.raises(InvalidArgumentException, match="cwd '/no/such' does not exist"):
        sdk.run("pwd", cwd="/no/such")


def test_envs(sdk):
    r = sdk.run('echo "$A|$B|$HOME|$USER"', envs={"A": UNICODE, "B": "x=y z"})
    assert r.stdout == f"{UNICODE}|x=y z|/home/user|user\n"
    assert sdk.run("echo $E2B_SANDBOX").stdout == "true\n"
    assert sdk.run("echo $HOME", envs={"HOME": "/elsewhere"}).stdout == "/elsewhere\n"


def test_users(sdk):
    assert sdk.run("whoami").stdout == "user\n"
    assert sdk.run("whoami", user="user").stdout == "user\n"
    assert sdk.run("whoami; pwd", user="root").stdout == "root\n/root\n"
    assert sdk.run("sudo whoami").stdout == "root\n"
    with pytest.raises(AuthenticationException, match="invalid username: 'nobody-here'"):
        sdk.run("true", user="nobody-here")


def test_standard_input_is_closed_unless_asked_for(sdk):
    assert sdk.run("cat; readlink /proc/self/fd/0").stdout == "/dev/null\n"


def test_a_timeout_is_the_commands_end(sdk):
    seconds = next(unique_seconds)
    with pytest.raises(TimeoutException):
        sdk.run(f"echo started; sleep {seconds}", timeout=0.5)
    wait_for(lambda: not pids_of("sleep", seconds), what="the sleep is killed")


def test_timeouts_too_short_are_timeouts(sdk):
    """The deadline may come before the start, with it or after it."""
    for timeout in (0.001, 0.005, 0.01, 0.02, 0.05):
        with pytest.raises(TimeoutException):
            sdk.run("sleep 1000", timeout=timeout)
    wait_for(lambda: sdk(sdk.commands.list()) == [], what="all are killed")


def test_no_timeout(sdk):
    assert sdk.run("sleep 0.3; echo done", timeout=0).stdout == "done\n"


def test_a_background_child_does_not_hold_the_command(sdk):
    seconds = next(unique_seconds)
    assert sdk.run(f"sleep {seconds} & echo done").stdout == "done\n"
    child, = wait_for(lambda: pids_of("sleep", seconds), what="the child runs")
    os.kill(child, 9)


def test_16_mib_are_intact(sdk):
    r = sdk.run("seq 2300000 | head -c 16777216")
    assert len(r.stdout) == 16 << 20
    assert r.stdout == "\n".join(map(str, range(1, 2300001)))[:16 << 20]


def test_16_mib_on_both_streams_are_intact(sdk):
    r = sdk.run("seq 1100000 & seq 2000000 3100000 >&2; wait")
    assert r.stdout == "".join(f"{i}\n" for i in range(1, 1100001))
    assert r.stderr == "".join(f"{i}\n" for i in range(2000000, 3100001))


def test_characters_in_pieces(sdk):
    out = []
    pieces = [r"a\xe2", r"\x82\xac", r"\xf0\x9f\x8c", r"\x8d"]
    r = sdk.run("; sleep 0.1; ".join(f"printf '{piece}'" for piece in pieces), on_stdout=out.append)
    assert r.stdout == "".join(out) == "a€🌍"


def test_bytes_that_are_no_characters(sdk):
    assert sdk.run(r"printf 'a\xffb\xe2\x82'").stdout == "a\ufffdb\ufffd"


def test_50_at_once(sdk):
    results = sdk.run_all([f"sleep 0.2; echo {i}; echo e{i} >&2" for i in range(50)])
    assert [(r.stdout, r.stderr) for r in results] == [(f"{i}\n", f"e{i}\n") for i in range(50)]


def test_long_commands(sdk):
    word = "ä" * 50000
    assert sdk.run(f"echo {word}").stdout == f"{word}\n"
    with pytest.raises(InvalidArgumentException, match="argument list too long"):
        sdk.run("true " + "x" * 200000)


# --- in the background -----------------------------------------------------------------------------------------------


def test_wait(sdk):
    c = sdk.start("echo out; sleep 0.2; echo err >&2")
    assert alive(c.pid)
    r = sdk(c.wait())
    assert (r.stdout, r.stderr, r.exit_code) == ("out\n", "err\n", 0)
    assert not alive(c.pid)


def test_kill(sdk):
    c = sdk.start("sleep 1000")
    assert sdk(c.kill()) is True
    with pytest.raises(CommandExitException) as e:
        sdk(c.wait())
    assert (e.value.exit_code, e.value.error) == (-1, "signal: killed")
    with pytest.raises(CommandExitException):  # as E2B's own suite looks: with the next command
        sdk.run(f"kill -0 {c.pid}", user="root")
    assert sdk(c.kill()) is False


def test_kill_takes_the_children_too(sdk):
    seconds = next(unique_seconds)
    c = sdk.start(f"sleep {seconds} & wait")
    wait_for(lambda: pids_of("sleep", seconds), what="the child runs")
    assert sdk(sdk.commands.kill(c.pid)) is True
    wait_for(lambda: not pids_of("sleep", seconds), what="the child is killed")


def test_kill_of_nothing(sdk):
    assert sdk(sdk.commands.kill(NO_PID)) is False


def test_list(sdk):
    c = sdk.start("sleep 1000", envs={"A": "b"}, cwd="/tmp")
    other = sdk.start("sleep 1000")
    p, q = sdk(sdk.commands.list())
    assert (p.pid, p.tag, p.cmd, p.args) == (c.pid, None, "/bin/bash", ["-l", "-c", "sleep 1000"])
    assert (p.envs, p.cwd) == ({"A": "b"}, "/tmp")
    assert (q.pid, q.envs, q.cwd) == (other.pid, {}, None)
    sdk(c.kill())
    wait_for(lambda: [p.pid for p in sdk(sdk.commands.list())] == [other.pid], what="the killed one is not listed")


def test_disconnect_leaves_it_running(sdk):
    c = sdk.start("read x; echo got $x", stdin=True)
    sdk(c.disconnect())
    again = sdk(sdk.commands.connect(c.pid))
    sdk(again.send_stdin("word\n"))
    assert sdk(again.wait()).stdout == "got word\n"


def test_connect(sdk):
    first = sdk.start("read x; echo got $x; exit 3", stdin=True)
    second = sdk(sdk.commands.connect(first.pid))
    assert second.pid == first.pid
    sdk(second.send_stdin("word\n"))
    for c in (first, second):
        with pytest.raises(CommandExitException) as e:
            sdk(c.wait())
        assert (e.value.stdout, e.value.exit_code) == ("got word\n", 3)


def test_connects_timeout_is_not_the_commands(sdk):
    c = sdk.start("sleep 1000")
    with pytest.raises(TimeoutException):
        sdk(sdk(sdk.commands.connect(c.pid, timeout=0.3)).wait())
    assert alive(c.pid)


def test_connect_to_one_that_has_just_ended(sdk):
    c = sdk.start("exit 9")
    with pytest.raises(CommandExitException):
        sdk(c.wait())
    with pytest.raises(CommandExitException) as e:
        sdk(sdk(sdk.commands.connect(c.pid)).wait())
    assert e.value.exit_code == 9


def test_connect_to_nothing(sdk):
    with pytest.raises(NotFoundException, match=f"process with pid {NO_PID} not found"):
        sdk(sdk.commands.connect(NO_PID))


# --- input -----------------------------------------------------------------------------------------------------------


def test_stdin(sdk):
    c = sdk.start("cat", stdin=True)
    sdk(c.send_stdin(UNICODE))
    sdk(c.send_stdin(""))
    sdk(sdk.commands.send_stdin(c.pid, b" and bytes"))
    sdk(c.close_stdin())
    r = sdk(c.wait())
    assert (r.stdout, r.exit_code) == (UNICODE + " and bytes", 0)


def test_stdin_keeps_its_order(sdk):
    c = sdk.start("sha256sum", stdin=True)
    chunks = [os.urandom(30000) for _ in range(40)]
    for chunk in chunks:
        sdk(c.send_stdin(chunk))
    sdk(sdk.commands.close_stdin(c.pid))
    assert sdk(c.wait()).stdout == hashlib.sha256(b"".join(chunks)).hexdigest() + "  -\n"


def test_stream_input(sdk):
    c = sdk.start("sha256sum", stdin=True)
    chunks = [os.urandom(30000) for _ in range(40)]
    sdk.stream_input(sdk.commands, c.pid, ["first line\n", *chunks])
    sdk(c.close_stdin())
    assert sdk(c.wait()).stdout == hashlib.sha256(b"first line\n" + b"".join(chunks)).hexdigest() + "  -\n"


def test_stream_input_to_nothing(sdk):
    with pytest.raises(NotFoundException):
        sdk.stream_input(sdk.commands, NO_PID, ["x"])


def test_a_request_timeout(sdk):
    """A process that does not read holds up its sender, but not the agent."""
    c = sdk.start("sleep 1000", stdin=True)
    with pytest.raises(TimeoutException):
        sdk(c.send_stdin("x" * (1 << 20), request_timeout=0.5))
    assert sdk(c.kill()) is True


def test_input_that_nobody_takes(sdk):
    c = sdk.start("sleep 1000")
    with pytest.raises(SandboxException, match="stdin not enabled or closed"):
        sdk(c.send_stdin("x"))
    sdk(c.close_stdin())
    with pytest.raises(SandboxException, match="tty not assigned to process"):
        sdk(sdk.pty.send_stdin(c.pid, b"x"))
    for call in (sdk.commands.send_stdin, sdk.pty.send_stdin):
        with pytest.raises(NotFoundException):
            sdk(call(NO_PID, b"x"))
    with pytest.raises(NotFoundException):
        sdk(sdk.commands.close_stdin(NO_PID))
