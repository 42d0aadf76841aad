"""sandbox.pty of the published package: an interactive login shell."""
import pytest
from clients import alive
from e2b import CommandExitException, NotFoundException, SandboxException, TimeoutException
from e2b.sandbox.commands.command_handle import PtySize

NO_PID = 4194305  # above every pid_max


@pytest.fixture
def terminal(sdk):
    return sdk.terminal()


def test_a_shell_on_a_terminal(sdk, terminal):
    assert terminal.run("tty").startswith("/dev/pts/")
    assert terminal.run("whoami; pwd; echo $TERM $LANG $LC_ALL") == "user\n/home/user\nxterm-256color C.UTF-8 C.UTF-8\n"
    assert [p.args for p in sdk(sdk.commands.list())] == [["-i", "-l"]]


def test_options(sdk):
    t = sdk.terminal(user="root", cwd="/tmp", envs={"A": "ä b", "TERM": "dumb"})
    assert t.run('whoami; pwd; echo "$A" $TERM') == "root\n/tmp\nä b dumb\n"
    assert sdk(t.handle.kill()) is True


def test_size(sdk, terminal):
    assert terminal.run("stty size; tput cols") == "24 80\n80\n"
    sdk(sdk.pty.resize(terminal.pid, PtySize(50, 132)))
    assert terminal.run("stty size; tput cols") == "50 132\n132\n"


def test_a_resize_is_signalled(sdk, terminal):
    terminal.send(b"""bash -c 'trap "echo now; stty size; exit" WINCH; echo up""on; while sleep 0.02; do :; done'\n""")
    terminal.until(b"upon")
    sdk(sdk.pty.resize(terminal.pid, PtySize(33, 99)))
    terminal.until(b"now\r\n33 99\r\n")


def test_keys(sdk, terminal):
    """^C interrupts what runs in front, and only that; ^D is the end of its input."""
    terminal.send(b"""bash -c 'echo up""on; exec sleep 1000'\n""")
    terminal.until(b"upon")
    terminal.send(b"\x03")
    terminal.send(b"echo co''de $?\n")
    terminal.until(b"code 130\r\n")
    terminal.send(b"""bash -c 'echo go""ing; cat'; echo go""ne\n""")
    terminal.until(b"going")
    terminal.send(b"\x04")
    terminal.until(b"gone\r\n")


def test_input_as_a_stream(sdk, terminal):
    sdk.stream_input(sdk.pty, terminal.pid, ["echo str", b"eam''", "ed\n"])
    terminal.until(b"streamed\r\n")


def test_the_shells_exit_code(sdk, terminal):
    terminal.send(b"exit 3\n")
    with pytest.raises(CommandExitException) as e:
        terminal.end()
    assert (e.value.exit_code, e.value.error) == (3, "exit status 3")


def test_much_output(sdk, terminal):
    assert terminal.run("seq 100000") == "".join(f"{i}\n" for i in range(1, 100001))


def test_kill(sdk, terminal):
    assert sdk(sdk.pty.kill(terminal.pid)) is True
    with pytest.raises(CommandExitException) as e:
        terminal.end()
    assert (e.value.exit_code, e.value.error) == (-1, "signal: killed")
    assert not alive(terminal.pid)
    assert sdk(sdk.pty.kill(terminal.pid)) is False


def test_connect(sdk, terminal):
    terminal.run("kept=here")
    sdk(terminal.handle.disconnect())
    assert alive(terminal.pid)
    again = sdk.connect_terminal(terminal.pid)
    assert again.pid == terminal.pid and again.run("echo $kept") == "here\n"


def test_two_at_one_terminal_see_the_same(sdk, terminal):
    other = sdk.connect_terminal(terminal.pid)
    other.send(b"echo for''both\n")
    terminal.until(b"forboth\r\n")
    other.until(b"forboth\r\n")


def test_a_timeout(sdk):
    t = sdk.terminal(timeout=0.5)
    with pytest.raises(TimeoutException):
        t.end()


def test_what_is_not_for_terminals(sdk, terminal):
    with pytest.raises(SandboxException, match="tty assigned to process"):
        sdk(sdk.commands.send_stdin(terminal.pid, "x"))
    c = sdk.start("sleep 1000")
    with pytest.raises(SandboxException, match="tty not assigned to process"):
        sdk(sdk.pty.resize(c.pid, PtySize(1, 1)))


def test_the_end_of_its_input(sdk, terminal):
    sdk(sdk.commands.close_stdin(terminal.pid))
    assert terminal.end().exit_code == 0


def test_no_such_terminal(sdk):
    assert sdk(sdk.pty.kill(NO_PID)) is False
    with pytest.raises(NotFoundException):
        sdk.connect_terminal(NO_PID)
    with pytest.raises(NotFoundException):
        sdk(sdk.pty.resize(NO_PID, PtySize(1, 1)))
