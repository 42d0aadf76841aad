"""guestctl git as a person and a script use it."""
import base64
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from agent import ROOT, SLOW, Agent, wait_for
from git_host import QUIET, Server, commit, git, git_pb2, slow_git
from guestctl import command

pytestmark = pytest.mark.usefixtures("protocol")
SECRET = "s3cr3t-" + "w0rd" * 6


def ctl(agent, *args, env=None, **kwargs):
    target = ["-t", f"unix:{agent.path}"] if agent else []
    return subprocess.run(command(*target, *args), capture_output=True, timeout=60 * SLOW,
                          env={**os.environ, **QUIET, **(env or {})}, **kwargs)


def good(agent, *args, **kwargs):
    r = ctl(agent, *args, **kwargs)
    assert r.returncode == 0, r.stderr
    return r.stdout


def answers(agent, *args, **kwargs):
    return [json.loads(line) for line in good(agent, "--json", *args, **kwargs).splitlines()]


# --- the table

def kebab(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).replace("_", "-").lower()


def test_every_method_has_a_verb_and_every_field_a_word():
    """Fields that a request has are options of its verb, or its operands."""
    listed = ctl(None, "git", "--help").stdout.decode()
    for method in git_pb2.DESCRIPTOR.services_by_name["Git"].methods:
        verb = kebab(method.name)
        assert f"\n  git {verb} " in listed, verb
        text = ctl(None, "git", verb, "--help").stdout.decode()
        operands = text.splitlines()[0]
        fields = {f.name: f for f in method.input_type.fields}
        if "target" in fields and fields["target"].message_type:
            fields.update({f.name: f for f in fields.pop("target").message_type.fields})
        for name, f in fields.items():
            word = {"path": "--directory", "options": "--env", "credentials": "--credentials", "input": "--interactive",
                    "page": None}.get(name, "--" + kebab(name))
            shown = re.sub(r"s$", "", name).upper().replace("REVISIONS", "REVISION")
            if name == "path" and verb in ("clone", "init"):
                word, shown = "--none", "DIR"
            assert word is None or f"{word} " in text or f"{word}\n" in text or shown in operands, (verb, name)


# --- what is shown

def test_status_log_and_changes_are_as_gits(shared, repo):
    commit(repo, a="1\n", b="1\n")
    (repo / "a").write_text("2\n")
    (repo / "new file").write_text("")
    git(repo, "mv", "b", "c")
    assert good(shared, "git", "status", "-C", repo) == git(repo, "-c", "core.quotePath=false", "status", "-sb").replace(b'"', b"")
    assert good(shared, "git", "diff", "-C", repo) == git(repo, "diff")
    assert good(shared, "git", "diff", "-C", repo, "--staged", "-U0", "c") == git(repo, "diff", "--staged", "-U0", "--", "c")
    assert good(shared, "git", "changes", "-C", repo, "--staged") == b"R\t0\t0\tb -> c\n"
    assert good(shared, "git", "log", "-C", repo).startswith(b"commit " + git(repo, "rev-parse", "HEAD").strip() + b" (main)\nAuthor: T <")


def test_a_long_log_comes_in_pages(shared, repo):
    git(repo, "fast-import", "--quiet", input=b"".join(
        b"commit refs/heads/main\ncommitter T <t@x> %d +0000\ndata 2\nx\n" % i for i in range(2345)))
    names = git(repo, "rev-list", "main").decode().split()
    pages = answers(shared, "git", "log", "-C", repo)
    assert [x["commit"] for m in pages for x in m["commits"]] == names and len(pages) > 2
    for n in (1, 100, 1001, 2000, 5000):
        assert good(shared, "git", "log", "-C", repo, "-n", n).count(b"\ncommit ") + 1 == min(n, 2345)


