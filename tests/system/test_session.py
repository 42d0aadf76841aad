"""guest.v1.Exec/Session: input, sizes and signals go in while events come out, on one stream."""
import base64
import contextlib
import os
import signal
import threading
import time

import pytest
from agent import RpcError, pid_exists, wait_for


def start(script, **fields):
    return {"start": {"process": {"cmd": "/bin/sh", "args": ["-c", script]}, **fields}}


def shell(agent, script, codec="json", headers=None, **fields):
    s = agent.session(start(script, **fields), codec, **(headers or {}))
    s.pid = s.started()
    return s


def kill(agent, pid):
    agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})


# --- a session from its start to its end ---------------------------------------------------------------------------------


def test_it_is_a_conversation(agent, codec):
    with shell(agent, "while read x; do echo got $x; done; echo over >&2; exit 6", codec) as s:
        for word in (b"one", b"two"):
            s.feed(word + b"\n")
            assert s.read_until(word) == b"got " + word + b"\n"
        s.half_close()
        r = s.result()
        assert (r.stdout, r.stderr, r.code) == (b"", b"over\n", 6)
        assert s.input_closed is None


def test_one_request_is_a_whole_session(agent, codec):
    """As curl would send it: all messages, then the end; the answers after it."""
    with agent.session(start("sort"), codec) as s:
        s.feed(b"b\na\n")
        s.feed(b"")
        s.half_close()
        r = s.result()
        assert (r.stdout, r.code) == (b"a\nb\n", 0)


def test_much_goes_both_ways_at_once(agent, codec):
    data = os.urandom(5 << 20)

    def feed():
        for at in range(0, len(data), 100000):
            s.feed(data[at:at + 100000])
        s.half_close()

    with shell(agent, "exec cat", codec) as s:
        feeder = threading.Thread(target=feed)
        feeder.start()
        assert s.result().stdout == data
        feeder.join()


def test_what_start_is_asked_for(agent, codec):
    """The fields of Start count, and the events are Start's."""
    with shell(agent, "umask; sleep .2; exit 3", codec, options={"umask": 63},
               events={"offsets": True, "exited": True, "exitRecord": True}) as s:
        r = s.result()
        assert r.stdout == b"0077\n"
        assert r.order == ["stdout", "exited", "end"]
        assert int(r.end["offset"]) == 5 and r.end["record"]["code"] == 3


def test_a_quiet_session_is_kept_alive(agent, codec):
    with shell(agent, "sleep 2.5", codec, {"Keepalive-Ping-Interval": 1}) as s:
        s.send({"keepalive": {}})
        assert s.result().keepalives == 2


def test_the_client_s_time_out_is_the_process_s(agent, codec):
    with shell(agent, "sleep 1000", codec, {"Connect-Timeout-Ms": 300}) as s:
        with pytest.raises(RpcError, match="deadline_exceeded"):
            s.result()
    wait_for(lambda: not pid_exists(s.pid), what="the process is killed")


# --- the end of the input ------------------------------------------------------------------------------------------------


def test_the_input_is_closed_by_a_message(agent, codec):
    with shell(agent, "cat; echo more; sleep 1000", codec) as s:
        s.feed(b"some ")
        s.send({"closeInput": {}})
        s.read_until(b"more\n")
        s.send({"signal": {"number": signal.SIGKILL}})
        assert s.result().end["status"] == "signal: killed"


def test_input_that_nobody_takes_is_told_once(agent, codec):
    with shell(agent, "exec 0<&-; echo shut; while test -d /proc; do sleep .01; done", codec) as s:
        s.read_until(b"shut\n")
        for _ in range(3):
            s.feed(b"x" * 1000)
        s.send({"signal": {"number": signal.SIGTERM}})
        assert s.result().end["status"] == "signal: terminated"
        assert int(s.input_closed.get("taken", 0)) == 0


def test_input_is_counted(agent, codec):
    """What was taken before the process shut its input: it read five bytes of the ten."""
    with shell(agent, "head -c 5; exec 0<&-; echo shut; read x </dev/tty; sleep 1000", codec) as s:
        s.feed(b"1234512345")
        s.read_until(b"shut\n")
        s.feed(b"more")
        s.send({"signal": {"number": signal.SIGKILL}})
        s.result()
        assert int(s.input_closed["taken"]) == 10


