"""What tests of guest.v1.Git share: repositories, git itself as the other opinion, servers, and the answers' details."""
import base64
import http.server
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from agent import RpcError, protos

protos()
from guest.v1 import git_pb2  # noqa: E402

GIT = "guest.v1.Git"
QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
ANN = {"name": "Ann Ö", "email": "ann@example.com"}
BEN = {"name": "Ben", "email": "ben@example.com"}
AS_USER = {"user": 1000, "group": 1000, "env": {"HOME": "/home/user", "PATH": os.environ["PATH"], "LC_ALL": "C",
                                                "GIT_TERMINAL_PROMPT": "0"}}
USER = {"Authorization": "Basic " + base64.b64encode(b"user:").decode()}


def git(repo, *args, check=True, input=None, **env):
    """git as a user would call it; its standard output."""
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    r = subprocess.run(["git", "-C", str(repo), *identity, *args], env={**os.environ, **QUIET, **env}, input=input,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert not check or r.returncode == 0, r.stderr
    return r.stdout


def failure(error):
    """The GitFailure of an error."""
    [detail] = [d for d in error.details if d["type"].endswith("guest.v1.GitFailure")]
    return git_pb2.GitFailure.FromString(base64.b64decode(detail["value"] + "=="))


def reason(error):
    return git_pb2.GitFailure.Reason.Name(failure(error).reason).removeprefix("REASON_")


# --- calls

def b64(*names):
    return [base64.b64encode(os.fsencode(name)).decode() for name in names]


def call(agent, method, path="", headers=None, **fields):
    message = {"path": str(path), **fields} if path else fields
    return agent.call(f"{GIT}/{method}", message, **(headers or {}))


def refused(agent, method, path="", headers=None, **fields):
    """(the code, the reason) that a call ends with."""
    with pytest.raises(RpcError) as e:
        call(agent, method, path, headers, **fields)
    return e.value.code, reason(e.value)


def text(repo, *args, **kwargs):
    return git(repo, *args, **kwargs).decode().rstrip("\n")


def head(repo, name="HEAD"):
    return text(repo, "rev-parse", name)


# --- repositories

@pytest.fixture
def repo(tmp_path):
    path = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True, env={**os.environ, **QUIET})
    return path


def commit(repo, **files):
    for name, text in files.items():
        (repo / name).write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "a commit")


@pytest.fixture
def bare(tmp_path):
    """A bare repository with two branches and a tag, to clone from."""
    repo = tmp_path / "served/x.git"
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path / "work"], check=True, env={**os.environ, **QUIET})
    work = tmp_path / "work"
    (work / "dir").mkdir()
    (work / "other").mkdir()
    commit(work, a="1\n", **{"dir/b": "2\n", "other/c": "3\n"})
    commit(work, a="2\n")
    git(work, "branch", "side")
    git(work, "tag", "v1")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(repo))
    git(repo, "config", "uploadpack.allowFilter", "true")
    return repo


@pytest.fixture
def home():
    """The user's home, which is the namespace's own, without any configuration of git's."""
    assert os.path.ismount("/home")
    for name in (".gitconfig", ".git-credentials"):
        Path("/home/user", name).unlink(missing_ok=True)
    return Path("/home/user")


@pytest.fixture
def mine(shared, home):
    """A repository of the user's."""
    path = home / "mine"
    shutil.rmtree(path, ignore_errors=True)
    call(shared, "Init", path, USER, initialBranch="main")
    return path


def own(repo, *args, check=True):
    """The user's own git, with his and the machine's configuration."""
    r = subprocess.run(["git", "-C", str(repo), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **AS_USER)
    assert not check or r.returncode == 0, r.stderr
    return r.stdout


NAMES = [b"plain", b"with space", b"new\nline", b"tab\there", b'quo"te', b"back\\slash", b"-dash", b":colon", b"n" * 255,
         b"\xff\xfe", "é".encode(), "e\u0301".encode(), b".gitx", b"a.git", b"'", b"deep/er/file", b"# branch.oid x", b"? x"]


def change(rng, repo):
    """Does something at random to a work tree."""
    root = os.fsencode(repo)
    here = [os.path.join(d, f) for d, _, files in os.walk(root) if b"/.git" not in d for f in files]
    kind = rng.choice(["write", "write", "remove", "rename", "add", "mode", "link"])
    path = os.path.join(root, rng.choice(NAMES))
    if kind in ("write", "link"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        if kind == "link":
            os.symlink(b"plain", path)
        else:
            with open(path, "wb") as f:
                f.write(b"line\n" * rng.randrange(40))
    elif kind == "add":
        git(repo, "add", "-A")
    elif here:
        old = rng.choice(here)
        if kind == "remove":
            os.unlink(old)
        elif kind == "mode" and not os.path.islink(old):
            os.chmod(old, 0o755)
        elif kind == "rename" and not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.rename(old, path)
            git(repo, "add", "-A")


def run(agent, path, *args, codec="json", **fields):
    message = {"path": str(path), "args": list(args), **fields}
    out, err, code = b"", b"", None
    with agent.stream(f"{GIT}/Run", message, codec) as s:
        for m in s:
            out += base64.b64decode(m.get("stdout", ""))
            err += base64.b64decode(m.get("stderr", ""))
            code = m["result"].get("exitCode", 0) if "result" in m else code
    return out, err, code


def clone(agent, url, path, codec="json", headers=None, **fields):
    """The result, and the progress before it."""
    progress, result = [], None
    with agent.stream(f"{GIT}/Clone", {"url": url, "path": str(path), **fields}, codec, **(headers or {})) as s:
        for m in s:
            if "result" in m:
                result = m["result"]
            else:
                progress.append(m["progress"])
    return result, progress


# --- programs and servers

def slow_git(tmp_path, what):
    """A git that first does `what` (shell)."""
    real = subprocess.run(["which", "git"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{what}\nexec {real} \"$@\"\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """git http-backend behind an HTTP server on loopback that looks at the Authorization field."""

    def __init__(self, root, accept=None, redirect=None):
        self.root, self.accept, self.redirect, self.seen = str(root), accept, redirect, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                server.seen.append((self.path, self.headers["Authorization"]))
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if server.redirect:
                    self.respond(302, {"Location": server.redirect + self.path})
                elif server.accept and self.headers["Authorization"] != server.accept:
                    self.respond(401, {"WWW-Authenticate": 'Basic realm="x"'})
                else:
                    self.backend(body)

            def respond(self, status, fields, body=b""):
                self.send_response(status)
                for name, value in {**fields, "Content-Length": len(body)}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def backend(self, body):
                path, _, query = self.path.partition("?")
                env = {**os.environ, **QUIET, "GIT_PROJECT_ROOT": server.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                       "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "t",
                       "CONTENT_TYPE": self.headers["Content-Type"] or "", "CONTENT_LENGTH": str(len(body)),
                       "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
                       "GIT_PROTOCOL": self.headers["Git-Protocol"] or ""}
                r = subprocess.run(["git", "http-backend"], env=env, input=body, stdout=subprocess.PIPE, check=True)
                head, _, rest = r.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
                self.respond(int(fields.pop("Status", "200").split()[0]), fields, rest)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


# --- credentials

TOKEN = "s3cr3t-" + "t0k3n" * 5


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def memory_holds(pid, needle):
    """How often the bytes stand in the writable memory of a process."""
    count = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(x, 16) for x in area.split("-"))
            if "w" not in rights or end - start > 1 << 30 or line.rstrip().endswith("[vvar]"):
                continue
            memory.seek(start)
            try:
                count += memory.read(end - start).count(needle)
            except OSError:
                pass
    return count
