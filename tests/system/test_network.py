"""The network and the names that PID 1 sets up, in namespaces: one end of a veth pair is the guest's, the other one ours. A DHCP server
is Debian's busybox."""
import os
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from agent import BINARY, Agent, wait_for

HUGEPAGES = "/dev/hugepages"
MAC = "02:00:00:00:00:07"

# What becomes guestd: its /etc is a copy. It waits for a line until its links are there.
SCRIPT = """
mount -t tmpfs none /mnt && cp -a /etc /mnt/etc && mount --bind /mnt/etc /etc
cd "$1" && cp hosts /etc/hosts && cp guestd.conf /etc/guestd.conf && rm -f /etc/resolv.conf
read line
shift
exec "$@"
"""


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


class Guest(Agent):
    """guestd as PID 1 with a configuration. `links` are made before it starts; trace: its system
    calls are kept."""

    def __init__(self, config="", hosts="127.0.0.1 localhost\n", links=("eth0",), trace=False):
        self.dir = tempfile.TemporaryDirectory(prefix="gd", dir="/run")
        self.pages = os.path.exists(HUGEPAGES)
        at = Path(self.dir.name)
        (at / "guestd.conf").write_text(config)
        (at / "hosts").write_text(hosts)
        self.path, self.log_path, self.servers = f"{at}/s", f"{at}/log", []
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--mount", "--uts", "--net", "--fork", "--kill-child", "sh", "-c", SCRIPT, "sh",
             str(at), str(BINARY), "--listen", f"unix:{self.path}", "--run-dir", f"{at}/run"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=open(self.log_path, "wb"))
        wait_for(lambda: self.children(), 10)
        self.links = []
        for name in links:
            self.plug(name)
        self.tracer = self.start_tracer() if trace else None
        self.process.stdin.write(b"go\n")
        self.process.stdin.close()
        wait_for(lambda: os.path.exists(self.path), 10)

    def children(self):
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    @property
    def child(self):
        return int(self.children()[0])

    def plug(self, name, mac=MAC):
        """A pair of links: `name` in the guest, host0 and so on here, with an address."""
        ours = f"host{len(self.links)}"
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", name, "address", mac, "netns", self.child)
        run("ip", "addr", "add", f"10.{len(self.links)}.0.1/24", "dev", ours)
        run("ip", "link", "set", ours, "up")
        self.links.append(ours)

    def ip(self, *words):
        return run("nsenter", "-t", self.child, "-n", "ip", *words)

    def file(self, path):
        return Path(f"/proc/{self.child}/root/{path}").read_text()

    def serve(self, text):
        """A DHCP server on host0, and what it says."""
        at = Path(self.dir.name)
        (at / "leases").touch()
        (at / "udhcpd.conf").write_text(f"interface {self.links[0]}\nlease_file {at}/leases\npidfile {at}/pid\nmin_lease 1\n{text}")
        server = subprocess.Popen(["busybox", "udhcpd", "-f", str(at / "udhcpd.conf")], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=open(at / "udhcpd.log", "ab"))
        self.servers.append(server)
        return server

    def said(self):
        """What the servers said."""
        return (Path(self.dir.name) / "udhcpd.log").read_text()

    def start_tracer(self):
        tracer = subprocess.Popen(["strace", "-o", f"{self.dir.name}/calls", "-p", str(self.child)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: f"TracerPid:\t{tracer.pid}\n" in Path(f"/proc/{self.child}/status").read_text(), 10)
        return tracer

    def calls(self):
        """The system calls of guestd's main thread up to now, from its execve on."""
        self.tracer.terminate()
        self.tracer.wait(10)
        lines = (Path(self.dir.name) / "calls").read_text().splitlines()
        return lines[next(i for i, line in enumerate(lines) if "execve(" in line and "guestd" in line):]

    def stop(self, server):
        server.kill()
        server.wait()
        self.servers.remove(server)

    def close(self):
        for server in list(self.servers):
            self.stop(server)
        os.kill(self.child, signal.SIGTERM)
        self.process.wait(10)
        for ours in self.links:
            subprocess.run(["ip", "link", "del", ours], capture_output=True)  # it may have gone with the guest's namespace
        log = self.log
        if not self.pages and os.path.exists(HUGEPAGES):
            os.rmdir(HUGEPAGES)  # there is one devtmpfs in a machine
        self.dir.cleanup()
        assert "Sanitizer" not in log and "runtime error" not in log, log


def server(more=""):
    """A DHCP server's configuration: addresses from 10.0.0.50 on."""
    return f"start 10.0.0.50\nend 10.0.0.60\nopt subnet 255.255.255.0\nopt router 10.0.0.1\nopt dns 10.0.0.1 9.9.9.9\n{more}"


def reaches(g, address):
    """Whether a program in the guest reaches us there, in TCP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]
        return g.run("/bin/bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}").code == 0


def test_lo_is_up_without_a_word():
    with Guest(links=()) as g:
        wait_for(lambda: "LOOPBACK,UP" in g.ip("link", "show", "lo"), what="that lo is up")
        assert g.log == ""


def test_static_addresses_routes_and_names():
    with Guest("net eth0 address=10.0.0.2/24 address=fd00::2/64 gateway=10.0.0.1 gateway=fd00::1 mtu=1400 "
               "route=10.9.0.0/16@10.0.0.1#7\nhostname box\nhost 10.0.0.1 gate gate.example\ndns 10.0.0.1\nsearch example\n",
               hosts="127.0.0.1 localhost\n# ours\n") as g:
        run("ip", "addr", "add", "fd00::1/64", "dev", g.links[0], "nodad")
        assert " mtu 1400 " in g.ip("link", "show", "eth0")
        assert g.ip("route").splitlines() == [
            "default via 10.0.0.1 dev eth0 proto static ",
            "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 ",
            "10.9.0.0/16 via 10.0.0.1 dev eth0 proto static metric 7 "]
        assert "default via fd00::1 dev eth0 proto static" in g.ip("-6", "route")
        assert reaches(g, "10.0.0.1") and reaches(g, "fd00::1")
        assert g.file("/etc/hosts").startswith("127.0.0.1 localhost\n# ours\n")
        assert g.file("/etc/hosts").endswith("10.0.0.1\tgate gate.example\n")
        assert g.shell("hostname; getent hosts gate.example").stdout.split()[:2] == [b"box", b"10.0.0.1"]
        assert g.file("/etc/resolv.conf") == "search example\nnameserver 10.0.0.1\n"
        assert g.log == ""


def test_an_interface_may_come_late():
    with Guest(f"net eth0 address=10.0.0.2/24\nnet {MAC} address=10.1.0.2/24\n", links=()) as g:
        g.plug("eth0", mac="02:00:00:00:00:08")
        g.plug("eth5")
        wait_for(lambda: "10.0.0.2/24" in g.ip("addr") and "10.1.0.2/24" in g.ip("addr", "show", "eth5"), 10)
        assert reaches(g, "10.1.0.1") and g.log == ""


def test_what_is_wrong_is_told_and_the_rest_is_done():
    with Guest("net eth0 address=10.0.0.2/24 gateway=10.0.0.300 dhcp\nnet eth0 address=10.0.0.3/24\n"
               "net lo address=127.0.0.2/8 mtu=70\n") as g:
        assert g.log == "guestd: /etc/guestd.conf:1: net: not an address: '10.0.0.300'\n"
        assert "10.0.0.3/24" in g.ip("addr") and "127.0.0.2/8" in g.ip("addr")


def test_dhcp_gives_all_that_a_guest_needs():
    with Guest("net eth0 dhcp\n") as g:
        assert "10.0.0." not in g.ip("addr")  # the agent does not wait for it
        g.serve(server("opt lease 3600\nopt domain lan.example\nopt mtu 1300\n"
                       "opt staticroutes 10.7.0.0/16 10.0.0.9 0.0.0.0/0 10.0.0.1\n"))
        wait_for(lambda: "proto dhcp" in g.ip("route"), 20)
        routes = g.ip("route")
        assert "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0." in routes
        assert "10.7.0.0/16 via 10.0.0.9 dev eth0 proto dhcp" in routes
        assert " mtu 1300 " in g.ip("link", "show", "eth0")
        wait_for(lambda: os.path.exists(f"/proc/{g.child}/root/etc/resolv.conf"), 10)
        assert g.file("/etc/resolv.conf") == "search lan.example\nnameserver 10.0.0.1\nnameserver 9.9.9.9\n"
        assert reaches(g, "10.0.0.1") and g.log == ""
        # Until it is to be renewed nobody's packets wake the agent.
        assert "packet" not in g.shell("ls -l /proc/1/fd").stdout.decode()


def test_a_lease_is_renewed_and_lost_with_its_server():
    with Guest("net eth0 dhcp\n") as g:
        first = g.serve(server("opt lease 4\n"))
        wait_for(lambda: g.said().count("sending ACK") >= 3, 20)  # two of them without a word before: renewals
        assert "sending OFFER" not in g.said().split("sending ACK", 1)[1] and g.log == ""
        g.stop(first)
        wait_for(lambda: "10.0.0." not in g.ip("addr"), 20)
        assert "proto dhcp" not in g.ip("route")
        assert re.fullmatch(r"guestd: DHCP on eth0: 10\.0\.0\.5\d is lost: nobody renewed it\n", g.log)
        g.serve(server("opt lease 3600\n"))
        wait_for(lambda: "10.0.0." in g.ip("addr"), 20)


def test_a_server_may_take_an_address_back():
    with Guest("net eth0 dhcp\n") as g:
        first = g.serve(server("opt lease 6\n"))
        wait_for(lambda: "proto dhcp" in g.ip("route"), 20)
        g.stop(first)
        (Path(g.dir.name) / "leases").unlink()
        g.serve("start 10.0.0.70\nend 10.0.0.75\nopt subnet 255.255.255.0\nopt lease 3600\n")
        wait_for(lambda: "10.0.0.7" in g.ip("addr"), 30)
        assert "10.0.0.5" not in g.ip("-4", "addr")


def test_it_costs_few_system_calls():
    with Guest("net eth0 address=10.0.0.2/24 address=fd00::2/64 gateway=10.0.0.1 mtu=1400\n", trace=True) as g:
        calls = g.calls()
    first = next(i for i, call in enumerate(calls) if "NETLINK_ROUTE" in call)
    descriptor = calls[first].rsplit("= ", 1)[1].strip()
    last = next(i for i, call in enumerate(calls) if i > first and call.startswith(f"close({descriptor})"))
    assert last - first + 1 < 10, calls[first:last + 1]