def test_without_a_pipe_there_is_no_input(agent, codec):
    with shell(agent, "readlink /proc/self/fd/0; sleep .2; exit 4", codec, stdin=False) as s:
        s.feed(b"x")
        r = s.result()
        assert (r.stdout, r.code) == (b"/dev/null\n", 4)
        assert s.input_closed == {}


# --- terminals -----------------------------------------------------------------------------------------------------------


def test_a_terminal(agent, codec):
    with shell(agent, "stty -echo; stty size; read x; stty size; echo got $x; exit 4", codec,
               pty={"size": {"rows": 24, "cols": 80}}) as s:
        s.read_until(b"24 80\r\n", "pty")
        s.send({"resize": {"rows": 50, "cols": 132}})
        s.feed(b"word\n")
        r = s.result()
        assert (r.pty, r.code) == (b"50 132\r\ngot word\r\n", 4)


@pytest.mark.parametrize("both", [False, True])
def test_the_end_of_the_request_is_the_end_of_a_terminal_s_input(agent, codec, both):
    """Typed once, even behind close_input: a second time would be a hang-up."""
    with shell(agent, "stty -echo; echo ready; cat; sleep .5; echo over", codec, pty={}) as s:
        s.read_until(b"ready\r\n", "pty")
        s.feed(b"line\n")
        if both:
            s.send({"closeInput": {}})
        s.half_close()
        r = s.result()
        assert (r.pty, r.code) == (b"line\r\nover\r\n", 0)


# --- attaching -----------------------------------------------------------------------------------------------------------


def test_attaching(agent, codec):
    with agent.start("/bin/sh", "-c", "echo early; read x; echo got $x; read x; exit 3", stdin=True, tag="t") as first:
        pid = first.started()
        first.read_until(b"early\n")
        with agent.session({"attach": {"process": {"tag": "t"}, "replay": {"start": True}}}, codec) as s:
            assert s.started() == pid
            s.read_until(b"early\n")
            s.feed(b"word\n")
            assert s.read_until(b"word\n") == b"got word\n"
            s.half_close()
            assert s.result().code == 3
        assert first.result().stdout == b"got word\n"


def test_attaching_has_a_time_out_of_its_own(agent, codec):
    with agent.start("sleep", "1000") as first:
        pid = first.started()
        with agent.session({"attach": {"process": {"pid": pid}}}, codec, Connect_Timeout_Ms=300) as s:
            with pytest.raises(RpcError, match="deadline_exceeded"):
                s.result()
        assert pid_exists(pid)
        kill(agent, pid)


def test_what_has_ended_is_told_again(agent, codec):
    pid = agent.run("/bin/sh", "-c", "echo late; exit 5").pid
    with agent.session({"attach": {"process": {"pid": pid}, "replay": {"start": True}}}, codec) as s:
        s.feed(b"x")
        r = s.result()
        assert (r.stdout, r.code) == (b"late\n", 5)


# --- who does not read, who goes -----------------------------------------------------------------------------------------


def test_who_sends_more_than_is_read_waits(agent, codec):
    """The agent keeps 256 KiB and the pipe; what comes behind stays with the sender until the process reads."""
    gate = f"{agent.dir.name}/gate"
    data = os.urandom(3 << 20)
    sent = []

    def feed():
        for at in range(0, len(data), 1 << 16):
            s.feed(data[at:at + (1 << 16)])
            sent.append(at)
        s.half_close()

    with shell(agent, f"while ! test -e {gate}; do sleep .02; done; exec cat", codec) as s:
        feeder = threading.Thread(target=feed)
        feeder.start()
        seen = -1
        while seen != len(sent):
            seen = len(sent)
            time.sleep(0.3)
        assert seen < len(data) >> 16
        open(gate, "w").close()
        assert s.result().stdout == data
        feeder.join()


