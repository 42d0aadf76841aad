"""E2B's published packages, unmodified, against a real guest: `guestctl bridge` makes of its vsock the port that they want."""
import os
import subprocess
import sys

import pytest
from machine import CTL, HANG, KERNELS, ROOT, Guest

HERE = ROOT / "tests/vm/sdk"
STEPS = ["commands", "background", "terminal", "files", "many"]
# In a network namespace of its own: the packages know one port, which may be in use here. In one of pids the bridge ends with them.
APART = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
BRIDGED = 'ip link set lo up; "$0" -t "$GUEST" bridge tcp:127.0.0.1:49983 >/dev/null & exec "$@"'


@pytest.fixture(scope="module")
def envd():
    """A guest that stands in for envd; told by /init, as its host does, who the user is."""
    with Guest(KERNELS[-1]) as g:
        r = g.request("POST", "/init", {"Content-Type": "application/json"}, b'{"defaultUser":"user"}')
        assert r.status == 204, r.text
        yield g


@pytest.mark.parametrize("client", [[sys.executable, HERE / "commands.py"], ["node", HERE / "commands.js"]],
                         ids=["PyPI", "npm"])
def test_e2b(envd, client):
    environment = {**os.environ, "GUEST": envd.target, "E2B_DEBUG": "true", "E2B_API_KEY": "e2b_" + "0" * 40,
                   "NODE_PATH": str(ROOT / "build/deps/node/node_modules")}
    r = subprocess.run([*APART, "sh", "-c", BRIDGED, CTL, *client], env=environment, text=True, stdout=subprocess.PIPE,
                       timeout=HANG)
    assert (r.stdout.split(), r.returncode) == (STEPS, 0)
