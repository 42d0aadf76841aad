"""The end of the machine: processes are told, streams say why, and then QEMU ends."""
import pytest
from agent import RpcError
from machine import Guest

POLITE = "trap 'echo bye; echo goodbye >/dev/console; exit' TERM; echo up; while :; do sleep 0.05; done"
STUBBORN = "trap 'echo no >/dev/console' TERM; echo up; while :; do sleep 0.05; done"


def ctrl_alt_del(guest):
    guest.press("ctrl", "alt", "delete")


def signal(name):
    def send(guest):
        guest.exec("kill", f"-{name}", "1")
    return send


@pytest.mark.parametrize("words,how,reason", [
    pytest.param("", signal("TERM"), "guest-shutdown", id="SIGTERM"),
    pytest.param("", signal("INT"), "guest-shutdown", id="SIGINT"),
    pytest.param("", ctrl_alt_del, "guest-shutdown", id="Ctrl-Alt-Del"),
    pytest.param("reboot=k", signal("TERM"), "guest-reset", id="reboot=k"),
])
def test_the_machine_ends_in_order(kernel, words, how, reason):
    with Guest(kernel, words=words) as g, g.start("sh", "-c", POLITE) as s:
        s.started()
        s.read_until(b"up")
        how(g)
        with pytest.raises(RpcError, match="^canceled: agent is shutting down$"):
            list(s.iterator)
        assert g.ended() == reason and g.process.returncode == 0
        assert "goodbye" in g.console


def test_a_process_that_ignores_it_does_not_hold_the_machine(kernel):
    with Guest(kernel) as g, g.start("sh", "-c", STUBBORN) as s:
        s.started()
        s.read_until(b"up")
        g.exec("kill", "-TERM", "1")
        assert g.ended() == "guest-shutdown"
        assert "no" in g.console.split()