@pytest.mark.parametrize("stuck", [False, True])
def test_a_client_that_goes_leaves_the_process(agent, codec, stuck):
    """Also one whose bytes are not read any more, because the process takes none: it is noticed when it is written to."""
    with shell(agent, "echo up; sleep 1000; cat", codec, {"Keepalive-Ping-Interval": 1}) as s:
        s.read_until(b"up\n")
        if stuck:
            s.connection.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                while True:
                    s.feed(bytes(1 << 16))
    wait_for(lambda: sockets(agent) == 0, what="the agent lets go")
    assert pid_exists(s.pid)
    kill(agent, s.pid)


def sockets(agent):
    """Connections that the agent has, listeners left out."""
    links = []
    for fd in os.listdir(f"/proc/{agent.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed while we look
            links.append(os.readlink(f"/proc/{agent.pid}/fd/{fd}"))
    return sum(link.startswith("socket:") for link in links) - 1


def test_a_client_that_goes_takes_the_process_along_where_asked_to(agent, codec):
    with shell(agent, "echo up; sleep 1000", codec, options={"killOnDisconnect": True}) as s:
        s.read_until(b"up\n")
        assert pid_exists(s.pid)
    wait_for(lambda: not pid_exists(s.pid), what="the process is killed")


# --- what does not fit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("messages, says", [
    ([{"input": "eA=="}], "invalid_argument: the first message must be start or attach"),
    ([{}], "invalid_argument: the first message must be start or attach"),
    ([], "invalid_argument: the first message must be start or attach"),
    ([start("cat"), start("cat")], "invalid_argument: the session has its process already"),
    ([start("cat"), {"attach": {}}], "invalid_argument: the session has its process already"),
    ([start("cat"), {}], "invalid_argument: a session's message that this agent does not know"),
    ([start("cat"), {"resize": {"rows": 1, "cols": 1}}], "invalid_argument: resize: the process has no terminal"),
    ([start("cat"), {"signal": {}}], "invalid_argument: signal 0: not from 1 to 64"),
    ([start("cat"), {"signal": {"number": 65}}], "invalid_argument: signal 65: not from 1 to 64"),
    ([start("cat"), {"signal": {"number": 9, "target": 77}}], "invalid_argument: there is no signal target 77"),
    ([start("cat"), {"signal": {"number": 9, "graceMs": 86400001}}], "invalid_argument: grace_ms 86400001: more than"),
    ([{"attach": {"process": {"pid": 7777777}}}], "not_found: process with pid 7777777 not found"),
    ([{"start": {"process": {"cmd": "true", "cwd": "/no/such"}}}], "invalid_argument: cwd '/no/such' does not exist"),
])
def test_what_is_refused(agent, codec, messages, says):
    s = agent.session(messages[0], codec) if messages else agent.session({}, codec)
    with s:
        if messages:
            s.send(*messages[1:])
        s.half_close()
        with pytest.raises(RpcError, match=says):
            s.result()


def test_what_is_refused_leaves_the_process(agent, codec):
    with shell(agent, "sleep 1000", codec) as s:
        s.send({"signal": {"number": 0}})
        with pytest.raises(RpcError, match="invalid_argument"):
            s.result()
    assert pid_exists(s.pid)
    kill(agent, s.pid)


def test_signals_have_targets_and_a_grace(agent, codec):
    with shell(agent, "trap 'echo no' TERM; sleep 1000 & echo up; while :; do wait; done", codec) as s:
        s.read_until(b"up\n")
        s.send({"signal": {"number": signal.SIGTERM, "target": "SIGNAL_TARGET_LEADER", "graceMs": 100}})
        r = s.result()
        assert r.end["status"] == "signal: killed" and r.stdout.startswith(b"no\n")


def test_json_is_what_the_protos_say(agent):
    with agent.session(start("cat; exit 1")) as s:
        s.send({"input": base64.b64encode(b"x").decode()})
        s.half_close()
        assert [m for m in s][1:] == [
            {"event": {"data": {"stdout": "eA=="}}},
            {"event": {"end": {"exitCode": 1, "exited": True, "status": "exit status 1", "error": "exit status 1"}}}]
