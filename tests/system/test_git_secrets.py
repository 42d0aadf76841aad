"""Credentials of guest.v1.Git: who gets them, and that they are nowhere else, however the call came and however it ends."""
import base64
import gzip
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from agent import Agent, RpcError, encode, envelope, wait_for
from git_host import TOKEN, USER, Server, basic, clone, git, memory_holds, reason, run
from git_remote import CLONE, Scripted, call, hang, secrets_of
from h2client import H2

def test_stored_credentials(agent, bare):
    """They stay where git looks for them; calls without credentials of their own use them, those with others leave them alone."""
    store = Path("/home/user/.git-credentials")
    with Server(bare.parent, basic("ann@x", TOKEN)) as server:
        credentials = {"basic": {"username": "ann@x", "password": TOKEN}, "storeCredentials": True}
        assert clone(agent, f"{server.url}/x.git", "~/stored", headers=USER, credentials=credentials)[0]["branch"] == "main"
        assert unquote(store.read_text()) == f"http://ann@x:{TOKEN}@{server.url.removeprefix('http://')}\n"
        assert store.stat().st_mode & 0o777 == 0o600 and store.stat().st_uid == 1000
        assert git("/", "config", "--file", "/home/user/.gitconfig", "credential.helper") == b"store\n"
        assert call(agent, "Fetch", "~/stored", headers=USER) == {}
        with pytest.raises(RpcError) as e:
            call(agent, "Fetch", "~/stored", headers=USER, credentials=secrets_of("basic", "wrong"))
        assert reason(e.value) == "AUTH_FAILED"
        assert TOKEN in store.read_text() and "wrong" not in store.read_text()
    with pytest.raises(RpcError) as e:
        clone(agent, "http://h/x", "~/y", headers=USER, credentials={"bearer": "x", "storeCredentials": True})
    assert e.value.code == "invalid_argument"


@pytest.mark.parametrize("args", [["fetch"], ["fetch", "URL", "main"], ["fetch", "OWN", "main"]])
def test_run_with_credentials(agent, pair, bare, args):
    """For a URL among the arguments, which loses its own, else for the remote that git would take."""
    ours, _ = pair
    with Server(bare.parent, basic("ann", TOKEN)) as server:
        url = f"{server.url}/x.git"
        git(ours, "config", "remote.origin.url", url)
        own = url.replace("//", f"//ann:{TOKEN}@")
        fields = {} if "OWN" in args else {"credentials": secrets_of("basic")}
        words = [{"URL": url, "OWN": own}.get(word, word) for word in args]
        out, err, code = run(agent, ours, *words, **fields)
        assert code == 0, err
        assert TOKEN.encode() not in out + err
    assert run(agent, "/", "version", credentials=secrets_of("basic"))[2] == 0  # where there is no remote
    with pytest.raises(RpcError) as e:
        run(agent, "/", "version", credentials={**secrets_of("basic"), "storeCredentials": True})
    assert e.value.code == "invalid_argument" and "store_credentials" in e.value.message


def test_a_repository_gets_no_credentials(agent, pair, bare, tmp_path):
    """Neither its own helpers, for whatever URL, nor programs that it names for its transport and for signing."""
    ours, _ = pair
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $@\" >>{mark}\ncat >>{mark}\n")
    program.chmod(0o755)
    git(bare, "config", "http.receivepack", "true")
    with Server(bare.parent, basic("ann", TOKEN)) as server:
        url = f"{server.url}/x.git"
        for key, value in {"remote.origin.url": url, f"credential.{server.url}.helper": str(program), "credential.helper": str(program),
                           "remote.origin.uploadpack": str(program), "remote.origin.receivepack": str(program),
                           "push.gpgSign": "if-asked", "commit.gpgSign": "true", "gpg.program": str(program),
                           "core.askPass": str(program)}.items():
            git(ours, "config", key, value)
        call(agent, "Fetch", ours, credentials=secrets_of("basic"))
        call(agent, "Push", ours, refspecs=["HEAD:refs/heads/mine"], credentials=secrets_of("basic"))
        git(ours, "config", "remote.origin.url", str(bare))
        call(agent, "Fetch", ours)
        call(agent, "Pull", ours)
        call(agent, "Push", ours, refspecs=["HEAD:refs/heads/mine2"])
    assert not mark.exists(), mark.read_text()


