"""The agent's end: streams say why, processes get a grace, and it is over within five seconds."""
import os
import signal
import socket
import time

import pytest
from agent import Agent, RpcError, SLOW, wait_for


def gone(pid):
    return not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_streams_end_with_a_reason(signo, codec):
    a = Agent()
    with a.start("/bin/sh", "-c", "echo up; sleep 1000", codec=codec) as s:
        pid = s.started()
        s.read_until(b"up\n")
        a.process.send_signal(signo)
        with pytest.raises(RpcError) as e:
            list(s.iterator)
        assert (e.value.code, e.value.message) == ("canceled", "agent is shutting down")
    start = time.monotonic()
    a.close()
    assert time.monotonic() - start < 2 * SLOW and gone(pid)
    assert not os.path.exists(a.path)


def test_a_stubborn_process_gets_two_seconds():
    a = Agent()
    with a.start("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep .1; done") as s:
        pid = s.started()
        s.read_until(b"up")
        start = time.monotonic()
        a.process.send_signal(signal.SIGTERM)
        a.close()
        assert 1.8 < time.monotonic() - start < 5 * SLOW
    assert gone(pid)


def test_a_tree_ends_with_its_leader():
    a = Agent()
    with a.start("/bin/sh", "-c", "setsid sleep 1000 & echo $!; sleep 1000 & echo $!; wait") as s:
        s.started()
        out = s.read_until(b"\n")
        while out.count(b"\n") < 2:
            out += next(s.iterator)[1]
        pids = [int(p) for p in out.split()]
        a.close()
    for pid in pids:
        wait_for(lambda: gone(pid), what=f"{pid} is gone")


def test_what_is_stuck_does_not_hold_it():
    """A client that does not read, a half-sent request, a connection that says nothing: five seconds are five seconds."""
    a = Agent()
    stuck = a.start("yes")
    stuck.started()
    half, silent = a.connect(), a.connect()
    half.send(b"POST /init HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    time.sleep(0.2)
    start = time.monotonic()
    a.close()
    assert time.monotonic() - start < 5 * SLOW
    for c in (stuck, half, silent):
        c.close()


def test_new_work_is_refused_meanwhile():
    a = Agent()
    with a.start("/bin/sh", "-c", "trap '' TERM; echo up; sleep 1000") as s, a.connect() as kept:
        s.started()
        s.read_until(b"up")
        assert kept.call("process.Process/List")["processes"]
        a.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not os.path.exists(a.path))
        with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            a.connect()
        with pytest.raises(ConnectionError):
            kept.sock.settimeout(3)
            kept.call("process.Process/List")
        a.close()


def test_the_tail_of_an_answer_is_not_lost():
    """A large answer to a slow reader arrives whole although the agent closes after it."""
    with Agent() as a:
        with a.connect() as c:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s = c.stream("process.Process/Start", {"process": {"cmd": "head", "args": ["-c", "3000000", "/dev/zero"]}},
                         Connection="close")
            time.sleep(0.5)
            r = s.result()
            assert len(r.stdout) == 3000000 and r.code == 0
            assert c.sock.recv(1) == b""