def test_json_has_names_of_any_kind(shared, repo):
    for name in (b"\xff", b"new\nline", b"-x", b":y"):
        with open(os.path.join(os.fsencode(repo), name), "wb"):
            pass
    [m] = answers(shared, "git", "status", "-C", repo)
    assert sorted(base64.b64decode(x["path"]) for x in m["entries"]) == [b"-x", b":y", b"new\nline", b"\xff"]
    [m] = answers(shared, "git", "status", "-C", repo, "--", "-x", os.fsdecode(b"\xff"))
    assert sorted(base64.b64decode(x["path"]) for x in m["entries"]) == [b"-x", b"\xff"]


def test_truncated_says_so(shared, repo):
    for i in range(4):
        (repo / f"{i}").touch()
    r = ctl(shared, "git", "status", "-C", repo, "-n", "2")
    assert r.stdout.count(b"??") == 2 and r.stderr == b"guestctl: git status: there are more\n"


# --- run

def test_run_is_git(shared, repo):
    commit(repo, a="1\n")
    assert good(shared, "git", "run", "-C", repo, "log", "--oneline") == git(repo, "log", "--oneline")
    r = ctl(shared, "git", "run", "-C", repo, "rev-parse", "--verify", "none")
    assert (r.returncode, r.stdout, r.stderr) == (128, b"", b"fatal: Needed a single revision\n")
    data = os.urandom(1 << 20)
    name = good(shared, "git", "run", "-i", "-C", repo, "hash-object", "-w", "--stdin", input=data).decode().strip()
    assert good(shared, "git", "run", "-C", repo, "cat-file", "blob", name) == data


# --- failures

def test_failures(shared, repo):
    r = ctl(shared, "git", "log", "-C", repo, "none")
    assert (r.returncode, r.stdout, r.stderr) == (1, b"", b"guestctl: git Log: bad revision 'none'\n")
    r = ctl(shared, "--json", "git", "log", "-C", repo, "none")
    assert json.loads(r.stdout)["error"]["reason"] == "REASON_UNKNOWN_REF" and r.returncode == 1
    r = ctl(shared, "git", "status", "-C", "/nowhere")
    assert r.returncode == 1 and b"/nowhere" in r.stderr
    assert ctl(shared, "git", "status", "--nope").returncode == 2
    assert ctl(shared, "git", "frobnicate").returncode == 2
    assert ctl(shared, "git", "status", "-C", "/", "-u", "nobody-here").returncode == 1


def test_a_timeout_and_an_interrupt_leave_nothing(shared, tmp_path):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as hang:
        url, path = f"git://127.0.0.1:{hang.getsockname()[1]}/x", tmp_path / "c"
        r = ctl(shared, "git", "clone", "--timeout", "300ms", url, path)
        assert r.returncode == 1 and b"deadline" in r.stderr
        wait_for(lambda: not path.exists(), 10, "it is gone")
        with subprocess.Popen(command("-t", f"unix:{shared.path}", "git", "clone", url, path)) as p:
            wait_for(lambda: (path / ".git").exists(), 10, "it has begun")
            p.terminate()
        wait_for(lambda: not path.exists(), 10, "it is gone")


# --- clone, and its credentials

def test_clone(shared, bare, tmp_path):
    r = ctl(shared, "git", "clone", "--depth", "1", "-b", "side", bare.as_uri(), tmp_path / "c")
    assert re.fullmatch(rb"\S+/c side [0-9a-f]{12}\n", r.stdout) and r.stderr == b""
    assert git(tmp_path / "c", "rev-list", "--count", "HEAD") == b"1\n"
    r = ctl(shared, "git", "clone", "--progress", bare.as_uri(), tmp_path / "d")
    assert r.returncode == 0
    assert answers(shared, "git", "clone", bare.as_uri(), tmp_path / "e")[-1]["result"]["path"] == str(tmp_path / "e")


SAYS = 'case "$*" in *clone*) printf "remote: hi\\nReceiving objects:  50%% (1/2)\\r" >&2; sleep 0.5;; esac'


def test_progress_elsewhere(bare, tmp_path):
    with Agent(env=slow_git(tmp_path, SAYS)) as agent:
        r = ctl(agent, "git", "clone", "--progress", bare.as_uri(), tmp_path / "c")
        assert b"Receiving objects  [============>           ]  50%  1/2\n" in r.stderr
        assert b"progress" in good(agent, "--json", "git", "clone", bare.as_uri(), tmp_path / "d")