def test_fetch_all_runs_no_program(agent, pair, bare, tmp_path):
    """Where git would run what the repository names for the other side; its own name is none."""
    ours, _ = pair
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    git(ours, "config", "remote.origin.uploadpack", "git-upload-pack")
    assert call(agent, "Fetch", ours, all=True) == {}
    for key in ("remote.origin.uploadpack", "remote.a.b =é.uploadPack"):
        git(ours, "config", key, program)
        git(ours, "config", key.rpartition(".")[0] + ".url", bare)
        with pytest.raises(RpcError) as e:
            call(agent, "Fetch", ours, all=True)
        assert e.value.code == "failed_precondition" and key.lower() in e.value.message
        assert call(agent, "Fetch", ours, remote="origin") == {}
        git(ours, "config", "--unset-all", key)
    assert call(agent, "Fetch", ours, all=True) == {}
    assert not mark.exists()


# --- a token is nowhere

def zipped(codec, message):
    return envelope(gzip.compress(encode(CLONE[1:], message, codec)), 1)


def over_http1(agent, codec, message, headers, packed=False):
    fields = {"Content-Type": f"application/connect+{codec}", **headers}
    if packed:
        fields["Connect-Content-Encoding"] = "gzip"
    body = zipped(codec, message) if packed else envelope(encode(CLONE[1:], message, codec))
    with agent.connect() as c:
        assert c.request("POST", CLONE, fields, body).status == 200
        yield


