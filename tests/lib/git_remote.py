"""What tests of guest.v1.Git with servers share: calls, references, credentials, an sshd, and HTTP servers that misbehave."""
import base64
import http.server
import os
import subprocess
import threading

import pytest
from agent import RpcError, wait_for
from git_host import GIT, TOKEN, basic, free_port, git

CLONE = f"/{GIT}/Clone"


def call(agent, verb, path, codec="json", headers=None, **fields):
    """The result of Fetch, Pull or Push, which comes last."""
    with agent.stream(f"{GIT}/{verb}", {"path": str(path), **fields}, codec, **(headers or {})) as s:
        messages = list(s)
    assert all("progress" in m for m in messages[:-1])
    return messages[-1]["result"]


def updates(result):
    return {u["ref"]: (u["kind"].removeprefix("KIND_"), u.get("oldCommit", ""), u.get("newCommit", ""))
            for u in result.get("updates", [])}


def rejected(agent, verb, path, **fields):
    """The updates that come before the error, and the error."""
    seen = {}
    with pytest.raises(RpcError) as e:
        with agent.stream(f"{GIT}/{verb}", {"path": str(path), **fields}) as s:
            for m in s:
                if "result" in m:
                    seen = m["result"]
    return seen, e.value


def rev(repo, name="HEAD"):
    return git(repo, "rev-parse", name).decode().strip()


def refs(repo):
    """All references, by for-each-ref's other columns."""
    return dict(reversed(line.split()) for line in git(repo, "show-ref", check=False).decode().splitlines())


@pytest.fixture
def pair(bare, tmp_path):
    """A clone and the work tree that its remote was made from, which pushes there too."""
    git(tmp_path, "clone", "-q", str(bare), str(tmp_path / "ours"))
    theirs = tmp_path / "work"
    git(theirs, "remote", "add", "origin", str(bare))
    git(theirs, "fetch", "-q")
    git(theirs, "branch", "-q", "-u", "origin/main")
    for repo in (tmp_path / "ours", theirs):
        git(repo, "config", "user.name", "T")
        git(repo, "config", "user.email", "t@example.com")
    return tmp_path / "ours", theirs


# --- credentials and servers

def secrets_of(how, secret=TOKEN):
    return {"bearer": secret} if how == "bearer" else {"basic": {"username": "ann", "password": secret}}


def field_of(how, secret=TOKEN):
    return f"Bearer {secret}" if how == "bearer" else basic("ann", secret)


class Scripted:
    """An HTTP server that refuses who says nothing, and does what it is told to whoever authenticates."""

    def __init__(self, do):
        self.asked, self.go = threading.Event(), threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.headers["Authorization"]:
                    server.asked.set()
                    do(server, self)
                else:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="x"')
                    self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/x.git"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go.set()
        self.http.shutdown()
        self.http.server_close()


def hang(server, handler):
    server.go.wait(60)
    handler.close_connection = True


def status(code):
    def do(_, handler):
        handler.send_response(code)
        handler.end_headers()
    return do


class Sshd:
    """An sshd of its own on loopback, which takes one key for the user that the tests run as and serves git."""

    def __init__(self, dir):
        self.dir, self.port = dir, free_port()
        dir.mkdir(mode=0o755)
        for name in ("host", "other_host", "user", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", dir / name], check=True)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        (dir / "authorized_keys").write_text((dir / "user.pub").read_text())
        (dir / "config").write_text(f"""ListenAddress 127.0.0.1
Port {self.port}
HostKey {dir}/host
PidFile none
AuthorizedKeysFile {dir}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
""")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", dir / "config"], stderr=open(dir / "log", "wb"))
        wait_for(lambda: "listening" in (dir / "log").read_text(), 10, "sshd")

    def url(self, path):
        return f"ssh://root@127.0.0.1:{self.port}{path}"

    def known_hosts(self, name="host"):
        return f"[127.0.0.1]:{self.port} {(self.dir / (name + '.pub')).read_text()}"

    def credentials(self, key="user", hosts="host", **fields):
        text = (self.dir / key).read_bytes()
        return {"ssh": {"privateKey": base64.b64encode(text).decode(),
                        "knownHosts": base64.b64encode(self.known_hosts(hosts).encode()).decode() if hosts else "", **fields}}

    def close(self):
        self.process.terminate()
        self.process.wait()
