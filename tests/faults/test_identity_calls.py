"""System calls fail while the guest learns who it is, and while /init's wishes are done: the host hears of it, and the next attempt
goes well."""
import json
import os
from pathlib import Path

import pytest
from agent import wait_for
from faults import CallFaults, at_rest, settled
from mmds import Mmds, route

CALLS = ["connect", "socket", "mount", "pwrite64", "ftruncate", "openat"]
VOLUME = {"volumeMounts": [{"nfs_target": "127.0.0.1:/x", "path": "/run/volume"}], "lifecycleID": "l"}


@pytest.fixture(scope="module")
def agent():
    with CallFaults(CALLS, "--compat", "e2b") as a:
        a.before = at_rest(a)
        yield a


@pytest.fixture(autouse=True)
def nothing_is_left(agent):
    yield
    settled(agent, agent.before)


def init(agent, **body):
    return agent.request("POST", "/init", {}, json.dumps(body).encode())


@pytest.mark.parametrize("error,text", [
    ("ENODEV", "no such device"), ("EPERM", "operation not permitted"), ("ETIMEDOUT", "timed out"), ("EIO", "input/output error")])
def test_a_volume_cannot_be_mounted(agent, error, text):
    with agent.fail("mount", error) as faults:
        r = init(agent, **VOLUME)
    assert faults.failed == 1
    assert r.status == 400, r.text
    assert r.text.startswith("mount 127.0.0.1:/x at /run/volume") and text in r.text
    assert ("CONFIG_NFS_V3" in r.text) == (error == "ENODEV")
    os.rmdir("/run/volume")


@pytest.mark.parametrize("call,error", [("pwrite64", "ENOSPC"), ("ftruncate", "EIO"), ("openat", "EMFILE")])
def test_the_hosts_cannot_be_written(agent, call, error):
    hosts = Path("/etc/hosts")
    old, lines = hosts.read_text(), agent.log.count("identity.unwritten")
    try:
        with agent.fail(call, error, text="/etc/hosts" if call == "openat" else "") as faults:
            assert init(agent, hyperloopIP="10.0.0.1").status == 204
            wait_for(lambda: agent.log.count("identity.unwritten") == lines + 1)
        assert faults.failed == 1
        assert init(agent, hyperloopIP="10.0.0.1").status == 204
        wait_for(lambda: hosts.read_text().endswith("10.0.0.1\tevents.e2b.local\n"))
    finally:
        hosts.write_text(old)


@pytest.mark.parametrize("call,error", [("socket", "EMFILE"), ("socket", "ENOMEM"), ("connect", "ENOBUFS"), ("connect", "EACCES")])
def test_the_metadata_service_cannot_be_called(agent, call, error):
    with route(), Mmds(instanceID=f"{call}-{error}") as mmds:
        with agent.fail(call, error) as faults:
            assert init(agent).status == 204
            wait_for(lambda: agent.request("GET", "/envs").json().get("E2B_SANDBOX_ID") == f"{call}-{error}")
        assert faults.failed == 1 and mmds.asks() >= 1