def in_pieces(agent, codec, message, headers, packed=False):
    """Its body comes later than its head, in two parts and in chunks."""
    fields = {"Content-Type": f"application/connect+{codec}", "Transfer-Encoding": "chunked", **headers}
    body = envelope(encode(CLONE[1:], message, codec))
    with agent.connect() as c:
        c.send_request("POST", CLONE, fields)
        for part in (body[:len(body) // 2], body[len(body) // 2:], b""):
            time.sleep(0.05)
            c.send(b"%x\r\n%b\r\n" % (len(part), part))
        assert c.read_response().status == 200
        yield


def over_grpc_web_text(agent, codec, message, headers, packed=False):
    fields = {"Content-Type": f"application/grpc-web-text+{codec}", **headers}
    body = base64.b64encode(envelope(encode(CLONE[1:], message, codec)))
    with agent.connect() as c:
        assert c.request("POST", CLONE, fields, body).status == 200
        yield


def over_http2(agent, codec, message, headers, packed=False, kind="connect"):
    body = zipped(codec, message) if packed else envelope(encode(CLONE[1:], message, codec))
    fields = {"content-type": f"application/{kind}+{codec}", **headers}
    if packed:
        fields["grpc-encoding" if kind == "grpc" else "connect-content-encoding"] = "gzip"
    with H2(agent.connect().sock) as c:
        assert c.request("POST", CLONE, fields, body).ended
        yield


def over_grpc(agent, codec, message, headers, packed=False):
    return over_http2(agent, codec, message, {"te": "trailers", **headers}, packed, "grpc")


def in_one_packet(agent, codec, message, headers, packed=False):
    """HTTP/2's preface, head and body come at once, as h1 reads them."""
    class Held:
        def __init__(self, sock):
            self.sock, self.data, self.held = sock, b"", True

        def sendall(self, data):
            self.data += data
            if not self.held:
                self.sock.sendall(self.data)
                self.data = b""

        def __getattr__(self, name):
            return getattr(self.sock, name)

    sock = Held(agent.connect().sock)
    with H2(sock) as c:
        s = c.ask("POST", CLONE, {"content-type": f"application/connect+{codec}", **headers},
                  envelope(encode(CLONE[1:], message, codec)))
        sock.held = False
        sock.sendall(b"")
        assert s.wait().ended
        yield


@pytest.mark.parametrize("headers", [{}, USER], ids=["nobody", "user"])
@pytest.mark.parametrize("codec", ["json", "proto"])
@pytest.mark.parametrize("wire", [over_http1, in_pieces, over_grpc_web_text, over_http2, over_grpc, in_one_packet])
def test_no_memory_holds_a_token(bare, tmp_path, wire, codec, headers):
    """Whichever way it came, while its connection is open and after it. LD_BIND_NOW: as in test_git.py."""
    home = "/home/user" if headers else str(tmp_path)
    with Agent(env={"LD_BIND_NOW": "1"}) as agent:
        for i, packed in enumerate([False, True]):
            for j, size in enumerate([0, 40000]):
                secret = "".join(reversed(f"{TOKEN}-{i}{j}"))
                message = {"credentials": {"basic": {"username": "ann", "password": secret}}, "url": bare.as_uri(),
                           "path": f"{home}/{codec}{i}{j}", "options": {"env": {"PADDING": "x" * size}}}
                call = wire(agent, codec, message, headers, packed)
                next(call)
                assert memory_holds(agent.pid, secret.encode()) == 0, (packed, size)
                assert next(call, None) is None
                assert memory_holds(agent.pid, secret.encode()) == 0, (packed, size)


def found(secret, agent, *folders):
    """Where the secret stands: arguments and environments of all processes, files, the log."""
    needle, places = secret.encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                places += [f"/proc/{pid}/{name}"] if needle in Path(f"/proc/{pid}/{name}").read_bytes() else []
            except OSError:
                pass
    for folder in folders:
        for path in Path(folder).rglob("*"):
            if path.is_file() and needle in path.read_bytes():
                places.append(path)
    return places + (["the log"] if secret in agent.log else [])


def processes(agent, name):
    """The agent's descendants of that name."""
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    table = [line.split(None, 2) for line in lines]
    family = {str(agent.pid)}
    for _ in range(8):
        family |= {pid for pid, parent, _ in table if parent in family}
    return [int(pid) for pid, _, comm in table if pid in family and comm == name]


@pytest.mark.parametrize("how", ["basic", "bearer"])
@pytest.mark.parametrize("end", ["answer", "cancel", "deadline", "SIGKILL", "SIGSEGV"])
def test_a_token_is_nowhere(tmp_path, how, end):
    """While git talks to a server that hangs, and after the call, however it ends."""
    secret, path = TOKEN[::-1] + how + end, Path("/home/user/c")
    with Agent("--log-level", "debug", env={"LD_BIND_NOW": "1"}) as agent, Scripted(hang) as server:
        message = {"url": server.url, "path": str(path), "credentials": secrets_of(how, secret)}
        headers = {**USER, **({"Connect-Timeout-Ms": "1500"} if end == "deadline" else {})}
        stream = agent.stream(CLONE[1:], message, **headers)
        assert server.asked.wait(10)
        assert found(secret, agent, "/home/user", "/run", tmp_path) == []
        [transport] = processes(agent, "git-remote-http")
        limits = Path(f"/proc/{transport}/limits").read_text()
        assert re.search(r"Max core file size +1 +1 ", limits)
        if end == "answer":
            server.go.set()
        elif end == "cancel":
            stream.close()
        elif end != "deadline":
            os.kill(transport, getattr(signal, end))
        if end != "cancel":
            with stream, pytest.raises(RpcError) as e:
                list(stream)
            assert (reason(e.value) == "TIMED_OUT") == (end == "deadline")
        wait_for(lambda: not processes(agent, "git") and not path.exists(), 10, "git is gone, and what it made")
        wait_for(lambda: memory_holds(agent.pid, secret.encode()) == 0, 5, "no memory holds it")
        assert found(secret, agent, "/home/user", "/run", tmp_path) == []
        assert not [name for name in os.listdir("/") + os.listdir("/home/user") if name.startswith("core")]
