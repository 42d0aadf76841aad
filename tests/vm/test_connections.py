"""Who connects, who goes, and what that means to the others: over a real vsock."""
import socket
import subprocess
import time

import pytest
from agent import wait_for
from machine import CTL, HANG, Guest, Refused

COUNTER = "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done"
FLOOD = "exec yes 0123456789abcdef"


def written(guest, pid):
    """Bytes that a process in the guest has written so far."""
    return int(guest.text(f"awk '/^wchar/ {{print $2}}' /proc/{pid}/io"))


def goes_on(guest, pid):
    """The process still writes, nobody reading it; it is known, and it can be heard again from now on."""
    before = written(guest, pid)
    wait_for(lambda: written(guest, pid) > before, HANG, "it writes on")
    assert [p["pid"] for p in guest.processes()] == [pid]
    with guest.stream("process.Process/Connect", {"process": {"pid": pid}}) as s:
        assert s.started() == pid
        s.read_until(b"\n")


def stands(guest, pid):
    """The process has not written anything for a while."""
    before = written(guest, pid)
    time.sleep(0.5)
    return written(guest, pid) == before


@pytest.fixture
def no_descriptor_leaks(guest):
    before = guest.fds()
    yield
    guest.kill_all()
    wait_for(lambda: guest.fds() <= before, HANG, "the agent has closed what it opened")


def test_a_port_where_nothing_listens_is_told_apart(guest):
    r = guest.ctl("-t", f"{guest.target}:4000", "ping")
    assert (r.returncode, r.stdout) == (125, b"")
    assert b"closed without OK; nothing listens on port 4000 in the guest" in r.stderr
    with pytest.raises(Refused):
        guest.dial(4000)
    assert guest.ctl("ping").returncode == 0


@pytest.mark.usefixtures("no_descriptor_leaks")
def test_a_host_that_is_killed_takes_no_process_along(guest):
    host = subprocess.Popen([CTL, "-t", guest.target, "exec", "sh", "-c", COUNTER], stdout=subprocess.PIPE)
    assert host.stdout.readline() == b"1\n"
    pid, = (p["pid"] for p in guest.processes())
    host.kill()
    host.wait()
    host.stdout.close()
    goes_on(guest, pid)


# A hybrid socket has no half-close: the guest sees that the host has gone, both ways, and can send nothing any more.
@pytest.mark.usefixtures("no_descriptor_leaks")
@pytest.mark.parametrize("leave", [socket.socket.close, lambda s: s.shutdown(socket.SHUT_WR)],
                         ids=["close", "shutdown"])
def test_a_host_that_does_not_read_and_goes(guest, leave):
    with guest.start("sh", "-c", FLOOD) as s:
        pid = s.started()
        wait_for(lambda: stands(guest, pid), HANG, "the process waits for its reader, and the others do not")
        leave(s.connection.sock)
        goes_on(guest, pid)


def test_hosts_that_go_in_silence_are_let_go(guest):
    guest.exec("--detach", "--tag", "quiet", "sleep", "1000")
    streams = [guest.stream("process.Process/Connect", {"process": {"tag": "quiet"}}) for _ in range(20)]
    for s in streams:
        s.started()
    opened = guest.fds()
    for s in streams:
        s.close()
    wait_for(lambda: guest.fds() <= opened - 20, HANG, "the agent has closed its ends")
    assert [p["tag"] for p in guest.processes()] == ["quiet"]


@pytest.mark.usefixtures("no_descriptor_leaks")
@pytest.mark.parametrize("part", [b"", b"GET /hea", b"POST /process.Process/Start HTTP/1.1\r\nHost: a\r\n"
                                  b"Content-Type: application/connect+json\r\nContent-Length: 1000\r\n\r\n\0\0\0"])
def test_a_host_that_goes_before_it_has_asked(guest, part):
    for _ in range(10):
        with guest.dial() as s:
            s.sendall(part)
    assert guest.text("echo here") == "here\n"


def test_the_end_of_the_input_does_not_end_the_answer(guest):
    r = guest.exec("-i", "sh", "-c", "sort; echo read >&2; sleep 0.3; echo later", input=b"b\na\n")
    assert (r.returncode, r.stdout, r.stderr) == (0, b"a\nb\nlater\n", b"read\n")


def test_the_agent_closes_after_its_last_byte(guest):
    size = 1 << 20
    with guest.start("head", "-c", str(size), "/dev/urandom", headers={"Connection": "close"}) as s:
        s.started()
        assert len(s.result().stdout) == size
        assert s.connection.sock.recv(1) == b""


def test_streams_do_not_wait_for_each_other(guest):
    with guest.start("sh", "-c", FLOOD) as s:
        pid = s.started()
        wait_for(lambda: stands(guest, pid), HANG, "the process waits for its reader")
        hosts = [subprocess.Popen([CTL, "-t", guest.target, "exec", "sh", "-c", f"seq 20000; exit {i}"],
                                  stdout=subprocess.PIPE) for i in range(8)]
        want = b"".join(b"%d\n" % i for i in range(1, 20001))
        assert [h.communicate(timeout=HANG)[0] == want for h in hosts] == [True] * 8
        assert [h.returncode for h in hosts] == list(range(8))


@pytest.mark.parametrize("cid", [1, 3])  # the loopback, and the guest's own
def test_a_process_of_the_guest_is_not_the_host(guest, kernel, cid):
    request = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    r = guest.exec("-i", "dial", cid, "49983", input=request.encode())
    # One that is closed before its caller has looked was never connected, to Linux 5.10: connect(2) waits its 2 s out.
    too_late = kernel == "5.10" and b"Connection timed out" in r.stderr
    assert too_late or (r.returncode, r.stdout) == (0, b"connected\nclosed\n"), r


def test_a_process_of_the_guest_may_be_let_in(kernel):
    with Guest(kernel, "--vsock-allow", "1") as g:
        for path, status in [("/health", b"204"), ("/init", b"403")]:
            method = "POST" if path == "/init" else "GET"
            request = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            r = g.exec("-i", "dial", "1", "49983", input=request.encode())
            assert r.stdout.startswith(b"connected\nHTTP/1.1 " + status), r


def test_a_reset_of_the_device_ends_connections_and_nothing_else(guest):
    with guest.start("sh", "-c", COUNTER) as s:
        pid = s.started()
        s.read_until(b"1\n")
        guest.reset_vsock()
        with pytest.raises(ConnectionError):
            list(s.iterator)
        goes_on(guest, pid)
