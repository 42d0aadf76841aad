"""guestctl doctor: everything that can be wrong between a host and an agent, made wrong for real, has its own line and its own exit
code."""
import ctypes
import json
import os
import socket
import subprocess
import time
import uuid

import pytest
from agent import SLOW, Agent, protos
from guestctl import command
from peers import Peer, closes, says, silent, vmm, web

CHECKS = ["socket", "handshake", "protocol", "token", "version", "clock", "cgroups"]
CODES = {name: 10 + i for i, name in enumerate(CHECKS)}
HEALTH = {"/health": (204, "text/plain", b"")}
INFO = "/guest.v1.Agent/GetInfo"


def doctor(target, *args, env=None):
    """{check: (verdict, text)} and the exit code, which are the same with --json and without."""
    words = ["-t", target, "--json", "doctor", *args]
    r = subprocess.run(command(*words), capture_output=True, timeout=60 * SLOW, env={**os.environ, **(env or {})})
    assert r.stderr == b"", r.stderr
    told = json.loads(r.stdout)
    assert told["target"] == target and told["exit_code"] == r.returncode
    assert [c["check"] for c in told["checks"]] == CHECKS
    return {c["check"]: (c["verdict"], c["text"]) for c in told["checks"]}, r.returncode


def is_bad(target, check, says_, *args, env=None):
    """The first bad check is this one; those before it are well, and those behind it are judged alone."""
    found, code = doctor(target, *args, env=env)
    assert code == CODES[check], found
    assert found[check][0] == "bad" and says_ in found[check][1], found
    for name in CHECKS[:CHECKS.index(check)]:
        assert found[name][0] in ("ok", "note", "skipped"), found
    return found


@pytest.mark.usefixtures("protocol")
def test_all_is_well(agent, tmp_path):
    found, code = doctor(f"unix:{agent.path}")
    assert code == 0 and [v for v, _ in found.values()] == ["ok", "skipped", "ok", "ok", "ok", "ok", "ok"], found
    with Peer(tmp_path / "v", vmm(agent.path)) as peer:
        found, code = doctor(f"hybrid:{peer.path}")
    assert code == 0 and found["handshake"] == ("ok", "the VMM answers OK 1073741824")
    lines = subprocess.run(command("-t", f"unix:{agent.path}", "doctor"), capture_output=True).stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == CHECKS


def test_nothing_is_there(tmp_path):
    is_bad(f"unix:{tmp_path}/none", "socket", "no such socket; is the agent running")
    is_bad(f"hybrid:{tmp_path}/none", "socket", "no such socket; is the VM running")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{tmp_path}/dead")
    is_bad(f"unix:{tmp_path}/dead", "socket", "refused; the agent that made this socket is gone")
    is_bad("tcp:127.0.0.1:1", "socket", "refused; nothing listens there")


