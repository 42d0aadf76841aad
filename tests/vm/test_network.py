"""The network of a real guest: QEMU's own, with a DHCP server and a gateway in it, and no way to anywhere but an echo of the host
and a port of its loopback."""
import re
import socket
from contextlib import closing

import pytest
from agent import wait_for
from machine import HANG, Guest

ECHO = "10.0.2.100"  # where the guest reaches the host's cat


def free_port():
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Connected(Guest):
    """A guest with a network card."""

    def __init__(self, kernel, config="", modules=("virtio_net",), **options):
        self.port = free_port()
        super().__init__(kernel, config=config, modules=modules, devices=[
            "-netdev", f"user,id=net,restrict=on,guestfwd=tcp:{ECHO}:7-cmd:cat,hostfwd=tcp:127.0.0.1:{self.port}-:7777",
            "-device", "virtio-net-pci,netdev=net,mac=02:00:00:00:00:07,romfile="], **options)

    def has(self, words, text):
        return text in self.text(f"ip {words}")

    def check(self):
        """Bytes both ways: from the guest to the host, and from the host to the guest."""
        assert self.text(f"echo hello | timeout 20 nc {ECHO} 7 | head -n 1") == "hello\n"
        with self.start("sh", "-c", "echo up; exec timeout 60 nc -l -p 7777 -e cat") as s:
            s.started()
            s.read_until(b"up")
            wait_for(self.echoes, 20)

    def echoes(self):
        with closing(socket.create_connection(("127.0.0.1", self.port), HANG)) as c:
            try:
                c.sendall(b"hi\n")
                return c.recv(3) == b"hi\n"
            except ConnectionError:  # nc does not listen yet
                return False


def test_static(kernel):
    with Connected(kernel, "net eth0 address=10.0.2.15/24 gateway=10.0.2.2 mtu=1400\nhostname box\ndns 10.0.2.3\n") as g:
        assert g.has("addr show eth0", "10.0.2.15/24") and g.has("link show eth0", "mtu 1400")
        assert g.has("route", "default via 10.0.2.2 dev eth0")
        assert g.text("hostname; cat /etc/resolv.conf") == "box\nnameserver 10.0.2.3\n"
        assert g.text("cat /etc/hosts") == ("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                                            "127.0.1.1\tbox\n")
        g.check()
        assert "guestd" not in g.console


def test_the_kernels_command_line_alone(kernel):
    with Connected(kernel, words="ip=10.0.2.15::10.0.2.2:255.255.255.0:box:eth0:off:10.0.2.3") as g:
        assert g.has("addr show eth0", "10.0.2.15/24") and g.has("route", "default via 10.0.2.2 dev eth0")
        assert g.text("hostname; cat /etc/resolv.conf") == "box\nnameserver 10.0.2.3\n"
        g.check()


@pytest.mark.parametrize("words", ["ip=dhcp", "guestd.net=*,dhcp"])
def test_dhcp(kernel, words):
    with Connected(kernel, words=words) as g:
        wait_for(lambda: g.has("addr show eth0", "10.0.2.15/24"), HANG)  # a restricted network tells no gateway and no name server
        g.check()
        assert "guestd" not in g.console


def test_a_card_may_come_while_the_agent_serves(kernel):
    with Connected(kernel, "net 02:00:00:00:00:07 address=10.0.2.15/24\n", modules=()) as g:
        assert not g.has("link", "eth0")
        g.text("modprobe virtio_net")
        wait_for(lambda: g.has("addr show eth0", "10.0.2.15/24"), HANG)


def test_a_machine_has_an_id_of_its_own(kernel):
    with Connected(kernel, files={"etc/machine-id": b""}) as g, Connected(kernel) as other:
        ids = [x.text("cat /etc/machine-id") for x in (g, other)]
        assert all(re.fullmatch(r"[0-9a-f]{32}\n", i) for i in ids) and ids[0] != ids[1]


def test_the_firmware_says_which_machine_it_is(kernel):
    uuid = "4c4c4544-0042-3010-8052-b4c04f4d3132"
    with Guest(kernel, devices=["-uuid", uuid]) as g:
        assert g.text("cat /etc/machine-id") == uuid.replace("-", "") + "\n"
