"""From the first instruction to the last: who is told that the guest is ready and that it ends, what is started in it, and another
init in PID 1's place."""
import json
import socket

import pytest
from agent import RpcError, wait_for
from machine import HANG, TRY, Guest


class Host:
    """Who listens on the host's side of vsock port 1024."""

    def __init__(self, guest):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(HANG)
        self.listener.bind(guest.short("v.sock_1024"))
        self.listener.listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def hear(self):
        """The connection, its lines, and what the first one says. One that is made while the guest's driver starts may be lost
        in the backend: the guest tries again."""
        while True:
            connection, _ = self.listener.accept()
            connection.settimeout(TRY)
            lines = connection.makefile("r")
            try:
                first = lines.readline()
            except TimeoutError:
                first = ""
            if first:
                connection.settimeout(HANG)
                return connection, lines, json.loads(first)
            connection.close()


def test_the_host_is_told(kernel):
    """Of the start, once, with its phases; and on the same connection of the end, after the disks."""
    with Guest(kernel, words="guestd.ready=1024 guestd.no-such-key=1", wait=False) as g, Host(g) as host:
        connection, lines, ready = host.hear()
        g.wait()
        boot = g.call("guest.v1.Agent/GetBoot")
        assert ready["event"] == "ready" and ready["problems"] == 1
        assert ready["boot_id"] == g.call("guest.v1.Agent/GetInfo")["kernel"]["bootId"]
        phases = [(p["name"], p["endUs"]) for p in boot["phases"]]
        assert [(p["name"], str(p["end_us"])) for p in ready["phases"]] == phases
        assert [name for name, _ in phases][0] == "mounts" and [name for name, _ in phases][-2:] == ["listen", "programs"]
        times = [int(boot["startedUs"]), *(int(t) for _, t in phases)]
        assert 0 < times[0] and times == sorted(times)
        assert boot["problems"] == ["kernel command line: there is no key 'no-such-key'"]
        g.exec("kill", "-TERM", "1")
        end = json.loads(lines.readline())
        assert {k: end[k] for k in ("event", "how", "disks")} == {"event": "shutdown", "how": "power-off", "disks": "clean"}
        connection.close()
        assert g.ended() == "guest-shutdown"


def test_a_host_that_is_late_is_told(kernel):
    with Guest(kernel, words="guestd.ready=1024") as g, Host(g) as host:
        _, _, ready = host.hear()
        assert ready["event"] == "ready"


def test_programs_are_started(kernel):
    words = "guestd.env=GREETING=hello " \
            'guestd.start="user=user cwd=/tmp sh -c \'id -u; pwd; echo x >>runs; sleep 0.2; cat runs\'" ' \
            'guestd.start="restart=always -- sh -c \'id -u; pwd; echo $GREETING; exec sleep 1000\'"'
    with Guest(kernel, words=words) as g:
        wait_for(lambda: "start-2" in [p.get("tag") for p in g.processes()], HANG)
        message = {"process": {"tag": "start-2"}, "replay": {"start": True}}  # it may have written before we come
        with g.stream("process.Process/Connect", message) as s:
            pid = s.started()
            assert s.read_until(b"hello\n") == b"0\n/root\nhello\n"
            g.exec("kill", "-KILL", str(pid))
        wait_for(lambda: [p for p in g.processes() if p.get("tag") == "start-2" and p["pid"] != pid], HANG)
        assert g.text("cat /tmp/runs; stat -c %u /tmp/runs") == "x\n1000\n"  # once: by default nothing runs again
        assert "problems" not in g.call("guest.v1.Agent/GetBoot")


def test_a_program_that_is_not_there_is_told(kernel):
    with Guest(kernel, words="guestd.start=/no/such") as g:
        problems = wait_for(lambda: g.call("guest.v1.Agent/GetBoot").get("problems"), HANG)
        assert problems == ["start '/no/such': exit status 127"]


def test_another_init_takes_over(kernel):
    """busybox's init is PID 1, with nothing of ours; we go on beside it, in a cgroup of our own, and it ends the machine."""
    with Guest(kernel, words="guestd.handoff=/bin/init guestd.start=sleep,1000") as g:
        info = g.call("guest.v1.Agent/GetInfo")
        assert info["pid"] > 1 and info["cgroupRoot"] == "/sys/fs/cgroup/guestd"
        assert g.text("cat /proc/1/comm; cat /proc/1/oom_score_adj; ls /proc/1/fd | wc -l") == "init\n0\n3\n"
        assert g.text("grep -E 'SigBlk|SigIgn' /proc/1/status").split()[1::2][0] == "0000000000000000"
        assert [p["tag"] for p in g.processes() if "tag" in p] == ["start-1"]
        assert g.text("cat /proc/self/oom_score_adj") == "100\n"
        g.exec("poweroff")
        assert g.ended() == "guest-shutdown"


def test_an_init_that_is_not_there_is_told(kernel):
    with Guest(kernel, words="guestd.handoff=/no/such") as g:
        assert g.call("guest.v1.Agent/GetInfo")["pid"] == 1
        assert g.call("guest.v1.Agent/GetBoot")["problems"] == ["handoff to '/no/such': no such file or directory"]


def test_a_program_is_the_machines(kernel):
    """guestd is its init, as of a container, and the program has nothing of what guards an init."""
    script = b"#!/bin/sh\nexec /init --init -- sleep 1000\n"  # the kernel keeps a second "--" for itself
    with Guest(kernel, words="rdinit=/start", files={"start": script}) as g:
        find = "for p in /proc/[0-9]*; do grep -qx sleep $p/comm && cat $p/oom_score_adj && cut -d' ' -f19 $p/stat; done; true"
        assert wait_for(lambda: g.text(find), HANG) == "0\n0\n"
        assert g.text("cut -d' ' -f19 /proc/1/stat; cat /proc/1/oom_score_adj; cat /sys/class/net/lo/flags") == "-10\n-1000\n0x9\n"


def test_a_wrong_option_does_not_end_the_boot(kernel):
    with Guest(kernel, "--no-such", "--ring", "x", "--listen", "vsock:49983", "--listen", "unix:/no/such/dir",
               "--token-file", "/no/such") as g:
        assert [line.split("'")[0] for line in g.console.splitlines()] == [
            "guestd: option ", "guestd: option ", "guestd: token file ", "guestd: listen on unix:/no/such/dir: no such file or directory"]
        with pytest.raises(RpcError) as refused:  # and it is not open for want of its token
            g.call("guest.v1.Agent/GetBoot")
        assert refused.value.status == 401
