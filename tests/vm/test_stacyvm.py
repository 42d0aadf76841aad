"""An image in which guestd is StacyVM's agent, under its name and as PID 1: reached as StacyVM's host does, by port 1024 of the hybrid
socket, with everything else guestd has beside it."""
import os
import subprocess

import pytest
from agent import ROOT, wait_for
from images import initramfs
from machine import HANG, RUNS, TRY, Guest
from stacyvm_host import StacyvmHost

AGENT = "/usr/local/bin/stacyvm-agent"


def boot(kernel):
    """As StacyVM's command line has it (init=), for the root that an initramfs is."""
    return Guest(kernel, words=f"rdinit={AGENT}", initrd=initramfs(kernel, "--init-path", AGENT))


@pytest.fixture(scope="module")
def vm(kernel):
    with boot(kernel) as g:
        yield g


def host(vm, seconds=HANG):
    s = vm.dial(1024, seconds)
    return StacyvmHost(s)


@pytest.fixture(scope="module")
def go_client():
    """The client in Go; its tests run here, the agent they talk to in the guest."""
    program = RUNS / "stacyvm.test"
    path = f"{ROOT}/build/deps/bin:{os.environ['PATH']}"
    subprocess.run(["go", "test", "-C", ROOT / "tests/sdk/stacyvm", "-c", "-o", program, "."], check=True,
                   env={**os.environ, "PATH": path, "GOWORK": "off"})
    return program


def test_it_is_the_init_under_that_name(vm):
    with host(vm) as h:
        assert h.call("ping") == {"pong": True}
        assert h.exec("readlink /proc/1/exe; tr '\\0' ' ' </proc/1/cmdline")[1].split()[:2] == [AGENT] * 2
        assert h.exec("env", mode="argv")[1].startswith("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")
        assert h.exec("id -u; pwd; mount | grep -c ' on /proc \\| on /sys \\| on /dev '")[1].split() == ["0", "/", "3"]
    assert vm.text("echo beside it") == "beside it\n"


def test_the_go_client(vm, go_client):
    r = subprocess.run([go_client, "-test.v", "-test.timeout", "300s"], capture_output=True, text=True,
                       env={**os.environ, "GUESTD_STACYVM": vm.target})
    assert r.returncode == 0, r.stdout + r.stderr
    assert r.stdout.count("--- PASS") == 8


def test_large_frames_both_ways(vm):
    data = os.urandom(12 << 20)
    with host(vm) as h:
        assert h.write("/run/large", data, mode="600") == {"ok": True}
        assert h.content("/run/large") == data
        h.call("delete_file", path="/run/large")


def test_after_a_restored_snapshot_the_host_connects_again(vm):
    """What it had begun goes on, and is seen from the other door."""
    with host(vm) as h:
        pid = int(h.exec("sleep 1000 & echo $!")[1])
        h.send("exec_stream", {"command": "while :; do date; sleep 0.1; done"})
        assert "data" in h.receive()
        fds = vm.fds()
        vm.reset_vsock()

        def again():
            try:
                with host(vm, TRY) as other:
                    return other.call("ping")
            except (ConnectionError, TimeoutError):
                return None
        assert wait_for(again, HANG, "the host is connected again") == {"pong": True}
    with host(vm) as h:
        assert h.exec(f"kill -0 {pid}; kill {pid}")[0] == 0
        assert h.exec("echo here")[1] == "here\n"
    wait_for(lambda: vm.fds() <= fds, HANG, "what belonged to the old connections is closed")


def test_shutdown_powers_off(kernel):
    with boot(kernel) as g:
        with host(g) as h:
            assert h.call("shutdown") == {"ok": True}
        assert g.ended() == "guest-shutdown"
