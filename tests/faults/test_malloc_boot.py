"""Each allocation of a start fails once: what comes up serves. Where there is no memory for an object that the agent cannot do
without, it says so and ends, before it listens."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from agent import SLOW, Agent, RpcError, wait_for
from faults import FAILING, MANY, Orders, places

CONFIG = """# each kind of statement that a namespace can have
hostname "box"
env STAGE=test 'QUOTED=a b'
net eth0 address=10.0.0.2/24 gateway=10.0.0.1 address=fd00::2/64 route=198.51.100.0/24@10.0.0.9#50 mtu=1400
dns 10.0.0.1 1.1.1.1
search example
host 10.0.0.1 gate gate.example
sysctl net.ipv4.ip_forward=1
mount tmpfs /run/more/below tmpfs size=1m,mode=700
start restart=on-failure user=root cwd=/ -- /bin/sh -c "exit 0"
"""
POWERED_OFF = -signal.SIGHUP  # how a pid namespace ends by LINUX_REBOOT_CMD_RESTART; -SIGINT by one of POWER_OFF (reboot(2))
AS_INIT = """mount --bind "$0" /etc; ip link add eth0 type veth peer name peer0; exec "$@" """


class Starting(Agent):
    """guestd-failing, of whose start one allocation fails. PID 1 of its own world when it has a directory for /etc."""

    def __init__(self, orders, etc=None):
        self.dir = tempfile.TemporaryDirectory(prefix="gd", dir="/run")
        self.path, self.log_path = f"{self.dir.name}/s", f"{self.dir.name}/log"
        words = [FAILING, "--listen", f"unix:{self.path}", "--run-dir", f"{self.dir.name}/run"]
        if etc:
            words = ["unshare", "--pid", "--mount", "--uts", "--net", "--fork", "--kill-child", "sh", "-c", AS_INIT, etc, *words]
        self.as_init = etc is not None
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            pass_fds=(orders.file,), env={**os.environ, **orders.env})
        wait_for(lambda: self.listens() or self.process.poll() is not None, 10, "a start, or an end")

    def listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.path) == 0

    def ended(self):
        """Its exit code, after a signal when it serves."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child if self.as_init and self.process.poll() is None else self.process.pid, signal.SIGTERM)
        return self.process.wait(10 * SLOW)

    @property
    def child(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return int(f.read())

    def close(self):
        self.process.stdout.close()
        self.dir.cleanup()


@pytest.fixture
def etc():
    """What such an init finds in /etc, and may change."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        for name in ("passwd", "group", "hosts"):
            shutil.copy(f"/etc/{name}", path)
        with open(f"{path}/guestd.conf", "w") as f:
            f.write(CONFIG)
        yield path


def start(orders, etc, nth):
    """One start. Returns (Faults, None or how it was wrong, whether it served)."""
    with contextlib.ExitStack() as stack:
        with orders.fail(nth) as faults:
            a = stack.enter_context(Starting(orders, etc))
        wrong, up = None, a.process.poll() is None
        try:
            if up:
                assert a.request("GET", "/health").status == 204
                assert a.shell("echo up").stdout == b"up\n"
            code = a.ended()
            if "Sanitizer" in a.log or "runtime error" in a.log or code != (2 if not up else POWERED_OFF if etc else 0):
                wrong = f"ended with {code}: {a.log[-2000:]}"
        except (AssertionError, OSError, RpcError) as e:
            wrong = f"{e!r}: {a.log[-2000:]}"
            a.process.kill()
            a.process.wait()
    return faults, wrong, up


@pytest.mark.parametrize("as_init", [False, True], ids=["service", "init"])
def test_an_allocation_fails(etc, as_init):
    orders, wrong, gave_up = Orders(FAILING), [], 0
    for n in range(1, MANY):
        faults, outcome, up = start(orders, etc if as_init else None, n)
        gave_up += not up
        if outcome:
            wrong.append(f"{n}{places(faults.where)}: {outcome}")
        if faults.failed == 0:
            break
    orders.close()
    assert 10 < n < MANY - 1, "the allocations were not seen"
    assert not wrong, "\n".join(wrong)
    assert 0 < gave_up < n - 1