def test_progress_on_a_terminal(bare, tmp_path):
    """The bar stands in one line, which is gone at the end."""
    with Agent(env=slow_git(tmp_path, SAYS)) as agent:
        check_terminal(agent, bare, tmp_path)


def check_terminal(agent, bare, tmp_path):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with subprocess.Popen(command("-t", f"unix:{agent.path}", "git", "clone", bare.as_uri(), tmp_path / "c"),
                          stderr=theirs, stdout=subprocess.PIPE) as p:
        os.close(theirs)
        out, shown = p.stdout.read(), b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the other side is closed
            pass
        assert p.wait() == 0 and out.startswith(bytes(tmp_path))
    os.close(ours)
    assert re.search(rb"\r\x1b\[K[A-Z][a-z ]+  \[=+", shown) and re.search(rb"\r\x1b\[K(remote: .*\r\n)*$", shown)
    assert b"remote: " in shown


def accept():
    return "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode()


def test_credentials_of_the_hosts_helper(shared, bare, tmp_path):
    helper = tmp_path / "helper"
    helper.write_text(f'#!/bin/sh\ncat >{tmp_path}/asked\n[ "$1" = get ] && echo username=ann && echo password={SECRET}\n')
    helper.chmod(0o755)
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": str(helper)}
    with Server(bare.parent, accept()) as server:
        r = ctl(shared, "git", "clone", "--credentials", "helper", f"{server.url}/x.git", tmp_path / "c", env=env)
        assert r.returncode == 0, r.stderr
        assert f"host={server.url[7:]}\n" in (tmp_path / "asked").read_text()
        assert ctl(shared, "git", "clone", f"{server.url}/x.git", tmp_path / "d", env=env).returncode == 1
        assert subprocess.run(["grep", "-r", SECRET, tmp_path / "c"], stdout=subprocess.PIPE).stdout == b""


@pytest.mark.parametrize("where", ["file", "stdin"])
@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_credentials_from_elsewhere(shared, bare, tmp_path, where, kind):
    text = f"username=ann\npassword={SECRET}\n" if kind == "basic" else f"{SECRET}\n"
    (tmp_path / "secret").write_text(text)
    option = ["--credentials" if kind == "basic" else "--bearer", "-" if where == "stdin" else tmp_path / "secret"]
    with Server(bare.parent, accept() if kind == "basic" else f"Bearer {SECRET}") as server:
        r = ctl(shared, "git", "clone", *option, f"{server.url}/x.git", tmp_path / "c", input=text.encode())
        assert r.returncode == 0, r.stderr
        assert SECRET.encode() not in r.stdout + r.stderr
        (tmp_path / "secret").write_text("username=ann\npassword=wrong\n")
        r = ctl(shared, "git", "clone", "--credentials", tmp_path / "secret", f"{server.url}/x.git", tmp_path / "d")
        assert r.returncode == 1 and b"Authentication failed" in r.stderr


# --- completions

def test_bash_completes_git():
    script = ctl(None, "completion", "bash").stdout.decode()

    def completes(*words):
        line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _guestctl; echo \"${{COMPREPLY[*]-}}\""
        return subprocess.run(["bash", "-uc", f"{script}\n{line}"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()

    assert completes("guestctl", "git", "cl") == "clone"
    assert completes("guestctl", "-t", "unix:/x", "git", "create") == "create-branch"
    assert completes("guestctl", "git", "clone", "--si") == "--single-branch"
    assert completes("guestctl", "git", "status", "--si") == ""


def test_the_manual_has_every_verb():
    page = (ROOT / "build" / os.environ.get("GUESTD_PRESET", "release") / "docs/man/guestctl.1").read_text()
    for line in ctl(None, "git", "--help").stdout.decode().splitlines():
        if line.startswith("  git "):
            assert f".SS guestctl {line.split()[0]} {line.split()[1]} ".replace("-", "\\-") in page