@pytest.mark.parametrize("serve,text", [
    (silent, "the VMM did not answer within 5 s"),
    (closes, "closed without OK; nothing listens on port 49983 in the guest"),
    (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not a VMM's vsock socket"),
])
def test_a_handshake_fails(tmp_path, serve, text):
    with Peer(tmp_path / "v", serve) as peer:
        is_bad(f"hybrid:{peer.path}", "handshake", text)


@pytest.mark.usefixtures("protocol")
@pytest.mark.parametrize("serve,text", [
    (silent, "no answer within 0.3 s"),
    (closes, "the connection was closed"),
    (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not an agent: it does not answer in HTTP"),
])
def test_who_answers_speaks_no_http(tmp_path, serve, text):
    with Peer(tmp_path / "s", serve) as peer:
        is_bad(f"unix:{peer.path}", "protocol", text, "--patience", "300ms")


def test_who_answers_is_no_guestd(tmp_path):
    with Peer(tmp_path / "web", web({"/": (200, "text/html", b"<p>hello")})) as peer:
        is_bad(f"unix:{peer.path}", "protocol", "no agent: GET /health is answered with 404")
    with Peer(tmp_path / "envd", web(HEALTH)) as peer:
        is_bad(f"unix:{peer.path}", "protocol", "an agent, but not guestd")


def test_tokens(tmp_path):
    (tmp_path / "token").write_text("sesame\n")
    with Agent("--tcp", "--token-file", tmp_path / "token"):
        target = "tcp:127.0.0.1:49983"
        is_bad(target, "token", "the agent wants a token")
        is_bad(target, "token", "the token is wrong", env={"GUESTD_TOKEN": "open"})
        found, code = doctor(target, env={"GUESTD_TOKEN": "sesame"})
        assert code == 0 and found["token"] == ("ok", "we may call, with the token")


class Scripted(Peer):
    """An agent whose GetInfo says what the test wants; `ahead` is of its clock, in seconds."""

    def __init__(self, path, version, ahead=0.0, tells_clock=True):
        def info():
            m = protos()[1].GetInfoResponse(version=version, cgroup_root="/sys/fs/cgroup")
            if tells_clock:
                m.now.FromNanoseconds(time.time_ns() + int(ahead * 1e9))
            return m.SerializeToString()

        super().__init__(path, web({**HEALTH, INFO: (200, "application/proto", info)}))


def test_versions(tmp_path):
    own = subprocess.run(command("--version"), capture_output=True, text=True).stdout.split()[1]
    major, minor, _ = own.split("-")[0].split(".")
    for i, (version, verdict, text) in enumerate([
            (f"{major}.{int(minor) + 1}.0", "note", "newer than guestctl"),
            (f"{major}.0.0-alpha", "note", "older than guestctl"),
            (f"{int(major) + 1}.0.0", "bad", "another major version"),
            ("dev", "bad", "not of the form 1.2.3")]):
        with Scripted(tmp_path / str(i), version) as peer:
            found, code = doctor(f"unix:{peer.path}")
        assert found["version"][0] == verdict and text in found["version"][1], found
        assert code == (CODES["version"] if verdict == "bad" else 0)


def test_clocks(tmp_path):
    own = subprocess.run(command("--version"), capture_output=True, text=True).stdout.split()[1]
    with Scripted(tmp_path / "behind", own, ahead=-3600) as peer:
        found = is_bad(f"unix:{peer.path}", "clock", "ms behind")
        assert found["cgroups"][0] == "ok"
        assert 3599e3 < float(found["clock"][1].split("is ")[1].split()[0]) <= 3601e3
    with Scripted(tmp_path / "ahead", own, ahead=90) as peer:
        is_bad(f"unix:{peer.path}", "clock", "ms ahead")
        assert doctor(f"unix:{peer.path}", "--skew", "2m")[1] == 0
    with Scripted(tmp_path / "old", own, tells_clock=False) as peer:
        found, code = doctor(f"unix:{peer.path}")
        assert (code, found["clock"][0]) == (0, "skipped")


def without_cgroup2():
    """In a mount namespace of its own, from which every cgroup2 is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x00020000) == 0  # CLONE_NEWNS
    assert libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0  # MS_REC | MS_PRIVATE
    for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
        if " - cgroup2 " in line:
            assert libc.umount2(line.split()[4].encode(), 2) == 0  # MNT_DETACH


def as_user():
    os.setgroups([])
    os.setgid(1000)
    os.setuid(1000)


def test_an_agent_without_cgroups(tmp_path):
    with Agent(preexec=without_cgroup2) as a:
        is_bad(f"unix:{a.path}", "cgroups", "none: no cgroup2 is mounted")
    with Agent("--no-cgroups") as a:
        found, code = doctor(f"unix:{a.path}")
        assert code == 0 and found["cgroups"][0] == "note"


def test_an_agent_whose_cgroup_is_not_its_own():
    path = f"/tmp/guestd-doctor-{uuid.uuid4()}"
    with Agent("--listen", f"unix:{path}", listen=False, preexec=as_user):
        found = is_bad(f"unix:{path}", "cgroups", "none: ")
        assert "permission denied" in found["cgroups"][1], found


def test_wrong_words_are_usage():
    for words in (["x"], ["--frob"], ["--skew", "x"]):
        assert subprocess.run(command("doctor", *words), capture_output=True).returncode == 2
