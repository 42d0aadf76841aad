"""guestctl debug: one file with what there is to know, in which no secret is; and guestctl logs of the agent's own log."""
import io
import json
import os
import re
import subprocess
import tarfile
import time

import pytest
from agent import SLOW, Agent, wait_for
from guestctl import command
from peers import Peer, silent

SECRET = "hunter2-do-not-tell"


def ctl(target, *args, env=None):
    return subprocess.run(command("-t", target, *args), capture_output=True, timeout=120 * SLOW,
                          env={**os.environ, **(env or {})})


def parts_of(data):
    """{name without its directory: content} of a tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        assert len({m.name.split("/")[0] for m in members}) == 1 and all(m.mode == 0o600 for m in members)
        return {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in members}


@pytest.mark.usefixtures("protocol")
def test_what_is_in_it(agent, tmp_path):
    with agent.start("sleep", "100", tag="job") as s:
        next(iter(s))
        r = ctl(f"unix:{agent.path}", "debug", "-o", str(tmp_path / "b.tgz"))
        assert (r.returncode, r.stdout.decode(), r.stderr) == (0, f"{tmp_path}/b.tgz\n", b"")
    assert (tmp_path / "b.tgz").stat().st_mode & 0o777 == 0o600 and os.listdir(tmp_path) == ["b.tgz"]
    parts = parts_of((tmp_path / "b.tgz").read_bytes())
    assert list(parts) == ["manifest.json", "doctor.json", "info.json", "boot.json", "connections.json", "processes.json",
                           "metrics.json", "log.txt"]
    told = {name: json.loads(text) for name, text in parts.items() if name.endswith(".json")}
    assert told["manifest.json"]["target"] == f"unix:{agent.path}"
    assert told["doctor.json"]["exit_code"] == 0
    assert told["info.json"]["pid"] == agent.pid and any(x["name"] == "MESSAGE_MAX" for x in told["info.json"]["limits"])
    assert [p["name"] for p in told["boot.json"]["phases"]] == ["listen"]
    assert {c["listener"] for c in told["connections.json"]["connections"]} == {f"unix:{agent.path}"}
    assert len(told["connections.json"]["connections"]) >= 2
    assert [p["config"]["cmd"] for p in told["processes.json"]["processes"]] == ["sleep"]
    assert told["metrics.json"]["mem_total"] > 0
    assert b" INFO process.start process.pid=" in parts["log.txt"]


def test_no_secret_is_in_it(tmp_path):
    """One is planted wherever the agent could come by it: its token, a process's variables and arguments, the variables of /init,
    a tag, an address that stands in the log and in info, and a URL there."""
    (tmp_path / "token").write_text(f"token-{SECRET}\n")
    place = tmp_path / f"password={SECRET}"
    place.mkdir()
    with Agent("--token-file", tmp_path / "token", "--tcp", "--listen", f"unix:{place}/s") as a:
        header = {"X-Access-Token": f"token-{SECRET}"}
        assert a.request("POST", "/init", {"Content-Type": "application/json", **header},
                         json.dumps({"accessToken": f"token-{SECRET}", "envVars": {"PGPASSWORD": SECRET}}).encode()).status == 204
        with a.start("sh", "-c", f"sleep 100 # --token {SECRET} http://u:{SECRET}@host", headers=header, envs={"KEY": SECRET},
                     cwd="/", tag=f"https://me:{SECRET}@host/x") as s:
            next(iter(s))
            for target in (f"unix:{a.path}", f"unix:{place}/s", "tcp:127.0.0.1:49983"):
                r = ctl(target, "debug", "-o", "-", env={"GUESTD_TOKEN": f"token-{SECRET}"})
                assert (r.returncode, r.stderr) == (0, b"")
                parts = parts_of(r.stdout)
                for name, content in parts.items():
                    assert SECRET.encode() not in content, (name, content)
                    if name.endswith(".json"):
                        json.loads(content)
                told = json.loads(parts["processes.json"])["processes"]
                assert told[0]["config"] == {"cmd": "sh", "args": ["***", "***"], "envs": {"KEY": "***"}, "cwd": "/"}
                assert told[0]["tag"] == "https://***@host/x"
                assert b"password=***" in parts["log.txt"]  # that it was there to be found
        assert SECRET.encode() in ctl(f"unix:{a.path}", "logs").stdout


def test_without_an_agent_there_are_the_findings(tmp_path):
    r = ctl(f"unix:{tmp_path}/none", "debug", "-o", "-")
    assert r.returncode == 1 and b"without info.json: " in r.stderr
    parts = parts_of(r.stdout)
    assert list(parts) == ["manifest.json", "doctor.json", "missing.txt"]
    assert json.loads(parts["doctor.json"])["exit_code"] == 10
    assert parts["missing.txt"].count(b"\n") == 6


def test_an_agent_that_hangs_is_not_waited_for_without_end(tmp_path):
    with Peer(tmp_path / "s", silent) as peer:
        r = ctl(f"unix:{peer.path}", "debug", "-o", "-")
    assert r.returncode == 1 and json.loads(parts_of(r.stdout)["doctor.json"])["exit_code"] == 12
    assert b"without log.txt: " in r.stderr


def test_a_bundle_that_cannot_be_written(agent, tmp_path):
    r = ctl(f"unix:{agent.path}", "debug", "-o", f"{tmp_path}/no/such")
    assert r.returncode == 125 and b"no such file or directory" in r.stderr
    with open("/dev/full", "w") as full:
        r = subprocess.run(command("-t", f"unix:{agent.path}", "debug", "-o", "-"), stdout=full, stderr=subprocess.PIPE)
    assert r.returncode == 125 and b"no space left on device" in r.stderr


# --- the agent's own log --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("protocol")
def test_logs_of_the_agent(agent):
    target = f"unix:{agent.path}"
    assert ctl(target, "logs").stdout.decode() == agent.log
    last = agent.log.splitlines(keepends=True)[-1]
    assert ctl(target, "logs", "--tail", str(len(last))).stdout.decode() == last
    assert ctl(target, "logs", "--offsets").returncode == 2


def test_following_the_log_of_the_agent(agent):
    p = subprocess.Popen(command("-t", f"unix:{agent.path}", "logs", "-f"), stdout=subprocess.PIPE)
    assert b"listen" in p.stdout.readline() and b"agent.start" in p.stdout.readline()
    agent.run("true")
    line = p.stdout.readline()
    assert b" INFO process.start " in line, line
    assert b" INFO process.end " in p.stdout.readline()
    p.terminate()
    p.wait(10)
    p.stdout.close()


def test_the_log_goes_on_behind_an_offset_and_forgets_the_oldest(agent):
    first = agent.call("guest.v1.Agent/GetLog")
    assert first["text"] == agent.log and "from" not in first and int(first["next"]) == len(agent.log)
    for _ in range(3):
        agent.run("true")
    wait_for(lambda: agent.log.count("process.end") == 3)
    more = agent.call("guest.v1.Agent/GetLog", {"after": first["next"]})
    assert first["text"] + more["text"] == agent.log and more["from"] == first["next"]
    assert "text" not in agent.call("guest.v1.Agent/GetLog", {"after": more["next"]})
    until = time.monotonic() + 60 * SLOW
    while len(agent.log) < 80_000:
        assert time.monotonic() < until
        agent.run("true")
    last = agent.call("guest.v1.Agent/GetLog", {"after": more["next"]})
    assert 60_000 < len(last["text"]) <= 65_536 and agent.log.encode().endswith(last["text"].encode()[-1000:])
    assert int(last["from"]) == int(last["next"]) - len(last["text"]) > int(more["next"])
    assert re.match(r"20\d\d-\d\d-\d\dT", last["text"])


def test_connections_have_pages(agent):
    with agent.connect() as a, agent.connect() as b:
        mine = [c.call("guest.v1.Agent/ListConnections")["connections"] for c in (a, b)]
        ids = [int(c["id"]) for c in mine[1]]
        assert ids == sorted(ids) and len(ids) == 2 and mine[1][0]["peerUid"] == 0
        assert [c.get("idle", False) for c in mine[1]] == [True, False]
        after = b.call("guest.v1.Agent/ListConnections", {"after": str(ids[0])})["connections"]
        assert [int(c["id"]) for c in after] == ids[1:]
