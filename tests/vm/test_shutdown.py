"""The end of the machine: processes are told, streams say why, and then QEMU ends."""
import re
import time

import pytest
from agent import RpcError
from machine import Guest

POLITE = "trap 'echo bye; echo goodbye >/dev/console; exit 0' TERM; echo up; while :; do sleep 0.05; done"
STUBBORN = "trap 'echo no >/dev/console' TERM; echo up; while :; do sleep 0.05; done"


def ctrl_alt_del(guest):
    guest.press("ctrl", "alt", "delete")


def signal(name):
    def send(guest):
        guest.exec("kill", f"-{name}", "1")
    return send


@pytest.mark.parametrize("words,how,reason", [
    pytest.param("", signal("TERM"), "guest-shutdown", id="SIGTERM"),
    pytest.param("", signal("39"), "guest-reset", id="SIGRTMIN+5"),
    pytest.param("", ctrl_alt_del, "guest-reset", id="Ctrl-Alt-Del"),
    pytest.param("reboot=k", signal("TERM"), "guest-reset", id="reboot=k"),
    pytest.param("reboot=k", signal("USR1"), "guest-reset", id="halt"),
])
def test_the_machine_ends_in_order(kernel, words, how, reason):
    """The process is told, what it still says is delivered with its end, and a stream that would go on hears why it ends."""
    with Guest(kernel, words=words) as g, g.start("sh", "-c", POLITE) as s, \
            g.stream("filesystem.Filesystem/WatchDir", {"path": "/tmp"}) as watch:
        s.started()
        s.read_until(b"up")
        assert "start" in next(iter(watch))
        how(g)
        end = s.result()
        assert end.stdout.endswith(b"bye\n") and end.end["status"] == "exit status 0"
        with pytest.raises(RpcError, match="^canceled: agent is shutting down$"):
            list(watch)
        assert g.ended() == reason and g.process.returncode == 0
        assert "goodbye" in g.console


def test_a_process_that_ignores_it_does_not_hold_the_machine(kernel):
    with Guest(kernel) as g, g.start("sh", "-c", STUBBORN) as s:
        s.started()
        s.read_until(b"up")
        g.exec("kill", "-TERM", "1")
        assert s.result().end["status"] == "signal: killed"
        assert g.ended() == "guest-shutdown"
        assert "no" in g.console.split()


def test_a_second_signal_hurries(kernel):
    """Of 600 s for the end of all processes nothing is left."""
    with Guest(kernel, words="guestd.shutdown-timeout=600") as g, g.start("sh", "-c", STUBBORN) as s:
        s.started()
        s.read_until(b"up")
        g.exec("sh", "-c", "trap '' TERM; kill -TERM 1; sleep 0.2; kill -TERM 1")
        assert s.result().end["status"] == "signal: killed"
        assert g.ended() == "guest-shutdown"


def test_orphans_are_told(kernel):
    """A daemon that left everything that was started for it gets the signal, and its time, too."""
    script = "trap 'sleep 0.3; echo ended >/dev/console; exit' TERM; echo up >/tmp/up; while :; do sleep 0.05; done"
    with Guest(kernel) as g:
        g.exec("sh", "-c", f"mkdir -p /sys/fs/cgroup/away; (echo 0 >/sys/fs/cgroup/away/cgroup.procs; "
                           f"exec setsid sh -c \"{script}\") >/dev/null 2>&1 & while ! [ -e /tmp/up ]; do sleep 0.05; done")
        g.exec("kill", "-TERM", "1")
        assert g.ended() == "guest-shutdown"
        assert "ended" in g.console.split()


def test_a_slow_reader_loses_nothing(kernel):
    """What a process still writes in its grace arrives whole at a client that reads only when that is under way."""
    with Guest(kernel) as g, g.start("sh", "-c", "trap '' TERM; echo up; sleep 0.3; head -c 400000 /dev/zero; echo tail") as s:
        s.started()
        s.read_until(b"up")
        g.exec("kill", "-TERM", "1")
        time.sleep(0.7)
        end = s.result()
        assert len(end.stdout) >= 400000 and end.stdout.endswith(b"tail\n") and end.end["status"] == "exit status 0"
        assert g.ended() == "guest-shutdown"


def test_a_crash_ends_the_machine(kernel):
    """kernel.panic is 0 in this guest otherwise; the line says where."""
    with Guest(kernel, words="panic=0") as g:
        assert g.text("cat /proc/sys/kernel/panic") == "1\n"
        g.exec("kill", "-SEGV", "1")
        assert g.ended() == "guest-reset"
        assert re.search(r"guestd: crash: SIGSEGV from pid \d+, ip guestd\+0x[0-9a-f]+, build id [0-9a-f]{40}", g.console)
